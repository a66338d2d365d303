import type { Budget } from "../lib/budget/budget.ts";
import { OpsError } from "../lib/errors.ts";
import { KnownLoader } from "../lib/known.ts";
import type { HistoryRange } from "../lib/range.ts";
import { parseLogTime, toUnixSeconds } from "../lib/time.ts";

/** Prometheus' own limit. */
const mostPoints = 11_000;
/** Default without a step. */
const fewPoints = 240;
const secondsPerDay = 86_400;
/**
 * How many rows one series field has at most, over all its series, if we choose the step: reading
 * and returning them both count in the request's budget.
 */
export const seriesRows = 40_000;
/** Steps that people and Grafana choose, seconds. */
const roundSteps = [
  1,
  2,
  5,
  10,
  15,
  20,
  30,
  60,
  120,
  300,
  600,
  900,
  1200,
  1800,
  3600,
  7200,
  10_800,
  21_600,
  43_200,
  secondsPerDay,
];

interface RangeArgs {
  readonly from: string;
  readonly to?: string | null | undefined;
  readonly step?: number | null | undefined;
}

/**
 * Parses times as for logs (RFC 3339, unix seconds, or a duration back from now) and a step in
 * seconds. Throws invalid_request.
 */
export function toHistoryRange({ from, to, step }: RangeArgs, nowMs: number): HistoryRange {
  const begin = parseUnixArg("from", from, nowMs);
  const end = Math.min(
    to === null || to === undefined || to === "" ? nowMs / 1000 : parseUnixArg("to", to, nowMs),
    nowMs / 1000,
  );
  if (begin >= end) throw refuse("from must be before to, and before now");
  if (step !== null && step !== undefined) checkStep(step);
  const seconds = step ?? Math.max(1, Math.ceil((end - begin) / fewPoints));
  const steps = Math.floor((end - begin) / seconds);
  if (steps < 1) throw refuse("the range must hold at least one step");
  checkPoints(steps);
  return { from: begin, step: seconds, steps };
}

export interface SeriesRangeArgs {
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly step?: number | null | undefined;
  readonly maxPoints: number;
}

/**
 * With steps of at least this many seconds, a series ends with the unfinished step: without it, a
 * range of days would lack its last hours.
 */
const longStep = 600;
/** That step ends at a whole minute, so that the panels of a dashboard share one read of it. */
const currentEnd = 60;

/**
 * The points of a series, from `from` to `to` (now at the latest), at whole multiples of the step,
 * so they stay in place when the range moves with the clock. If steps are long, a second range
 * holds the current step: from the last of these points to the end. Without a step: the shortest
 * round one that yields at most `maxPoints` in all, and fewer points for many series. Empty when no
 * point falls into the range. Throws invalid_request.
 */
export function toSeriesRanges(
  { from, to, step, maxPoints }: SeriesRangeArgs,
  nowMs: number,
  series = 1,
): HistoryRange[] {
  const [begin, end] = toEnds({ from, to }, nowMs);
  if (Date.parse(from) > Date.parse(to)) throw refuse("from must not be after to");
  if (!(maxPoints >= 1 && maxPoints <= mostPoints)) throw refuse(`maxPoints must be from 1 to ${mostPoints}`);
  if (step !== null && step !== undefined) checkStep(step);
  const most = sharePoints(maxPoints, series);
  const toRanges = (seconds: number) => {
    const all = toAligned(begin, end, seconds);
    // The point at `from` is the end of a step before the range.
    return countPoints(all) > most && begin % seconds === 0 ? withoutFirst(all) : all;
  };
  const ranges = step
    ? toAligned(begin, end, step)
    : toRanges(findStep((seconds) => countPoints(toRanges(seconds)) <= most, end - begin, most));
  checkPoints(countPoints(ranges));
  // A single point leaves no room for the current one.
  return step || countPoints(ranges) <= most ? ranges : ranges.slice(0, 1);
}

/** Whether a series with this step, seconds, has at most `maxPoints`. */
export function isStepFitting({ from, to, maxPoints }: SeriesRangeArgs, step: number, nowMs: number): boolean {
  return countPoints(toAligned(...toEnds({ from, to }, nowMs), step)) <= maxPoints;
}

export function countPoints(ranges: readonly HistoryRange[]): number {
  return ranges.reduce((sum, { steps }) => sum + steps, 0);
}

