import type { FilmSettings } from "../../data/orders";
import { Field, Switch } from "../../parts/field";
import { TRANSITIONS, type Transition } from "../../pipeline/documents";
import { seconds } from "../../words";
import { MusicPicker } from "./music-picker";
import { TRANSITION_NAMES, USUAL_TRANSITIONS } from "./transition-names";

const SHORTEST_SECONDS = 0.2;
const LONGEST_SECONDS = 2;
const STEP_SECONDS = 0.1;

interface Settings {
  settings: FilmSettings;
  disabled: boolean;
  /** Only of what changes: an upload that ends later changes nothing else. */
  onChange: (changes: Partial<FilmSettings>) => void;
}

/** How the clips are joined. */
export function FilmSettingsForm({ settings, disabled, onChange: change }: Settings) {
  return (
    <fieldset class="film-settings" disabled={disabled}>
      <legend class="visually-hidden">How the film is made</legend>
      <div class="film-settings__group">
        <Switch
          label="Crossfade between clips"
          checked={settings.include_crossfade}
          onChange={(include_crossfade) => change({ include_crossfade })}
        />
        {settings.include_crossfade && <Crossfade settings={settings} onChange={change} />}
      </div>
      <div class="film-settings__group">
        <Switch
          label="Smaller file"
          checked={settings.optimize_size}
          onChange={(optimize_size) => change({ optimize_size })}
        />
        <p class="field__hint">Takes longer, and gives less than half the size.</p>
      </div>
      <MusicPicker url={settings.audio_url} onChange={(audio_url) => change({ audio_url })} />
    </fieldset>
  );
}

function Crossfade({
  settings,
  onChange,
}: {
  settings: FilmSettings;
  onChange: (changes: Partial<FilmSettings>) => void;
}) {
  const others = TRANSITIONS.filter((one) => !USUAL_TRANSITIONS.includes(one));
  return (
    <>
      <Field
        label={`Length: ${seconds(settings.crossfade_seconds)}`}
        control={(ids) => (
          <input
            {...ids}
            class="film-settings__range"
            type="range"
            min={SHORTEST_SECONDS}
            max={LONGEST_SECONDS}
            step={STEP_SECONDS}
            value={settings.crossfade_seconds}
            aria-valuetext={seconds(settings.crossfade_seconds)}
            onInput={(event) => onChange({ crossfade_seconds: event.currentTarget.valueAsNumber })}
          />
        )}
      />
      <Field
        label="Transition"
        control={(ids) => (
          <select
            {...ids}
            class="input"
            value={settings.transition}
            onChange={(event) => onChange({ transition: event.currentTarget.value as Transition })}
          >
            <Choices label="Most used" transitions={USUAL_TRANSITIONS} />
            <Choices label="All others" transitions={others} />
          </select>
        )}
      />
    </>
  );
}

function Choices({ label, transitions }: { label: string; transitions: readonly Transition[] }) {
  return (
    <optgroup label={label}>
      {transitions.map((one) => (
        <option key={one} value={one}>
          {TRANSITION_NAMES[one]}
        </option>
      ))}
    </optgroup>
  );
}
