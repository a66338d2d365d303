import type { QueueMetrics } from "./queue.ts";

/** What the reads had since one of them first saw the latest failure of a queue. */
interface SeenFailure {
  /** Failures of the last hour at the last read. */
  readonly lastHour: number;
  /** The most successes that the 5 minutes before one of these reads had. */
  readonly successes: number;
  /** When the first of them asked, unix milliseconds. */
  readonly at: number;
}

const windowSeconds = 300;
/**
 * How long a failure that a read saw may be in the window. Reads are timed in whole seconds, and
 * take time.
 */
const mostAgeMs = (windowSeconds + 2) * 1000;

/**
 * How many jobs succeeded around the latest failure, for the queues of one source. A batch often
 * ends with its failures (timeouts): its successes leave the window before them, and that alone
 * must not look like a queue whose jobs fail. So only a new failure may raise the share that
 * failed. Known only while clients ask.
 */
export function createLatestFailures() {
  let known: ReadonlyMap<string, SeenFailure> = new Map();
  const toSeen = (queue: QueueMetrics): SeenFailure | null => {
    const lastHour = queue.failuresLastHour ?? queue.failuresSeen?.lastHour ?? 0;
    if (lastHour === 0 || queue.processedPerSec === null) return null;
    const at = Date.parse(queue.observedAt);
    const before = known.get(queue.name);
    // What failed in the window did so after a read that is older than the window.
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
