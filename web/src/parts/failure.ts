import { firestoreSentence } from "../words";
import { announce } from "./toasts";

/** For what is written in passing: `written.catch(sayFailure("The title is not saved"))`. */
export const sayFailure = (what: string) => (error: { code?: string; message: string }) =>
  announce(`${what}. ${firestoreSentence(error)}${error.code ? ` (${error.code})` : ""}`);
