import type { QueueHistory, QueuePoint } from "../../queues/history.ts";

/** Numbers of ended jobs. */
export interface Ended {
  readonly succeeded: number;
  readonly failed: number;
}

/** What a service's own workers did in a queue that others work on too, in one step. */
export interface OwnHistory extends QueueHistory {
  /**
   * What ended on workers of which it is not known whose they are; null where that is so of all.
   * Absent in a queue that is the service's alone.
   */
  readonly unattributed?: Ended | null;
}

/**
 * The part of a shared queue that is the service's own: what ended on its workers. Jobs wait for
 * the workers of all services, so waits, depth and age say nothing of one of them.
 *
 * @param whole the queue's history of one step of `seconds`
 * @param own what ended on the service's workers, and `others` on those of other services; null
 *   where the rows do not name them
 */
export function toOwnHistory(
  whole: QueueHistory,
  seconds: number,
  parts: { readonly own: QueueHistory | undefined; readonly others: QueueHistory | undefined } | null,
): OwnHistory {
  const all = countEnded(whole, seconds);
  if (all === null) return whole;
  if (parts === null) return { ...whole, unattributed: null };
  const own = countEnded(parts.own, seconds) ?? nothing;
  const others = countEnded(parts.others, seconds) ?? nothing;
  const [mine] = parts.own?.points ?? [];
  const points = whole.points.map(({ time }) => ({
    time,
    depth: null,
    oldestAgeSeconds: null,
    processedPerSec: own.succeeded / seconds,
    failures: own.failed,
    waitP50Seconds: null,
    waitP95Seconds: null,
    runP95Seconds: mine?.runP95Seconds ?? null,
  }));
  const rest = (key: keyof Ended) => Math.max(0, all[key] - own[key] - others[key]);
  return { ...whole, points, unattributed: { succeeded: rest("succeeded"), failed: rest("failed") } };
}

const nothing: Ended = { succeeded: 0, failed: 0 };

/** The jobs that ended in a history's one step; null where unknown. */
export function countEnded(history: QueueHistory | undefined, seconds: number): Ended | null {
  const [point] = history?.points ?? [];
  return point ? toEnded(point, seconds) : null;
}

/**
 * The same for the last steps of a history, as many as are known in a row. Null where the last one
 * is not known.
 */
export function countSteps({ points }: QueueHistory, seconds: number): Ended[] | null {
  const steps = points.map((point) => toEnded(point, seconds));
  const known = steps.slice(steps.lastIndexOf(null) + 1).flatMap((ended) => ended ?? []);
  return known.length > 0 ? known : null;
}

function toEnded(point: QueuePoint, seconds: number): Ended | null {
  if (point.processedPerSec === null || point.failures === null) return null;
  return { succeeded: Math.round(point.processedPerSec * seconds), failed: point.failures };
}
