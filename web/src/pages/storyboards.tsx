import { Clapperboard, Plus, Sparkles, Trash2 } from "lucide";
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { type Found, type Listening, useDocuments } from "../data/listen";
import { latestScenesOf, storyboardsOf } from "../data/queries";
import { isGenerating } from "../data/scenes";
import { createExample, createStoryboard, inOrder } from "../data/storyboards";
import { Button, IconButton } from "../parts/button";
import { Empty, Skeleton } from "../parts/empty";
import { sayFailure } from "../parts/failure";
import { Notice } from "../parts/notice";
import { usePageTitle } from "../parts/page-title";
import { Picture } from "../parts/picture";
import type { Scene, Storyboard } from "../pipeline/documents";
import { useUser } from "../session";
import { count, firestoreSentence, time } from "../words";
import { DeleteStoryboard } from "./storyboard/delete-storyboard";
import "./storyboards.css";

const FRAMES = 5;
const AT_ONCE = 100;

/** Everything that the user works on; what was touched last comes first. */
export function Storyboards() {
  const { uid } = useUser();
  const { route } = useLocation();
  const [most, setMost] = useState(AT_ONCE);
  const boards = useDocuments<Storyboard>(`storyboards ${uid} ${most}`, () => storyboardsOf(uid, most));
  const scenes = useDocuments<Scene>(`scenes ${uid}`, () => latestScenesOf(uid));
  const [unwanted, setUnwanted] = useState<Found<Storyboard> | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  usePageTitle("Storyboards");
  useFocusAfterLoss(boards.state === "ready" ? boards.data.length : 0, heading);

  const begin = ({ id, written }: ReturnType<typeof createStoryboard>) => {
    written.catch(sayFailure("The storyboard was not created"));
    route(`/storyboards/${id}`);
  };
  const isEmpty = boards.state === "ready" && boards.data.length === 0;
  return (
    <div class="page">
      <div class="page__head">
        <h1 ref={heading} tabIndex={-1}>
          Storyboards
        </h1>
        {!isEmpty && (
          <Button kind="primary" icon={Plus} onClick={() => begin(createStoryboard(uid))}>
            New storyboard
          </Button>
        )}
      </div>
      {scenes.state === "failed" && boards.state !== "failed" && (
        <Notice tone="warn" code={scenes.error.code}>
          The pictures cannot be shown here now. {firestoreSentence(scenes.error)}
        </Notice>
      )}
      {boards.state === "failed" && (
        <Notice tone="bad" code={boards.error.code}>
          {firestoreSentence(boards.error)}
        </Notice>
      )}
      {boards.state === "loading" && <Skeleton height="14rem" label="Loading your storyboards" />}
      {isEmpty && (
        <Empty
          icon={Clapperboard}
          title="Your first film begins with words"
          actions={
            <>
              <Button kind="primary" icon={Plus} onClick={() => begin(createStoryboard(uid))}>
                New storyboard
              </Button>
              <Button icon={Sparkles} onClick={() => begin(createExample(uid))}>
                Start with an example
              </Button>
            </>
          }
        >
          Write what is to be seen, scene by scene. Each becomes a picture, each picture a clip, and all clips together
          your film.
        </Empty>
      )}
      {boards.state === "ready" && (
        <ul class="board-cards">
          {boards.data.map((board) => (
            <BoardCard
              key={board.id}
              board={board}
              scenes={scenesIn(scenes, board)}
              onDelete={() => setUnwanted(board)}
            />
          ))}
        </ul>
      )}
      {boards.state === "ready" && boards.data.length === most && (
        <div class="board-cards__older">
          <Button onClick={() => setMost(most + AT_ONCE)}>Show older storyboards</Button>
        </div>
      )}
      {unwanted && (
        <DeleteStoryboard board={unwanted} onClose={() => setUnwanted(null)} onDelete={() => setUnwanted(null)} />
      )}
    </div>
  );
}

