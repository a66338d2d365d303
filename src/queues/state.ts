import type { QueueMetrics } from "./queue.ts";

export const queueStates = ["ok", "idle", "backlog", "stalled", "paused", "no_workers", "failing", "unknown"] as const;
export type QueueState = (typeof queueStates)[number];

/** The input of the rules. */
export type QueueFigures = Pick<
  QueueMetrics,
  | "depth"
  | "processedPerSec"
  | "failuresLastHour"
  | "failuresRecent"
  | "failuresSeen"
  | "active"
  | "oldestAgeSeconds"
  | "usualRunSeconds"
  | "untakenSeconds"
  | "successesAtFailure"
  | "restSeconds"
  | "paused"
  | "workers"
>;

export const queueThresholds = {
  /**
   * stalled: a runnable job waits longer than this while nothing ends or runs, seconds. This is
   * also the window of the rate.
   */
  stalledSeconds: 300,
  /**
   * stalled while a job runs, which may just be a long one: the limit is this many times the
   * queue's usual run time.
   */
  stalledRuns: 5,
  /** The limit while a job runs is at least this, seconds. */
  stalledBehindActiveLeast: 120,
  /**
   * The limit while a job runs is at most this, seconds, also where the usual run time is unknown.
   */
  stalledBehindActiveMost: 1800,
  /** failing: at least this many failures in an hour, or in the part of it that is known. */
  failingFailures: 5,
  /** failing: also, at least this share of what ended in the last 5 minutes failed. */
  failingRatio: 0.5,
  /** backlog: a runnable job waits longer than this, seconds. */
  backlogAgeSeconds: 60,
  /** backlog: the waiting jobs take longer than this to clear, seconds. */
  backlogDrainSeconds: 600,
} as const;

const { stalledSeconds, stalledRuns, stalledBehindActiveLeast, stalledBehindActiveMost } = queueThresholds;
const { failingFailures, failingRatio, backlogAgeSeconds, backlogDrainSeconds } = queueThresholds;

/** What each state means, for people. */
export const queueStateRules = {
  paused: "It is paused.",
  no_workers: "Jobs could run, and the system reports no workers.",
  stalled: `The oldest runnable job has waited longer than ${stalledSeconds} s, and nothing ended in the last 5 minutes. While a job runs, the limit is ${stalledRuns} times the p95 of the queue's run times, at least ${stalledBehindActiveLeast} s and at most ${stalledBehindActiveMost} s. While no run time is known, it is ${stalledBehindActiveMost} s. Where the rate is unknown, nothing ended if for 5 minutes of reads the oldest job stayed the same, no fewer waited, and the rows show none that was taken. Where it is sampled, 5 minutes of samples show no success.`,
  failing: `At least ${failingFailures} failures in the last hour, and at least ${failingRatio * 100} % of what ended in the last 5 minutes failed. Successes that counted when the latest failure was read count as long as that failure, so a batch is not failing because its failures ended last.`,
  backlog: `A runnable job has waited longer than ${backlogAgeSeconds} s, or the waiting jobs take more than ${backlogDrainSeconds} s to clear.`,
  unknown: `It may be failing: at least ${failingFailures} failures in the last hour, one of them in the last 5 minutes, and how many jobs succeeded is unknown.`,
  idle: "No job is runnable or running, and none succeeded in the last 5 minutes. Never where the rate is unknown.",
  ok: "None of the others.",
} satisfies Record<QueueState, string>;

/** The window of the rate, seconds. */
const recentSeconds = 300;

/**
 * Seconds until the waiting jobs are done at the rate of the last 5 minutes, if no new ones arrive.
 * Null if they would never be done, as in a paused queue, or if the rate is unknown.
 */
export function toDrainSeconds({
  depth,
  processedPerSec,
  paused,
}: Pick<QueueFigures, "depth" | "processedPerSec" | "paused">): number | null {
  if (depth === 0) return 0;
  if (paused === true) return null;
  return processedPerSec !== null && processedPerSec > 0 ? depth / processedPerSec : null;
}

