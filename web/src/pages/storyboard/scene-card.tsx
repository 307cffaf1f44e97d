import { ArrowDown, ArrowUp, GripVertical, Trash2 } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Board } from "../../data/board";
import type { Found } from "../../data/listen";
import { type Work, workOn } from "../../data/scene-work";
import { hasWords } from "../../data/scenes";
import { db } from "../../firebase";
import { Button, IconButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { sayFailure } from "../../parts/failure";
import { Icon } from "../../parts/icon";
import type { Scene } from "../../pipeline/documents";
import { cancelJob } from "../../pipeline/jobs";
import { SceneActions } from "./scene-actions";
import "./scene-card.css";
import { SceneMedia } from "./scene-media";
import { SceneTrouble } from "./scene-trouble";
import { SceneWords, useSceneDraft } from "./scene-words";

/** One scene: what it says, what was made of it, and what can be made of it. `place` and `last` count from 0. */
export function SceneCard(props: {
  board: Board;
  scene: Found<Scene>;
  place: number;
  last: number;
  isNew: boolean;
  onMove: (place: number) => void;
  onDelete: () => void;
}) {
  const { board, place } = props;
  const number = place + 1;
  const draft = useSceneDraft(board, props.scene);
  const { scene } = draft;
  const work = workOn(board, scene);
  const title = `scene-${scene.id}`;

  const remove = () => {
    if (work && isStoppedWith(work))
      cancelJob(db, work.of.kind, work.of.job.id).catch(sayFailure("It was not stopped"));
    props.onDelete();
  };
  return (
    <li data-drags>
      <article class="card scene-card" aria-labelledby={title}>
        <div class="scene-card__head">
          <span class="scene-card__handle" data-drag-handle title="Drag to another place" aria-hidden="true">
            <Icon of={GripVertical} />
          </span>
          <h3 id={title}>Scene {number}</h3>
          <MoveButtons number={number} place={place} last={props.last} onMove={props.onMove} />
          <DeleteButton scene={scene} number={number} work={work} onDelete={remove} />
        </div>
        <SceneMedia board={board} scene={scene} number={number} work={work} />
        {!work && <SceneTrouble board={board} scene={scene} />}
        <SceneWords board={board} draft={draft} number={number} isNew={props.isNew} />
        <SceneActions board={board} scene={scene} number={number} work={work} />
      </article>
    </li>
  );
}

/** For those who do not drag. The focus stays on the button, wherever its card goes. */
function MoveButtons(props: { number: number; place: number; last: number; onMove: (place: number) => void }) {
  const { number, place, last } = props;
  const earlier = useRef<HTMLButtonElement>(null);
  const later = useRef<HTMLButtonElement>(null);
  const pressed = useRef<"earlier" | "later" | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: after a move
  useEffect(() => {
    if (!pressed.current) return;
    const [wanted, other] = pressed.current === "earlier" ? [earlier, later] : [later, earlier];
    pressed.current = null;
    (wanted.current?.disabled ? other : wanted).current?.focus();
  }, [place]);
  const move = (way: "earlier" | "later") => {
    pressed.current = way;
    props.onMove(place + (way === "earlier" ? -1 : 1));
  };
  return (
    <>
      <IconButton
        ref={earlier}
        label={`Move scene ${number} earlier`}
        icon={ArrowUp}
        disabled={place === 0}
        onClick={() => move("earlier")}
      />
      <IconButton
        ref={later}
        label={`Move scene ${number} later`}
        icon={ArrowDown}
        disabled={place === last}
        onClick={() => move("later")}
      />
    </>
  );
}

const ALL_STOP = " The clips that are made together go on, and its own is paid: stop them first.";

/** A job of many scenes goes on without one of them. */
const isStoppedWith = (work: Work): boolean => work.scenes === 1;

/** Asks before it, where something would be lost. */
function DeleteButton(props: { scene: Found<Scene>; number: number; work: Work | null; onDelete: () => void }) {
  const { scene, number, work, onDelete } = props;
  const [isAsking, setAsking] = useState(false);
  const isEmpty = !hasWords(scene) && !scene.image_url && !scene.video_url && !work;
  const close = () => setAsking(false);
  return (
    <>
      <IconButton
        label={`Delete scene ${number}`}
        icon={Trash2}
        onClick={() => (isEmpty ? onDelete() : setAsking(true))}
      />
      {isAsking && (
        <Dialog
          title={`Delete scene ${number}?`}
          onClose={close}
          actions={
            <>
              <Button onClick={close}>Keep it</Button>
              <Button kind="danger" icon={Trash2} onClick={onDelete}>
                Delete
              </Button>
            </>
          }
        >
          <p>
            Its words go, and its picture and clip leave this storyboard.
            {work && (isStoppedWith(work) ? " What is being made for it is stopped." : ALL_STOP)}
          </p>
        </Dialog>
      )}
    </>
  );
}
