/** The steps of a job as rows of a timeline. Reads nothing but the job's document. */
import type { Timestamp } from "firebase/firestore";
import type { Job } from "../../pipeline/documents";
import { hasEnded } from "../../pipeline/jobs";
import { stepName } from "../../words";

export type StepState = "queue" | "done" | "failed" | "waiting" | "working" | "left" | "taken-over";

export interface StepRow {
  key: string;
  name: string;
  state: StepState;
  /** Nobody of ours is at work meanwhile: a model is, or the job waits for its turn. */
  isWait: boolean;
  /** Seconds from the creation of the job; null: nobody has written it down. */
  begin: number | null;
  /** Undefined while it goes on. */
  end: number | null | undefined;
  tries: number;
  toldToWait: number;
  waitsUntil: Timestamp | null;
  errorCode: string | null;
  errorMessage: string | null;
}

/** Steps that belong together: those of the job itself, then those of each scene. */
export interface StepGroup {
  scene: number | null;
  rows: StepRow[];
}

export interface Timeline {
  groups: StepGroup[];
  /** From the job's creation to its end, or until now. */
  totalSeconds: number;
  /** Whether any step says when it was: those of earlier versions do not. */
  hasTimes: boolean;
}

/** As a step stands in the document. Read with care: what earlier versions wrote lacks some of it. */
interface Step {
  done?: boolean;
  attempt?: number;
  rate_limited?: number;
  retry_at?: Timestamp | null;
  failed?: boolean;
  error_code?: string | null;
  error_message?: string | null;
  started_at?: Timestamp | null;
  ended_at?: Timestamp | null;
}

/** In this order they are done; what is not named comes last. */
const ORDER = [
  "reuse",
  "place",
  "prompt",
  "product",
  "probe",
  "predict",
  "composite",
  "sound",
  "segment",
  "compose",
  "store",
];

export function timelineOf(job: Job, now: number): Timeline {
  const origin = job.created_at?.toMillis() ?? job.started_at?.toMillis() ?? now;
  const after = (at: Timestamp | null | undefined) => (at ? (at.toMillis() - origin) / 1000 : null);
  const ended = after(job.completed_at);
  const rows = Object.entries((job.steps ?? {}) as Record<string, Step>).map(([name, step]) => ({
    scene: sceneOf(name),
    row: rowOf(name, step, after, hasEnded(job)),
  }));
  const begun = after(job.started_at);
  const queue: StepRow = {
    ...NOTHING,
    key: "queue",
    name: "Waiting to start",
    state: "queue",
    isWait: true,
    begin: 0,
    end: begun ?? ended ?? undefined,
  };
  const scenes = [...new Set(rows.map(({ scene }) => scene))].sort((a, b) => (a ?? 0) - (b ?? 0));
  const groups = scenes.map((scene) => ({
    scene,
    rows: rows
      .filter((one) => one.scene === scene)
      .map(({ row }) => row)
      .sort(inTime),
  }));
  const hasTimes = rows.length === 0 || rows.some(({ row }) => row.begin !== null);
  if (groups[0]?.scene !== null) groups.unshift({ scene: null, rows: [] });
  if (hasTimes) groups[0]?.rows.unshift(queue);
  const ends = rows.map(({ row }) => row.end ?? row.begin ?? 0);
  return {
    groups,
    totalSeconds: Math.max(0.1, ended ?? (now - origin) / 1000, ...ends),
    hasTimes,
  };
}

const NOTHING = { tries: 1, toldToWait: 0, waitsUntil: null, errorCode: null, errorMessage: null };

function rowOf(
  name: string,
  step: Step,
  after: (at: Timestamp | null | undefined) => number | null,
  isOver: boolean,
): StepRow {
  const begin = after(step.started_at);
  const end = after(step.ended_at);
  const state = stateOf(step, begin, end, isOver);
  const isElsewhere = state === "taken-over";
  return {
    key: name,
    name: stepName(name),
    state,
    isWait: name.endsWith("predict"),
    begin: isElsewhere ? null : begin,
    end: isElsewhere || begin === null ? null : (end ?? (isOver ? null : undefined)),
    tries: (step.attempt ?? 0) + (state === "failed" || state === "waiting" ? 0 : 1),
    toldToWait: step.rate_limited ?? 0,
    waitsUntil: state === "waiting" ? (step.retry_at ?? null) : null,
    errorCode: step.error_code ?? null,
    errorMessage: step.error_message ?? null,
  };
}

function stateOf(step: Step, begin: number | null, end: number | null, isOver: boolean): StepState {
  if (step.done) return begin !== null && end !== null && end < 0 ? "taken-over" : "done";
  if (step.failed) return "failed";
  if (isOver) return "left";
  return step.retry_at ? "waiting" : "working";
}

function sceneOf(name: string): number | null {
  const found = /^scene_(\d+)_/.exec(name);
  return found ? Number(found[1]) : null;
}

function inTime(a: StepRow, b: StepRow): number {
  if (a.begin !== null && b.begin !== null && a.begin !== b.begin) return a.begin - b.begin;
  return placeOf(a) - placeOf(b) || a.key.localeCompare(b.key, undefined, { numeric: true });
}

function placeOf({ key }: StepRow): number {
  const own = key.replace(/^scene_\d+_/, "");
  const place = ORDER.findIndex((one) => own === one || own.startsWith(`${one}_`));
  return place < 0 ? ORDER.length : place;
}

const LAST_TICK = 0.92;

/** Round seconds for the axis, the first 0: at most `most` of them, and none so near the end that it would stand out. */
export function ticksOf(totalSeconds: number, most: number): number[] {
  const STEPS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400];
  const step = STEPS.find((one) => totalSeconds / one < most) ?? totalSeconds;
  const ticks = Array.from({ length: Math.floor(totalSeconds / step) + 1 }, (_, place) => place * step);
  return ticks.filter((tick) => tick <= totalSeconds * LAST_TICK);
}
