import type { JobCounters, QueueMetrics } from "../../domain/queue.ts";
import { type HistoryRange, type QueueHistory, type QueuePoint, toTime, toTimeTexts } from "../../domain/queue-history.ts";
import { checkPoints } from "./history-limit.ts";
import { beganAnew } from "./samples.ts";

export interface HistoryRing {
  /** Takes every answer and remembers one in ten seconds of the last hour. */
  add(queues: readonly QueueMetrics[]): void;
  /** Throws answer_too_large. */
  history(queues: readonly string[] | null, range: HistoryRange): Histories;
}

/** By queue. */
type Histories = ReadonlyMap<string, QueueHistory>;

const stepSeconds = 10;
const keptSeconds = 3660;
/** Of a source; 30 kB each. */
const mostQueues = 1000;
/** A rate may begin so long before its step, seconds: as long as Prometheus and dashboards rest between two questions. */
const mostLeadSeconds = 60;

interface Sample {
  /** Unix seconds. */
  readonly at: number;
  /** What is of the moment. How long jobs took is told of 5 minutes, and of no step. */
  readonly seen: Pick<QueuePoint, "depth" | "oldestAgeSeconds">;
  readonly counters: JobCounters;
}

const uncounted: JobCounters = { processed: null, failures: null };

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
        const { depth, oldestAgeSeconds, counters = uncounted } = queue;
        ring.push({ at, seen: { depth, oldestAgeSeconds }, counters });
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

/** Histories from rows, with what was seen where they leave depth, rate or failures open. A queue that has none from rows has that from samples. */
export function addSamples(fromRows: Histories, sampled: Histories): Histories {
  const filled = [...fromRows].map(([queue, history]): [string, QueueHistory] => {
    const seen = sampled.get(queue)?.points ?? [];
    const points = history.points.map((point, index) => fill(point, seen[index] ?? point));
    const isFilled = points.some(({ depth, failures }, index) => {
      const point = history.points[index];
      return depth !== point?.depth || failures !== point.failures;
    });
    return [queue, { ...history, points, exact: history.exact && !isFilled }];
  });
  return new Map([...sampled, ...filled]);
}

function fill(point: QueuePoint, seen: QueuePoint): QueuePoint {
  return {
    ...point,
    depth: point.depth ?? seen.depth,
    oldestAgeSeconds: (point.depth === null ? seen : point).oldestAgeSeconds,
    processedPerSec: point.processedPerSec ?? seen.processedPerSec,
    failures: point.failures ?? seen.failures,
  };
}

function toHistory(ring: readonly Sample[], range: HistoryRange): QueueHistory {
  const { from, step, steps } = range;
  const times = toTimeTexts(range);
  const [first] = ring;
  let next = 0;
  const points = Array.from({ length: steps }, (_, index): QueuePoint => {
    const at = from + (index + 1) * step;
    // Where a step is shorter than what is between two samples, a sample stands for as long.
    const begin = at - Math.max(step, stepSeconds);
    while (next < ring.length && (ring[next] as Sample).at <= at) next += 1;
    const newest = ring[next - 1];
    if (!newest || newest.at <= begin) return { ...unknownPoint, time: times[index] ?? "" };
    return { ...unknownPoint, ...newest.seen, ...toGrowth(ring.slice(0, next), begin, step), time: times[index] ?? "" };
  });
  return { points, exact: false, sampled: true, since: first && first.at > from ? toTime(Math.floor(first.at)) : null };
}

const unknownPoint = {
  depth: null,
  processedPerSec: null,
  failures: null,
  oldestAgeSeconds: null,
  waitP50Seconds: null,
  waitP95Seconds: null,
  runP95Seconds: null,
};

/**
 * What was counted in the step that ends with the last of the samples: since the last one before the step, so that steps add up to the whole. Where nobody had asked for
 * a while, the rate is that since the first sample of the step, and failures are not known.
 */
function toGrowth(samples: readonly Sample[], begin: number, step: number): Pick<QueuePoint, "processedPerSec" | "failures"> {
  const firstInside = samples.findLastIndex(({ at }) => at <= begin) + 1;
  const before = samples[firstInside - 1];
  const isWhole = before !== undefined && begin - before.at <= Math.max(step, mostLeadSeconds);
  const own = samples.slice(isWhole ? firstInside - 1 : firstInside);
  const [start, end] = [own[0], own.at(-1)] as [Sample, Sample];
  const isBroken = own.some(({ counters }, index) => index > 0 && beganAnew(counters, own[index - 1]?.counters ?? counters));
  if (isBroken || start === end) return { processedPerSec: null, failures: null };
  const grown = (what: "processed" | "failures") => {
    const [from, to] = [start.counters[what], end.counters[what]];
    return from === null || to === null ? null : to - from;
  };
  const processed = grown("processed");
  return {
    processedPerSec: processed === null ? null : processed / (end.at - start.at),
    failures: isWhole && step >= stepSeconds ? grown("failures") : null,
  };
}
