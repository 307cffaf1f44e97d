import { useBoard } from "../../data/board";
import { isId } from "../../data/listen";
import { Skeleton } from "../../parts/empty";
import { Notice } from "../../parts/notice";
import { firestoreSentence } from "../../words";
import { NotFound } from "../not-found";
import { BoardHead } from "./board-head";
import { FilmPanel } from "./film-panel";
import { ProductShelf } from "./product-shelf";
import { SceneList } from "./scene-list";
import { Stages } from "./stages";
import "./storyboard-page.css";

/** One storyboard: words, pictures, clips, film. */
export function StoryboardPage({ storyboardId }: { storyboardId: string }) {
  return isId(storyboardId) ? <Shown key={storyboardId} storyboardId={storyboardId} /> : <NotFound />;
}

function Shown({ storyboardId }: { storyboardId: string }) {
  const board = useBoard(storyboardId);
  if (board.state === "failed") {
    return (
      <div class="page">
        <h1 class="visually-hidden">A storyboard that cannot be shown</h1>
        <Notice tone="bad" code={board.error.code}>
          {firestoreSentence(board.error)}
        </Notice>
      </div>
    );
  }
  if (board.state === "loading") {
    return (
      <div class="page">
        <Skeleton height="70vh" label="Loading the storyboard" />
      </div>
    );
  }
  if (board.data === null) return <NotFound />;
  return (
    <div class="page board">
      <BoardHead board={board.data} />
      <Stages board={board.data} />
      <SceneList board={board.data} />
      <ProductShelf board={board.data} />
      <FilmPanel board={board.data} />
    </div>
  );
}
