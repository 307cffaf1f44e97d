/** Numbers, times and codes as people read them. */
import type { Timestamp } from "firebase/firestore";
import type { JobKind, JobStatus } from "./pipeline/documents";

/** US dollars: cents where there are some, else as many places as it takes. */
export function usd(dollars: number): string {
  if (dollars === 0) return "$0";
  return `$${dollars.toFixed(dollars < 0.1 ? 3 : 2)}`;
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

/** What the page says where Firestore itself refuses or cannot. */
export function firestoreSentence(error: { code?: string; message: string }): string {
  if (error.code === "permission-denied") return "This is not yours, or it does not exist.";
  if (error.code === "unavailable") return "There is no connection to the database.";
  return error.message;
}
