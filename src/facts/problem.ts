import { driftWords } from "./deploy.ts";
import { formatEnum } from "./format.ts";
import { toToneOf, type States, type Tone } from "./tone.ts";

/** How soon somebody must act on a problem, the most urgent first. */
export const severities = { CRITICAL: "bad", WARNING: "warn" } as const satisfies States;

export const severityMeanings = {
  CRITICAL: "Act now.",
  WARNING: "Act today.",
} as const satisfies Readonly<Record<keyof typeof severities, string>>;

export function toSeverityTone(severity: string): Tone {
  return toToneOf(severities, severity);
}

/** Of a list without problems, and without checks that failed. */
export const noProblems = "No known problems";

/** How many problems there are: the start of the sentence about all. */
export function formatProblemCount(count: number): string {
  return count === 0 ? noProblems : `${count} ${count === 1 ? "problem" : "problems"}`;
}

/** Ends that sentence where something could not be checked. */
export function formatGapCount(count: number): string {
  return count === 0 ? "" : `, but ${count === 1 ? "1 check" : `${count} checks`} failed`;
}

/** Labels of kinds whose own name is unclear. `problems/rules.ts` has the rule of each kind. */
const kindLabels: Readonly<Record<string, string>> = {
  CONTAINER_MEMORY_HIGH: "memory is high",
  CONTAINER_OOM_KILLED: "out of memory",
  CONTAINER_RESTART_LOOP: "restarts in a loop",
  CONTAINER_STOPPED: "stopped",
  CONTAINER_UNHEALTHY: "unhealthy",
  LEFTOVER: driftWords.LEFTOVER.label,
};

/** What is wrong with a thing, in a few words beside its name. */
export function toKindLabel(kind: string): string {
  return kindLabels[kind.toUpperCase()] ?? formatEnum(kind);
}
