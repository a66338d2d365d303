import type { ComponentChildren } from "preact";
import { formatEnum } from "../../../facts/format.ts";
import type { Tone } from "../../../facts/tone.ts";

const shapes: Readonly<Record<Tone, string>> = { ok: "●", warn: "▲", bad: "■", neutral: "○" };

/** The shape of a state: colour is never the only sign. */
export function Shape({ tone, label }: { readonly tone: Tone; readonly label?: string }) {
  return label === undefined ? (
    <span class={`shape ${tone}`} aria-hidden="true">
      {shapes[tone]}
    </span>
  ) : (
    <span class={`shape ${tone}`} role="img" aria-label={label} title={label}>
      {shapes[tone]}
    </span>
  );
}

/** A state: its shape and its word. */
export function State({
  tone,
  children,
  title,
}: {
  readonly tone: Tone;
  readonly children: ComponentChildren;
  readonly title?: string | undefined;
}) {
  return (
    <span class="state" title={title}>
      <Shape tone={tone} />
      <span class={tone === "ok" ? "" : tone}>{children}</span>
    </span>
  );
}

/** A word of the schema with its tone. */
export function EnumState({ value, tone }: { readonly value: string; readonly tone: Tone }) {
  return <State tone={tone}>{formatEnum(value)}</State>;
}
