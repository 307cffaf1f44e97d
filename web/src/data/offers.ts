/** Many pictures or clips at once: the jobs that it takes, and what the pipeline says of them before they are ordered. */
import { db } from "../firebase";
import type { Adjustment, JobErrorFields, JobKind, Requests, Scene } from "../pipeline/documents";
import { createJob, estimate } from "../pipeline/jobs";
import type { Board } from "./board";
import type { Found } from "./listen";
import { imageOrder, multiVideoOrder } from "./orders";
import { type Medium, numbersOf, stageOf } from "./stages";

/** Of pictures: a deployment lets a user have so many jobs at a time, where it says nothing else. Of clips: of one job. */
const MOST_AT_ONCE = 50;

/** What will be ordered, as it is when it is asked for: what it costs is asked for just this. */
export interface Plan {
  medium: Medium;
  scenes: Found<Scene>[];
  /** Of the scenes, in their order. */
  numbers: number[];
  /** Those that cannot have it yet. */
  unready: number[];
  /** How many more there are than can be made at once. */
  later: number;
  jobs: PlannedJob[];
}

interface PlannedJob {
  kind: JobKind;
  request: Requests[JobKind];
  /** The numbers of its scenes. */
  numbers: number[];
  /** What costs the same has the same sort; null: it is a sort of its own. */
  sort: string | null;
}

/** What the pipeline says of a plan. */
export interface Offer {
  usd: number;
  adjustments: string[];
  /** Why, once for all that are so for the same reason. */
  reasons: string[];
  refusal: JobErrorFields | null;
}

export function planOf(board: Board, medium: Medium): Plan {
  const { missing, unready } = stageOf(board, medium);
  const scenes = medium === "image" ? missing.slice(0, MOST_AT_ONCE) : missing;
  return {
    medium,
    scenes,
    numbers: numbersOf(board, scenes),
    unready: numbersOf(board, unready),
    later: missing.length - scenes.length,
    jobs: medium === "image" ? pictures(board, scenes) : clips(board, scenes),
  };
}

/** Dry runs: one for each sort of picture, one for each job of clips. Rejects where they could not be asked for. */
export async function offerOf(uid: string, plan: Plan): Promise<Offer> {
  const sorts = new Map<string, PlannedJob[]>();
  plan.jobs.forEach((job, place) => {
    const sort = job.sort ?? `job ${place}`;
    sorts.set(sort, [...(sorts.get(sort) ?? []), job]);
  });
  const offers = await Promise.all([...sorts.values()].map((jobs) => offerOfSort(uid, jobs)));
  return {
    usd: offers.reduce((sum, one) => sum + one.usd, 0),
    adjustments: unique(offers.flatMap((one) => one.adjustments)),
    reasons: unique(offers.flatMap((one) => one.reasons)),
    refusal: offers.find((one) => one.refusal)?.refusal ?? null,
  };
}

/** Create the jobs. `written` tells how many the server did not take, and the first reason. */
export function order(uid: string, plan: Plan) {
  const created = plan.jobs.map(({ kind, request }) => createJob(db, uid, kind, request));
  const written = Promise.allSettled(created.map((job) => job.written)).then((all) => {
    const refused = all.filter((one) => one.status === "rejected");
    return { refused: refused.length, error: refused[0]?.reason };
  });
  return { written };
}

async function offerOfSort(uid: string, jobs: PlannedJob[]): Promise<Offer> {
  const [first] = jobs;
  if (!first) throw new Error("a sort without jobs");
  const told = await estimate(db, uid, first.kind, first.request);
  if (told.status !== "complete") return { usd: 0, adjustments: [], reasons: [], refusal: told.error ?? CANCELED };
  const adjustments: Adjustment[] = ("adjustments" in told && told.adjustments) || [];
  return {
    usd: (told.estimated_cost_usd ?? 0) * jobs.length,
    adjustments: adjustments.map((one) => adjustmentSentence(one, first.numbers)),
    reasons: adjustments.map((one) => one.reason),
    refusal: told.would_exceed ?? null,
  };
}

const CANCELED: JobErrorFields = { code: "internal", message: "The question was canceled.", retryable: true };

function pictures(board: Board, scenes: Found<Scene>[]): PlannedJob[] {
  return scenes.map((scene) => {
    const request = imageOrder(board, scene);
    return {
      kind: "image",
      request,
      numbers: numbersOf(board, [scene]),
      sort: request.use_product_composite ? `product ${request.product_id}` : "plain",
    };
  });
}

function clips(board: Board, scenes: Found<Scene>[]): PlannedJob[] {
  const jobs: PlannedJob[] = [];
  for (let start = 0; start < scenes.length; start += MOST_AT_ONCE) {
    const some = scenes.slice(start, start + MOST_AT_ONCE);
    jobs.push({
      kind: "multi_video",
      request: multiVideoOrder(board, some),
      numbers: numbersOf(board, some),
      sort: null,
    });
  }
  return jobs;
}

/** `Scene 2: 4.5 s becomes 5 s`. A job of many scenes names them by their place in it: `scenes.0.duration`. */
function adjustmentSentence({ field, asked, used }: Adjustment, numbers: number[]): string {
  const [, place, name = field] = /^scenes\.(\d+)\.(.+)$/.exec(field) ?? [];
  const scene = place === undefined ? "" : `Scene ${numbers[Number(place)]}: `;
  if (name === "duration") return `${scene}${asked} s becomes ${used} s`;
  if (name === "aspect_ratio") return `${scene}The shape ${asked} becomes ${used}`;
  if (name === "resolution") return `${scene}The resolution ${asked} becomes ${used}`;
  return `${scene}${name.replaceAll("_", " ")}: ${asked} becomes ${used}`;
}

const unique = (texts: string[]) => [...new Set(texts)];
