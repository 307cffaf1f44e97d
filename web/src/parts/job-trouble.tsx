import type { FirestoreError } from "firebase/firestore";
import { RotateCcw } from "lucide";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Found } from "../data/listen";
import { db } from "../firebase";
import type { Job, JobErrorFields, JobKind, Jobs } from "../pipeline/documents";
import { retryJob } from "../pipeline/jobs";
import { advice, firestoreSentence } from "../words";
import { Button } from "./button";
import "./job-trouble.css";
import { Notice } from "./notice";
import { announce } from "./toasts";

/** The same job once more, but for `changes`. Leads to the new one when it is on its way. */
export function RetryButton<K extends JobKind>(props: { kind: K; job: Found<Jobs[K]>; changes?: Partial<Jobs[K]> }) {
  const { kind, job, changes } = props;
  const [busy, setBusy] = useState(false);
  const [next, setNext] = useState<string | null>(null);
  const [refused, setRefused] = useState<FirestoreError | null>(null);

  const retry = async () => {
    setBusy(true);
    setRefused(null);
    try {
      const { id, written } = retryJob(db, kind, job.id, { ...job, ...changes });
      await written;
      setNext(id);
      announce("Another try is on its way.");
    } catch (failure) {
      setRefused(failure as FirestoreError);
    }
    setBusy(false);
  };

  if (next !== null) {
    return (
      <a
        class="button"
        href={`/jobs/${kind}/${next}`}
        ref={(link) => {
          if (document.activeElement === document.body) link?.focus(); // the button that was pressed is gone
        }}
      >
        To the new try
      </a>
    );
  }
  return (
    <>
      <Button icon={RotateCcw} busy={busy} onClick={retry}>
        Try again
      </Button>
      {refused && (
        <p class="job-trouble__refused" role="alert">
          It could not be sent. {firestoreSentence(refused)} <code>{refused.code}</code>
        </p>
      )}
    </>
  );
}

/**
 * Why a job has failed, and what can be done about it: nothing is shown of one that has not.
 *
 * Of a job of many scenes, `sceneNumber` says whose trouble is meant. `changes` are fields that are to be other than
 * the first time: words that were changed since.
 */
export function JobTrouble<K extends JobKind>({
  kind,
  job,
  sceneNumber,
  changes,
}: {
  kind: K;
  job: Found<Jobs[K]>;
  sceneNumber?: number;
  changes?: Partial<Jobs[K]>;
}) {
  const { path } = useLocation();
  const error = errorOf(job, sceneNumber);
  if (!error) return null;

  const page = `/jobs/${kind}/${job.id}`;
  return (
    <Notice
      tone="bad"
      code={error.code}
      actions={
        <>
          <RetryButton kind={kind} job={job} changes={changes} />
          {path !== page && (
            <a class="button" data-kind="quiet" href={page}>
              What happened
            </a>
          )}
        </>
      }
    >
      <div class="job-trouble">
        <p class="job-trouble__message" data-brief={path !== page || undefined}>
          {error.message}
        </p>
        {!!error.categories?.length && <p>Flagged for: {error.categories.map(category).join(", ")}.</p>}
        <p class="job-trouble__advice">{advice(error)} What was finished is kept, and not paid twice.</p>
      </div>
    </Notice>
  );
}

/** `sexual/minors`, `self-harm/intent`: as people write it. */
const category = (name: string) => name.replaceAll("-", " ").replace(/\/(.*)/, " ($1)");

function errorOf(job: Job, sceneNumber: number | undefined): JobErrorFields | null {
  if (sceneNumber !== undefined && "scene_errors" in job) {
    const own = job.scene_errors?.find((one: { scene_number: number }) => one.scene_number === sceneNumber);
    if (own) return own;
  }
  return job.status === "error" ? (job.error ?? null) : null;
}