/**
 * The state by the first rule that holds. An unknown value meets no rule but `unknown`.
 *
 * 1. paused: it is paused.
 * 2. no_workers: jobs could run, and the system reports no workers.
 * 3. stalled: a job could run for longer than `toStalledSeconds`, and nothing ended in 5 minutes.
 * 4. failing: at least `failingRatio` of what ended in the last 5 minutes failed, and at least
 *    `failingFailures` in the last hour. Successes that were in the window when the latest failure
 *    was read still count, so only a failure makes a queue failing, never a success that leaves the
 *    window.
 * 5. backlog: a job waits longer than `backlogAgeSeconds`, or the waiting jobs take longer than
 *    `backlogDrainSeconds`.
 * 6. unknown: it may be failing, but how many jobs succeeded is unknown.
 * 7. idle: nothing waits or runs, and it is known that nothing succeeded in 5 minutes.
 * 8. ok.
 */
export function toQueueState(figures: QueueFigures): QueueState {
  const { depth, active, processedPerSec, paused, workers } = figures;
  if (paused === true) return "paused";
  if (depth > 0 && workers === 0) return "no_workers";
  if (isStalled(figures)) return "stalled";
  if (isFailing(figures)) return "failing";
  if (isBehind(figures)) return "backlog";
  if (hasFailures(figures) && toRate(figures) === null) return "unknown";
  return depth === 0 && (active ?? 0) === 0 && processedPerSec === 0 ? "idle" : "ok";
}

/**
 * How long a runnable job may wait while nothing ends, seconds. A hanging worker looks like one
 * with a long job; the queue's usual run time shows which it is.
 */
function toStalledSeconds({ active, usualRunSeconds }: QueueFigures): number {
  if ((active ?? 0) === 0) return stalledSeconds;
  const usual = usualRunSeconds ?? Number.POSITIVE_INFINITY;
  return Math.min(stalledBehindActiveMost, Math.max(stalledBehindActiveLeast, stalledRuns * usual));
}

/**
 * Successes per second. Where successes are not counted: 0 if no waiting job was taken for the
 * whole window of the rate, else null.
 */
function toRate({ processedPerSec, untakenSeconds }: QueueFigures): number | null {
  return processedPerSec ?? ((untakenSeconds ?? 0) >= recentSeconds ? 0 : null);
}

/**
 * Whether nothing ended in the window of the rate. A sampled rate of 0 may cover only a minute, so
 * the samples must cover the whole window. Where successes are not counted, no waiting job may have
 * been taken for that long.
 */
function hasNoneEnded(figures: QueueFigures): boolean {
  const { restSeconds = recentSeconds, untakenSeconds } = figures;
  const isKnown = (restSeconds ?? untakenSeconds ?? 0) >= recentSeconds;
  return isKnown && toRate(figures) === 0 && toFailures(figures).recent === 0;
}

function isStalled(figures: QueueFigures): boolean {
  const { depth, oldestAgeSeconds } = figures;
  return depth > 0 && hasNoneEnded(figures) && (oldestAgeSeconds ?? 0) > toStalledSeconds(figures);
}

function isFailing(figures: QueueFigures): boolean {
  const rate = toRate(figures);
  const failed = toFailures(figures).recent;
  if (rate === null || !hasFailures(figures)) return false;
  const succeeded = Math.max(rate * recentSeconds, figures.successesAtFailure ?? 0);
  return failed / (failed + succeeded) >= failingRatio;
}

/** Whether enough jobs failed, some of them recently, for the queue to be failing. */
function hasFailures(figures: QueueFigures): boolean {
  const { lastHour, recent } = toFailures(figures);
  return lastHour >= failingFailures && recent > 0;
}

/** The failures, or a lower bound where rows are gone. */
function toFailures({ failuresLastHour, failuresRecent, failuresSeen }: QueueFigures) {
  return {
    lastHour: failuresLastHour ?? failuresSeen?.lastHour ?? 0,
    recent: failuresRecent ?? failuresSeen?.recent ?? 0,
  };
}

/** The rule of `backlog`, regardless of the other rules. */
export function isBehind(figures: QueueFigures): boolean {
  if ((figures.oldestAgeSeconds ?? 0) > backlogAgeSeconds) return true;
  return (toDrainSeconds(figures) ?? 0) > backlogDrainSeconds;
}
