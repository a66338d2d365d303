import type { QueueMetrics } from "./queue.ts";

/** The waiting jobs of a queue, of which none has been taken since a read. */
interface Waiting {
  /** When the oldest could run, unix seconds. */
  readonly due: number;
  readonly depth: number;
  /** As `QueueMetrics.runningIds`. */
  readonly runningIds: number | null;
  /** When the first read that saw them, and the last one, asked, unix milliseconds. */
  readonly since: number;
  readonly at: number;
}

/** Two reads of one time differ by so much: they have whole seconds, and a read lasts. */
const jitterSeconds = 3;
/** If two reads are further apart, nobody knows what happened between them. */
const mostRestMs = 120_000;

/**
 * For how long no waiting job has been taken, for the queues of one source: the oldest is the same,
 * no fewer wait than at the read before, the same jobs run where that is known, and the rows show
 * none that was taken. This shows that nothing ends where the system stores no jobs that ended.
 * Known only while clients ask.
 */
export function createUntaken() {
  let known: ReadonlyMap<string, Waiting> = new Map();
  const toWaiting = (queue: QueueMetrics): Waiting | null => {
    const { name, depth, oldestAgeSeconds, observedAt, takenSeconds = Number.POSITIVE_INFINITY } = queue;
    const { runningIds = null } = queue;
    if (depth === 0 || oldestAgeSeconds === null) return null;
    // Of the read: its answer may be used for a minute.
    const at = Date.parse(observedAt);
    const due = at / 1000 - oldestAgeSeconds;
    const before = known.get(name);
    const isSame =
      before !== undefined &&
      Math.abs(before.due - due) <= jitterSeconds &&
      depth >= before.depth &&
      runningIds === before.runningIds &&
      at - before.at <= mostRestMs;
    // The oldest may have a low priority, so that others are taken.
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
