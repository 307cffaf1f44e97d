import type { IconNode } from "lucide";
import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { usd } from "../words";
import { Icon } from "./icon";

interface ButtonLooks extends Omit<ButtonHTMLAttributes, "icon"> {
  kind?: "primary" | "plain" | "quiet" | "danger";
  icon?: IconNode;
  /** What pressing it costs, in US dollars; undefined where nobody knows yet. */
  price?: number;
  busy?: boolean;
  children?: ComponentChildren;
}

/** A button with words. A busy one does nothing, and keeps the focus: it is not `disabled`. */
export function Button({ kind = "plain", icon, price, busy, children, disabled, onClick, ...rest }: ButtonLooks) {
  return (
    <button
      type="button"
      class="button"
      data-kind={kind}
      disabled={disabled && !busy}
      aria-disabled={busy || undefined}
      aria-busy={busy}
      onClick={busy ? refuse : onClick}
      onKeyDown={(event) => event.repeat && event.key === "Enter" && refuse(event)} // held down, it is pressed once
      {...rest}
    >
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon of={icon} size={18} />}
      <span>{children}</span>
      {price !== undefined && <span class="button__price">{usd(price)}</span>}
    </button>
  );
}

const refuse = (event: Event) => event.preventDefault();

/** A button that is only a drawing; `label` says what it does. */
export function IconButton({
  label,
  icon,
  kind = "quiet",
  ...rest
}: ButtonHTMLAttributes & { label: string; icon: IconNode; kind?: "plain" | "quiet" | "danger" }) {
  return (
    <button type="button" class="button" data-shape="icon" data-kind={kind} aria-label={label} title={label} {...rest}>
      <Icon of={icon} />
    </button>
  );
}
