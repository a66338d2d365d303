import type { QueueMetrics } from "./queue.ts";

/** What the reads have shown since the latest failure of a queue was first seen. */
interface SeenFailure {
  /** Failures of the last hour at the last read. */
  readonly lastHour: number;
  /** The most successes that one of these reads showed for its last 5 minutes. */
  readonly successes: number;
  /** When the first of these reads ran, unix milliseconds. */
  readonly at: number;
}

const windowSeconds = 300;
/**
 * How long a failure may stay in the window after a read saw it. The margin allows for times in
 * whole seconds and for the duration of a read.
 */
const mostAgeMs = (windowSeconds + 2) * 1000;

/**
 * Tracks how many jobs succeeded around the latest failure, for the queues of one source. The
 * failures of a batch (timeouts) often come last, so its successes leave the window first; that
 * alone must not look like a failing queue. So only a new failure may raise the share of failed
 * jobs. Works only while clients poll.
 */
export function createLatestFailures() {
  let known: ReadonlyMap<string, SeenFailure> = new Map();
  const toSeen = (queue: QueueMetrics): SeenFailure | null => {
    const lastHour = queue.failuresLastHour ?? queue.failuresSeen?.lastHour ?? 0;
    if (lastHour === 0 || queue.processedPerSec === null) return null;
    const at = Date.parse(queue.observedAt);
    const before = known.get(queue.name);
    // If that read is older than the window, every failure in the window is newer than it.
    const isSame = before !== undefined && lastHour <= before.lastHour && at - before.at <= mostAgeMs;
    const successes = queue.processedPerSec * windowSeconds;
    return isSame
      ? { lastHour, successes: Math.max(before.successes, successes), at: before.at }
      : { lastHour, successes, at };
  };
  return {
    /** Returns the queues with their `successesAtFailure`. Forgets all other queues. */
    add(queues: readonly QueueMetrics[]): readonly QueueMetrics[] {
      const next = new Map<string, SeenFailure>();
      const shown = queues.map((queue) => {
        const seen = toSeen(queue);
        if (seen) next.set(queue.name, seen);
        return { ...queue, successesAtFailure: seen?.successes ?? null };
      });
      known = next;
      return shown;
    },
  };
}
