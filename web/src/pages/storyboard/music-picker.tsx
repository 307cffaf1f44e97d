import { Upload as UploadIcon, X } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import { accepted, refusal, type Upload, upload, uploadSentence, wasStopped } from "../../data/uploads";
import { Button } from "../../parts/button";
import { Field } from "../../parts/field";
import { Notice } from "../../parts/notice";
import { Progress } from "../../parts/progress";
import { announce } from "../../parts/toasts";
import { useUser } from "../../session";
import "./music-picker.css";

const WAYS = { none: "None", upload: "Upload", address: "Address" } as const;
type Way = keyof typeof WAYS;
const FOLDER = "music";

/** Why a film cannot have this music yet, in a sentence. Empty: none was chosen so far. */
export function musicProblem(url: string): string | null {
  if (url === "") return "Choose the music first, or none.";
  return /^https?:\/\/\S+$/.test(url) && URL.canParse(url) ? null : "The music's address has to begin with https://";
}

/** Music under the film: `null` for none, else its URL. */
export function MusicPicker({ url, onChange }: { url: string | null; onChange: (url: string | null) => void }) {
  const [chosen, setChosen] = useState<Way | null>(null);
  const way = chosen ?? (url === null ? "none" : isUpload(url) ? "upload" : "address");
  const choose = (next: Way) => {
    setChosen(next);
    if (next !== way) onChange(next === "none" ? null : "");
  };
  return (
    <fieldset class="music">
      <legend class="field__label">Music</legend>
      <div class="music__ways">
        {(Object.keys(WAYS) as Way[]).map((one) => (
          <label class="music__way" key={one}>
            <input type="radio" name="music" value={one} checked={one === way} onChange={() => choose(one)} />
            {WAYS[one]}
          </label>
        ))}
      </div>
      {way === "upload" && <UploadedMusic url={url ?? ""} onChange={onChange} />}
      {way === "address" && (
        <Field
          label="Address of the music"
          hint="MP3, M4A, WAV, FLAC or Ogg. It is repeated or cut to the film's length."
          error={url ? musicProblem(url) : null}
          control={(ids) => (
            <input
              {...ids}
              class="input"
              type="url"
              inputMode="url"
              placeholder="https://"
              value={url ?? ""}
              onInput={(event) => onChange(event.currentTarget.value.trim())}
            />
          )}
        />
      )}
      {way !== "none" && url && !musicProblem(url) && <Listen key={url} url={url} />}
    </fieldset>
  );
}

/** What is heard of it here, as far as the browser can play it. */
function Listen({ url }: { url: string }) {
  return (
    // biome-ignore lint/a11y/useMediaCaption: it is music
    <audio class="music__player" controls preload="none" src={url} aria-label="Listen to the music" />
  );
}

function UploadedMusic({ url, onChange }: { url: string; onChange: (url: string) => void }) {
  const { uid } = useUser();
  const input = useRef<HTMLInputElement>(null);
  const running = useRef<Upload | null>(null);
  const [percent, setPercent] = useState<number | null>(null);
  const [problem, setProblem] = useState<{ sentence: string; code?: string } | null>(null);
  useEffect(() => () => running.current?.cancel(), []);

  const take = async (file: File) => {
    const sentence = refusal("music", file);
    setProblem(sentence ? { sentence } : null);
    if (sentence) return;
    setPercent(0);
    const task = upload(uid, FOLDER, file, setPercent);
    running.current = task;
    try {
      onChange(await task.done);
      announce("The music is uploaded.");
    } catch (failure) {
      const error = failure as { code?: string; message: string };
      if (!wasStopped(error)) setProblem({ sentence: uploadSentence(error), code: error.code });
    }
    running.current = null;
    setPercent(null);
  };

  return (
    <div class="music__upload">
      <input
        ref={input}
        class="visually-hidden"
        type="file"
        tabIndex={-1}
        aria-label="Music file"
        accept={accepted("music")}
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          currentTarget.value = "";
          if (file) take(file);
        }}
      />
      {url && percent === null && <p class="music__name">{nameOf(url)}</p>}
      {percent === null ? (
        <Button icon={UploadIcon} onClick={() => input.current?.click()}>
          {url ? "Choose another file" : "Choose a file"}
        </Button>
      ) : (
        <>
          <Progress label="Uploading the music" percent={percent} />
          <Button icon={X} onClick={() => running.current?.cancel()}>
            Stop the upload
          </Button>
        </>
      )}
      {problem && (
        <Notice tone="bad" code={problem.code}>
          {problem.sentence}
        </Notice>
      )}
    </div>
  );
}

/** Firebase keeps files under one address each; the folder stands in it, encoded. */
const isUpload = (url: string) => url.includes(`%2F${FOLDER}%2F`);

/** The file's own name, without what made it unique. */
function nameOf(url: string): string {
  const [last = ""] = url
    .replace(/[?#].*/, "")
    .split(/%2F|\//)
    .slice(-1);
  return last.replace(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-/, "") || "Music";
}
