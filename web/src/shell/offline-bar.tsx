import { waitForPendingWrites } from "firebase/firestore";
import { useEffect, useState } from "preact/hooks";
import { db } from "../firebase";

/** Says that there is no network. What is done meanwhile is sent later, unless the page is closed: it asks before. */
export function OfflineBar() {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const changed = () => setOnline(navigator.onLine);
    addEventListener("online", changed);
    addEventListener("offline", changed);
    return () => {
      removeEventListener("online", changed);
      removeEventListener("offline", changed);
    };
  }, []);
  useEffect(() => {
    if (online) return;
    let unsent = false;
    const isSent = () => Promise.race([waitForPendingWrites(db).then(() => true), Promise.resolve(false)]);
    const timer = setInterval(async () => {
      unsent = !(await isSent());
    }, 500);
    const ask = (event: BeforeUnloadEvent) => unsent && event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => {
      clearInterval(timer);
      removeEventListener("beforeunload", ask);
    };
  }, [online]);
  if (online) return null;
  return (
    <p class="offline" role="status">
      You are offline. What you do now is sent when you are back.
    </p>
  );
}
