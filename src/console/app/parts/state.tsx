import type { ComponentChildren } from "preact";
import type { ContainerRow } from "../data/containers.ts";
import { formatEnum } from "../../../facts/format.ts";

export type Tone = "ok" | "warn" | "bad" | "unknown";

const shapes: Readonly<Record<Tone, string>> = { ok: "●", warn: "▲", bad: "■", unknown: "○" };

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

/** What a container's status and health come to; `title` says more where the word alone is not enough. */
export function toContainerState({
  status,
  health,
  stale,
  kind,
}: Pick<ContainerRow, "status" | "health" | "stale" | "kind">): {
  readonly tone: Tone;
  readonly word: string;
  readonly title?: string;
} {
  if (stale) return { tone: "unknown", word: "stale", title: `Its engine does not answer. Last known: ${status}` };
  if (status === "restarting") return { tone: "bad", word: "restarting" };
  if (status === "paused") return { tone: "warn", word: "paused" };
  if (status !== "running") return { tone: kind === "CORE" ? "bad" : "unknown", word: status };
  if (health === "UNHEALTHY") return { tone: "bad", word: "unhealthy" };
  if (health === "STARTING") return { tone: "warn", word: "starting" };
  return { tone: "ok", word: health === "HEALTHY" ? "healthy" : "running" };
}

const queueTones: Readonly<Record<string, Tone>> = {
  OK: "ok",
  IDLE: "ok",
  PAUSED: "unknown",
  UNKNOWN: "warn",
  BACKLOG: "warn",
  FAILING: "bad",
  STALLED: "bad",
  NO_WORKERS: "bad",
};

export function toQueueTone(state: string): Tone {
  return queueTones[state] ?? "unknown";
}

const deployTones: Readonly<Record<string, Tone>> = {
  CURRENT: "ok",
  FAILED: "bad",
  INCOMPLETE: "warn",
  PREVIOUS: "unknown",
  ROLLED_BACK: "warn",
  SUPERSEDED: "unknown",
  UNKNOWN: "unknown",
};

export function toDeployTone(state: string): Tone {
  return deployTones[state] ?? "unknown";
}

/** A word of the schema with its tone. */
export function EnumState({ value, tone }: { readonly value: string; readonly tone: Tone }) {
  return <State tone={tone}>{formatEnum(value)}</State>;
}
