/** A storyboard with all that belongs to it, as its page shows it. */

import { useRef } from "preact/hooks";
import type {
  CompositionJob,
  ImageJob,
  Job,
  JobKind,
  Jobs,
  MultiVideoJob,
  Product,
  Scene,
  Storyboard,
  VideoJob,
} from "../pipeline/documents";
import { useUser } from "../session";
import { type Found, type Listening, useDocument, useDocuments } from "./listen";
import { productsOf, scenesOf, storyboard, storyboardJobs } from "./queries";
import { inOrder } from "./storyboards";

/** The newest jobs come first; dry runs are not among them. */
export interface BoardJobs {
  image: Found<ImageJob>[];
  video: Found<VideoJob>[];
  multi_video: Found<MultiVideoJob>[];
  composition: Found<CompositionJob>[];
}

export interface Board {
  storyboard: Found<Storyboard>;
  scenes: Found<Scene>[];
  products: Found<Product>[];
  jobs: BoardJobs;
}

/** `null`: there is no such storyboard any more. One that is somebody else's fails with `permission-denied`. */
export function useBoard(storyboardId: string): Listening<Board | null> {
  const { uid } = useUser();
  const board = useDocument<Storyboard>(storyboard(storyboardId));
  const scenes = useDocuments<Scene>(`${uid} ${storyboardId}`, () => scenesOf(uid, storyboardId));
  const products = useDocuments<Product>(uid, () => productsOf(uid));
  const image = useJobs("image", uid, storyboardId);
  const video = useJobs("video", uid, storyboardId);
  const multi_video = useJobs("multi_video", uid, storyboardId);
  const composition = useJobs("composition", uid, storyboardId);

  const others = [products, image, video, multi_video, composition];
  const opened = useRef<string | null>(null);
  if (board.state !== "ready") return board;
  if (board.data === null) return { state: "ready", data: null, stale: board.stale };
  const failed = [scenes, ...others].find((one) => one.state === "failed");
  if (failed) return failed;
  if (scenes.state !== "ready") return scenes;
  // Without its jobs and products a running job would be ordered again, and a product left out. Only what the server
  // does not have yet has none; and what is shown once is not taken away again.
  const isKnown = board.isOnlyHere || opened.current === storyboardId || others.every((one) => one.state === "ready");
  if (!isKnown) return { state: "loading" };
  opened.current = storyboardId;
  const data: Board = {
    storyboard: board.data,
    scenes: inOrder(scenes.data, board.data.scene_order ?? []),
    products: found(products),
    jobs: {
      image: asked(image),
      video: asked(video),
      multi_video: asked(multi_video).map(withScenes),
      composition: asked(composition),
    },
  };
  return { state: "ready", data, stale: board.stale || scenes.stale };
}

const useJobs = <K extends JobKind>(kind: K, uid: string, storyboardId: string) =>
  useDocuments<Jobs[K]>(`${kind} ${uid} ${storyboardId}`, () => storyboardJobs(uid, kind, storyboardId));

const found = <T>(list: Listening<Found<T>[]>): Found<T>[] => (list.state === "ready" ? list.data : []);

const asked = <T extends Job>(jobs: Listening<Found<T>[]>): Found<T>[] => found(jobs).filter((job) => !job.dry_run);

/** Rules cannot look into a list: of a job that was refused for it, what is not a scene is left out. */
const withScenes = (job: Found<MultiVideoJob>): Found<MultiVideoJob> => ({
  ...job,
  scenes: Array.isArray(job.scenes) ? job.scenes.filter((scene: unknown) => scene && typeof scene === "object") : [],
});

/** US dollars that the storyboard's jobs have cost, as far as they are still known. */
export function spentOn(board: Board): number {
  return Object.values(board.jobs)
    .flat()
    .reduce((sum, job) => sum + (job.cost_usd ?? 0), 0);
}
