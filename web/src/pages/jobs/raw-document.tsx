import { Timestamp } from "firebase/firestore";
import { Copy } from "lucide";
import { Button } from "../../parts/button";
import { announce } from "../../parts/toasts";
import type { Job } from "../../pipeline/documents";

/** The job as it stands in Firestore, for who builds a frontend of their own. */
export function RawDocument({ path, job }: { path: string; job: Job & { id: string } }) {
  const { id: _, ...fields } = job;
  const text = JSON.stringify(readable(fields), null, 2);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => announce("Copied."),
      () => announce("This browser does not let the page copy."),
    );
  return (
    <details class="card raw">
      <summary class="raw__summary">The document</summary>
      <div class="raw__inside">
        <div class="raw__head">
          <code>{path}</code>
          <Button icon={Copy} onClick={copy}>
            Copy
          </Button>
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is also scrolled by keys */}
        <section class="raw__text" tabIndex={0} aria-label="The document as JSON">
          <pre>{text}</pre>
        </section>
      </div>
    </details>
  );
}

/** With times as people and programs write them, and fields in the order of the alphabet. */
function readable(value: unknown): unknown {
  if (value instanceof Timestamp) return value.toDate().toISOString();
  if (Array.isArray(value)) return value.map(readable);
  if (value === null || typeof value !== "object") return value;
  const fields = Object.entries(value).sort(([a], [b]) => a.localeCompare(b));
  return Object.fromEntries(fields.map(([name, field]) => [name, readable(field)]));
}
