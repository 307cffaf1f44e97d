// A stand-in until `make types` writes it.
import type { Timestamp } from "firebase/firestore";

export const JOB_KINDS = ["image", "video", "multi_video", "composition"] as const;
export type JobKind = (typeof JOB_KINDS)[number];
export const JOB_COLLECTIONS: Record<JobKind, string> = {
  image: "image_generation_jobs",
  video: "video_generation_jobs",
  multi_video: "multi_video_jobs",
  composition: "composition_jobs",
};
export const JOB_STATUSES = ["pending", "processing", "complete", "error", "canceled"] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];
export type ErrorCode = string;
export interface JobErrorFields {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  resets_at?: Timestamp | null;
  categories?: string[];
}
export type Transition = string;
export const TRANSITIONS: readonly Transition[] = ["fade", "dissolve"];
export interface Adjustment {
  field: string;
  asked: unknown;
  used: unknown;
  reason: string;
}
// biome-ignore lint/suspicious/noExplicitAny: a stand-in
export type Any = any;
export type Job = Any;
export type ImageJob = Any;
export type VideoJob = Any;
export type MultiVideoJob = Any;
export type CompositionJob = Any;
export type Scene = Any;
export type Storyboard = Any;
export type Product = Any;
export type Video = Any;
export type Clip = Any;
export type ClipRequest = Any;
export type ImageRequest = Any;
export type VideoRequest = Any;
export type MultiVideoRequest = Any;
export type CompositionRequest = Any;
export type UsageDay = Any;
export type StepRecord = Any;
export interface Jobs {
  image: ImageJob;
  video: VideoJob;
  multi_video: MultiVideoJob;
  composition: CompositionJob;
}
export interface Requests {
  image: Any;
  video: Any;
  multi_video: Any;
  composition: Any;
}
export const REQUEST_FIELDS: Record<JobKind, readonly string[]> = {
  image: [
    "scene_id",
    "storyboard_id",
    "text",
    "style_prompt",
    "aspect_ratio",
    "use_product_composite",
    "product_id",
    "seed",
    "force",
  ],
  video: ["scene_id", "storyboard_id", "image_url", "text", "duration", "resolution", "camera_fixed", "seed", "force"],
  multi_video: ["storyboard_id", "scenes", "audio_url", "resolution", "camera_fixed", "seed", "force"],
  composition: [
    "storyboard_id",
    "title",
    "clips",
    "audio_url",
    "include_crossfade",
    "optimize_size",
    "crossfade_seconds",
    "transition",
  ],
};
