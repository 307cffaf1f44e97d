/** What the jobs of a storyboard say about one scene: what is being made, what was made, what went wrong. */
import type { Adjustment, ImageJob, JobErrorFields, Scene } from "../pipeline/documents";
import { atWork } from "../words";
import type { Board } from "./board";
import type { Found } from "./listen";
import { imageOrder } from "./orders";
import { isOver, latestJob, partOf, type SceneJob } from "./scene-jobs";

/** What is being made for a scene now. */
export interface Work {
  of: SceneJob;
  medium: "picture" | "clip";
  label: string;
  /** Undefined: nobody knows. */
  percent?: number;
  isStopping: boolean;
  /** How many scenes stop with it. */
  scenes: number;
}

export function workOn(board: Board, scene: Found<Scene>): Work | null {
  const latest = latestJob(board, scene.id);
  if (!latest || isOver(latest, scene.id)) return null;
  const { job, kind } = latest;
  const isStopping = job.cancel_requested === true;
  const begun = job.status === "processing";
  const known = kind !== "multi_video" && begun && !isStopping;
  return {
    of: latest,
    medium: kind === "image" ? "picture" : "clip",
    label: begun && !isStopping ? stageOf(latest, scene) : atWork(kind, job),
    percent: known ? (job.progress_percent ?? undefined) : undefined,
    isStopping,
    scenes: latest.kind === "multi_video" ? latest.job.scenes.length : 1,
  };
}

function stageOf(one: SceneJob, scene: Found<Scene>): string {
  if (one.kind !== "multi_video") return atWork(one.kind, one.job);
  const { number } = partOf(one.job, scene.id);
  if (one.job.steps?.[`scene_${number}_predict`]?.done) return "Keeping the clip";
  if (scene.generation_status?.video !== "generating") return "Waiting";
  const done = (one.job.clips?.length ?? 0) + (one.job.scene_errors?.length ?? 0);
  return `Working: ${done} of ${one.job.scenes.length} clips are done`;
}

/** Why the latest that was ordered for a scene was not made. */
export interface Trouble {
  of: SceneJob;
  error: JobErrorFields;
}

export function troubleOf(board: Board, scene: Found<Scene>): Trouble | null {
  const latest = latestJob(board, scene.id);
  if (!latest || !isOver(latest, scene.id)) return null;
  const part = latest.kind === "multi_video" ? partOf(latest.job, scene.id) : null;
  if (part?.error) return { of: latest, error: part.error };
  if (part?.clip || latest.job.status !== "error" || !latest.job.error) return null;
  return { of: latest, error: latest.job.error };
}

/** How a picture or clip came about, as far as its job is still known. */
export interface Making {
  placeholder?: string | null;
  thumbnailUrl?: string | null;
  costUsd?: number;
  /** The number of scenes that were paid together. */
  together: number;
  isReused: boolean;
  adjustments: Adjustment[];
  text: string;
  /** Of a picture. */
  picture?: Found<ImageJob>;
  /** Of a clip: the picture that it sets in motion. */
  imageUrl?: string;
}

export function pictureMaking(board: Board, scene: Found<Scene>): Making | null {
  if (!scene.image_url) return null;
  const job = board.jobs.image.find((one) => one.scene_id === scene.id && one.image_url === scene.image_url);
  if (!job) return null;
  return {
    placeholder: job.placeholder,
    costUsd: job.cost_usd,
    together: 1,
    isReused: Boolean(job.reused_from),
    adjustments: job.adjustments ?? [],
    text: job.text,
    picture: job,
  };
}

export function clipMaking(board: Board, scene: Found<Scene>): Making | null {
  if (!scene.video_url) return null;
  const alone = board.jobs.video.find((one) => one.scene_id === scene.id && one.video_url === scene.video_url);
  if (alone) {
    return {
      placeholder: alone.placeholder,
      thumbnailUrl: alone.thumbnail_url,
      costUsd: alone.cost_usd,
      together: 1,
      isReused: Boolean(alone.reused_from),
      adjustments: alone.adjustments ?? [],
      text: alone.text,
      imageUrl: alone.image_url,
    };
  }
  for (const job of board.jobs.multi_video) {
    const { clip, place, asked } = partOf(job, scene.id);
    if (!clip || clip.video_url !== scene.video_url) continue;
    const own = `scenes.${place}.`;
    return {
      placeholder: clip.placeholder,
      thumbnailUrl: clip.thumbnail_url,
      costUsd: job.cost_usd,
      together: job.scenes.length,
      isReused: Boolean(clip.reused_from),
      adjustments: (job.adjustments ?? []).filter(
        ({ field }: Adjustment) => field.startsWith(own) || !field.startsWith("scenes."),
      ),
      text: asked?.description ?? "",
      imageUrl: asked?.seed_image_url,
    };
  }
  return null;
}

/** What has changed since the picture, or the clip, was made; in words. */
export function changedSince(board: Board, scene: Found<Scene>, making: Making): string[] {
  const { picture } = making;
  const changed = [];
  if (making.text.trim() !== (scene.text ?? "").trim()) changed.push("the words");
  if (making.imageUrl && scene.image_url && making.imageUrl !== scene.image_url) changed.push("the picture");
  if (picture) {
    const now = imageOrder(board, scene);
    if ((picture.style_prompt ?? "").trim() !== (now.style_prompt ?? "").trim()) changed.push("the style");
    if ((picture.aspect_ratio ?? null) !== (now.aspect_ratio ?? null)) changed.push("the shape");
    if (productOf(picture) !== productOf(now)) changed.push("the product");
  }
  return changed;
}

const productOf = (asked: { use_product_composite?: boolean; product_id?: string | null }) =>
  asked.use_product_composite ? asked.product_id : null;
