import { Trash2 } from "lucide";
import { type Found, useDocuments } from "../../data/listen";
import { scenesOf } from "../../data/queries";
import { isGenerating } from "../../data/scenes";
import { deleteStoryboard } from "../../data/storyboards";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { sayFailure } from "../../parts/failure";
import { Notice } from "../../parts/notice";
import { announce } from "../../parts/toasts";
import type { Scene, Storyboard } from "../../pipeline/documents";
import { useUser } from "../../session";
import { count, firestoreSentence } from "../../words";

/** Asks before a storyboard is deleted. `onDelete` is called just before it is gone. */
export function DeleteStoryboard(props: { board: Found<Storyboard>; onClose: () => void; onDelete: () => void }) {
  const { board } = props;
  const { uid } = useUser();
  const found = useDocuments<Scene>(`${uid} ${board.id}`, () => scenesOf(uid, board.id));
  const scenes = found.state === "ready" ? found.data : [];
  const title = board.title || "Untitled";
  const isAtWork = scenes.some(isGenerating);
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
          <Button
            kind="danger"
            icon={Trash2}
            busy={found.state === "loading"}
            disabled={found.state === "failed"}
            onClick={confirm}
          >
            Delete
          </Button>
        </>
      }
    >
      <p>
        “{title}” and its {found.state === "ready" ? count(scenes.length, "scene") : "scenes"} will be gone for good.
        What was made for them stays listed under Jobs.
      </p>
      {found.state === "failed" && (
        <Notice tone="bad" code={found.error.code}>
          {firestoreSentence(found.error)}
        </Notice>
      )}
      {isAtWork && (
        <Notice tone="warn">Something is still being made for it. That goes on and is paid; stop it first.</Notice>
      )}
    </Dialog>
  );
}
