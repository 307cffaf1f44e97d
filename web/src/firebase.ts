/**
 * The page's connection to Firebase.
 *
 * Hosting serves the configuration of the project that it belongs to, so the page is built once for all of them. On the
 * emulators the SDK finds their addresses by itself, in a cookie (`__FIREBASE_DEFAULTS__`) that the local stack sets.
 */
import { type FirebaseApp, initializeApp } from "firebase/app";
import { type Auth, getAuth } from "firebase/auth";
import { type Firestore, getFirestore } from "firebase/firestore";

const CONFIGURATION = "/__/firebase/init.json";

export let app: FirebaseApp;
export let auth: Auth;
export let db: Firestore;

/** Once, before anything is shown. Rejects where the page is not served by Hosting or its emulator. */
export async function connect(): Promise<void> {
  const answer = await fetch(CONFIGURATION);
  if (!answer.ok) throw new Error(`${CONFIGURATION} answers ${answer.status}: is this Firebase Hosting?`);
  app = initializeApp(await answer.json());
  auth = getAuth(app);
  db = getFirestore(app);
}
