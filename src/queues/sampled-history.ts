import { type HistoryRange, toTimeTexts } from "../lib/range.ts";
import { formatRfc3339 } from "../lib/time.ts";
import { checkPoints, type QueueHistory, type QueuePoint } from "./history.ts";
import type { JobCounters, QueueMetrics } from "./queue.ts";
import { beganAnew, difference } from "./metrics.ts";

/** By queue. */
type Histories = ReadonlyMap<string, QueueHistory>;

const stepSeconds = 10;
const historySeconds = 3660;
/** The maximum number of queues per source; each needs 30 kB. */
const mostQueues = 1000;
/**
 * Counters are assumed to grow evenly between samples at most this far apart, seconds. Prometheus
 * and dashboards poll at this interval.
 */
const mostRestSeconds = 60;

interface Sample {
  /** Unix seconds. */
  readonly at: number;
  /**
   * Values at the time of the sample. Run times are not stored, because they cover 5 minutes, not a
   * step.
   */
  readonly seen: Pick<QueuePoint, "depth" | "oldestAgeSeconds">;
  readonly counters: JobCounters;
}

const uncounted: JobCounters = { processed: null, failures: null };

/** Stores the past of queues whose rows are deleted, as samples taken at reads. */
export function createHistoryRing(now: () => number = Date.now) {
  const rings = new Map<string, Sample[]>();
  return {
    /**
     * Call it with every result. Retains one sample per 10 s of the last hour, and the newest one.
     */
    add(queues: readonly QueueMetrics[]): void {
      const at = now() / 1000;
      for (const queue of queues) {
        const ring = rings.get(queue.name) ?? [];
        if (ring.length === 0 && rings.size >= mostQueues) continue;
        rings.set(queue.name, ring);
        if (isPassing(ring, at)) ring.pop();
        const { depth, oldestAgeSeconds, counters = uncounted } = queue;
        ring.push({ at, seen: { depth, oldestAgeSeconds }, counters });
        while (ring[0] && at - ring[0].at > historySeconds) ring.shift();
      }
    },
    /** Throws answer_too_large. */
    history: (queues: readonly string[] | null, range: HistoryRange): Histories => {
      const names = queues ?? [...rings.keys()];
      checkPoints(names.length * range.steps);
      return new Map(names.map((name) => [name, toHistory(rings.get(name) ?? [], range)]));
    },
  };
}

/**
 * Uses samples for the depth, rate and failures that the rows leave unknown. A queue without
 * history from rows gets the sampled history.
 */
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

/**
 * Whether the next sample replaces the last one: both are near the one before, and the counters did
 * not start again at the last one.
 */
function isPassing(ring: readonly Sample[], at: number): boolean {
  const [before, last] = [ring.at(-2), ring.at(-1)];
  if (!before || !last || beganAnew(last.counters, before.counters)) return false;
  return last.at - before.at < stepSeconds && at - before.at < 2 * stepSeconds;
}

function toHistory(ring: readonly Sample[], range: HistoryRange): QueueHistory {
  const { from, step, steps } = range;
  const times = toTimeTexts(range);
  const [first] = ring;
  const findUntil = (at: number, after: number) => {
    let index = after;
    while ((ring[index + 1]?.at ?? Infinity) <= at) index += 1;
    return index;
  };
  let before = findUntil(from, -1);
  const points = Array.from({ length: steps }, (_, index): QueuePoint => {
    const at = from + (index + 1) * step;
    const last = findUntil(at, before);
    const newest = ring[last];
    // Where steps are shorter than the sampling interval, a sample is valid for that interval.
    const isSeen = newest !== undefined && newest.at > at - Math.max(step, stepSeconds);
    const growth = toGrowth(ring, { begin: at - step, before, at, last });
    before = last;
    return { ...unknownPoint, ...(isSeen && newest.seen), ...growth, time: times[index] ?? "" };
  });
  return {
    points,
    exact: false,
    sampled: true,
    since: first && first.at > from ? formatRfc3339(Math.floor(first.at) * 1000) : null,
  };
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

/** A step, and for each of its ends the index of the last sample before it; -1 without one. */
interface Step {
  readonly begin: number;
  readonly before: number;
  readonly at: number;
  readonly last: number;
}

/**
 * How much the counters grew from the start of the step to its end, so that the steps add up to the
 * total. The count at either end is unknown where there were no reads for a while, and after the
 * newest sample. The rate is then the one between the samples in the step. Failures are then null,
 * except that the last step counts those up to the newest sample.
 */
function toGrowth(
  ring: readonly Sample[],
  { begin, before, at, last }: Step,
): Pick<QueuePoint, "processedPerSec" | "failures"> {
  const mostRest = Math.max(at - begin, mostRestSeconds);
  const [knownStart, knownEnd] = [countAt(ring, before, begin, mostRest), countAt(ring, last, at, mostRest)];
  const [start, end] = [knownStart ?? ring[before + 1], knownEnd ?? ring[last]];
  const used = ring.slice(Math.max(0, before), ring[last]?.at === at ? last + 1 : last + 2);
  const isBroken = used.some(
    (sample, index) => index > 0 && beganAnew(sample.counters, (used[index - 1] ?? sample).counters),
  );
  if (isBroken || !start || !end || end.at <= start.at) return { processedPerSec: null, failures: null };
  const processed = difference(end.counters.processed, start.counters.processed);
  const isNow = last === ring.length - 1;
  return {
    processedPerSec: processed === null ? null : processed / (end.at - start.at),
    failures:
      knownStart && (knownEnd || isNow)
        ? difference(round(end.counters.failures), round(start.counters.failures))
        : null,
  };
}

/**
 * The counters at a time, interpolated between the sample at this index and the next; null where
 * the two are too far apart or one is missing.
 */
function countAt(
  ring: readonly Sample[],
  index: number,
  at: number,
  mostRest: number,
): Pick<Sample, "at" | "counters"> | null {
  const [before, after] = [ring[index], ring[index + 1]];
  if (!before || before.at === at) return before ?? null;
  if (!after || after.at - before.at > mostRest) return null;
  const part = (at - before.at) / (after.at - before.at);
  const count = (what: "processed" | "failures") => {
    const [from, growth] = [before.counters[what], difference(after.counters[what], before.counters[what])];
    return from === null || growth === null ? null : from + part * growth;
  };
  return { at, counters: { processed: count("processed"), failures: count("failures") } };
}

function round(count: number | null): number | null {
  return count === null ? null : Math.round(count);
}
