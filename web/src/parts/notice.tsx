import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide";
import type { ComponentChildren } from "preact";
import { Icon } from "./icon";

const ICONS = { bad: CircleAlert, warn: TriangleAlert, good: CircleCheck, plain: Info };

/** Something that a user should know: a sentence, the code that support will ask for, and what can be done. */
export function Notice(props: {
  tone?: keyof typeof ICONS;
  code?: string;
  children: ComponentChildren;
  actions?: ComponentChildren;
}) {
  const tone = props.tone ?? "plain";
  return (
    <div class="notice" data-tone={tone} role={tone === "bad" ? "alert" : undefined}>
      <Icon of={ICONS[tone]} />
      <div class="notice__body">
        <div>{props.children}</div>
        {props.code && <code class="notice__code">{props.code}</code>}
        {props.actions && <div class="notice__actions">{props.actions}</div>}
      </div>
    </div>
  );
}

/** A page that cannot be shown. */
export function Broken({ title, message }: { title: string; message: string }) {
  return (
    <main class="page">
      <h1>{title}</h1>
      <Notice tone="bad">{message}</Notice>
    </main>
  );
}
