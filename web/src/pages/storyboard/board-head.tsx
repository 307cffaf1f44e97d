import { Trash2 } from "lucide";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { type Board, spentOn } from "../../data/board";
import { changeStoryboard } from "../../data/storyboards";
import { IconButton } from "../../parts/button";
import { useDraft } from "../../parts/draft";
import { sayFailure } from "../../parts/failure";
import { Field } from "../../parts/field";
import { usePageTitle } from "../../parts/page-title";
import { usd } from "../../words";
import { DeleteStoryboard } from "./delete-storyboard";

const SHAPES = [
  { ratio: "9:16", name: "Upright" },
  { ratio: "4:5", name: "Portrait" },
  { ratio: "1:1", name: "Square" },
  { ratio: "16:9", name: "Wide" },
];
const MOST_CHARACTERS = 200;

/** What holds for the whole storyboard: its title, the style and the shape of its pictures. */
export function BoardHead({ board }: { board: Board }) {
  const { id, title = "", style = "", aspect_ratio } = board.storyboard;
  const shape = aspect_ratio ?? "9:16";
  const { route } = useLocation();
  const [deleting, setDeleting] = useState(false);
  usePageTitle(title || "Untitled");

  const save = (what: string, changes: Parameters<typeof changeStoryboard>[1]) =>
    changeStoryboard(id, changes).catch(sayFailure(`${what} is not saved`));
  const titleDraft = useDraft(title, (text) => save("The title", { title: oneLine(text) }));
  const styleDraft = useDraft(style, (text) => save("The style", { style: oneLine(text) }));

  return (
    <header class="board-head">
      <h1 class="visually-hidden">{title || "Untitled"}</h1>
      <div class="board-head__title">
        <textarea
          rows={1}
          aria-label="Title"
          placeholder="Untitled"
          maxLength={MOST_CHARACTERS}
          spellcheck
          {...titleDraft}
          onKeyDown={leaveOnEnter}
        />
        <IconButton label="Delete this storyboard" icon={Trash2} onClick={() => setDeleting(true)} />
      </div>
      <div class="board-head__fields">
        <Field
          label="Style"
          hint="Goes with every scene that has none of its own."
          control={(ids) => (
            <input
              {...ids}
              class="input"
              placeholder="painterly, warm evening light"
              maxLength={MOST_CHARACTERS}
              {...styleDraft}
            />
          )}
        />
        <Field
          label="Shape"
          hint="Of all pictures from now on."
          control={(ids) => (
            <select
              {...ids}
              class="input"
              value={shape}
              onChange={(event) => save("The shape", { aspect_ratio: event.currentTarget.value })}
            >
              {SHAPES.map(({ ratio, name }) => (
                <option key={ratio} value={ratio}>
                  {name} {ratio}
                </option>
              ))}
              {!SHAPES.some(({ ratio }) => ratio === shape) && <option value={shape}>{shape}</option>}
            </select>
          )}
        />
        <dl class="board-head__spent">
          <dt>Spent here</dt>
          <dd>{usd(spentOn(board))}</dd>
        </dl>
      </div>
      {deleting && (
        <DeleteStoryboard board={board.storyboard} onClose={() => setDeleting(false)} onDelete={() => route("/")} />
      )}
    </header>
  );
}

const oneLine = (text: string) => text.replace(/\s*\n\s*/g, " ");

/** Return ends writing; nothing here has lines. */
function leaveOnEnter(event: KeyboardEvent & { currentTarget: HTMLElement }) {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  event.currentTarget.blur();
}
