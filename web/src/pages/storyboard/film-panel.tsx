import type { FirestoreError } from "firebase/firestore";
import { Clapperboard, Film } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Board } from "../../data/board";
import { type Found, useDocument } from "../../data/listen";
import { compositionOrder, type FilmSettings } from "../../data/orders";
import { videoOf } from "../../data/queries";
import { db } from "../../firebase";
import { Button } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { JobTrouble } from "../../parts/job-trouble";
import { JobWorking } from "../../parts/job-working";
import { Notice } from "../../parts/notice";
import { announce } from "../../parts/toasts";
import type { CompositionJob, Video } from "../../pipeline/documents";
import { createJob, hasEnded } from "../../pipeline/jobs";
import { useUser } from "../../session";
import { count, firestoreSentence, usd } from "../../words";
import "./film-panel.css";
import { FilmPlayer } from "./film-player";
import { FilmSettingsForm } from "./film-settings";
import { FilmStrip } from "./film-strip";
import { musicProblem } from "./music-picker";

const DEFAULTS: FilmSettings = {
  include_crossfade: true,
  crossfade_seconds: 0.5,
  transition: "fade",
  optimize_size: false,
  audio_url: null,
};

/** The clips of a storyboard as one film: how they are joined, the making, the result. */
export function FilmPanel({ board }: { board: Board }) {
  const [latest] = board.jobs.composition;
  const [own, setOwn] = useState<FilmSettings | null>(null);
  const settings = own ?? settingsOf(latest);
  const working = latest && !hasEnded(latest) ? latest : null;
  const clips = board.scenes.filter((scene) => scene.video_url).length;
  const isReady = settings.audio_url === null || musicProblem(settings.audio_url) === null;
  const making = useRef<HTMLDivElement>(null);
  const pressed = useRef(false);
  useAnnouncedEnd(working, latest);
  // the button that was pressed goes away with what it began or stopped
  // biome-ignore lint/correctness/useExhaustiveDependencies: when that changes
  useEffect(() => {
    if (pressed.current && document.activeElement === document.body) making.current?.focus({ preventScroll: true });
    pressed.current = false;
  }, [working === null]);

  return (
    <section class="film" id="film" aria-labelledby="film-heading">
      <header class="film__head">
        <h2 id="film-heading">Film</h2>
        {board.scenes.length > 0 && <p class="film__count">{countOfClips(clips, board.scenes.length)}</p>}
      </header>
      {clips === 0 ? (
        <Empty icon={Clapperboard} title="No clips yet">
          The film is made of the clips of your scenes, in their order. Make some first.
        </Empty>
      ) : (
        // biome-ignore lint/a11y/noStaticElementInteractions: the presses of the buttons inside
        // biome-ignore lint/a11y/useKeyWithClickEvents: those of keys are clicks, too
        <div
          class="card film__making"
          ref={making}
          tabIndex={-1}
          onClick={(event) => {
            pressed.current = event.target instanceof HTMLElement && event.target.closest("button") !== null;
          }}
        >
          <FilmStrip board={board} />
          <FilmSettingsForm
            settings={settings}
            disabled={working !== null}
            onChange={(changes) => setOwn((before) => ({ ...(before ?? settings), ...changes }))}
          />
          {working ? (
            <JobWorking kind="composition" job={working} />
          ) : (
            <MakeButton board={board} settings={settings} isFirst={board.jobs.composition.length === 0} />
          )}
          {latest?.status === "error" && (
            <JobTrouble
              kind="composition"
              job={latest}
              changes={isReady ? compositionOrder(board, settings) : undefined}
            />
          )}
          {latest?.status === "canceled" && <Notice>The making of the film was stopped.</Notice>}
        </div>
      )}
      <Result board={board} />
    </section>
  );
}

function countOfClips(clips: number, scenes: number): string {
  if (clips === scenes) return scenes === 1 ? "Its one clip is there" : `All ${scenes} clips are there`;
  return `${clips} of ${count(scenes, "clip")} ${clips === 1 ? "is" : "are"} there; scenes without are left out`;
}

function settingsOf(job: Found<CompositionJob> | undefined): FilmSettings {
  if (!job) return DEFAULTS;
  return {
    include_crossfade: job.include_crossfade ?? DEFAULTS.include_crossfade,
    crossfade_seconds: job.crossfade_seconds ?? DEFAULTS.crossfade_seconds,
    transition: job.transition ?? DEFAULTS.transition,
    optimize_size: job.optimize_size ?? DEFAULTS.optimize_size,
    audio_url: job.audio_url ?? DEFAULTS.audio_url,
  };
}

function MakeButton({ board, settings, isFirst }: { board: Board; settings: FilmSettings; isFirst: boolean }) {
  const { uid } = useUser();
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<FirestoreError | null>(null);
  const problem = settings.audio_url === null ? null : musicProblem(settings.audio_url);

  const make = async () => {
    setBusy(true);
    setRefused(null);
    try {
      await createJob(db, uid, "composition", compositionOrder(board, settings)).written;
      announce("The film is being made.");
    } catch (failure) {
      setRefused(failure as FirestoreError);
    }
    setBusy(false);
  };

  return (
    <div class="film__make">
      <Button kind="primary" icon={Film} busy={busy} disabled={problem !== null} onClick={make}>
        {isFirst ? "Make the film" : "Make the film again"}
      </Button>
      <p class="film__price">{problem ?? `${usd(0)}: the clips are already paid, and joining them is free.`}</p>
      {refused && (
        <Notice tone="bad" code={refused.code}>
          {firestoreSentence(refused)}
        </Notice>
      )}
    </div>
  );
}

/** The newest film that there is. Its job is forgotten some weeks later: then the video's document still has it. */
function Result({ board }: { board: Board }) {
  const { uid } = useUser();
  const video = useDocument<Video>(videoOf(uid, board.storyboard.id));
  const title = board.storyboard.title || "Untitled";
  const made = board.jobs.composition.find((job) => job.status === "complete" && job.video_url);
  if (made) {
    return (
      <>
        {!isOfTheseClips(made, board) && <Notice tone="warn">Clips have changed since this film was made.</Notice>}
        <FilmPlayer key={made.video_url} film={made} title={title} />
      </>
    );
  }
  const url = video.state === "ready" ? video.data?.video_url : null;
  return url ? <FilmPlayer key={url} film={{ video_url: url }} title={title} /> : null;
}

function isOfTheseClips(film: Found<CompositionJob>, board: Board): boolean {
  const now = board.scenes.flatMap((scene) => (scene.video_url ? [scene.video_url] : []));
  const then = (film.clips ?? []).map((clip) => clip.video_url);
  return now.length === then.length && now.every((url, place) => url === then[place]);
}

/** Says it when a film that was being made has become one. */
function useAnnouncedEnd(working: Found<CompositionJob> | null, latest: Found<CompositionJob> | undefined) {
  const watched = useRef<string | null>(null);
  useEffect(() => {
    if (working) watched.current = working.id;
    else if (latest && latest.id === watched.current) {
      watched.current = null;
      if (latest.status === "complete") announce("The film is done.");
      if (latest.status === "canceled") announce("Stopped.");
    }
  }, [working, latest]);
}
