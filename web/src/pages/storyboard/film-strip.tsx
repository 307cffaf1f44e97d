import { VideoOff } from "lucide";
import type { Board } from "../../data/board";
import type { Found } from "../../data/listen";
import { Icon } from "../../parts/icon";
import { Picture } from "../../parts/picture";
import type { ClipResult, Scene } from "../../pipeline/documents";

/** The clips in the order in which the film shows them. */
export function FilmStrip({ board }: { board: Board }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways is also scrolled by keys
    <ol class="film-strip" tabIndex={0} aria-label="Clips of the film, in order">
      {board.scenes.map((scene, place) => (
        <li class="film-strip__clip" key={scene.id} data-missing={!scene.video_url || undefined}>
          <Frame board={board} scene={scene} place={place + 1} />
          <span class="film-strip__number">{place + 1}</span>
        </li>
      ))}
    </ol>
  );
}

function Frame({ board, scene, place }: { board: Board; scene: Found<Scene>; place: number }) {
  if (!scene.video_url) {
    return (
      <div class="film-strip__gap">
        <Icon of={VideoOff} />
        <span class="visually-hidden">Scene {place} has no clip: it is left out</span>
      </div>
    );
  }
  const { url, placeholder } = thumbnailOf(board, scene);
  const alt = `Scene ${place}: ${scene.text || "without words"}`;
  return url ? <Picture src={url} alt={alt} placeholder={placeholder} /> : <span>{alt}</span>;
}

type Thumbnailed = Partial<Pick<ClipResult, "video_url" | "thumbnail_url" | "placeholder">>;

/** A clip's own thumbnail, as long as its job is known; else the picture that it began with. */
function thumbnailOf(board: Board, scene: Found<Scene>): { url?: string | null; placeholder?: string | null } {
  const clips: Thumbnailed[] = [...board.jobs.video, ...board.jobs.multi_video.flatMap((job) => job.clips ?? [])];
  const clip = clips.find((one) => one.video_url === scene.video_url);
  return clip?.thumbnail_url
    ? { url: clip.thumbnail_url, placeholder: clip.placeholder }
    : { url: scene.image_url ?? null };
}
