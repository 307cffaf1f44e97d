/** Files of the user's own: pictures of products, music. Firebase's code for it is loaded with the first one. */
import type { UploadTask } from "firebase/storage";
import { app } from "../firebase";

/** What storage.rules take. */
const KINDS = {
  picture: {
    types: ["image/png", "image/jpeg", "image/webp"],
    megabytes: 30,
    sentence: "Choose a picture as PNG, JPEG or WebP.",
  },
  music: {
    types: [
      "audio/aac",
      "audio/flac",
      "audio/mp3",
      "audio/mp4",
      "audio/mpeg",
      "audio/ogg",
      "audio/wav",
      "audio/webm",
      "audio/x-m4a",
      "audio/x-wav",
    ],
    megabytes: 50,
    sentence: "Choose music as MP3, M4A, AAC, WAV, FLAC or Ogg.",
  },
} as const;

export type UploadKind = keyof typeof KINDS;

const BYTES_IN_MEGABYTE = 1_000_000;
const NAME_CHARACTERS = 80;

/** For the `accept` of an input that chooses files. */
export const accepted = (kind: UploadKind): string => KINDS[kind].types.join(",");

/** Why this file would be refused, in a sentence; null when it may be uploaded. */
export function refusal(kind: UploadKind, file: File): string | null {
  const { types, megabytes, sentence } = KINDS[kind];
  if (!(types as readonly string[]).includes(file.type)) return sentence;
  if (file.size === 0) return "This file is empty.";
  if (file.size >= megabytes * BYTES_IN_MEGABYTE) {
    return `This file has ${Math.ceil(file.size / BYTES_IN_MEGABYTE)} MB. It must be smaller than ${megabytes} MB.`;
  }
  return null;
}

export interface Upload {
  /** The URL at which the file can be read. Rejects with a Firebase error; `storage/canceled` after `cancel()`. */
  done: Promise<string>;
  cancel(): void;
}

/** Store a file in a folder of the user's uploads. `onProgress` is told a percentage. */
export function upload(uid: string, folder: string, file: File, onProgress: (percent: number) => void): Upload {
  let canceled = false;
  let task: UploadTask | undefined;
  const start = async () => {
    const storage = await import("firebase/storage");
    const place = storage.ref(storage.getStorage(app), `uploads/${uid}/${folder}/${placeName(file)}`);
    task = storage.uploadBytesResumable(place, file, { contentType: file.type });
    task.on("state_changed", ({ bytesTransferred, totalBytes }) => onProgress((100 * bytesTransferred) / totalBytes));
    if (canceled) task.cancel();
    await task;
    return storage.getDownloadURL(place);
  };
  return {
    done: start(),
    cancel: () => {
      canceled = true;
      task?.cancel();
    },
  };
}

/** A name that no other file has, with what is harmless of the file's own. */
function placeName(file: File): string {
  const own = file.name.replace(/[^\w.-]+/g, "_").slice(-NAME_CHARACTERS);
  return `${crypto.randomUUID()}-${own || "file"}`;
}

const SENTENCES: Record<string, string> = {
  "storage/canceled": "The upload was stopped.",
  "storage/unauthorized": "The storage does not take this file.",
  "storage/quota-exceeded": "The storage is full.",
  "storage/retry-limit-exceeded": "There is no connection to the storage.",
};

/** What the page says where an upload has failed. */
export const uploadSentence = (error: { code?: string; message: string }): string =>
  SENTENCES[error.code ?? ""] ?? error.message;

export const wasStopped = (error: { code?: string }): boolean => error.code === "storage/canceled";
