import { Notice } from "../../parts/notice";
import { Picture } from "../../parts/picture";
import type { Job, SceneClip } from "../../pipeline/documents";
import { fileSize, seconds } from "../../words";
import { FilmPlayer } from "../storyboard/film-player";
import { type AnyJob, nameOf, UNTITLED } from "./words-of-job";

/** What a job has made so far; nothing where it has made nothing. */
export function JobResult({ of }: { of: AnyJob }) {
  const { kind, job } = of;
  if (kind === "image") {
    if (!job.image_url) return null;
    return (
      <figure class="card result">
        <a class="result__picture" href={job.image_url} target="_blank" rel="noreferrer" style={fitted(job)}>
          <Picture
            src={job.image_url}
            alt={nameOf(of)}
            placeholder={job.placeholder}
            ratio={`${job.width ?? 9} / ${job.height ?? 16}`}
          />
          <span class="visually-hidden">Open the picture in a new tab</span>
        </a>
        <Facts of={job} />
      </figure>
    );
  }
  if (kind === "video") return job.video_url ? <ClipFigure clip={job} label={nameOf(of)} /> : null;
  if (kind === "composition") {
    return job.video_url ? <FilmPlayer film={job} title={job.title || UNTITLED} /> : null;
  }
  if (!job.clips?.length && !job.scene_errors?.length) return null;
  return (
    <div class="results">
      {job.clips?.map((clip) => (
        <ClipFigure key={`clip ${clip.scene_number}`} clip={clip} label={`Scene ${clip.scene_number}`} isOneOfMany />
      ))}
      {job.scene_errors?.map((error) => (
        <Notice key={`error ${error.scene_number}`} tone="bad" code={error.code}>
          <strong>Scene {error.scene_number}</strong>: {error.message}
        </Notice>
      ))}
    </div>
  );
}

type ShownClip = Partial<
  Pick<SceneClip, "video_url" | "thumbnail_url" | "duration" | "width" | "height" | "file_size_bytes" | "reused_from">
>;

function ClipFigure({ clip, label, isOneOfMany }: { clip: ShownClip; label: string; isOneOfMany?: boolean }) {
  return (
    <figure class="card result">
      {/* biome-ignore lint/a11y/useMediaCaption: nobody has written any */}
      <video
        class="result__video"
        style={isOneOfMany ? { aspectRatio: ratioOf(clip) } : { aspectRatio: ratioOf(clip), ...fitted(clip) }}
        src={clip.video_url}
        poster={clip.thumbnail_url}
        controls
        playsInline
        loop
        preload={clip.thumbnail_url ? "none" : "metadata"}
        aria-label={label}
      />
      <Facts of={clip} label={isOneOfMany ? label : undefined} />
    </figure>
  );
}

interface Sized {
  width?: number | null;
  height?: number | null;
  file_size_bytes?: number | null;
  duration?: number | null;
  reused_from?: string | null;
}

function Facts({ of, label }: { of: Sized | Job; label?: string }) {
  const { width, height, file_size_bytes, duration, reused_from } = of as Sized;
  const facts = [
    duration && seconds(duration),
    width && height && `${width} × ${height}`,
    file_size_bytes && fileSize(file_size_bytes),
    label && reused_from && "made before, not paid again",
  ].filter(Boolean);
  return (
    <figcaption class="result__facts">
      {label && <strong>{label}</strong>} {facts.join(" · ")}
    </figcaption>
  );
}

const ratioOf = ({ width, height }: Sized) => `${width ?? 9} / ${height ?? 16}`;

/** As large as fits on the screen. */
const fitted = ({ width, height }: Sized) => ({
  width: `min(100%, calc(70dvh * ${((width ?? 9) / (height ?? 16)).toFixed(4)}))`,
});
