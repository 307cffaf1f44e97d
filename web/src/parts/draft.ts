import { useEffect, useRef, useState } from "preact/hooks";

const PAUSE_MILLISECONDS = 700;

/**
 * Text that is being written: shown at once, saved after a pause, on leaving the field, and when the page is left for
 * another tab. Who closes the page before that is asked.
 * What comes from the server meanwhile does not overwrite what is being typed.
 */
export function useDraft(saved: string, save: (text: string) => void) {
  const [draft, setDraft] = useState<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const unsaved = useRef<string | null>(null);
  const isTyping = useRef(false);
  const latestSave = useRef(save);
  latestSave.current = save;

  const flush = () => {
    clearTimeout(timer.current);
    if (unsaved.current !== null) latestSave.current(unsaved.current);
    unsaved.current = null;
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `flush` reads refs only
  useEffect(() => {
    // what is saved while the page goes away does not arrive
    const ask = (event: BeforeUnloadEvent) => {
      if (unsaved.current !== null) event.preventDefault();
      flush();
    };
    addEventListener("beforeunload", ask);
    addEventListener("visibilitychange", flush);
    return () => {
      removeEventListener("beforeunload", ask);
      removeEventListener("visibilitychange", flush);
      flush();
    };
  }, []);

  // what was typed stays until the saved text has followed: else the old one would flash up in between
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever the saved text is another
  useEffect(() => {
    if (!isTyping.current) setDraft(null);
  }, [saved]);

  return {
    value: draft ?? saved,
    onInput: (event: { currentTarget: { value: string } }) => {
      const text = event.currentTarget.value;
      setDraft(text);
      unsaved.current = text;
      isTyping.current = true;
      clearTimeout(timer.current);
      timer.current = setTimeout(flush, PAUSE_MILLISECONDS);
    },
    onBlur: () => {
      const isSaved = unsaved.current === null;
      flush();
      isTyping.current = false;
      if (isSaved || draft === saved) setDraft(null); // else when the saved text has followed
    },
  };
}
