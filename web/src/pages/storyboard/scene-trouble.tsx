import type { Board } from "../../data/board";
import type { Found } from "../../data/listen";
import { imageOrder, videoOrder } from "../../data/orders";
import { troubleOf } from "../../data/scene-work";
import { JobTrouble } from "../../parts/job-trouble";
import { Notice } from "../../parts/notice";
import type { Scene } from "../../pipeline/documents";

/**
 * Why the scene's latest picture or clip was not made; another try is made of what the scene says by then.
 *
 * Of many scenes' job it is only what is about this one: the scene's own button makes its clip alone.
 */
export function SceneTrouble({ board, scene }: { board: Board; scene: Found<Scene> }) {
  const trouble = troubleOf(board, scene);
  if (!trouble) return null;
  const { of, error } = trouble;
  if (of.kind === "image") return <JobTrouble kind="image" job={of.job} changes={imageOrder(board, scene)} />;
  if (of.kind === "video") return <JobTrouble kind="video" job={of.job} changes={videoOrder(board, scene)} />;
  return (
    <Notice tone="bad" code={error.code}>
      {error.message}
    </Notice>
  );
}
