import { useId } from "preact/hooks";
import "./segments.css";

/** One of a few: buttons in a row, of which one is down. `counts` says how much is behind each. */
export function Segments<Value extends string>(props: {
  label: string;
  options: Record<Value, string>;
  counts?: Record<Value, number>;
  value: Value;
  onChange: (value: Value) => void;
}) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="visually-hidden">{props.label}</legend>
      {(Object.keys(props.options) as Value[]).map((one) => (
        <label class="segments__one" key={one}>
          <input
            class="visually-hidden"
            type="radio"
            name={name}
            value={one}
            checked={one === props.value}
            onChange={() => props.onChange(one)}
          />
          {props.options[one]}
          {props.counts && <span class="segments__count">{props.counts[one]}</span>}
        </label>
      ))}
    </fieldset>
  );
}
