import { ChevronDown } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Board } from "../../data/board";
import type { Found } from "../../data/listen";
import { productOf } from "../../data/orders";
import { secondsOf } from "../../data/scenes";
import { changeScene } from "../../data/storyboards";
import { useDraft } from "../../parts/draft";
import { sayFailure } from "../../parts/failure";
import { Field, Switch } from "../../parts/field";
import { Icon } from "../../parts/icon";
import type { Scene } from "../../pipeline/documents";
import "./scene-words.css";

const FEWEST_SECONDS = 2;
const MOST_SECONDS = 12;
const MOST_TEXT = 4000;
const MOST_STYLE = 1000;

/** What is being written of a scene; `scene` has it as if it were saved. */
export function useSceneDraft(board: Board, saved: Found<Scene>) {
  const text = useDraft(saved.text ?? "", (text) =>
    changeScene(board, saved.id, { text }).catch(sayFailure("The scene was not saved")),
  );
  const style = useDraft(saved.style_prompt ?? "", (style_prompt) =>
    changeScene(board, saved.id, { style_prompt }).catch(sayFailure("The scene was not saved")),
  );
  const scene: Found<Scene> = { ...saved, text: text.value, style_prompt: style.value };
  return { text, style, scene };
}

export type SceneDraft = ReturnType<typeof useSceneDraft>;

/** All that is told of a scene: its words, its length, its style, and the product in it. */
export function SceneWords(props: { board: Board; draft: SceneDraft; number: number; isNew: boolean }) {
  const { board, draft, number, isNew } = props;
  const { scene } = draft;
  const words = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (isNew) words.current?.focus();
  }, [isNew]);
  return (
    <div class="scene-words">
      <Field
        label={`What scene ${number} shows`}
        hideLabel
        control={(ids) => (
          <textarea
            {...ids}
            {...draft.text}
            ref={words}
            class="input"
            rows={3}
            maxLength={MOST_TEXT}
            placeholder="What is to be seen?"
          />
        )}
      />
      <SecondsField board={board} scene={scene} number={number} />
      <details class="scene-words__more">
        <summary>
          <Icon of={ChevronDown} size={18} />
          More<span>{scene.style_prompt && "own style"}</span>
        </summary>
        <div class="scene-words__inside">
          <Field
            label="Style of this scene alone"
            hint="Empty: that of the storyboard."
            control={(ids) => <input {...ids} {...draft.style} class="input" maxLength={MOST_STYLE} />}
          />
          {board.products.length === 0 && (
            <p class="scene-words__hint">With a product added below, it can be shown in the picture.</p>
          )}
        </div>
      </details>
      {board.products.length > 0 && <ProductChoice board={board} scene={scene} />}
    </div>
  );
}

/** Whole seconds as a model makes them; anything else is not taken. */
function SecondsField({ board, scene, number }: { board: Board; scene: Found<Scene>; number: number }) {
  const [typed, setTyped] = useState<string | null>(null);
  const change = (text: string) => {
    setTyped(text);
    const seconds = Number(text);
    if (!Number.isInteger(seconds) || seconds < FEWEST_SECONDS || seconds > MOST_SECONDS) return;
    if (seconds !== scene.video_duration)
      changeScene(board, scene.id, { video_duration: seconds }).catch(sayFailure("The scene was not saved"));
  };
  return (
    <label class="scene-words__seconds">
      <span>
        Seconds<span class="visually-hidden"> of scene {number}</span>
      </span>
      <input
        type="number"
        class="input"
        inputMode="numeric"
        min={FEWEST_SECONDS}
        max={MOST_SECONDS}
        step={1}
        value={typed ?? secondsOf(scene)}
        onInput={(event) => change(event.currentTarget.value)}
        onBlur={() => setTyped(null)}
      />
    </label>
  );
}

function ProductChoice({ board, scene }: { board: Board; scene: Found<Scene> }) {
  const product = productOf(board, scene);
  const { products } = board;
  const show = (productId: string | null) => {
    changeScene(board, scene.id, { use_product_composite: productId !== null, product_id: productId }).catch(
      sayFailure("The scene was not saved"),
    );
  };
  return (
    <div class="scene-words__product">
      <Switch
        label="Show a product"
        checked={product !== null}
        onChange={(isShown) => show(isShown ? (products[0]?.id ?? null) : null)}
      />
      {product && (
        <Field
          label="Product"
          control={(ids) => (
            <select {...ids} class="input" value={product.id} onChange={(event) => show(event.currentTarget.value)}>
              {products.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name || "Unnamed"}
                </option>
              ))}
            </select>
          )}
        />
      )}
    </div>
  );
}
