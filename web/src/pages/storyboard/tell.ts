import type { FirestoreError } from "firebase/firestore";
import { announce } from "../../parts/toasts";
import { firestoreSentence } from "../../words";

/** Say so where the database refuses what was written. */
export const tellIfRefused = (written: Promise<unknown>): void => {
  written.catch((error: FirestoreError) => announce(`${firestoreSentence(error)} (${error.code})`));
};
