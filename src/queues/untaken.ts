import type { QueueMetrics } from "./queue.ts";

/** The waiting jobs of a queue, of which none has been taken since a read. */
interface Waiting {
  /** When the oldest could run, unix seconds. */
  readonly due: number;
  readonly depth: number;
  /** As `QueueMetrics.runningIds`. */
  readonly runningIds: number | null;
  /**
   * When the first and the last read saw them, unix milliseconds. If rows show that a job was taken
   * later, `since` is that time.
   */
  readonly since: number;
  readonly at: number;
}

/**
 * How much two readings of the same time may differ: they are in whole seconds, and a read takes
 * time.
 */
const jitterSeconds = 3;
/** If two reads are further apart than this, it is unknown what happened in between. */
const mostRestMs = 120_000;

/**
 * Tracks for how long no waiting job has been taken, for the queues of one source: the oldest job
 * is the same, no fewer jobs wait than at the last read, the same jobs run where that is known, and
 * the rows show no job that was taken. So it shows that nothing ends even where the system stores
 * no ended jobs. Works only while clients poll.
 */
export function createUntaken() {
  let known: ReadonlyMap<string, Waiting> = new Map();
  const toWaiting = (queue: QueueMetrics): Waiting | null => {
    const { name, depth, oldestAgeSeconds, observedAt, takenSeconds = Number.POSITIVE_INFINITY } = queue;
    const { runningIds = null } = queue;
    if (depth === 0 || oldestAgeSeconds === null) return null;
    // The time of the read, whose answer may be used for a minute.
    const at = Date.parse(observedAt);
    const due = at / 1000 - oldestAgeSeconds;
    const before = known.get(name);
    const isSame =
      before !== undefined &&
      Math.abs(before.due - due) <= jitterSeconds &&
      depth >= before.depth &&
      runningIds === before.runningIds &&
      at - before.at <= mostRestMs;
    // Other jobs may be taken while the oldest waits with a low priority.
    const since = Math.max(isSame ? before.since : at, at - takenSeconds * 1000);
    return isSame ? { ...before, depth, since, at } : { due, depth, runningIds, since, at };
  };
  return {
    /** Returns the queues with their `untakenSeconds`. Forgets all other queues. */
    add(queues: readonly QueueMetrics[]): readonly QueueMetrics[] {
      const next = new Map(queues.flatMap((queue) => toEntry(queue.name, toWaiting(queue))));
      known = next;
      return queues.map((queue) => {
        const waiting = next.get(queue.name);
        return { ...queue, untakenSeconds: waiting ? (waiting.at - waiting.since) / 1000 : null };
      });
    },
  };
}

function toEntry(name: string, waiting: Waiting | null): readonly (readonly [string, Waiting])[] {
  return waiting ? [[name, waiting]] : [];
}
