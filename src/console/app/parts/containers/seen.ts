import { toKey } from "../../data/key.ts";
import type { ConsoleProblemsQuery } from "../../../../generated/console.ts";
import { toKindLabel, toSeverityTone } from "../../../../facts/problem.ts";
import type { Tone } from "../../../../facts/tone.ts";

type ProblemRow = NonNullable<ConsoleProblemsQuery["problems"]>["problems"][number];

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
export interface Trouble extends Omit<Seen, "since">, Pick<ProblemRow, "since" | "evidence" | "rule"> {
  readonly title: string;
  /** Whether its role is down: the container's own state says more, unless it is good. */
  readonly isRoleDown: boolean;
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
      isRoleDown: kind === "ROLE_DOWN",
    });
  }
  return troubles;
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
  const word = trouble.isRoleDown && own.tone !== "ok" ? own.word : trouble.word;
  return { tone: trouble.tone, word, title, since: trouble.since };
}
