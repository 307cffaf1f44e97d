/** What users write: storyboards and their scenes. Every change is one commit, so that no listener sees half of it. */
import { collection, doc, serverTimestamp, updateDoc, writeBatch } from "firebase/firestore";
import { db } from "../firebase";
import type { Scene, Storyboard } from "../pipeline/documents";
import { EXAMPLE, type ExampleScene } from "./example";
import type { Found } from "./listen";
import { secondsOf, USUAL_SECONDS } from "./scenes";

/** Begin a storyboard with one empty scene. Returns its id at once; `written` tells when the server has it. */
export function createStoryboard(uid: string, title = "", style = "", scenes: ExampleScene[] = [{ text: "" }]) {
  const board = doc(collection(db, "storyboards"));
  const batch = writeBatch(db);
  const ids = scenes.map((scene) => {
    const one = doc(collection(db, "scenes"));
    batch.set(one, newScene(uid, board.id, scene));
    return one.id;
  });
  const now = serverTimestamp();
  batch.set(board, {
    user_id: uid,
    title,
    style,
    scene_order: ids,
    total_duration: ids.length * USUAL_SECONDS,
    aspect_ratio: "9:16",
    created_at: now,
    updated_at: now,
  });
  return { id: board.id, written: batch.commit() };
}

export const createExample = (uid: string) => createStoryboard(uid, EXAMPLE.title, EXAMPLE.style, EXAMPLE.scenes);

type StoryboardChanges = Partial<Pick<Storyboard, "title" | "style" | "aspect_ratio" | "scene_order">>;

export function changeStoryboard(storyboardId: string, changes: StoryboardChanges): Promise<void> {
  return updateDoc(doc(db, "storyboards", storyboardId), { ...changes, updated_at: serverTimestamp() });
}

/** With its scenes. Jobs and files stay: what was made was paid for. */
export async function deleteStoryboard(storyboardId: string, sceneIds: string[]): Promise<void> {
  const batch = writeBatch(db);
  for (const id of sceneIds) batch.delete(doc(db, "scenes", id));
  batch.delete(doc(db, "storyboards", storyboardId));
  await batch.commit();
}

/** A new scene at the end. */
export function addScene(
  uid: string,
  board: Found<Storyboard>,
  scenes: Found<Scene>[],
  scene: ExampleScene = { text: "" },
) {
  const one = doc(collection(db, "scenes"));
  const batch = writeBatch(db);
  batch.set(one, newScene(uid, board.id, scene));
  batch.update(doc(db, "storyboards", board.id), {
    scene_order: [...scenes.map((each) => each.id), one.id],
    total_duration: lengthOf(scenes) + USUAL_SECONDS,
    updated_at: serverTimestamp(),
  });
  return { id: one.id, written: batch.commit() };
}

type SceneChanges = Partial<
  Pick<Scene, "text" | "style_prompt" | "video_duration" | "use_product_composite" | "product_id">
>;

/** The storyboard knows that it was touched, and how long it has become. */
export function changeScene(board: WholeBoard, sceneId: string, changes: SceneChanges): Promise<void> {
  const updated_at = serverTimestamp();
  const scenes = board.scenes.map((one) => (one.id === sceneId ? { ...one, ...changes } : one));
  const batch = writeBatch(db);
  batch.update(doc(db, "scenes", sceneId), { ...changes, updated_at });
  batch.update(doc(db, "storyboards", board.storyboard.id), { total_duration: lengthOf(scenes), updated_at });
  return batch.commit();
}

interface WholeBoard {
  storyboard: Found<Storyboard>;
  scenes: Found<Scene>[];
}

export async function deleteScene(board: Found<Storyboard>, scenes: Found<Scene>[], sceneId: string): Promise<void> {
  const left = scenes.filter((one) => one.id !== sceneId);
  const batch = writeBatch(db);
  batch.delete(doc(db, "scenes", sceneId));
  batch.update(doc(db, "storyboards", board.id), {
    scene_order: left.map((one) => one.id),
    total_duration: lengthOf(left),
    updated_at: serverTimestamp(),
  });
  await batch.commit();
}

/** Put a scene at another place, counted from 0. */
export function moveScene(board: Found<Storyboard>, scenes: Found<Scene>[], sceneId: string, place: number) {
  const order = scenes.map((one) => one.id).filter((id) => id !== sceneId);
  order.splice(place, 0, sceneId);
  return changeStoryboard(board.id, { scene_order: order });
}

/** Scenes in the order of their storyboard; those that it does not name come last. */
export function inOrder(scenes: Found<Scene>[], order: readonly string[]): Found<Scene>[] {
  const place = new Map(order.map((id, index) => [id, index]));
  return [...scenes].sort(
    (a, b) => (place.get(a.id) ?? order.length) - (place.get(b.id) ?? order.length) || a.id.localeCompare(b.id),
  );
}

function newScene(uid: string, storyboardId: string, scene: ExampleScene) {
  const now = serverTimestamp();
  return {
    user_id: uid,
    storyboard_id: storyboardId,
    text: scene.text,
    style_prompt: scene.style_prompt ?? "",
    video_duration: USUAL_SECONDS,
    use_product_composite: false,
    product_id: null,
    state: "text",
    generation_status: { image: "pending", video: "pending" },
    created_at: now,
    updated_at: now,
  };
}

const lengthOf = (scenes: Found<Scene>[]) => scenes.reduce((sum, one) => sum + secondsOf(one), 0);
