/** Whether the server has all that was written here. What it lacks is lost when the page goes away. */
import { onSnapshotsInSync, waitForPendingWrites } from "firebase/firestore";
import { db } from "../firebase";

let isUnsent = false;

export const hasUnsent = (): boolean => isUnsent;

/** Keeps `hasUnsent` right, until the returned function is called. Every write shows in some listener first. */
export function watchUnsent(): () => void {
  let latest = 0;
  return onSnapshotsInSync(db, () => {
    const change = ++latest;
    const arrived = () => {
      if (change === latest) isUnsent = false;
    };
    isUnsent = true;
    waitForPendingWrites(db).then(arrived, arrived); // it rejects when another user signs in
  });
}

/** Resolves when everything has arrived; with `false` when it takes longer. */
export function allSent(mostMilliseconds: number): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => setTimeout(resolve, mostMilliseconds, false));
  const sent = waitForPendingWrites(db).then(
    () => true,
    () => true, // another user has signed in
  );
  return Promise.race([sent, late]);
}
