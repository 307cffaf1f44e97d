import type { Board } from "../../data/board";

export function SceneList({ board }: { board: Board }) {
  return <section>SceneList of {board.storyboard.title}</section>;
}
