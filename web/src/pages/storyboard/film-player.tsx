import { Download, X } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../parts/button";
import { Notice } from "../../parts/notice";
import { Progress } from "../../parts/progress";
import { announce } from "../../parts/toasts";
import type { MediaWarning } from "../../pipeline/documents";
import { count, fileSize, playerTime, seconds } from "../../words";
import "./film-player.css";

const USUAL_RATIO = 9 / 16;

/** What is known of a film: of an old one only where it lies. */
export interface Film {
  video_url?: string | null;
  poster_url?: string | null;
  duration?: number | null;
  width?: number | null;
  height?: number | null;
  file_size_bytes?: number | null;
  warnings?: MediaWarning[];
}

/** A finished film to watch and to keep. */
export function FilmPlayer({ film, title }: { film: Film; title: string }) {
  const video = useRef<HTMLVideoElement>(null);
  const [measured, setMeasured] = useState<{ duration: number; width: number; height: number } | null>(null);
  const [broken, setBroken] = useState(false);
  const url = film.video_url ?? "";
  const { duration, width, height } = { ...measured, ...known(film) };
  const ratio = width && height ? width / height : USUAL_RATIO;

  const showFrom = (at: number) => {
    if (!video.current) return;
    video.current.currentTime = at;
    video.current.focus();
  };

  return (
    <div class="card film-player">
      <div class="film-player__stage">
        {/* biome-ignore lint/a11y/useMediaCaption: nobody has written any */}
        <video
          ref={video}
          class="film-player__video"
          style={{ aspectRatio: `${ratio}`, width: `min(100%, calc(76dvh * ${ratio.toFixed(4)}))` }}
          src={url}
          poster={film.poster_url ?? undefined}
          controls
          playsInline
          preload="metadata"
          aria-label={`The film: ${title}`}
          onLoadedMetadata={({ currentTarget: { duration, videoWidth, videoHeight } }) =>
            setMeasured({ duration, width: videoWidth, height: videoHeight })
          }
          onError={() => setBroken(true)}
        />
      </div>
      <div class="film-player__foot">
        <p class="film-player__facts">
          {[
            duration && playerTime(duration),
            film.file_size_bytes && fileSize(film.file_size_bytes),
            width && height && `${width} × ${height}`,
          ]
            .filter(Boolean)
            .join(" · ")}
        </p>
        <DownloadButton url={url} title={title} bytes={film.file_size_bytes ?? undefined} />
      </div>
      {broken && (
        <Notice tone="bad">
          The film cannot be played here: its file may be gone, or this browser does not know its format.
        </Notice>
      )}
      {!!film.warnings?.length && <Warnings warnings={film.warnings} showFrom={showFrom} />}
    </div>
  );
}

function known({ duration, width, height }: Film) {
  return { ...(duration ? { duration } : {}), ...(width && height ? { width, height } : {}) };
}

const NOTICED = { black: "is black", frozen: "does not move" } as const;

function sentenceOf({ code, clip, start_seconds, end_seconds }: MediaWarning): string {
  const stretch = seconds(end_seconds - start_seconds);
  if (code === "silent") return `There is no sound for ${stretch}.`;
  return `Clip ${clip} ${NOTICED[code as keyof typeof NOTICED] ?? code} for ${stretch}.`;
}

function Warnings({ warnings, showFrom }: { warnings: MediaWarning[]; showFrom: (at: number) => void }) {
  return (
    <Notice tone="warn">
      <p>The film is whole. {count(warnings.length, "place")} to look at:</p>
      <ul class="film-player__warnings">
        {warnings.map((one) => (
          <li key={`${one.code} ${one.clip} ${one.start_seconds}`}>
            <button
              type="button"
              class="film-player__place"
              aria-label={`Show the film at ${playerTime(one.start_seconds)}`}
              onClick={() => showFrom(one.start_seconds)}
            >
              {playerTime(one.start_seconds)}
            </button>
            <span>{sentenceOf(one)}</span>
          </li>
        ))}
      </ul>
    </Notice>
  );
}

/** Saves the film under its title. Where the browser may not read the file it is opened instead. */
function DownloadButton({ url, title, bytes }: { url: string; title: string; bytes?: number }) {
  const [percent, setPercent] = useState<number | null>(null);
  const [refused, setRefused] = useState(false);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const download = async () => {
    const control = new AbortController();
    running.current = control;
    setRefused(false);
    setPercent(0);
    try {
      save(await fetched(url, bytes, control.signal, setPercent), `${fileName(title)}.mp4`);
      announce("The film is saved.");
    } catch {
      if (!control.signal.aborted) {
        window.open(url, "_blank", "noopener");
        setRefused(true);
      }
    }
    setPercent(null);
  };

  if (percent !== null) {
    return (
      <div class="film-player__download">
        <Progress label="Downloading" percent={percent} />
        <Button icon={X} onClick={() => running.current?.abort()}>
          Stop the download
        </Button>
      </div>
    );
  }
  return (
    <div class="film-player__download">
      <Button icon={Download} onClick={download}>
        Download
      </Button>
      {refused && (
        <p role="status">
          It cannot be saved from here.{" "}
          <a href={url} target="_blank" rel="noreferrer">
            Open the film in a new tab
          </a>{" "}
          and save it there.
        </p>
      )}
    </div>
  );
}

async function fetched(
  url: string,
  bytes: number | undefined,
  signal: AbortSignal,
  onProgress: (percent: number) => void,
) {
  const answer = await fetch(url, { signal });
  if (!answer.ok || !answer.body) throw new Error(`${answer.status}`);
  const total = Number(answer.headers.get("content-length")) || bytes;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: "video/mp4" });
    parts.push(value);
    received += value.length;
    if (total) onProgress(Math.min(100, (100 * received) / total));
  }
}

function save(file: Blob, name: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A title without what file systems do not take. */
const fileName = (title: string) =>
  title
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    .replace(/[\\/:*?"<>|\u0000-\u001f]+/g, " ")
    .replace(/^[. ]+|[. ]+$/g, "")
    .slice(0, 100) || "Film";
