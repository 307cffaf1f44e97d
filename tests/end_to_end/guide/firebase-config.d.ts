import type { FirebaseOptions } from "firebase/app";
export const firebaseConfig: FirebaseOptions;
