import { formatNumber } from "./format.ts";
import { describeNumber, formatFact, type NumberFact } from "./number.ts";
import { toPlaceOf, toToneOf, toTroubleTone, type States, type Tone } from "./tone.ts";

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

/** The states in which somebody should look at a queue, worst first. */
export const troubledQueueStates: readonly string[] = Object.keys(queueStates).filter(isQueueInTrouble);

/** How many queues there are, and how many of them are in trouble: "12 queues, 2 in trouble". */
export function summarizeQueues(queues: readonly { readonly state: string }[]): string {
  const count = `${formatNumber(queues.length)} ${queues.length === 1 ? "queue" : "queues"}`;
  const troubled = queues.filter(({ state }) => isQueueInTrouble(state)).length;
  return troubled === 0 ? count : `${count}, ${formatNumber(troubled)} in trouble`;
}

interface Ordered {
  readonly name: string;
  readonly source: string;
  readonly state: string;
  readonly oldestAgeSeconds: number | null;
}

/**
 * Compares queues: those in trouble first, by state, by the age of the oldest job in doubling
 * steps, by name and by source. Healthy queues alternate between busy and idle, and their ages
 * change at each look: these follow by name only.
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

/** Describes a number of a queue. */
export interface QueueNumber extends NumberFact {
  /** Whether it is sampled when a queue's numbers are not exact. */
  readonly isSampled?: boolean;
}

const unrecorded = "where the system does not record it";
const overRecent = "over jobs that succeeded in the last 5 minutes";
const withoutEnded = "without one, or where it is not recorded";

/** The numbers of a queue, in the order in which people read them. */
export const queueNumbers = {
  depth: {
    label: "waiting",
    unit: "count",
    about: "Runnable jobs: waiting and due, not running, not deferred.",
    metric: "depth",
    tool: "depth",
    isSampled: true,
  },
  oldestAgeSeconds: {
    label: "oldest",
    unit: "seconds",
    about: "How long the oldest runnable job has been waiting.",
    absent: "without one",
    metric: "oldest_age_seconds",
    tool: "oldest_s",
  },
  active: {
    label: "running",
    unit: "count",
    about: "Jobs that a worker is running now.",
    absent: unrecorded,
    metric: "active",
    tool: "active",
  },
  workers: {
    label: "workers",
    unit: "count",
    about: "Workers that take jobs from it now.",
    absent: "where the system does not know them",
    metric: "workers",
    tool: "workers",
  },
  processedPerSec: {
    label: "rate",
    unit: "rate",
    about: "Successful completions a second, averaged over the last 5 minutes (300 s).",
    absent: "until there are samples, where the system does not store them",
    metric: "processed_per_second",
    tool: "per_s",
    isSampled: true,
  },
  failuresLastHour: {
    label: "failed 1 h",
    unit: "count",
    about: "Failed attempts in the last 60 minutes. Where the system does not record attempts, jobs that ended failed.",
    absent: "where it records neither",
    metric: "failures_last_hour",
    tool: "failures_1h",
    isSampled: true,
    isTrouble: true,
  },
  drainSeconds: {
    label: "drain",
    unit: "seconds",
    about: "Time to clear the waiting jobs at the current rate.",
    absent: "when the queue would never clear, or the rate is unknown",
    metric: "drain_seconds",
    tool: "drain_s",
  },
  retrying: {
    label: "retrying",
    unit: "count",
    about: "Jobs that failed and wait for another attempt, due or not.",
    absent: unrecorded,
    metric: "retrying",
    tool: "retrying",
  },
  deferred: {
    label: "deferred",
    unit: "count",
    about: "Jobs scheduled for a later time that have not failed.",
    absent: unrecorded,
    metric: "deferred",
  },
  dead: {
    label: "dead",
    unit: "count",
    about: "Jobs that failed for good and are still stored.",
    absent: unrecorded,
    metric: "dead",
    tool: "dead",
    isTrouble: true,
  },
  orphans: {
    label: "orphans",
    unit: "count",
    about: "Running jobs whose worker is in no live container, or restarted since.",
    absent: "where it cannot be determined",
    metric: "orphans",
    tool: "orphans",
    isTrouble: true,
  },
  waitP50Seconds: {
    label: "wait p50",
    unit: "seconds",
    about: `Median time from when a job could run to its start, ${overRecent}.`,
    absent: withoutEnded,
  },
  waitP95Seconds: {
    label: "wait p95",
    unit: "seconds",
    about: `95th percentile of the time from when a job could run to its start, ${overRecent}.`,
    absent: withoutEnded,
    tool: "wait_p95_s",
  },
  runP50Seconds: {
    label: "run p50",
    unit: "seconds",
    about: `Median time from the start of the last attempt to its end, ${overRecent}.`,
    absent: withoutEnded,
  },
  runP95Seconds: {
    label: "run p95",
    unit: "seconds",
    about: `95th percentile of the time from the start of the last attempt to its end, ${overRecent}.`,
    absent: withoutEnded,
    tool: "run_p95_s",
  },
} as const satisfies Readonly<Record<string, QueueNumber>>;

export type QueueNumberName = keyof typeof queueNumbers;
export const queueNumberNames = Object.keys(queueNumbers) as readonly QueueNumberName[];

/** The same, with the properties that only some have. */
export function toQueueNumber(name: QueueNumberName): QueueNumber {
  return queueNumbers[name];
}

/** For a schema: its description, its unit, and when it is null. */
export function describeQueueNumber(name: QueueNumberName): string {
  return describeNumber(toQueueNumber(name));
}

/** A queue with some of its numbers. */
export type NumbersOfQueue = Readonly<Partial<Record<QueueNumberName, number | null>>> & { readonly exact: boolean };

/** A number as people read it. A tilde marks a sampled number. */
export function formatQueueNumber(name: QueueNumberName, row: NumbersOfQueue): string {
  const fact = toQueueNumber(name);
  const value = row[name];
  // An empty queue needs no rate to be drained.
  if (name === "drainSeconds" && row.depth === 0) return formatFact(fact, 0);
  const text = formatFact(fact, value);
  return isSampledNumber(name, row) ? `~${text}` : text;
}

/** Whether a number is known, but sampled: then it is written with a tilde. */
function isSampledNumber(name: QueueNumberName, row: NumbersOfQueue): boolean {
  return toQueueNumber(name).isSampled === true && !row.exact && typeof row[name] === "number";
}

/** Whether any of a queue's numbers is sampled. */
export function hasSampledNumbers(row: NumbersOfQueue): boolean {
  return queueNumberNames.some((name) => isSampledNumber(name, row));
}

export function toQueueNumberTone(name: QueueNumberName, row: NumbersOfQueue): Tone {
  if (name === "workers") return row.workers === 0 && (row.depth ?? 0) > 0 ? "bad" : "neutral";
  return toQueueNumber(name).isTrouble ? toTroubleTone(row[name]) : "neutral";
}
