/** Which of a storyboard's jobs make, or made, something of a scene. */
import type { ImageJob, Job, MultiVideoJob, VideoJob } from "../pipeline/documents";
import { hasEnded } from "../pipeline/jobs";
import type { Board } from "./board";
import type { Found } from "./listen";

/** A job that makes, or made, a scene's picture or clip. */
export type SceneJob =
  | { kind: "image"; job: Found<ImageJob> }
  | { kind: "video"; job: Found<VideoJob> }
  | { kind: "multi_video"; job: Found<MultiVideoJob> };

/** The latest job for a scene's picture. */
export function pictureJob(board: Board, sceneId: string): SceneJob | null {
  const job = board.jobs.image.find((one) => one.scene_id === sceneId);
  return job ? { kind: "image", job } : null;
}

/** The latest job for a scene's clip: one of its own, or one of many scenes. */
export function clipJob(board: Board, sceneId: string): SceneJob | null {
  const alone = board.jobs.video.find((one) => one.scene_id === sceneId);
  const together = board.jobs.multi_video.find((one) => (one.scenes ?? []).some((scene) => scene.scene_id === sceneId));
  if (alone && together) {
    return createdAt(alone) > createdAt(together)
      ? { kind: "video", job: alone }
      : { kind: "multi_video", job: together };
  }
  if (alone) return { kind: "video", job: alone };
  return together ? { kind: "multi_video", job: together } : null;
}

/** The latest job for either. */
export function latestJob(board: Board, sceneId: string): SceneJob | null {
  const picture = pictureJob(board, sceneId);
  const clip = clipJob(board, sceneId);
  if (!picture || !clip) return picture ?? clip;
  return createdAt(picture.job) > createdAt(clip.job) ? picture : clip;
}

/** Whether a job has nothing more to do for the scene: one of many scenes may go on for the others. */
export function isOver(one: SceneJob, sceneId: string): boolean {
  if (hasEnded(one.job)) return true;
  if (one.kind !== "multi_video") return false;
  const { clip, error } = partOf(one.job, sceneId);
  return Boolean(clip ?? error);
}

/** What a job of many scenes has for one of them. */
export function partOf(job: MultiVideoJob, sceneId: string) {
  const scenes = job.scenes ?? [];
  const place = scenes.findIndex((one) => one.scene_id === sceneId);
  const asked = scenes[place];
  const isIts = (one: { scene_number: number }) => one.scene_number === asked?.scene_number;
  return {
    place,
    asked,
    number: asked?.scene_number,
    clip: job.clips?.find(isIts),
    error: job.scene_errors?.find(isIts),
  };
}

/** Milliseconds; 0 where nobody wrote it down. */
export const createdAt = (job: Job): number => job.created_at?.toMillis() ?? 0;
