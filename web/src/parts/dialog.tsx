import { X } from "lucide";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { IconButton } from "./button";

/** A modal dialog, open as long as it is rendered. Escape, the cross and a click beside it call `onClose`. */
export function Dialog(props: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  actions?: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const isPressedBeside = useRef(false);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it, too
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={title}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      // who marks words may let go beside it: only a press that begins there closes it
      onPointerDown={(event) => {
        isPressedBeside.current = event.target === dialog.current;
      }}
      onClick={(event) => event.target === dialog.current && isPressedBeside.current && props.onClose()}
    >
      <div class="dialog__inside">
        <div class="dialog__head">
          <h2 id={title}>{props.title}</h2>
          <IconButton label="Close" icon={X} onClick={props.onClose} />
        </div>
        {props.children}
        {props.actions && <div class="dialog__actions">{props.actions}</div>}
      </div>
    </dialog>
  );
}