/** When a card goes away with the focus in it, the focus goes to the heading. */
function useFocusAfterLoss(cards: number, heading: RefObject<HTMLElement | null>) {
  const before = useRef(cards);
  useEffect(() => {
    if (cards < before.current && document.activeElement === document.body) heading.current?.focus();
    before.current = cards;
  }, [cards, heading]);
}

/** In their order; `null` as long as nobody knows. */
function scenesIn(scenes: Listening<Found<Scene>[]>, board: Found<Storyboard>): Found<Scene>[] | null {
  if (scenes.state !== "ready") return null;
  const own = scenes.data.filter((scene) => scene.storyboard_id === board.id);
  return inOrder(own, board.scene_order ?? []);
}

function BoardCard(props: { board: Found<Storyboard>; scenes: Found<Scene>[] | null; onDelete: () => void }) {
  const { board, scenes } = props;
  const title = board.title || "Untitled";
  return (
    <li class="card board-card">
      <a class="board-card__link" href={`/storyboards/${board.id}`}>
        <Filmstrip scenes={scenes} places={scenes?.length || (board.scene_order ?? []).length} />
        <h2 class="board-card__title" data-untitled={board.title ? undefined : ""}>
          {title}
        </h2>
        <p class="board-card__facts">{facts(board, scenes)}</p>
        <p class="board-card__facts">{touched(board, scenes)}</p>
      </a>
      <div class="board-card__menu">
        <IconButton label={`Delete ${title}`} icon={Trash2} onClick={props.onDelete} />
      </div>
    </li>
  );
}

/** The first scenes' pictures; who listens hears of them in the facts below. */
function Filmstrip({ scenes, places }: { scenes: Found<Scene>[] | null; places: number }) {
  const shown = places > FRAMES ? FRAMES - 1 : places;
  return (
    <div class="filmstrip" aria-hidden="true">
      {Array.from({ length: shown }, (_, index) => {
        const scene = scenes?.[index];
        return (
          <div class="filmstrip__frame" key={scene?.id ?? index}>
            {scene?.image_url ? <Picture src={scene.image_url} alt="" /> : <p>{scene?.text || index + 1}</p>}
          </div>
        );
      })}
      {places > shown && (
        <div class="filmstrip__frame">
          <p>+{places - shown}</p>
        </div>
      )}
      {places === 0 && <div class="filmstrip__frame" />}
    </div>
  );
}

function facts(board: Found<Storyboard>, scenes: Found<Scene>[] | null): string {
  const pictures = scenes?.filter((scene) => scene.image_url).length ?? 0;
  const clips = scenes?.filter((scene) => scene.video_url).length ?? 0;
  const atWork = scenes?.filter(isGenerating).length;
  return [
    count(scenes?.length || (board.scene_order ?? []).length, "scene"),
    ...(pictures ? [count(pictures, "picture")] : []),
    ...(clips ? [count(clips, "clip")] : []),
    ...(atWork ? [`${atWork} at work`] : []),
  ].join(" · ");
}

/** When it, or one of its scenes, was changed last. */
function touched(board: Found<Storyboard>, scenes: Found<Scene>[] | null) {
  const times = [board, ...(scenes ?? [])].flatMap((one) => (one.updated_at ? [one.updated_at] : []));
  const last = times.sort((a, b) => b.toMillis() - a.toMillis())[0];
  if (!last) return null;
  return (
    <time dateTime={last.toDate().toISOString()} title={time(last)}>
      Changed {ago(last.toMillis())}
    </time>
  );
}

const SINCE = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });
const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "long" });

function ago(milliseconds: number): string {
  const minutes = Math.round((milliseconds - Date.now()) / 60_000);
  if (minutes > -1) return "just now";
  if (minutes > -60) return SINCE.format(minutes, "minute");
  if (minutes > -24 * 60) return SINCE.format(Math.round(minutes / 60), "hour");
  if (minutes > -7 * 24 * 60) return SINCE.format(Math.round(minutes / 60 / 24), "day");
  return `on ${DAY.format(milliseconds)}`;
}
