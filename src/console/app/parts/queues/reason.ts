import type { JobRowFragment, QueueRowFragment } from "../../../../generated/console.ts";
import { queueThresholds } from "../../../../queues/state.ts";
import { toCount, toDuration, toWords } from "../../../../lib/format.ts";

type Figures = Pick<
  QueueRowFragment,
  "state" | "depth" | "active" | "exact" | "oldestAgeSeconds" | "failuresLastHour" | "drainSeconds" | "windowSeconds"
>;

/**
 * Why a queue is in its state, by the rule of `queues/state.ts` that holds, with the numbers it held for: what matters most first, since a list may cut the end. "" for
 * a state that this page does not know.
 */
export function toQueueReason(figures: Figures): string {
  const { state, depth } = figures;
  switch (state) {
    case "PAUSED":
      return depth === 0 ? "no job is taken, none waits" : `no job is taken, ${toWaiting(figures)}${toOldest(figures)}`;
    case "NO_WORKERS":
      return `${toWaiting(figures)}, no worker takes ${depth === 1 ? "it" : "them"}${toOldest(figures)}`;
    case "STALLED":
      return `${toWaiting(figures)}, ${toRunning(figures)}none ended in ${toDuration(queueThresholds.stalledSeconds)}${toOldest(figures)}`;
    case "FAILING":
      return `${toFailures(figures)}, half or more of what ended in 5 min`;
    case "BACKLOG":
      return toBacklog(figures);
    case "IDLE":
      return "no job waits or runs, none succeeded in 5 min";
    case "OK":
      return depth === 0 ? "no job waits" : `${toWaiting(figures)}${toOldest(figures)}`;
    default:
      return "";
  }
}

/** "41 jobs wait". */
function toWaiting({ depth, exact }: Figures): string {
  return `${exact ? "" : "~"}${toCount(depth)} ${depth === 1 ? "job waits" : "jobs wait"}`;
}

function toOldest({ oldestAgeSeconds }: Figures): string {
  return oldestAgeSeconds === null ? "" : `; the oldest for ${toDuration(oldestAgeSeconds)}`;
}

function toRunning({ active }: Figures): string {
  return active ? `${toCount(active)} ${active === 1 ? "runs" : "run"}, ` : "";
}

function toFailures({ failuresLastHour, exact, windowSeconds }: Figures): string {
  const window = windowSeconds === null ? "1 h" : toDuration(Math.min(3600, windowSeconds));
  return `${exact ? "" : "~"}${toCount(failuresLastHour)} failed in ${window}`;
}

function toBacklog({ depth, exact, oldestAgeSeconds, drainSeconds }: Figures): string {
  const { backlogAgeSeconds, backlogDrainSeconds } = queueThresholds;
  const reasons: string[] = [];
  if ((oldestAgeSeconds ?? 0) > backlogAgeSeconds)
    reasons.push(`the oldest waits ${toDuration(oldestAgeSeconds)}, over ${toDuration(backlogAgeSeconds)}`);
  if ((drainSeconds ?? 0) > backlogDrainSeconds) {
    const jobs = `${exact ? "" : "~"}${toCount(depth)} ${depth === 1 ? "job" : "jobs"}`;
    reasons.push(`${jobs} need ${toDuration(drainSeconds)}, over ${toDuration(backlogDrainSeconds)}`);
  }
  return reasons.join("; ");
}

type JobState = NonNullable<JobRowFragment["state"]>;

const allowed: Readonly<Record<"retry" | "discard", readonly JobState[]>> = {
  retry: ["FAILED", "RETRYING", "CANCELLED"],
  // A running one: some systems ask its worker to stop.
  discard: ["AVAILABLE", "SCHEDULED", "RETRYING", "BLOCKED", "RUNNING"],
};

/** Why a job's state refuses an action; null where it may be possible, or is unknown. `kind`: of its source. */
export function whyNotChanged(
  action: "retry" | "discard",
  state: JobState | null | undefined,
  kind: string | undefined,
): string | null {
  if (!state || allowed[action].includes(state)) return null;
  // Only a table's failed jobs have a status for those that were given up.
  if (action === "discard" && state === "FAILED")
    return kind === "table" ? null : "It failed for good: there is nothing to discard, it is not tried again";
  return `It is ${toWords(state)}: there is nothing to ${action}`;
}
