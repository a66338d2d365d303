import { toPlaceOf, toToneOf, type States, type Tone } from "./tone.ts";

/** The states of a queue, worst first. `queues/state.ts` has the rule of each. */
export const queueStates = {
  STALLED: "bad",
  NO_WORKERS: "bad",
  FAILING: "bad",
  BACKLOG: "warn",
  UNKNOWN: "warn",
  PAUSED: "neutral",
  OK: "ok",
  IDLE: "ok",
} as const satisfies States;

export function toQueueTone(state: string): Tone {
  return toToneOf(queueStates, state);
}

/** Whether somebody should look at a queue in this state. */
export function isQueueInTrouble(state: string): boolean {
  const tone = toQueueTone(state);
  return tone === "bad" || tone === "warn";
}

interface Ordered {
  readonly name: string;
  readonly source: string;
  readonly state: string;
  readonly oldestAgeSeconds: number | null;
}

/**
 * Compares queues: what is in trouble first, by the state, the age of the oldest job in steps that
 * double, the name and the source. Queues that are well are busy and idle in turns, and their ages
 * change at each look: these follow by name alone.
 */
export function compareQueues(one: Ordered, other: Ordered): number {
  return (
    toWeight(one) - toWeight(other) ||
    (toQueueTone(one.state) === "ok" ? 0 : toAgeStep(other) - toAgeStep(one)) ||
    one.name.localeCompare(other.name) ||
    one.source.localeCompare(other.source)
  );
}

function toWeight({ state }: Ordered): number {
  return toPlaceOf(queueStates, toQueueTone(state) === "ok" ? "OK" : state);
}

/** Below a minute 0, then 1, from 3 minutes on 2, from 7 on 3. */
function toAgeStep({ oldestAgeSeconds }: Ordered): number {
  return Math.floor(Math.log2((oldestAgeSeconds ?? 0) / 60 + 1));
}