function withoutFirst([first, ...others]: readonly HistoryRange[]): HistoryRange[] {
  if (!first || first.steps === 1) return [...others];
  return [{ from: first.from + first.step, step: first.step, steps: first.steps - 1 }, ...others];
}

function toEnds({ from, to }: Pick<SeriesRangeArgs, "from" | "to">, nowMs: number): [begin: number, end: number] {
  return [toUnixSeconds(from), Math.min(Date.parse(to), nowMs) / 1000];
}

function toAligned(begin: number, end: number, step: number): HistoryRange[] {
  const [first, last] = [Math.ceil(begin / step), Math.floor(end / step)];
  const whole = last < first ? [] : [{ from: (first - 1) * step, step, steps: last - first + 1 }];
  const until = Math.floor(end / currentEnd) * currentEnd;
  const hasCurrent = step >= longStep && until > last * step && until >= begin;
  return hasCurrent ? [...whole, { from: last * step, step: until - last * step, steps: 1 }] : whole;
}

/** Most points for each series, at most `maxPoints`. */
function sharePoints(maxPoints: number, series: number): number {
  return Math.max(1, Math.min(maxPoints, Math.floor(seriesRows / Math.max(1, series))));
}

/**
 * The shortest round step that fits `most` points; beyond a day, whole days. The last one always
 * fits two points or more: so few whole steps leave room for the current one.
 */
function findStep(isFitting: (step: number) => boolean, seconds: number, most: number): number {
  const days = Math.ceil(seconds / most / secondsPerDay);
  const longest = (Math.floor(seconds / Math.max(1, most - 1) / secondsPerDay) + 1) * secondsPerDay;
  const steps = [...roundSteps, days * secondsPerDay, (days + 1) * secondsPerDay];
  return steps.find(isFitting) ?? longest;
}

function checkStep(step: number): void {
  if (!(step >= 1 && step <= secondsPerDay)) throw refuse("step must be from 1 to 86400 seconds");
}

function checkPoints(steps: number): void {
  if (steps > mostPoints) throw refuse(`the range holds ${steps} points, at most ${mostPoints}: choose a longer step`);
}

function parseUnixArg(name: string, text: string, nowMs: number): number {
  return Math.floor(Number(parseTimeArg(name, text, nowMs)));
}

function refuse(message: string): OpsError {
  return new OpsError("invalid_request", message);
}

/** What a caller can do about too many points. */
export const pointsAdvice =
  "choose a longer step or fewer points (maxPoints; in Grafana: Min " +
  "interval), a shorter range, or fewer series at once";

/**
 * One loader for each range of a request: all keys of a range form one batch. Counts its points in
 * the budget before the query.
 */
export function createRangeLoaders<Key, Value>(
  budget: Budget,
  ask: (range: HistoryRange, keys: readonly Key[]) => Promise<readonly (Value | Error)[]>,
  toId: (key: Key) => string,
): (range: HistoryRange) => KnownLoader<Key, Value> {
  const loaders = new Map<string, KnownLoader<Key, Value>>();
  return (range) => {
    const id = `${range.from} ${range.step} ${range.steps}`;
    const made =
      loaders.get(id) ??
      new KnownLoader(async (keys) => {
        await budget.read(keys.length * range.steps, pointsAdvice);
        return ask(range, keys);
      }, toId);
    loaders.set(id, made);
    return made;
  };
}

/** Whether a list includes a value; an absent list includes all, an empty one nothing. */
export function isAmong<T>(value: T, wanted: readonly T[] | null | undefined): boolean {
  return !wanted || wanted.includes(value);
}

/**
 * Rows of many series as one list, ascending in time; equal times in the order of the series. Waits
 * for the request's turn first.
 */
export async function toAscending<Row extends { readonly time: string }>(
  budget: Budget,
  makeSeries: () => readonly (readonly Row[])[],
): Promise<Row[]> {
  await budget.turn();
  const rows = makeSeries().flat();
  await budget.turn();
  return rows.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/**
 * A time argument as unix seconds with up to nine decimals. Throws invalid_request with the
 * argument's name.
 */
export function parseTimeArg(name: string, text: string, nowMs: number): string {
  const parsed = parseLogTime(text, nowMs);
  if (parsed !== null) return parsed;
  throw new OpsError("invalid_request", `${name} must be a time (RFC 3339 or unix seconds) or a duration such as 10m`);
}
