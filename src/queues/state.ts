import type { QueueMetrics } from "./queue.ts";

export const queueStates = ["ok", "idle", "backlog", "stalled", "paused", "no_workers", "failing"] as const;
export type QueueState = (typeof queueStates)[number];

/** What the rules look at. */
export type QueueFigures = Pick<
  QueueMetrics,
  | "depth"
  | "processedPerSec"
  | "failuresLastHour"
  | "failuresRecent"
  | "active"
  | "oldestAgeSeconds"
  | "usualRunSeconds"
  | "paused"
  | "workers"
>;

export const queueThresholds = {
  /** A job that could run waits so long while nothing ends and nothing runs, seconds: stalled. As long as the window of the rate. */
  stalledSeconds: 300,
  /** Where something runs, which may only be long, it is this many times as long as jobs of the queue usually run, */
  stalledRuns: 5,
  /** but at least so long, seconds, */
  stalledBehindActiveLeast: 120,
  /** and at most so long, seconds: also where nobody knows how long they run. */
  stalledBehindActiveMost: 1800,
  /** Fewer failures in an hour, or in what of it is known, are no sign, */
  failingFailures: 5,
  /** and nor is a smaller part of what ended in the last 5 minutes. */
  failingRatio: 0.5,
  /** A job that could run waits so long, seconds: backlog. */
  backlogAgeSeconds: 60,
  /** What waits takes so long to clear, seconds: backlog. */
  backlogDrainSeconds: 600,
} as const;

/** As long as the window of the rate, seconds. */
const recentSeconds = 300;

/** Time to clear what waits at the rate of the last 5 minutes, with nothing new, seconds. Null when it would never end, as of a paused queue, or the rate is not known. */
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
 * The first that is true; what is not known speaks for nothing.
 *
 * 1. paused: it is paused.
 * 2. no_workers: jobs could run, and the system says that nobody takes them.
 * 3. stalled: one of them could for longer than `toStalledSeconds`, and nothing ended in 5 minutes.
 * 4. failing: of what ended in the last 5 minutes at least `failingRatio` failed, and in the last hour `failingFailures` at least.
 * 5. backlog: a job waits longer than `backlogAgeSeconds`, or what waits takes longer than `backlogDrainSeconds`.
 * 6. idle: nothing waits, runs or ended in 5 minutes.
 * 7. ok.
 */
export function toQueueState(figures: QueueFigures): QueueState {
  const { depth, active, processedPerSec, paused, workers } = figures;
  if (paused === true) return "paused";
  if (depth > 0 && workers === 0) return "no_workers";
  if (isStalled(figures)) return "stalled";
  if (isFailing(figures)) return "failing";
  if (isBehind(figures)) return "backlog";
  return depth === 0 && (active ?? 0) === 0 && (processedPerSec ?? 0) === 0 ? "idle" : "ok";
}

/** How long a job that could run may wait while nothing ends, seconds. A worker that hangs looks like one with a long job: the queue's own run times show which it is. */
function toStalledSeconds({ active, usualRunSeconds }: QueueFigures): number {
  const { stalledSeconds, stalledRuns, stalledBehindActiveLeast, stalledBehindActiveMost } = queueThresholds;
  if ((active ?? 0) === 0) return stalledSeconds;
  const usual = usualRunSeconds ?? Number.POSITIVE_INFINITY;
  return Math.min(stalledBehindActiveMost, Math.max(stalledBehindActiveLeast, stalledRuns * usual));
}

function isStalled(figures: QueueFigures): boolean {
  const { depth, processedPerSec, failuresRecent, oldestAgeSeconds } = figures;
  const hasNoneEnded = processedPerSec === 0 && (failuresRecent ?? 0) === 0;
  return depth > 0 && hasNoneEnded && (oldestAgeSeconds ?? 0) > toStalledSeconds(figures);
}

function isFailing({ processedPerSec, failuresLastHour, failuresRecent }: QueueFigures): boolean {
  const { failingFailures, failingRatio } = queueThresholds;
  if (processedPerSec === null || (failuresLastHour ?? 0) < failingFailures || !failuresRecent) return false;
  return failuresRecent / (failuresRecent + processedPerSec * recentSeconds) >= failingRatio;
}

function isBehind(figures: QueueFigures): boolean {
  if ((figures.oldestAgeSeconds ?? 0) > queueThresholds.backlogAgeSeconds) return true;
  return (toDrainSeconds(figures) ?? 0) > queueThresholds.backlogDrainSeconds;
}
