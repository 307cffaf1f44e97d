import type { Board } from "../../data/board";
import type { Found } from "../../data/listen";
import { changedSince, type Making } from "../../data/scene-work";
import type { Adjustment, Scene } from "../../pipeline/documents";
import { count, usd } from "../../words";

/** About a picture or a clip: what it has cost, what has changed since, and what could not be had. */
export function SceneFacts(props: { board: Board; scene: Found<Scene>; making: Making | null }) {
  const { board, scene, making } = props;
  if (!making) return null;
  const changed = changedSince(board, scene, making);
  const cost = costOf(making);
  return (
    <div class="scene-facts">
      {cost && <p>{cost}</p>}
      {changed.length > 0 && <p class="scene-facts__changed">{haveChanged(changed)} since.</p>}
      {making.adjustments.length > 0 && <Adjustments of={making.adjustments} />}
    </div>
  );
}

function costOf({ isReused, together, costUsd }: Making): string | null {
  if (isReused) return "used again, $0";
  if (costUsd === undefined) return null;
  return together > 1 ? `${count(together, "scene")} cost ${usd(costUsd)} together` : `cost ${usd(costUsd)}`;
}

const LIST = new Intl.ListFormat("en", { type: "conjunction" });

/** `The words have changed`, `The picture and the style have changed`. */
function haveChanged(changed: string[]): string {
  const list = LIST.format(changed);
  const isPlural = changed.length > 1 || changed[0] === "the words";
  return `${list.charAt(0).toUpperCase()}${list.slice(1)} ${isPlural ? "have" : "has"} changed`;
}

const FIELD_WORDS: Record<string, string> = {
  aspect_ratio: "Shape",
  duration: "Seconds",
  resolution: "Sharpness",
};

/** `scenes.0.duration` is a scene's own. */
function fieldWords(field: string): string {
  const name = field.replace(/^scenes\.\d+\./, "");
  const words = FIELD_WORDS[name] ?? name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function Adjustments({ of }: { of: Adjustment[] }) {
  return (
    <details class="scene-facts__adjustments">
      <summary>Not all as asked</summary>
      <ul>
        {of.map((one) => (
          <li key={one.field}>
            {fieldWords(one.field)}: {String(one.used)}, not {String(one.asked)}. {one.reason}
          </li>
        ))}
      </ul>
    </details>
  );
}
