import type { QueueMetrics } from "../../domain/queue.ts";
import { type HistoryRange, type QueueHistory, type QueuePoint, toTime, toTimeTexts } from "../../domain/queue-history.ts";
import { checkPoints } from "./history-limit.ts";

export interface HistoryRing {
  /** To be told of every answer: keeps one in ten seconds of the last hour. */
  add(queues: readonly QueueMetrics[]): void;
  /** Throws answer_too_large. */
  history(queues: readonly string[] | null, range: HistoryRange): ReadonlyMap<string, QueueHistory>;
}

const stepSeconds = 10;
const keptSeconds = 3660;
/** Of a source; 30 kB each. */
const mostQueues = 1000;

interface Sample extends Pick<
  QueuePoint,
  "depth" | "processedPerSec" | "oldestAgeSeconds" | "waitP50Seconds" | "waitP95Seconds"
> {
  /** Unix seconds. */
  readonly at: number;
}

/** The past of queues whose rows vanish: what was seen while somebody asked. */
export function createHistoryRing(now: () => number = Date.now): HistoryRing {
  const rings = new Map<string, Sample[]>();
  return {
    add(queues) {
      const at = now() / 1000;
      for (const queue of queues) {
        const ring = rings.get(queue.name) ?? [];
        if (ring.length === 0 && rings.size >= mostQueues) continue;
        rings.set(queue.name, ring);
        if (at - (ring.at(-1)?.at ?? 0) < stepSeconds) continue;
        const { depth, processedPerSec, oldestAgeSeconds, waitSeconds } = queue;
        ring.push({
          at,
          depth,
          processedPerSec,
          oldestAgeSeconds,
          waitP50Seconds: waitSeconds?.p50 ?? null,
          waitP95Seconds: waitSeconds?.p95 ?? null,
        });
        while (ring[0] && at - ring[0].at > keptSeconds) ring.shift();
      }
    },
    history: (queues, range) => {
      const names = queues ?? [...rings.keys()];
      checkPoints(names.length * range.steps);
      return new Map(names.map((name) => [name, toHistory(rings.get(name) ?? [], range)]));
    },
  };
}

function toHistory(ring: readonly Sample[], range: HistoryRange): QueueHistory {
  const { from, step, steps } = range;
  const times = toTimeTexts(range);
  const [first] = ring;
  let next = 0;
  const points = Array.from({ length: steps }, (_, index): QueuePoint => {
    const at = from + (index + 1) * step;
    // The newest sample of this step: nothing is carried over from an earlier one.
    while (next < ring.length && (ring[next] as Sample).at <= at) next += 1;
    const sample = ring[next - 1];
    const seen = sample && sample.at > at - Math.max(step, stepSeconds) ? sample : null;
    return {
      time: times[index] ?? "",
      depth: seen?.depth ?? null,
      processedPerSec: seen?.processedPerSec ?? null,
      failures: null,
      oldestAgeSeconds: seen?.oldestAgeSeconds ?? null,
      waitP50Seconds: seen?.waitP50Seconds ?? null,
      waitP95Seconds: seen?.waitP95Seconds ?? null,
      runP95Seconds: null,
    };
  });
  return { points, exact: false, since: first && first.at > from ? toTime(Math.floor(first.at)) : null };
}
