import type { Job } from "../../pipeline/documents";
import { count, seconds } from "../../words";
import { type StepRow, type StepState, type Timeline as Steps, ticksOf, timelineOf } from "./steps";
import "./timeline.css";

const MOST_TICKS = 6;

const STATES: Record<StepState, string> = {
  queue: "",
  done: "Done",
  failed: "Failed",
  waiting: "Waiting for another try",
  working: "Under way",
  left: "Not finished",
  "taken-over": "Taken over from an earlier try",
};

/**
 * The steps of a job on an axis of time. It is a table: the bars show what its other columns say.
 *
 * `sceneNames` are the words of scenes, by their numbers.
 */
export function Timeline({ job, now, sceneNames }: { job: Job; now: number; sceneNames: Map<number, string> }) {
  const steps = timelineOf(job, now);
  return (
    <div class="timeline">
      <table class="timeline__table" data-bars={steps.hasTimes || undefined}>
        <caption class="visually-hidden">Steps of the job, with the times since it was created</caption>
        <thead>
          <tr>
            <th scope="col" class="timeline__step">
              <div class="timeline__inside">
                <span class="visually-hidden">Step</span>
                {steps.hasTimes && <Axis steps={steps} />}
              </div>
            </th>
            {steps.hasTimes && <th scope="col">Began</th>}
            {steps.hasTimes && <th scope="col">Took</th>}
            <th scope="col">Tries</th>
          </tr>
        </thead>
        {steps.groups.map(({ scene, rows }) => (
          <tbody key={scene}>
            {scene !== null && (
              <tr class="timeline__scene">
                <th scope="rowgroup" colSpan={steps.hasTimes ? 4 : 2}>
                  Scene {scene} <span>{sceneNames.get(scene)}</span>
                </th>
              </tr>
            )}
            {rows.map((row) => (
              <Row key={row.key} row={row} steps={steps} now={now} />
            ))}
          </tbody>
        ))}
      </table>
      {!steps.hasTimes && <p class="timeline__legend">When each step was is not written down for this job.</p>}
      {steps.hasTimes && (
        <p class="timeline__legend">
          <span class="timeline__key">
            <span class="timeline__sample" /> Work
          </span>
          <span class="timeline__key">
            <span class="timeline__sample" data-wait="" /> Waiting, for the model or for its turn: no function runs
          </span>
        </p>
      )}
    </div>
  );
}

function Axis({ steps }: { steps: Steps }) {
  return (
    <span class="timeline__axis" aria-hidden="true">
      {ticksOf(steps.totalSeconds, MOST_TICKS).map((tick) => (
        <span class="timeline__tick" key={tick} style={{ left: percent(tick, steps) }}>
          {tickWords(tick)}
        </span>
      ))}
    </span>
  );
}

function Row({ row, steps, now }: { row: StepRow; steps: Steps; now: number }) {
  const began = row.begin === null ? null : seconds(row.begin);
  const took =
    row.begin === null || row.end === null
      ? null
      : `${row.end === undefined ? "so far " : ""}${seconds((row.end ?? steps.totalSeconds) - row.begin)}`;
  const tries = row.state === "queue" ? null : row.tries;
  return (
    <tr data-state={row.state}>
      <th scope="row" class="timeline__step">
        <div class="timeline__inside">
          <span class="timeline__name">
            {row.name}
            <Notes row={row} now={now} hasTimes={steps.hasTimes} />
            <span class="timeline__brief" aria-hidden="true">
              {[
                began && `after ${began}`,
                took && (row.end === undefined ? took : `took ${took}`),
                tries && count(tries, "try", "tries"),
              ]
                .filter(Boolean)
                .join(" · ")}
            </span>
          </span>
          {steps.hasTimes && <Bar row={row} steps={steps} />}
        </div>
      </th>
      {steps.hasTimes && <td>{began ?? "–"}</td>}
      {steps.hasTimes && <td>{took ?? "–"}</td>}
      <td>{tries}</td>
    </tr>
  );
}

function Bar({ row, steps }: { row: StepRow; steps: Steps }) {
  return (
    <span class="timeline__track" aria-hidden="true">
      {row.begin !== null && (
        <span
          class="timeline__bar"
          data-wait={row.isWait || undefined}
          data-open={row.end === undefined || undefined}
          style={{
            left: percent(row.begin, steps),
            width: percent((row.end === undefined ? steps.totalSeconds : (row.end ?? row.begin)) - row.begin, steps),
          }}
        />
      )}
    </span>
  );
}

/** What is worth a word beside the name. That a step is done shows by how long it took. */
function Notes({ row, now, hasTimes }: { row: StepRow; now: number; hasTimes: boolean }) {
  const notes = [
    (row.state !== "done" || !hasTimes) && STATES[row.state],
    row.waitsUntil && nextTry(row.waitsUntil.toMillis() - now),
    row.toldToWait > 0 && `asked to wait ${count(row.toldToWait, "time")}`,
  ].filter(Boolean);
  if (notes.length === 0 && !row.errorCode) return null;
  return (
    <span class="timeline__notes">
      {notes.join(", ")}
      {row.errorCode && (
        <>
          {notes.length > 0 && " · "}
          {row.state === "done" && "before: "}
          <code title={row.errorMessage ?? undefined}>{row.errorCode}</code>
        </>
      )}
    </span>
  );
}

const nextTry = (milliseconds: number) =>
  milliseconds > 0 ? `next try in about ${Math.ceil(milliseconds / 1000)} s` : "the next try is due";

const percent = (amount: number, steps: Steps) =>
  `${((100 * Math.min(Math.max(amount, 0), steps.totalSeconds)) / steps.totalSeconds).toFixed(3)}%`;

function tickWords(tick: number): string {
  if (tick < 60) return `${tick} s`;
  if (tick < 3600) return tick % 60 === 0 ? `${tick / 60} min` : `${Math.floor(tick / 60)}:${tick % 60}`;
  return `${tick / 3600} h`;
}
