/** What the page asks for: the fields of its jobs, made from a storyboard and its scenes. */
import type { ClipRequest, CompositionRequest, Product, Requests, Scene } from "../pipeline/documents";
import type { Board } from "./board";
import type { Found } from "./listen";
import { secondsOf } from "./scenes";

/** A scene's picture. `another`: not the one that the same words gave before. */
export function imageOrder(board: Board, scene: Found<Scene>, another = false): Requests["image"] {
  const product = productOf(board, scene);
  return {
    scene_id: scene.id,
    storyboard_id: board.storyboard.id,
    text: scene.text ?? "",
    style_prompt: scene.style_prompt || (board.storyboard.style ?? ""),
    aspect_ratio: board.storyboard.aspect_ratio ?? null,
    use_product_composite: product !== null,
    product_id: product?.id ?? null,
    ...(another ? { force: true } : {}),
  };
}

/** The product that a scene shows; null where it shows none, or one that was removed. */
export const productOf = (board: Board, scene: Found<Scene>): Found<Product> | null =>
  (scene.use_product_composite && board.products.find((one) => one.id === scene.product_id)) || null;

/** A clip of a scene that has its picture. */
export function videoOrder(board: Board, scene: Found<Scene>, another = false): Requests["video"] {
  return {
    scene_id: scene.id,
    storyboard_id: board.storyboard.id,
    image_url: scene.image_url ?? "",
    text: scene.text ?? "",
    duration: secondsOf(scene),
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
      duration: secondsOf(scene),
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
