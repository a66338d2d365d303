import { formatClock, formatDay } from "../../../../facts/format.ts";

/** A label of an axis and its place. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

const second = 1000;
const day = 86_400 * second;
const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200].map(
  (seconds) => seconds * second,
);
const daySteps = [1, 2, 3, 7, 14, 28];

/**
 * Round times of a range for an axis, unix ms: at most `most`, on whole seconds, minutes, hours or
 * days of the user's time zone. In 24-hour form; the date at midnight.
 */
export function toTimeTicks(from: number, to: number, most: number): readonly Tick[] {
  const least = (to - from) / Math.max(1, most);
  const step = timeSteps.find((ms) => ms >= least);
  if (step === undefined) return toDayTicks(from, to, least);
  // Steps count from the day's beginning where the person is, which hours do not always do.
  const begin = new Date(from).setHours(0, 0, 0, 0);
  const ticks: Tick[] = [];
  for (let at = begin + Math.ceil((from - begin) / step) * step; at <= to; at += step) {
    const clock = formatClock(at);
    ticks.push({
      value: at,
      label: clock === "00:00:00" ? formatDay(at).slice(5) : clock.slice(0, step < 60 * second ? 8 : 5),
    });
  }
  return ticks;
}

function toDayTicks(from: number, to: number, least: number): readonly Tick[] {
  const days = daySteps.find((count) => count * day >= least) ?? Math.ceil(least / day);
  const ticks: Tick[] = [];
  const date = new Date(from);
  date.setHours(0, 0, 0, 0);
  for (; date.getTime() <= to; date.setDate(date.getDate() + days)) {
    if (date.getTime() >= from) ticks.push({ value: date.getTime(), label: formatDay(date).slice(5) });
  }
  return ticks;
}

/**
 * The top of a scale that begins at 0, and its values: 1, 2 or 5 times a power of 10 apart, at most
 * `most` above 0. @param largest the largest value shown, >= 0
 */
export function toValueTicks(
  largest: number,
  most: number,
): { readonly top: number; readonly ticks: readonly number[] } {
  const size = largest > 1e-9 && Number.isFinite(largest) ? largest : 1;
  const power = 10 ** Math.floor(Math.log10(size / most));
  const factor = [1, 2, 5, 10].find((one) => size / (one * power) <= most) ?? 10;
  const step = factor * power;
  const count = Math.ceil(size / step - 1e-9);
  return {
    top: count * step,
    ticks: Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12))),
  };
}

/** The index of the time that is nearest to `at`; -1 for none. @param times ascending */
export function findNearest(times: readonly number[], at: number): number {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  const before = times[low - 1];
  return before !== undefined && at - before < (times[low] as number) - at ? low - 1 : Math.min(low, times.length - 1);
}

/**
 * The index of the values that hold now: the newest known ones, while they are no older than two
 * steps or a minute (the last step may not be complete yet); else the newest, which are unknown.
 * @param times unix ms, ascending
 */
export function findCurrent(times: readonly number[], isKnown: (index: number) => boolean): number {
  const last = times.length - 1;
  const newest = times.findLastIndex((_, index) => isKnown(index));
  const [end, step] = [times[last] ?? 0, (times[1] ?? 0) - (times[0] ?? 0)];
  return end - (times[newest] ?? -Infinity) <= Math.max(60_000, 2 * step) ? newest : last;
}

/**
 * The gaps between known values, and after the last one when it is not current: the index of the
 * known one before each, and that of its end.
 * @param times unix ms, ascending
 */
export function findGaps(
  times: readonly number[],
  isKnown: (index: number) => boolean,
): readonly (readonly [number, number])[] {
  const gaps: (readonly [number, number])[] = [];
  let last = -1;
  const end = findCurrent(times, isKnown);
  for (let index = 0; index <= end; index++) {
    if (!isKnown(index) && index < end) continue;
    if (last >= 0 && index > last + 1) gaps.push([last, index]);
    last = index;
  }
  return gaps;
}

/**
 * A line 1.5 px wide through known values; unknown ones are gaps, and a lone value is a dot of 3
 * px.
 */
export function toPath(xs: readonly number[], ys: readonly (number | null)[]): string {
  let path = "";
  for (const [index, y] of ys.entries()) {
    if (y === null) continue;
    const [hasBefore, hasAfter] = [index > 0 && ys[index - 1] !== null, (ys[index + 1] ?? null) !== null];
    const point = `${(xs[index] as number).toFixed(1)} ${y.toFixed(1)}`;
    path += hasBefore ? `L${point}` : `M${point}${hasAfter ? "" : "m-.75 0a.75.75 0 1 0 1.5 0a.75.75 0 1 0-1.5 0"}`;
  }
  return path;
}
