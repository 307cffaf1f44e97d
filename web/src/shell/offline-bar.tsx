import { useEffect, useState } from "preact/hooks";
import { hasUnsent, watchUnsent } from "../data/unsent";

/**
 * Says that there is no network. What is done meanwhile is sent later, unless the page is closed: it asks before, also
 * where the network is slow.
 */
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
    const stop = watchUnsent();
    const ask = (event: BeforeUnloadEvent) => hasUnsent() && event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => {
      stop();
      removeEventListener("beforeunload", ask);
    };
  }, []);
  if (online) return null;
  return (
    <p class="offline" role="status">
      You are offline. What you do now is sent when you are back.
    </p>
  );
}
