import type { IconNode } from "lucide";
import type { ComponentChildren } from "preact";
import { Icon } from "./icon";

/** Nothing is here yet: what would be, and how to get it. */
export function Empty(props: {
  icon: IconNode;
  title: string;
  children: ComponentChildren;
  actions?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <Icon of={props.icon} />
      <h2>{props.title}</h2>
      <p>{props.children}</p>
      {props.actions && <div class="empty__actions">{props.actions}</div>}
    </div>
  );
}

/** Something is on its way, in the shape that it will have. */
export function Skeleton({ height, label = "Loading" }: { height: string; label?: string }) {
  return (
    <div class="skeleton" style={{ height }} role="status">
      <span class="visually-hidden">{label}</span>
    </div>
  );
}
