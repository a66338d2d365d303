import { formatRfc3339 } from "./time.ts";

/** The times from + step, from + 2 step ... up to `to`, unix seconds. */
export interface HistoryRange {
  readonly from: number;
  readonly step: number;
  /** At least 1. */
  readonly steps: number;
}

const timeTexts = new WeakMap<HistoryRange, readonly string[]>();

/** The times of a range as RFC 3339 UTC with seconds, computed once for all its series. */
export function toTimeTexts(range: HistoryRange): readonly string[] {
  const made = timeTexts.get(range) ?? toTimes(range).map((time) => formatRfc3339(time * 1000));
  timeTexts.set(range, made);
  return made;
}

/** Time of the newest sample at each time of a range, unix seconds; NaN without one. */
type SampleTimes = readonly number[];

/** One answered point of a range. */
interface GridPoint {
  /** Its index in the range. */
  readonly index: number;
  /** Unix seconds. */
  readonly at: number;
  /** RFC 3339 UTC with seconds. */
  readonly time: string;
  /** Whether it has a sample of its own. If not, the database's answer for it is stale. */
  readonly known: boolean;
}

interface Grid {
  /** Between two points, seconds: a multiple of the range's step. */
  readonly stepSeconds: number;
  /** Oldest first. */
  readonly points: readonly GridPoint[];
}

/** The times of a range, unix seconds. */
export function toTimes({ from, step, steps }: HistoryRange): number[] {
  return Array.from({ length: steps }, (_, index) => from + (index + 1) * step);
}

/**
 * The points of a range that samples can support. Points are never closer than samples: when the
 * step is shorter, only every second (third ...) point is answered, always including the newest. A
 * point has data when a sample was taken in the 1.5 steps before it, because a sample may come
 * late. Prometheus itself would go on answering for 5 minutes.
 */
export function toGrid(range: HistoryRange, sampled: SampleTimes): Grid {
  const times = toTimes(range);
  const texts = toTimeTexts(range);
  const stride = toStride(sampled, range.step);
  const stepSeconds = stride * range.step;
  const points: GridPoint[] = [];
  for (const [index, time] of times.entries()) {
    if ((times.length - 1 - index) % stride !== 0) continue;
    points.push({ index, at: time, time: texts[index] ?? "", known: isFresh(sampled[index], time, stepSeconds) });
  }
  return { stepSeconds, points };
}

/** Whether a sample is recent enough for a point. */
export function isFresh(sampled: number | undefined, at: number, stepSeconds: number): boolean {
  return sampled !== undefined && at - sampled <= stepSeconds * 1.5;
}

/**
 * Steps per sample: the median distance of samples, because one long gap (an outage) is not an
 * interval; 1 when there are too few samples.
 */
function toStride(sampled: SampleTimes, step: number): number {
  const seen = sampled.filter((time) => !Number.isNaN(time));
  const gaps = seen.flatMap((time, index) =>
    index > 0 && time > (seen[index - 1] ?? time) ? [time - (seen[index - 1] ?? 0)] : [],
  );
  const median = gaps.toSorted((a, b) => a - b)[Math.floor((gaps.length - 1) / 2)] ?? step;
  // Scrapes are a few milliseconds off: 15.002 s are one step of 15 s.
  return Math.max(1, Math.min(sampled.length, Math.ceil(median / step - 0.1)));
}
