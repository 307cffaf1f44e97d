/**
 * What things cost, before they are ordered: asked of the pipeline by dry runs, once in a session for each kind of thing.
 */
import { useEffect, useState } from "preact/hooks";
import { db } from "../firebase";
import type { JobKind, Requests } from "../pipeline/documents";
import { estimate } from "../pipeline/jobs";
import { useUser } from "../session";

const asked = new Map<string, Promise<number | undefined>>();

/** US dollars, or undefined as long as nobody knows. `sort` names what costs the same: it is asked only once. */
export function usePrice<K extends JobKind>(kind: K, sort: string, request: Requests[K] | null): number | undefined {
  const { uid } = useUser();
  const key = `price ${uid} ${kind} ${sort}`;
  const [price, setPrice] = useState<number | undefined>(() => kept(key));
  const ready = request !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: of a sort, any request will do
  useEffect(() => {
    setPrice(kept(key));
    if (!request || kept(key) !== undefined) return;
    let wanted = true;
    const answer = asked.get(key) ?? ask(key, uid, kind, request);
    asked.set(key, answer);
    answer.then((usd) => wanted && setPrice(usd));
    return () => {
      wanted = false;
    };
  }, [key, ready]);
  return price;
}

async function ask<K extends JobKind>(key: string, uid: string, kind: K, request: Requests[K]) {
  try {
    const job = await estimate(db, uid, kind, request);
    const usd = job.status === "complete" ? job.estimated_cost_usd : undefined;
    if (usd === undefined) asked.delete(key);
    else sessionStorage.setItem(key, String(usd));
    return usd;
  } catch {
    asked.delete(key); // a price is a courtesy: the job itself will say what is wrong
    return undefined;
  }
}

function kept(key: string): number | undefined {
  const value = sessionStorage.getItem(key);
  return value === null ? undefined : Number(value);
}
