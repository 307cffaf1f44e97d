/**
 * All that a frontend needs of the pipeline: create a job, watch it, cancel it, try it again.
 *
 * A job is a document. It is created here, worked on by functions, and read by listening to it. Copy this file and
 * documents.ts into your own frontend: they need nothing but Firebase's SDK.
 */
import {
  collection,
  type DocumentReference,
  doc,
  type Firestore,
  getDoc,
  onSnapshot,
  serverTimestamp,
  setDoc,
  updateDoc,
} from "firebase/firestore";
import {
  ENDED_STATUSES,
  JOB_COLLECTIONS,
  type JobKind,
  type JobStatus,
  type Jobs,
  REQUEST_FIELDS,
  type Requests,
} from "./documents";

export interface CreatedJob {
  id: string;
  /**
   * When the server has it: watch it from then on, before the rules know no owner. Rejects with `permission-denied` where
   * the rules refuse it; waits while there is no network.
   */
  written: Promise<void>;
}

/** Write a job document. `uid` is the signed-in user's. */
export function createJob<K extends JobKind>(db: Firestore, uid: string, kind: K, request: Requests[K]): CreatedJob {
  const job = doc(collection(db, JOB_COLLECTIONS[kind]));
  const now = serverTimestamp();
  const written = setDoc(job, {
    job_id: job.id,
    user_id: uid,
    status: "pending",
    created_at: now,
    updated_at: now,
    ...request,
  }).catch((error) => onlyIfMissing(job, error));
  return { id: job.id, written };
}

/** When an answer gets lost the SDK sends a job again, and the rules refuse to have one that is there written anew. */
async function onlyIfMissing(job: DocumentReference, error: { code: string }): Promise<void> {
  const isThere = error.code === "permission-denied" && (await getDoc(job).catch(() => null))?.exists();
  if (!isThere) throw error;
}

/** Hear of every change of a job, from now on. Returns what ends that. */
export function watchJob<K extends JobKind>(
  db: Firestore,
  kind: K,
  id: string,
  changed: (job: Jobs[K]) => void,
  failed: (error: Error) => void,
): () => void {
  return onSnapshot(
    doc(db, JOB_COLLECTIONS[kind], id),
    (found) => {
      const fields = found.data({ serverTimestamps: "estimate" });
      if (fields) changed(fields as Jobs[K]);
    },
    failed,
  );
}

export const hasEnded = (job: { status: JobStatus }): boolean =>
  (ENDED_STATUSES as readonly JobStatus[]).includes(job.status);

/** The job once it has ended, however it did. */
export function endOfJob<K extends JobKind>(db: Firestore, kind: K, id: string): Promise<Jobs[K]> {
  return new Promise((resolve, reject) => {
    const stop = watchJob(
      db,
      kind,
      id,
      (job) => {
        if (!hasEnded(job)) return;
        stop();
        resolve(job);
      },
      reject,
    );
  });
}

/** Ask for a job to be stopped. It ends as `canceled`, unless it was faster. */
export function cancelJob(db: Firestore, kind: JobKind, id: string): Promise<void> {
  return updateDoc(doc(db, JOB_COLLECTIONS[kind], id), { cancel_requested: true });
}

/** The same job once more: what it has finished is used again and not paid twice. */
export function retryJob<K extends JobKind>(db: Firestore, kind: K, id: string, job: Jobs[K]): CreatedJob {
  const fields: readonly string[] = REQUEST_FIELDS[kind];
  const asked = Object.fromEntries(Object.entries(job).filter(([name]) => fields.includes(name)));
  return createJob(db, job.user_id, kind, { ...asked, retry_of: id } as Requests[K]);
}

/** What a job would cost, and whether it would be taken: a job that is only checked. Ends like the real one would begin. */
export async function estimate<K extends JobKind>(
  db: Firestore,
  uid: string,
  kind: K,
  request: Requests[K],
): Promise<Jobs[K]> {
  const { id, written } = createJob(db, uid, kind, { ...request, dry_run: true });
  await written;
  return endOfJob(db, kind, id);
}
