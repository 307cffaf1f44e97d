import type { Board } from "../../data/board";
import type { Found } from "../../data/listen";
import { troubleOf } from "../../data/scene-work";
import { JobTrouble } from "../../parts/job-trouble";
import { Notice } from "../../parts/notice";
import type { Scene } from "../../pipeline/documents";

/** Why the scene's latest picture or clip was not made. Of many scenes' job only what is about this one. */
export function SceneTrouble({ board, scene }: { board: Board; scene: Found<Scene> }) {
  const trouble = troubleOf(board, scene);
  if (!trouble) return null;
  const { of, error } = trouble;
  if (of.kind !== "multi_video") return <JobTrouble kind={of.kind} job={of.job} />;
  return (
    <Notice tone="bad" code={error.code}>
      {error.message}
    </Notice>
  );
}
