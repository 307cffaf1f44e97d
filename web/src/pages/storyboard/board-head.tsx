import type { Board } from "../../data/board";

export function BoardHead({ board }: { board: Board }) {
  return <section>BoardHead of {board.storyboard.title}</section>;
}
