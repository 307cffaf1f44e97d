import { useEffect, useState } from "preact/hooks";

const SHOWN_MILLISECONDS = 5000;

let show: (message: string) => void = () => {};

/** Say something in passing: it is shown for some seconds, and read out by screen readers. */
export const announce = (message: string) => show(message);

/** Where announcements appear; once on a page. */
export function Toasts() {
  const [messages, setMessages] = useState<{ id: number; text: string }[]>([]);
  useEffect(() => {
    let last = 0;
    show = (text) => {
      const id = ++last;
      setMessages((before) => [...before.slice(-2), { id, text }]);
      setTimeout(() => setMessages((before) => before.filter((one) => one.id !== id)), SHOWN_MILLISECONDS);
    };
    return () => {
      show = () => {};
    };
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {messages.map((one) => (
        <p class="toast" key={one.id}>
          {one.text}
        </p>
      ))}
    </div>
  );
}
