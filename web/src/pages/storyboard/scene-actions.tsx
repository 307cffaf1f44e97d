import type { FirestoreError } from "firebase/firestore";
import { Clapperboard, Image } from "lucide";
import { useRef, useState } from "preact/hooks";
import type { Board } from "../../data/board";
import type { Found } from "../../data/listen";
import { imageOrder, productOf, videoOrder } from "../../data/orders";
import { usePrice } from "../../data/prices";
import type { Work } from "../../data/scene-work";
import { hasWords } from "../../data/scenes";
import { db } from "../../firebase";
import { Button } from "../../parts/button";
import { Notice } from "../../parts/notice";
import type { Scene } from "../../pipeline/documents";
import { type CreatedJob, createJob } from "../../pipeline/jobs";
import { useUser } from "../../session";
import { firestoreSentence } from "../../words";

/** A picture of the words, a clip of the picture; what each costs, or why it cannot be made yet. */
export function SceneActions(props: { board: Board; scene: Found<Scene>; number: number; work: Work | null }) {
  const { board, scene, number, work } = props;
  const { uid } = useUser();
  const [refusal, setRefusal] = useState<FirestoreError | null>(null);
  const canPicture = hasWords(scene);
  const canClip = canPicture && Boolean(scene.image_url);
  const order = {
    picture: imageOrder(board, scene, Boolean(scene.image_url)),
    clip: videoOrder(board, scene, Boolean(scene.video_url)),
  };
  const pictureSort = productOf(board, scene) ? "product" : "plain";
  const price = {
    picture: usePrice("image", pictureSort, canPicture ? order.picture : null),
    clip: usePrice("video", `${order.clip.duration} s`, canClip ? order.clip : null),
  };
  // the job shows a moment after it was created: the second press of a double click comes before
  const isSending = useRef(false);
  const send = (create: () => CreatedJob) => {
    if (isSending.current) return;
    isSending.current = true;
    setRefusal(null);
    create()
      .written.catch(setRefusal)
      .finally(() => {
        isSending.current = false;
      });
  };
  const ofScene = <span class="visually-hidden"> of scene {number}</span>;
  const missing = !canPicture ? "First write what is to be seen." : !canClip ? "A clip needs a picture first." : null;
  const reason = `scene-${scene.id}-reason`;
  return (
    <div class="scene-card__actions">
      <Button
        icon={Image}
        kind={canPicture && !scene.image_url ? "primary" : "plain"}
        price={price.picture}
        busy={work?.medium === "picture"}
        disabled={!canPicture || work?.medium === "clip"}
        aria-describedby={canPicture ? undefined : reason}
        onClick={() => send(() => createJob(db, uid, "image", order.picture))}
      >
        {scene.image_url ? "Another picture" : "Make picture"}
        {ofScene}
      </Button>
      <Button
        icon={Clapperboard}
        kind={canClip && !scene.video_url ? "primary" : "plain"}
        price={price.clip}
        busy={work?.medium === "clip"}
        disabled={!canClip || work?.medium === "picture"}
        aria-describedby={canClip ? undefined : reason}
        onClick={() => send(() => createJob(db, uid, "video", order.clip))}
      >
        {scene.video_url ? "Another clip" : "Make clip"}
        {ofScene}
      </Button>
      {missing && !work && (
        <p id={reason} class="scene-card__reason">
          {missing}
        </p>
      )}
      {refusal && (
        <Notice tone="bad" code={refusal.code}>
          {firestoreSentence(refusal)}
        </Notice>
      )}
    </div>
  );
}
