import type { Board } from "../../data/board";

export function FilmPanel({ board }: { board: Board }) {
  return <section>FilmPanel of {board.storyboard.title}</section>;
}
