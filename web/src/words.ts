/** Numbers, times and codes as people read them. */
import type { Timestamp } from "firebase/firestore";
import type { JobErrorFields, JobKind, JobStatus } from "./pipeline/documents";

/** US dollars: cents where there are some, else as many places as it takes. */
export function usd(dollars: number): string {
  if (dollars === 0) return "$0";
  return `$${dollars.toFixed(dollars < 0.1 ? 3 : 2).replace(/(\.\d\d)0$/, "$1")}`;
}

/** `4.2 s`, `1 min 05 s`, `2 h 10 min`. */
export function seconds(amount: number): string {
  if (amount < 10) return `${amount.toFixed(1)} s`;
  const whole = Math.round(amount);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** `640 kB`, `4.2 MB`. */
export function fileSize(bytes: number): string {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** `1:05`: a place in a video, as players show it. */
export function playerTime(amount: number): string {
  const whole = Math.floor(amount);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const time = (at: Timestamp) => CLOCK.format(at.toDate());

export const count = (amount: number, one: string, many = `${one}s`) => `${amount} ${amount === 1 ? one : many}`;

export const KIND_NAMES: Record<JobKind, string> = {
  image: "Picture",
  video: "Clip",
  multi_video: "Clips",
  composition: "Film",
};

export const STATUS_NAMES: Record<JobStatus, string> = {
  pending: "Waiting to start",
  processing: "Working",
  complete: "Done",
  error: "Failed",
  canceled: "Canceled",
};

export const STATUS_TONES: Record<JobStatus, "plain" | "busy" | "good" | "bad" | "warn"> = {
  pending: "busy",
  processing: "busy",
  complete: "good",
  error: "bad",
  canceled: "plain",
};

const STAGES: Record<JobKind, Record<string, string>> = {
  image: {
    prompt: "Finding the words",
    predict: "Making the picture",
    composite: "Adding the product",
    store: "Keeping the picture",
  },
  video: { place: "Getting ready", predict: "Making the clip", store: "Keeping the clip" },
  multi_video: { place: "Getting ready", prompt: "Finding the words", predict: "Making the clips" },
  composition: {
    place: "Getting ready",
    fetch: "Looking at the clips",
    compose: "Joining the clips",
    store: "Keeping the film",
  },
};

/** What a job that has not ended is at. */
export function atWork(kind: JobKind, job: { status: JobStatus; stage?: string | null; cancel_requested?: boolean }) {
  if (job.cancel_requested) return "Stopping";
  if (job.status === "pending") return STATUS_NAMES.pending;
  return STAGES[kind][job.stage ?? ""] ?? STATUS_NAMES.processing;
}

const STEPS: Record<string, string> = {
  reuse: "Taking over what the earlier try has finished",
  place: "Looking up what it names",
  prompt: "Finding the words",
  product: "Looking at the product's picture",
  predict: "The model's work",
  composite: "Adding the product",
  compose: "Joining the clips",
  store: "Storing the result",
  discard: "Tidying up",
  advance: "An attempt to go on",
};
const NUMBERED_STEPS: [RegExp, (number: string) => string][] = [
  [/^probe_(\d+)$/, (number) => (number === "1" ? "Looking at the clips" : `Looking at more clips (${number})`)],
  [/^sound_/, () => "Making the sound"],
  [/^segment_(\d+)_/, (number) => `Encoding part ${number}`],
  [/^manifest/, () => "Writing the list of clips"],
];

/** What a step of a job does. Of a job of many scenes: without the scene that its name begins with. */
export function stepName(name: string): string {
  const own = name.replace(/^scene_\d+_/, "");
  for (const [pattern, words] of NUMBERED_STEPS) {
    const found = pattern.exec(own);
    if (found) return words(found[1] ?? "");
  }
  return STEPS[own] ?? own;
}

const OPERATOR = "The people who run this studio have to look at it first.";
const OTHER_FILE = "Use another file or address.";
const MAY_HELP = "This often passes: another try may help.";
const WILL_NOT_HELP = "Trying the same again will not help.";

const ADVICE: Record<string, string> = {
  invalid_argument: "Correct it first: the same will fail again.",
  quota_exceeded: WILL_NOT_HELP,
  content_rejected: "Change the words or the picture first: the same will be refused again.",
  source_unavailable: OTHER_FILE,
  unsafe_url: OTHER_FILE,
  source_too_large: OTHER_FILE,
  unsupported_media: OTHER_FILE,
  prediction_failed: "Another try often helps, and so do other words.",
  prediction_timed_out: "Another try often helps.",
  outcome_unknown: OPERATOR,
  provider_refused: OPERATOR,
  unknown_model: OPERATOR,
  insufficient_credit: `${OPERATOR} The account with the model's provider has no credit left.`,
  configuration_error: OPERATOR,
  storage_refused: OPERATOR,
  database_refused: OPERATOR,
  runaway: OPERATOR,
  media_failed: "Leave out the clip that it names, or make that clip again.",
  deadline_exceeded: "Use fewer or shorter clips.",
  partial_failure: "Another try makes only the scenes that failed.",
};

/** What somebody can do about an error, and whether the same may succeed at another time. */
export function advice(error: JobErrorFields): string {
  if (error.resets_at) return `It can be tried again from ${time(error.resets_at)}.`;
  return ADVICE[error.code] ?? (error.retryable ? MAY_HELP : WILL_NOT_HELP);
}

/** What the page says where Firestore itself refuses or cannot. */
export function firestoreSentence(error: { code?: string; message: string }): string {
  if (error.code === "permission-denied") return "This is not yours, or it does not exist.";
  if (error.code === "not-found") return "It was deleted meanwhile.";
  if (error.code === "unavailable") return "There is no connection to the database.";
  return error.message;
}
