import type { ContainerRow } from "../../data/containers.ts";
import { toWords } from "../format.ts";
import type { ProblemRow } from "../problems.tsx";
import { type Tone, toContainerState } from "../state.tsx";

/** What is wrong with a container, as the list of problems has it. */
export interface Trouble extends Pick<ProblemRow, "title" | "since" | "evidence" | "rule"> {
  readonly tone: Tone;
  /** In a few words, for where its name is near. */
  readonly word: string;
}

const words: Readonly<Record<string, string>> = {
  CONTAINER_MEMORY_HIGH: "memory is high",
  CONTAINER_OOM_KILLED: "out of memory",
  CONTAINER_RESTART_LOOP: "restarts in a loop",
  CONTAINER_STOPPED: "stopped",
  CONTAINER_UNHEALTHY: "unhealthy",
  LEFTOVER: "still live",
};

/** Of several problems of a container the first critical one counts, else the first. */
export function toTroubles(rows: readonly ProblemRow[]): ReadonlyMap<string, Trouble> {
  const troubles = new Map<string, Trouble>();
  for (const { container, severity, kind, title, since, evidence, rule } of rows) {
    if (!container) continue;
    const tone = severity === "CRITICAL" ? "bad" : "warn";
    const before = troubles.get(container.id);
    if (before && (before.tone === "bad" || tone === "warn")) continue;
    troubles.set(container.id, { tone, word: words[kind] ?? toWords(kind), title, since, evidence, rule });
  }
  return troubles;
}

/** What a container's status, its health and its problem come to. A silent engine says nothing of now, whatever was wrong before. */
export function toSeenState(
  row: Pick<ContainerRow, "status" | "health" | "stale" | "kind">,
  trouble: Trouble | undefined,
): { readonly tone: Tone; readonly word: string; readonly title?: string } {
  const own = toContainerState(row);
  if (!trouble || row.stale || (own.tone === "bad" && trouble.tone === "warn")) return own;
  return { tone: trouble.tone, word: trouble.word, title: [trouble.title, ...trouble.evidence].join("\n") };
}

/** Whether somebody should look at it: something is wrong, or its engine is silent. */
export function isTroubled(
  row: Pick<ContainerRow, "status" | "health" | "stale" | "kind">,
  trouble: Trouble | undefined,
): boolean {
  const { tone } = toSeenState(row, trouble);
  return row.stale || tone === "bad" || tone === "warn";
}
