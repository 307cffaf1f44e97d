/** What a scene's document says. */
import type { Scene } from "../pipeline/documents";

/** Of a clip, where nobody has chosen. */
export const USUAL_SECONDS = 5;

export const hasWords = (scene: Scene): boolean => (scene.text ?? "").trim() !== "";

export const secondsOf = (scene: Scene): number => scene.video_duration ?? USUAL_SECONDS;

export const isGenerating = (scene: Scene): boolean =>
  Object.values(scene.generation_status ?? {}).includes("generating");
