import { Trash2 } from "lucide";
import type { Found } from "../../data/listen";
import { deleteStoryboard } from "../../data/storyboards";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { sayFailure } from "../../parts/failure";
import { Notice } from "../../parts/notice";
import { announce } from "../../parts/toasts";
import type { Scene, Storyboard } from "../../pipeline/documents";
import { count } from "../../words";

/** Asks before a storyboard is deleted. `onDelete` is called just before it is gone. */
export function DeleteStoryboard(props: {
  board: Found<Storyboard>;
  scenes: Found<Scene>[];
  onClose: () => void;
  onDelete: () => void;
}) {
  const { board, scenes } = props;
  const title = board.title || "Untitled";
  const isAtWork = scenes.some((scene) => Object.values(scene.generation_status ?? {}).includes("generating"));
  const confirm = () => {
    props.onDelete();
    const ids = scenes.map((scene) => scene.id);
    deleteStoryboard(board.id, ids).catch(sayFailure(`“${title}” was not deleted`));
    announce(`“${title}” is deleted.`);
  };
  return (
    <Dialog
      title="Delete this storyboard?"
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Keep it</Button>
          <Button kind="danger" icon={Trash2} onClick={confirm}>
            Delete
          </Button>
        </>
      }
    >
      <p>
        “{title}” and its {count(scenes.length, "scene")} will be gone for good. What was made for them stays listed
        under Jobs.
      </p>
      {isAtWork && (
        <Notice tone="warn">Something is still being made for it. That goes on and is paid; stop it first.</Notice>
      )}
    </Dialog>
  );
}
