import type { QueueMetrics } from "./queue.ts";

export const queueStates = ["ok", "idle", "backlog", "stalled", "paused", "no_workers", "failing"] as const;
export type QueueState = (typeof queueStates)[number];

/** What the rules look at. */
export type QueueFigures = Pick<
  QueueMetrics,
  "depth" | "processedPerSec" | "failuresLastHour" | "failuresSeconds" | "active" | "oldestAgeSeconds" | "paused" | "workers"
>;

export const queueThresholds = {
  /** A job that could run waits so long while nothing ends and nothing runs, seconds: stalled. As long as the window of the rate. */
  stalledSeconds: 300,
  /** The same where something runs, which may only be long, seconds. */
  stalledBehindActiveSeconds: 1800,
  /** Fewer failures in an hour, or in what of it is known, are no sign, */
  failingFailures: 5,
  /** and nor is a smaller part of all that ended. */
  failingRatio: 0.5,
  /** A job that could run waits so long, seconds: backlog. */
  backlogAgeSeconds: 60,
  /** What waits takes so long to clear, seconds: backlog. */
  backlogDrainSeconds: 600,
} as const;

/** Time to clear what waits at the rate of the last 5 minutes, with nothing new, seconds. Null when it would never end, or the rate is not known. */
export function toDrainSeconds({ depth, processedPerSec }: Pick<QueueFigures, "depth" | "processedPerSec">): number | null {
  if (depth === 0) return 0;
  return processedPerSec !== null && processedPerSec > 0 ? depth / processedPerSec : null;
}

/**
 * The first that is true; what is not known speaks for nothing.
 *
 * 1. paused: it is paused.
 * 2. no_workers: jobs could run, and the system says that nobody takes them.
 * 3. stalled: one of them could for longer than `stalledSeconds` (`stalledBehindActiveSeconds` where something runs), and nothing ended in 5 minutes.
 * 4. failing: of what ended in the last hour at least `failingRatio` failed, at the rate of the last 5 minutes, and that were `failingFailures` at least. Where failures
 *    are sampled it is the time that the samples reach back.
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

function isStalled({ depth, active, processedPerSec, oldestAgeSeconds }: QueueFigures): boolean {
  const limit = (active ?? 0) > 0 ? queueThresholds.stalledBehindActiveSeconds : queueThresholds.stalledSeconds;
  return depth > 0 && processedPerSec === 0 && (oldestAgeSeconds ?? 0) > limit;
}

function isFailing({ processedPerSec, failuresLastHour, failuresSeconds = 3600 }: QueueFigures): boolean {
  if (processedPerSec === null || failuresLastHour === null) return false;
  const ended = failuresLastHour + processedPerSec * failuresSeconds;
  return failuresLastHour >= queueThresholds.failingFailures && failuresLastHour / ended >= queueThresholds.failingRatio;
}

function isBehind(figures: QueueFigures): boolean {
  if ((figures.oldestAgeSeconds ?? 0) > queueThresholds.backlogAgeSeconds) return true;
  return (toDrainSeconds(figures) ?? 0) > queueThresholds.backlogDrainSeconds;
}
