import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A control with its label; `control` is given the ids that belong together. */
export function Field(props: {
  label: string;
  hint?: string;
  error?: string | null;
  hideLabel?: boolean;
  control: (ids: { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean }) => ComponentChildren;
}) {
  const id = useId();
  const more = props.error ?? props.hint;
  return (
    <div class="field">
      <label class={props.hideLabel ? "visually-hidden" : "field__label"} for={id}>
        {props.label}
      </label>
      {props.control({
        id,
        "aria-describedby": more ? `${id}-more` : undefined,
        "aria-invalid": props.error ? true : undefined,
      })}
      {more && (
        <p id={`${id}-more`} class={props.error ? "field__error" : "field__hint"}>
          {more}
        </p>
      )}
    </div>
  );
}

/** On or off. */
export function Switch(props: {
  label: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        aria-checked={props.checked}
        checked={props.checked}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      {props.label}
    </label>
  );
}
