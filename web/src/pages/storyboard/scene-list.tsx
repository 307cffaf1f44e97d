import { Plus } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Board } from "../../data/board";
import type { Found } from "../../data/listen";
import { addScene, deleteScene, inOrder, moveScene } from "../../data/storyboards";
import { Button } from "../../parts/button";
import { sayFailure } from "../../parts/failure";
import { announce } from "../../parts/toasts";
import type { Scene } from "../../pipeline/documents";
import { useUser } from "../../session";
import { SceneCard } from "./scene-card";
import "./scene-list.css";
import { useDragging } from "./use-dragging";

const MOST_SCENES = 200;

/** The scenes of a storyboard as cards, to be written, made, and put in order. */
export function SceneList({ board }: { board: Board }) {
  const { uid } = useUser();
  const heading = useRef<HTMLHeadingElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const isDeleted = useRef(false);
  const [added, setAdded] = useState<string | null>(null);
  const { scenes, move } = useOrder(board);
  useDragging(list, move);

  const add = () => {
    const { id, written } = addScene(uid, board.storyboard, scenes);
    setAdded(id);
    written.catch(sayFailure("The scene was not added"));
  };
  const remove = (scene: Found<Scene>) => {
    deleteScene(board.storyboard, scenes, scene.id).catch(sayFailure("The scene was not deleted"));
    announce(`Scene ${scenes.indexOf(scene) + 1} is deleted`);
    isDeleted.current = true;
  };
  // its button is gone: the focus needs another place
  // biome-ignore lint/correctness/useExhaustiveDependencies: when a scene is gone
  useEffect(() => {
    if (isDeleted.current) heading.current?.focus();
    isDeleted.current = false;
  }, [scenes.length]);

  return (
    <section class="scenes" aria-labelledby="scenes">
      <h2 id="scenes" ref={heading} tabIndex={-1}>
        Scenes
      </h2>
      <ol class="scenes__list" ref={list}>
        {scenes.map((scene, place) => (
          <SceneCard
            key={scene.id}
            board={board}
            scene={scene}
            place={place}
            last={scenes.length - 1}
            isNew={scene.id === added}
            onMove={(to) => move(place, to)}
            onDelete={() => remove(scene)}
          />
        ))}
        <li>
          {scenes.length < MOST_SCENES ? (
            <Button icon={Plus} class="button scenes__add" onClick={add}>
              Add scene
            </Button>
          ) : (
            <p class="scenes__full">A storyboard has at most {MOST_SCENES} scenes.</p>
          )}
        </li>
      </ol>
    </section>
  );
}

/** The scenes in the order that the user has just given them, until the database says the same. */
function useOrder(board: Board) {
  const saved = board.scenes.map((scene) => scene.id).join(" ");
  const [wished, setWished] = useState<string[] | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new order in the database counts
  useEffect(() => setWished(null), [saved]);
  const scenes = wished ? inOrder(board.scenes, wished) : board.scenes;

  const move = (from: number, to: number) => {
    const scene = scenes[from];
    if (!scene || from === to || to < 0 || to >= scenes.length) return;
    const order = scenes.map((one) => one.id).filter((id) => id !== scene.id);
    order.splice(to, 0, scene.id);
    setWished(order);
    announce(`Scene ${from + 1} is now scene ${to + 1}`);
    const written = moveScene(board.storyboard, scenes, scene.id, to);
    written.catch(() => setWished(null));
    written.catch(sayFailure("The scene was not moved"));
  };
  return { scenes, move };
}
