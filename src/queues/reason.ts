import { formatNumber, formatDuration } from "../facts/format.ts";
import { queueThresholds } from "./state.ts";

/**
 * The numbers of a queue as the GraphQL schema names them; `state` is a value of its enum
 * QueueState.
 */
export interface ReasonFigures {
  readonly state: string;
  readonly depth: number;
  readonly active: number | null;
  readonly exact: boolean;
  readonly oldestAgeSeconds: number | null;
  readonly failuresLastHour: number | null;
  readonly drainSeconds: number | null;
  readonly windowSeconds: number | null;
}

/**
 * Why a queue is in its state: the rule of `state.ts` that holds, with its numbers. What matters
 * most comes first, because a list may cut the end. "" for an unknown state, which a newer gateway
 * may report.
 */
export function toQueueReason(figures: ReasonFigures): string {
  const { state, depth } = figures;
  switch (state) {
    case "PAUSED":
      return depth === 0 ? "no job is taken, none waits" : `no job is taken, ${toWaiting(figures)}${toOldest(figures)}`;
    case "NO_WORKERS":
      return `${toWaiting(figures)}, no worker takes ${depth === 1 ? "it" : "them"}${toOldest(figures)}`;
    case "STALLED":
      return `${toWaiting(figures)}, ${toRunning(figures)}none ended in ${formatDuration(queueThresholds.stalledSeconds)}${toOldest(figures)}`;
    case "FAILING":
      return `${toFailures(figures)}, half or more of what ended in 5 min`;
    case "BACKLOG":
      return toBacklog(figures);
    case "UNKNOWN":
      return figures.failuresLastHour === null
        ? `at least ${queueThresholds.failingFailures} failed in 1 h, and how many in all is unknown`
        : `${toFailures(figures)}, and how many succeeded is unknown`;
    case "IDLE":
      return "no job waits or runs, none succeeded in 5 min";
    case "OK":
      return depth === 0 ? "no job waits" : `${toWaiting(figures)}${toOldest(figures)}`;
    default:
      return "";
  }
}

/** "41 jobs wait". */
function toWaiting({ depth, exact }: ReasonFigures): string {
  return `${exact ? "" : "~"}${formatNumber(depth)} ${depth === 1 ? "job waits" : "jobs wait"}`;
}

function toOldest({ oldestAgeSeconds }: ReasonFigures): string {
  return oldestAgeSeconds === null ? "" : `; the oldest for ${formatDuration(oldestAgeSeconds)}`;
}

function toRunning({ active }: ReasonFigures): string {
  return active ? `${formatNumber(active)} ${active === 1 ? "runs" : "run"}, ` : "";
}

function toFailures({ failuresLastHour, exact, windowSeconds }: ReasonFigures): string {
  const window = windowSeconds === null ? "1 h" : formatDuration(Math.min(3600, windowSeconds));
  return `${exact ? "" : "~"}${formatNumber(failuresLastHour)} failed in ${window}`;
}

function toBacklog({ depth, exact, oldestAgeSeconds, drainSeconds }: ReasonFigures): string {
  const { backlogAgeSeconds, backlogDrainSeconds } = queueThresholds;
  const reasons: string[] = [];
  if ((oldestAgeSeconds ?? 0) > backlogAgeSeconds)
    reasons.push(`the oldest waits ${formatDuration(oldestAgeSeconds)}, over ${formatDuration(backlogAgeSeconds)}`);
  if ((drainSeconds ?? 0) > backlogDrainSeconds) {
    const jobs = `${exact ? "" : "~"}${formatNumber(depth)} ${depth === 1 ? "job" : "jobs"}`;
    reasons.push(`${jobs} need ${formatDuration(drainSeconds)}, over ${formatDuration(backlogDrainSeconds)}`);
  }
  return reasons.join("; ");
}
