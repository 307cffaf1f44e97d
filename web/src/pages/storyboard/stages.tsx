import { Check, CircleAlert, Square, WandSparkles } from "lucide";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Board } from "../../data/board";
import { useDocument } from "../../data/listen";
import { videoOf } from "../../data/queries";
import { hasWords } from "../../data/scenes";
import { MEDIUM_NOUNS, type Medium, type Stage, stageOf } from "../../data/stages";
import { db } from "../../firebase";
import { Button } from "../../parts/button";
import { sayFailure } from "../../parts/failure";
import { Icon } from "../../parts/icon";
import { Progress } from "../../parts/progress";
import { announce } from "../../parts/toasts";
import type { Video } from "../../pipeline/documents";
import { cancelJob, hasEnded } from "../../pipeline/jobs";
import { useUser } from "../../session";
import { count } from "../../words";
import { GenerateAll } from "./generate-all";

type State = "done" | "working" | "todo" | "failed" | "waiting";

/** How far the storyboard is, from words to the film, and what to do next. */
export function Stages({ board }: { board: Board }) {
  const [asking, setAsking] = useState<Medium | null>(null);
  const pictures = stageOf(board, "image");
  const clips = stageOf(board, "video");
  const isOpen = (stage: Stage) => stage.missing.length > 0 || stage.jobs.length > 0;
  const next = isOpen(pictures) ? "image" : isOpen(clips) ? "video" : "film";
  return (
    <section aria-label="Steps to the film">
      <ol class="card stages">
        <WordsStep board={board} />
        <MediumStep number={2} medium="image" stage={pictures} isNext={next === "image"} onMake={setAsking} />
        <MediumStep number={3} medium="video" stage={clips} isNext={next === "video"} onMake={setAsking} />
        <FilmStep board={board} clips={clips.done} isNext={next === "film"} />
      </ol>
      {asking && <GenerateAll board={board} medium={asking} onClose={() => setAsking(null)} />}
    </section>
  );
}

function WordsStep({ board }: { board: Board }) {
  const written = board.scenes.filter(hasWords).length;
  const silent = board.scenes.length - written;
  const isDone = written > 0 && silent === 0;
  return (
    <Step number={1} name="Words" state={isDone ? "done" : "todo"} count={`${written} of ${board.scenes.length}`}>
      {isDone ? "Done" : silent === 0 ? "Add a scene" : `To write: ${count(silent, "scene")}`}
    </Step>
  );
}

function MediumStep(props: {
  number: number;
  medium: Medium;
  stage: Stage;
  isNext: boolean;
  onMake: (medium: Medium) => void;
}) {
  const { medium, stage } = props;
  const noun = MEDIUM_NOUNS[medium];
  const isFirst = stage.done === 0 && stage.jobs.length === 0;
  const isWorking = stage.jobs.length > 0;
  const make = stage.missing.length > 0 && (
    <Button
      kind={props.isNext && !isWorking ? "primary" : "plain"}
      icon={WandSparkles}
      onClick={() => props.onMake(medium)}
    >
      {isFirst ? (
        `Make ${stage.missing.length > 1 ? "all " : ""}${count(stage.missing.length, noun)}`
      ) : (
        <>
          Make missing {stage.missing.length}
          <span class="visually-hidden"> {stage.missing.length === 1 ? noun : `${noun}s`}</span>
        </>
      )}
    </Button>
  );
  return (
    <Step
      number={props.number}
      name={medium === "image" ? "Pictures" : "Clips"}
      state={stateOf(stage)}
      count={`${stage.done} of ${stage.scenes}`}
      progress={isWorking ? <Progress label="Being made" percent={stage.percent || undefined} /> : undefined}
      actions={
        // the first button stays the same one, whatever is on it: who has the focus there keeps it
        <>
          {isWorking ? stopAll(stage, noun) : make}
          {isWorking && make}
        </>
      }
    >
      {sentence(stage, medium)}
    </Step>
  );
}

function stateOf(stage: Stage): State {
  if (stage.jobs.length > 0) return "working";
  if (stage.failed > 0) return "failed";
  if (stage.missing.length > 0) return "todo";
  return stage.done > 0 && stage.done === stage.scenes ? "done" : "waiting";
}

function sentence(stage: Stage, medium: Medium): string {
  const before = medium === "image" ? "words" : "pictures";
  const parts = [
    ...(stage.failed > 0 ? [`${stage.failed} failed`] : []),
    ...(stage.missing.length > stage.failed ? [`${stage.missing.length - stage.failed} to make`] : []),
    ...(stage.unready.length > 0 ? [`${stage.unready.length} without ${before} yet`] : []),
  ];
  if (stage.done === 0 && stage.missing.length === 0 && stage.jobs.length === 0) return `First come the ${before}`;
  if (stateOf(stage) === "done") return "Done";
  return parts.join(", ");
}

/** Asks every job that is at work to stop. What has been started at a provider may still be paid. */
function stopAll(stage: Stage, noun: string) {
  const going = stage.jobs.filter(({ job }) => !job.cancel_requested);
  const stop = () => {
    if (going.length === 0) return;
    for (const { kind, job } of going) cancelJob(db, kind, job.id).catch(sayFailure("That could not be stopped"));
    announce(`The ${noun}s that are being made will be stopped.`);
  };
  return (
    <Button icon={Square} aria-disabled={going.length === 0} onClick={stop}>
      {going.length === 0 ? "Stopping" : "Stop all"}
      <span class="visually-hidden"> {noun}s</span>
    </Button>
  );
}

function FilmStep({ board, clips, isNext }: { board: Board; clips: number; isNext: boolean }) {
  const { uid } = useUser();
  const video = useDocument<Video>(videoOf(uid, board.storyboard.id));
  const latest = board.jobs.composition[0];
  const isMade =
    board.jobs.composition.some((job) => job.status === "complete") ||
    (video.state === "ready" && Boolean(video.data?.video_url));
  const isWorking = latest !== undefined && !hasEnded(latest);
  const state: State = isWorking
    ? "working"
    : latest?.status === "error"
      ? "failed"
      : isMade
        ? "done"
        : clips > 0
          ? "todo"
          : "waiting";
  const words = {
    working: "",
    failed: isMade ? "The latest one failed" : "Failed",
    done: "Done",
    todo: `From ${count(clips, "clip")}`,
    waiting: "First come the clips",
  };
  return (
    <Step
      number={4}
      name="Film"
      state={state}
      count={isMade ? "1 of 1" : "0 of 1"}
      progress={isWorking ? <Progress label="Being made" percent={latest.progress_percent ?? undefined} /> : undefined}
      actions={
        state !== "waiting" && (
          <a class="button" data-kind={state === "todo" && isNext ? "primary" : undefined} href="#film">
            {isMade ? "See the film" : "Go to the film"}
          </a>
        )
      }
    >
      {words[state]}
    </Step>
  );
}

function Step(props: {
  number: number;
  name: string;
  state: State;
  count: string;
  progress?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  const mark = props.state === "done" ? Check : props.state === "failed" ? CircleAlert : null;
  return (
    <li class="stage" data-state={props.state}>
      <div class="stage__head">
        <span class="stage__mark" aria-hidden="true">
          {mark ? <Icon of={mark} size={17} /> : props.number}
        </span>
        <h2>{props.name}</h2>
        <span class="stage__count">{props.count}</span>
      </div>
      {props.progress}
      {props.children && <p class="stage__words">{props.children}</p>}
      <div class="stage__actions">{props.actions}</div>
    </li>
  );
}
