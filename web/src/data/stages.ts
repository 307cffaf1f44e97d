/** How far a storyboard is, and what there is to do next: words, pictures, clips. */
import type { Scene } from "../pipeline/documents";
import type { Board } from "./board";
import type { Found } from "./listen";
import { clipJob, isOver, partOf, pictureJob, type SceneJob } from "./scene-jobs";
import { hasWords } from "./scenes";

/** As `generation_status` of a scene names them. */
export type Medium = "image" | "video";

/** What people call them. */
export const MEDIUM_NOUNS: Record<Medium, string> = { image: "picture", video: "clip" };

export interface Stage {
  scenes: number;
  done: number;
  failed: number;
  /** Scenes that lack it, can have it, and have no job at work on it. */
  missing: Found<Scene>[];
  /** Scenes that lack it, and something else before: words, or a picture. */
  unready: Found<Scene>[];
  /** The jobs that are at work on it, each once. */
  jobs: SceneJob[];
  /** Of all its scenes together. */
  percent: number;
}

export function stageOf(board: Board, medium: Medium): Stage {
  const has = (scene: Found<Scene>) => isMade(board, scene, medium);
  const isReady = (scene: Scene) => hasWords(scene) && (medium === "image" || Boolean(scene.image_url));
  const work = new Map(board.scenes.map((scene) => [scene.id, workOn(board, scene.id, medium)]));
  const lacking = board.scenes.filter((scene) => !has(scene) && !work.get(scene.id));
  const jobs = new Map([...work.values()].flatMap((one) => (one ? [[one.job.id, one] as const] : [])));
  const percents = board.scenes.map((scene) => {
    const at = work.get(scene.id);
    return at ? percentOf(at) : has(scene) ? 100 : 0;
  });
  return {
    scenes: board.scenes.length,
    done: board.scenes.filter(has).length,
    failed: lacking.filter((scene) => scene.generation_status?.[medium] === "error").length,
    missing: lacking.filter(isReady),
    unready: lacking.filter((scene) => !isReady(scene)),
    jobs: [...jobs.values()],
    percent: percents.reduce((sum, one) => sum + one, 0) / Math.max(1, percents.length),
  };
}

/** The number that people see of each scene: its place, counted from 1. */
export const numbersOf = (board: Board, scenes: Found<Scene>[]): number[] =>
  scenes.map((scene) => board.scenes.findIndex((one) => one.id === scene.id) + 1);

const latestOf = (board: Board, sceneId: string, medium: Medium) =>
  medium === "image" ? pictureJob(board, sceneId) : clipJob(board, sceneId);

/** Its job may say so a moment before the scene does: they are two documents. */
function isMade(board: Board, scene: Found<Scene>, medium: Medium): boolean {
  if (medium === "image" ? scene.image_url : scene.video_url) return true;
  const latest = latestOf(board, scene.id, medium);
  if (latest?.kind !== "multi_video") return latest?.job.status === "complete";
  return partOf(latest.job, scene.id).clip !== undefined;
}

function workOn(board: Board, sceneId: string, medium: Medium): SceneJob | null {
  const latest = latestOf(board, sceneId, medium);
  return latest && !isOver(latest, sceneId) ? latest : null;
}

/** Of one of its scenes that is not over. A job of many scenes only tells how far all of them are. */
function percentOf({ kind, job }: SceneJob): number {
  const percent = job.progress_percent ?? 0;
  if (kind !== "multi_video") return percent;
  const all = (job.scenes ?? []).length;
  const over = (job.clips ?? []).length + (job.scene_errors ?? []).length;
  return Math.min(100, Math.max(0, (percent * all - 100 * over) / Math.max(1, all - over)));
}
