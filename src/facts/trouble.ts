import { toContainerState, toKey } from "./container.ts";
import { toKindLabel, toSeverityTone } from "./problem.ts";
import type { Tone } from "./tone.ts";

interface ProblemRow {
  readonly kind: string;
  readonly severity: string;
  readonly title: string;
  readonly since: string | null;
  readonly evidence: readonly string[];
  readonly rule: string;
  readonly container: { readonly engine: string; readonly name: string } | null;
}

/** A container's state as it is shown; `title` is for where the word alone is not enough. */
export interface Seen {
  readonly tone: Tone;
  readonly word: string;
  readonly title?: string;
  /** Since when, RFC 3339 or unix ms; null when that is unknown. */
  readonly since?: string | number | null;
}

/**
 * What is wrong with a container, as the list of problems has it; its word is for where the
 * container's name is near.
 */
export interface Trouble extends Omit<Seen, "since">, Pick<ProblemRow, "kind" | "since" | "evidence" | "rule"> {
  readonly title: string;
}

/** What is wrong with containers. */
export interface Troubles {
  /** The worst problem of each container that has one, by `toKey`. */
  readonly byKey: ReadonlyMap<string, Trouble>;
  /** Whether the list of problems was answered: else a container without one may have one. */
  readonly isKnown: boolean;
}

/**
 * The worst problem of each container that has one, by `toKey`: the first critical one,
 * else the first.
 */
export function toTroubles(rows: readonly ProblemRow[]): ReadonlyMap<string, Trouble> {
  const troubles = new Map<string, Trouble>();
  for (const { container, severity, kind, title, since, evidence, rule } of rows) {
    if (!container) continue;
    const tone = toSeverityTone(severity);
    const before = troubles.get(toKey(container));
    if (before && (before.tone === "bad" || tone === "warn")) continue;
    troubles.set(toKey(container), {
      tone,
      word: toKindLabel(kind),
      title,
      since,
      evidence,
      rule,
      kind,
    });
  }
  return troubles;
}

/** Whether a problem is about one container; drift is about several, and names the first. */
export function isOfOneContainer({ kind }: { readonly kind: string }): boolean {
  return kind.toUpperCase().startsWith("CONTAINER_");
}

/**
 * The worse of what a container's engine says of it and its problem; the problem says more where
 * they are equal. While problems are not known, a container that its engine calls well may be
 * restarting in a loop: its state is unknown.
 */
export function toWorse(own: Seen, trouble: Trouble | undefined, isKnown: boolean): Seen {
  if (!trouble && !isKnown && own.tone === "ok") return { ...own, tone: "neutral", title: "Problems are unknown" };
  if (!trouble || (own.tone === "bad" && trouble.tone === "warn")) return own;
  const title = [trouble.title, ...trouble.evidence].join("\n");
  // If its role is down, the container's own state says more, unless it is good.
  const isRoleDown = trouble.kind.toUpperCase() === "ROLE_DOWN";
  const word = isRoleDown && own.tone !== "ok" ? own.word : trouble.word;
  return { tone: trouble.tone, word, title, since: trouble.since };
}

/** Worst first. */
const order: readonly Tone[] = ["bad", "warn", "neutral", "ok"];

/** Compares containers by the worse of their state and their problem, worst first. */
export function createContainerOrder<Row extends Parameters<typeof toContainerState>[0] & Parameters<typeof toKey>[0]>(
  troubles: ReadonlyMap<string, Trouble>,
): (one: Row, other: Row) => number {
  const toPlace = (row: Row) =>
    order.indexOf(toWorse(toContainerState(row), row.stale ? undefined : troubles.get(toKey(row)), true).tone);
  return (one, other) => toPlace(one) - toPlace(other);
}
