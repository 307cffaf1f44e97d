/** What the page asks for: the fields of its jobs, made from a storyboard and its scenes. */
import type { ClipRequest, CompositionRequest, Requests, Scene } from "../pipeline/documents";
import type { Board } from "./board";
import type { Found } from "./listen";

/** A scene's picture. `another`: not the one that the same words gave before. */
export function imageOrder(board: Board, scene: Found<Scene>, another = false): Requests["image"] {
  return {
    scene_id: scene.id,
    storyboard_id: board.storyboard.id,
    text: scene.text ?? "",
    style_prompt: scene.style_prompt || (board.storyboard.style ?? ""),
    aspect_ratio: board.storyboard.aspect_ratio ?? null,
    use_product_composite: scene.use_product_composite ?? false,
    product_id: scene.product_id ?? null,
    ...(another ? { force: true } : {}),
  };
}

/** A clip of a scene that has its picture. */
export function videoOrder(board: Board, scene: Found<Scene>, another = false): Requests["video"] {
  return {
    scene_id: scene.id,
    storyboard_id: board.storyboard.id,
    image_url: scene.image_url ?? "",
    text: scene.text ?? "",
    duration: scene.video_duration ?? 5,
    ...(another ? { force: true } : {}),
  };
}

/** Clips of many scenes at once: of those that have a picture. */
export function multiVideoOrder(board: Board, scenes: Found<Scene>[]): Requests["multi_video"] {
  return {
    storyboard_id: board.storyboard.id,
    scenes: scenes.map((scene) => ({
      scene_number: board.scenes.indexOf(scene) + 1,
      scene_id: scene.id,
      seed_image_url: scene.image_url ?? "",
      duration: scene.video_duration ?? 5,
      description: scene.text ?? "",
    })),
  };
}

export interface FilmSettings {
  include_crossfade: boolean;
  crossfade_seconds: number;
  transition: NonNullable<CompositionRequest["transition"]>;
  optimize_size: boolean;
  audio_url: string | null;
}

/** The film: the clips of all scenes that have one, in their order. */
export function compositionOrder(board: Board, settings: FilmSettings): Requests["composition"] {
  const clips: ClipRequest[] = board.scenes.flatMap((scene, index) =>
    scene.video_url ? [{ scene_number: index + 1, video_url: scene.video_url }] : [],
  );
  return { storyboard_id: board.storyboard.id, title: board.storyboard.title ?? "", clips, ...settings };
}

/** Scenes of which a picture can be ordered: they have words, and no picture yet. */
export const withoutPicture = (board: Board) =>
  board.scenes.filter((scene) => (scene.text ?? "").trim() && !scene.image_url);

/** Scenes of which a clip can be ordered: they have a picture, and no clip yet. */
export const withoutClip = (board: Board) => board.scenes.filter((scene) => scene.image_url && !scene.video_url);
