/** What a job of any kind is called, costs and looks like. */
import type { Found } from "../../data/listen";
import type { Job, JobKind, Jobs } from "../../pipeline/documents";
import { hasEnded } from "../../pipeline/jobs";
import { count, seconds, usd } from "../../words";

/** A job with its kind: its fields depend on that. */
export type AnyJob = { [Kind in JobKind]: { kind: Kind; job: Found<Jobs[Kind]> } }[JobKind];

export const UNTITLED = "Untitled";

/** Its words, or how many scenes it has. A job that was refused may lack any of them. */
export function nameOf({ kind, job }: AnyJob): string {
  if (kind === "composition") return text(job.title) ?? UNTITLED;
  if (kind !== "multi_video") return text(job.text) ?? UNTITLED;
  const scenes = Array.isArray(job.scenes) ? job.scenes : [];
  const first = text(scenes[0]?.description);
  return first ? `${count(scenes.length, "scene")}: ${first}` : count(scenes.length, "scene");
}

export interface Thumbnail {
  url: string;
  placeholder?: string | null;
}

/** What was made; before that, what it is made of. */
export function thumbnailOf({ kind, job }: AnyJob): Thumbnail | null {
  if (kind === "multi_video") {
    const clip = job.clips?.find((one) => one.thumbnail_url);
    if (clip) return { url: clip.thumbnail_url, placeholder: clip.placeholder };
    const seed = text(job.scenes?.[0]?.seed_image_url);
    return seed ? { url: seed } : null;
  }
  const own = text(job.thumbnail_url);
  if (own) return { url: own, placeholder: job.placeholder };
  const seed = kind === "video" ? text(job.image_url) : undefined;
  return seed ? { url: seed } : null;
}

/** `$0.18`; of what is not over `about $0.18`. */
export function costOf(job: Job): string | null {
  if (job.cost_usd !== undefined) return usd(job.cost_usd);
  return job.estimated_cost_usd === undefined ? null : `about ${usd(job.estimated_cost_usd)}`;
}

/** Seconds from its creation to its end, or until now; null where nobody knows. */
export function secondsOf(job: Job, now: number): number | null {
  const begun = job.created_at?.toMillis();
  const ended = job.completed_at?.toMillis() ?? (hasEnded(job) ? undefined : now);
  return begun === undefined || ended === undefined ? null : Math.max(0, (ended - begun) / 1000);
}

export function lengthOf(job: Job, now: number): string | null {
  const amount = secondsOf(job, now);
  if (amount === null) return null;
  return hasEnded(job) ? `took ${seconds(amount)}` : `for ${seconds(Math.floor(amount))}`;
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
