import { Image, Square } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Board } from "../../data/board";
import type { Found } from "../../data/listen";
import { clipMaking, pictureMaking, type Work } from "../../data/scene-work";
import { db } from "../../firebase";
import { Button } from "../../parts/button";
import { sayFailure } from "../../parts/failure";
import { Icon } from "../../parts/icon";
import { Picture } from "../../parts/picture";
import { Progress } from "../../parts/progress";
import { announce } from "../../parts/toasts";
import type { Scene } from "../../pipeline/documents";
import { cancelJob } from "../../pipeline/jobs";
import { count } from "../../words";
import { SceneFacts } from "./scene-facts";
import "./scene-media.css";

const UPRIGHT = 9 / 16;

type Medium = "picture" | "clip";

/** The scene's picture or clip in the storyboard's shape, and what is being made of it now. */
export function SceneMedia(props: { board: Board; scene: Found<Scene>; number: number; work: Work | null }) {
  const { board, scene, number, work } = props;
  const [shown, choose] = useShown(scene);
  useNews(scene, number);
  const picture = pictureMaking(board, scene);
  const clip = clipMaking(board, scene);
  const text = (scene.text ?? "").trim() || `Scene ${number}`;
  const still = scene.image_url ?? clip?.thumbnailUrl;
  return (
    <div class="scene-media" style={{ "--ratio": ratioOf(board.storyboard.aspect_ratio) }}>
      <div class="scene-media__stage">
        {still && <img class="scene-media__glow" src={still} alt="" loading="lazy" decoding="async" />}
        <div class="scene-media__frame">
          {shown === "clip" && scene.video_url ? (
            // biome-ignore lint/a11y/useMediaCaption: nobody speaks in a clip
            <video
              key={scene.video_url}
              src={scene.video_url}
              poster={still ?? undefined}
              controls
              playsInline
              preload={still ? "none" : "metadata"} // browsers hold some dozens of players at most
              aria-label={`Clip of scene ${number}: ${text}`}
            />
          ) : scene.image_url ? (
            <Picture src={scene.image_url} alt={text} placeholder={picture?.placeholder} />
          ) : (
            !work && (
              <p class="scene-media__nothing">
                <Icon of={Image} size={32} />
                No picture yet
              </p>
            )
          )}
        </div>
        {work && <WorkOverlay work={work} number={number} />}
      </div>
      {scene.image_url && scene.video_url && (
        <fieldset class="scene-media__choice">
          <legend class="visually-hidden">What to show of scene {number}</legend>
          {(["picture", "clip"] as const).map((medium) => (
            <label key={medium}>
              <input
                type="radio"
                name={`shown-${scene.id}`}
                checked={shown === medium}
                onChange={() => choose(medium)}
              />
              {medium === "clip" ? "Clip" : "Picture"}
            </label>
          ))}
        </fieldset>
      )}
      <SceneFacts board={board} scene={scene} making={shown === "clip" ? clip : picture} />
    </div>
  );
}

/** What is shown of a scene: the newest, or what the user has chosen since. */
function useShown(scene: Found<Scene>) {
  const [chosen, choose] = useState<Medium | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is new is shown
  useEffect(() => choose(null), [scene.image_url, scene.video_url]);
  const newest: Medium = scene.video_url && (scene.state !== "image" || !scene.image_url) ? "clip" : "picture";
  return [chosen ?? newest, choose] as const;
}

/** Say it when a picture or a clip has come. */
function useNews(scene: Found<Scene>, number: number): void {
  const seen = useRef({ picture: scene.image_url, clip: scene.video_url });
  useEffect(() => {
    const { picture, clip } = seen.current;
    seen.current = { picture: scene.image_url, clip: scene.video_url };
    if (scene.image_url && scene.image_url !== picture) announce(`The picture of scene ${number} is ready`);
    if (scene.video_url && scene.video_url !== clip) announce(`The clip of scene ${number} is ready`);
  }, [scene.image_url, scene.video_url, number]);
}

function WorkOverlay({ work, number }: { work: Work; number: number }) {
  const stop = () => cancelJob(db, work.of.kind, work.of.job.id).catch(sayFailure("It was not stopped"));
  return (
    <div class="scene-media__work">
      <Progress label={work.label} percent={work.percent} />
      <Button icon={Square} busy={work.isStopping} onClick={stop}>
        Stop{work.scenes > 1 && ` all ${count(work.scenes, "clip")}`}
        <span class="visually-hidden">
          {" "}
          (the {work.medium} of scene {number})
        </span>
      </Button>
    </div>
  );
}

/** Width to height. */
function ratioOf(aspectRatio: string | null | undefined): number {
  const [width, height] = (aspectRatio ?? "").split(":").map(Number);
  const ratio = (width ?? Number.NaN) / (height ?? Number.NaN);
  return Number.isFinite(ratio) && ratio > 0 ? ratio : UPRIGHT;
}
