import type { Board } from "../../data/board";

export function Stages({ board }: { board: Board }) {
  return <section>Stages of {board.storyboard.title}</section>;
}
