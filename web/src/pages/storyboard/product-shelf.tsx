import type { Board } from "../../data/board";

export function ProductShelf({ board }: { board: Board }) {
  return <section>ProductShelf of {board.storyboard.title}</section>;
}
