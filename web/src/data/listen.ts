/** Documents as Preact state: every component that shows data listens to it. */
import {
  type DocumentReference,
  type DocumentSnapshot,
  type FirestoreError,
  getDocFromCache,
  onSnapshot,
  type Query,
  waitForPendingWrites,
} from "firebase/firestore";
import { useEffect, useState } from "preact/hooks";

/** A document with its id. */
export type Found<T> = T & { id: string };

/** Whether a document can be called that: an address may hold anything. */
export const isId = (text: string): boolean => text !== "" && !text.includes("/");

export type Listening<T> =
  | { state: "loading" }
  | { state: "failed"; error: FirestoreError }
  /** `stale`: from this device, the server has not answered yet; `isOnlyHere`: it was created here, and is on its way */
  | { state: "ready"; data: T; stale: boolean; isOnlyHere?: boolean };

const LOADING = { state: "loading" } as const;

/** The documents of a query, as long as `key` stays the same. An empty answer counts only when the server gave it. */
export function useDocuments<T>(key: string, build: () => Query): Listening<Found<T>[]> {
  const [found, setFound] = useState<Listening<Found<T>[]>>(LOADING);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` says whether the query is another one
  useEffect(() => {
    setFound(LOADING);
    return onSnapshot(
      build(),
      { includeMetadataChanges: true },
      (snapshot) => {
        const stale = snapshot.metadata.fromCache;
        const data = snapshot.docs.map(
          (one) => ({ ...one.data({ serverTimestamps: "estimate" }), id: one.id }) as Found<T>,
        );
        setFound((before) =>
          stale && data.length === 0 && before.state !== "ready" ? LOADING : { state: "ready", data, stale },
        );
      },
      (error) => setFound({ state: "failed", error }),
    );
  }, [key]);
  return found;
}

/** One document; `null` where there is none, or none any more: what is deleted meanwhile, the rules refuse. */
export function useDocument<T>(reference: DocumentReference): Listening<Found<T> | null> {
  const [found, setFound] = useState<Listening<Found<T> | null>>(LOADING);
  // biome-ignore lint/correctness/useExhaustiveDependencies: two references to the same document are the same
  useEffect(() => {
    setFound(LOADING);
    return listenTo(
      reference,
      (snapshot) => {
        const stale = snapshot.metadata.fromCache;
        const fields = snapshot.data({ serverTimestamps: "estimate" });
        const data = fields ? ({ ...fields, id: snapshot.id } as Found<T>) : null;
        const isOnlyHere = snapshot.get("created_at") === null; // the server sets it
        setFound((before) =>
          stale && !data && before.state !== "ready" ? LOADING : { state: "ready", data, stale, isOnlyHere },
        );
      },
      (error) =>
        setFound((before) =>
          error.code === "permission-denied" && before.state === "ready"
            ? { state: "ready", data: null, stale: false }
            : { state: "failed", error },
        ),
    );
  }, [reference.path]);
  return found;
}

/**
 * A document that was created here and is on its way is known only here. The server is asked for it afterwards: before,
 * the rules would find nothing that belongs to the user, and refuse.
 */
function listenTo(
  reference: DocumentReference,
  changed: (snapshot: DocumentSnapshot) => void,
  failed: (error: FirestoreError) => void,
): () => void {
  let over = false;
  let stop = () => {};
  const listen = (source: "default" | "cache") => {
    stop();
    if (!over) stop = onSnapshot(reference, { includeMetadataChanges: true, source }, changed, failed);
  };
  const begin = async () => {
    const here = await getDocFromCache(reference).catch(() => null); // rejects where nothing is known of it
    if (here?.metadata.hasPendingWrites) {
      listen("cache");
      await waitForPendingWrites(reference.firestore);
    }
    listen("default");
  };
  begin();
  return () => {
    over = true;
    stop();
  };
}
