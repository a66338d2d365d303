import type { ReadBudget } from "../../../lib/budget/budget.ts";
import { addNanosecond, parseLogTime, toLogTimestamp } from "../../../lib/time.ts";
import type { LinePattern } from "../../../lib/pattern/pattern.ts";
import type { Container } from "../../container.ts";
import {
  createLineCounter,
  type LogBeginning,
  type LogLine,
  type LogOptions,
  type LogPoint,
  type LogStream,
  toLater,
  toLineBytes,
  toMoment,
  toOtherStream,
  testLines,
} from "../log.ts";
import type { HistoryQuery, HistoryRange, LogHistory } from "./log-history.ts";

/**
 * Most bytes that one page may take from the history, and after which time it is returned with what
 * was found, ms.
 */
const most = { bytes: 32 << 20, softMs: 3500 };
/** A container has no line longer before its creation, as its engine dates both, ms. */
const earlyMs = 5000;
/**
 * A line of the history that is older by more than this was surely written before one of the other
 * stream, ms. Engines are late by ns to µs, under load by some ms.
 */
const mostLateMs = 50;
/** The clocks of engines may be ahead of ours, s. */
const aheadSeconds = 60;

/**
 * LogPoint.index of the lines of the history counts from here: they are numbered by their texts and
 * not as they were written, and an engine may have further lines of the very time of its oldest.
 */
const firstIndex = 100_000_000;

/** Lines of the history, the oldest first. */
export interface HistoryLines {
  readonly lines: readonly LogLine[];
  /** LogPoint.index of each. */
  readonly indexes: readonly number[];
  /** Further matching lines exist, or may. */
  readonly hasMore: boolean;
  /** Where the search ended before the page was full; else null. */
  readonly reached: string | null;
  /** Why it ended there; null when it was not a failure. */
  readonly error: unknown;
}

export const noLines: HistoryLines = { lines: [], indexes: [], hasMore: false, reached: null, error: null };

interface Wanted {
  readonly count: number;
  readonly bytes: number;
  /** `index`: LogPoint.index. */
  readonly accepts: (line: LogLine, index: number) => boolean;
  /** The accepted ones must match it. */
  readonly pattern?: LinePattern | undefined;
}

/** Lines that are tested together: a page may be full after the first of them. */
const testedLines = 250;

/**
 * Reads on from one end of the range until there are enough lines, piece by piece. Rejects only as
 * the budget does.
 */
export async function collectHistory(
  history: LogHistory,
  query: HistoryQuery,
  { count, bytes: mostBytes, accepts, pattern }: Wanted,
  budget: ReadBudget,
): Promise<HistoryLines> {
  const isNewest = query.from === "newest";
  const end = performance.now() + most.softMs;
  const found: { readonly line: LogLine; readonly index: number }[] = [];
  let [bytes, scanned] = [0, 0];
  const give = (part: Partial<HistoryLines>): HistoryLines => {
    const ordered = isNewest ? found.toReversed() : found;
    return { ...noLines, lines: ordered.map(({ line }) => line), indexes: ordered.map(({ index }) => index), ...part };
  };
  for (let range: HistoryRange = query; ;) {
    const reached = isNewest ? range.before : range.since;
    if (scanned > most.bytes || performance.now() > end) return give({ hasMore: true, reached });
    const piece = await history.read({ ...query, ...range }, budget.signal).catch((error: unknown) => {
      budget.signal.throwIfAborted();
      return { error };
    });
    if ("error" in piece) return give({ hasMore: true, reached, error: piece.error });
    const toIndex = createLineCounter();
    const numbered = piece.lines.map((line) => ({ line, index: firstIndex + toIndex(line) }));
    const all = isNewest ? numbered.toReversed() : numbered;
    for (let from = 0; from < all.length; from += testedLines) {
      const part = all.slice(from, from + testedLines);
      const filter = { accepts: (line: LogLine, at: number) => accepts(line, part[at]?.index ?? 0), pattern };
      const lines = part.map(({ line }) => line);
      const isWanted = await testLines(lines, filter, budget);
      for (const one of part.filter((_, at) => isWanted[at])) {
        const size = toLineBytes(one.line);
        if (found.length >= count || bytes + size > mostBytes) return give({ hasMore: true });
        budget.hold(size);
        bytes += size;
        found.push(one);
      }
    }
    if (piece.rest === null) return give({});
    scanned += piece.bytes;
    range = piece.rest;
  }
}

/**
 * Whether a line, or the line at a point, is older than all that the engine has; null: the engine
 * has nothing.
 */
export function isOlder(
  beginning: LogBeginning | null,
  line: Pick<LogLine, "stream" | "timestamp"> & Partial<LogLine>,
): boolean {
  if (beginning === null) return true;
  const { timestamp, messages } = beginning[line.stream];
  if (line.timestamp !== timestamp || line.message === undefined) return line.timestamp < timestamp;
  const texts = seamTexts.get(messages) ?? new Set(messages.map(toSeamText));
  seamTexts.set(messages, texts);
  return !texts.has(toSeamText(line.message));
}

/** Of the messages of beginnings: many lines may have the time of one. */
const seamTexts = new WeakMap<readonly string[], ReadonlySet<string>>();

/**
 * What makes a line of the history and one of the engine with the same time equal. Shippers strip a
 * carriage return at the end, which is a space in our lines.
 */
export function toSeamText(message: string): string {
  return message.trimEnd();
}

/**
 * Where the lines of a page begin, as if they were all that the engine has; null without lines.
 * Each stream is in the order of its times.
 */
export function toPageBeginning(lines: readonly LogLine[]): LogBeginning | null {
  const [first] = lines;
  if (!first) return null;
  const of = (stream: LogStream) => {
    const own = lines.filter((line) => line.stream === stream);
    const timestamp = own[0]?.timestamp ?? toLater(first.timestamp);
    return { timestamp, messages: own.filter((line) => line.timestamp === timestamp).map(({ message }) => message) };
  };
  return { stdout: of("stdout"), stderr: of("stderr") };
}

/** The earlier of two beginnings, stream by stream. */
export function toEarlier(one: LogBeginning | null, other: LogBeginning | null): LogBeginning | null {
  if (!one || !other) return one ?? other;
  const of = (stream: LogStream) => {
    const [a, b] = [one[stream], other[stream]];
    if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? a : b;
    return { timestamp: a.timestamp, messages: [...a.messages, ...b.messages] };
  };
  return { stdout: of("stdout"), stderr: of("stderr") };
}

/**
 * Whether a point is so near to the beginning of what the engine has that lines from its time on
 * may be older than that.
 */
export function isNearBeginning(beginning: LogBeginning | null, { timestamp }: LogPoint): boolean {
  return beginning !== null && (timestamp <= beginning.stdout.timestamp || timestamp <= beginning.stderr.timestamp);
}

/**
 * Where a search of the history ended before its page was full. It is in the order of the history,
 * which is that of the times.
 */
export function toReached(timestamp: string): LogPoint {
  return { ...toMoment(timestamp), index: firstIndex };
}

/** Whether a point was found in the history: no engine has what is before it. */
export function isOfHistory({ index }: LogPoint): boolean {
  return index >= firstIndex;
}

/** Whether a point is before all that the engine has. */
export function isPointOlder(beginning: LogBeginning | null, point: LogPoint): boolean {
  const { timestamp, stream } = point;
  if (isOfHistory(point)) return true;
  if (stream !== null) return isOlder(beginning, { stream, timestamp });
  return isOlder(beginning, { stream: "stdout", timestamp }) && isOlder(beginning, { stream: "stderr", timestamp });
}

/**
 * A point in the history: by stream, the time from which on its lines are after the point. Of the
 * line at the point its stream's order decides.
 */
export interface HistoryCut {
  readonly point: LogPoint;
  readonly times: StreamTimes;
}

type StreamTimes = Readonly<Record<LogStream, string>>;

/** Where the history is cut by a point in it, or by one that was a line of the engine. */
export function toHistoryCut(point: LogPoint): HistoryCut {
  const { timestamp, stream, other } = point;
  // Without more knowledge in the order of the history: by time, then stream.
  const stdout = stream === "stderr" ? (other ?? timestamp) : timestamp;
  const stderr = stream === "stdout" ? (other ?? toNext(timestamp)) : timestamp;
  return { point, times: { stdout, stderr } };
}

/** What the history has on both sides of a time. */
export interface HistoryMoment {
  /** Lines from this time on. */
  readonly isPassed: boolean;
  /**
   * Where all lines are that may have been written after one from this time on: the time, or that
   * of an older line of the other stream.
   */
  readonly earliest: LogPoint;
}

/**
 * Reads the entries next to a time. A failure counts as no entries: the next read of the history
 * will report it.
 */
export async function findMoment(
  history: LogHistory,
  container: Pick<Container, "createdAt" | "fullId">,
  beginning: LogBeginning | null,
  { timestamp }: LogPoint,
  budget: ReadBudget,
): Promise<HistoryMoment> {
  const first: Partial<Record<LogStream, string>> = {};
  const older: LogLine[] = [];
  const accepts = (line: LogLine) => {
    if (!isOlder(beginning, line) || first[line.stream] !== undefined) return false;
    if (line.timestamp < timestamp) older.push(line);
    else first[line.stream] = line.timestamp;
    return line.timestamp >= timestamp;
  };
  const isFar =
    beginning === null ||
    !isNearBeginning(beginning, toMoment(timestamp)) ||
    isPointOlder(beginning, toMoment(timestamp));
  const times = { since: shiftTime(timestamp, -mostLateMs), ...(isFar && { until: shiftTime(timestamp, mostLateMs) }) };
  const range = toHistoryRange(container, beginning, times);
  if (range) {
    const since = [times.since, range.since].toSorted()[1] as string;
    const query = { ...range, since, fullId: container.fullId, from: "oldest", filter: {} } as const;
    const { lines } = await collectHistory(history, query, { count: 2, bytes: Infinity, accepts }, budget);
    budget.free(lines.reduce((sum, line) => sum + toLineBytes(line), 0));
  }
  const mayFollow = (line: LogLine) => {
    const other = first[toOtherStream(line.stream)];
    return other !== undefined && line.timestamp >= shiftTime(other, -mostLateMs);
  };
  const earliest = toMoment(older.find(mayFollow)?.timestamp ?? timestamp);
  return { isPassed: first.stdout !== undefined || first.stderr !== undefined, earliest };
}

/** A time after those of all lines that were written before one of this time. */
export function toLatest(timestamp: string): string {
  return shiftTime(timestamp, mostLateMs);
}

function shiftTime(timestamp: string, ms: number): string {
  return new Date(Date.parse(timestamp) + ms).toISOString().slice(0, 23) + timestamp.slice(23);
}

/**
 * By stream, the time from which on its lines are after a point, if not more than one has the time
 * of the point.
 */
export function toStreamTimes(point: LogPoint): StreamTimes {
  const { times } = toHistoryCut(point);
  return point.stream === null || !point.isAfter ? times : { ...times, [point.stream]: toNext(point.timestamp) };
}

/**
 * The end of a page that was read from a point on. In the other stream what was before that point
 * still is, and so is what the page has of it. Lines of the engine are after all of the history,
 * whatever their times are.
 */
export function toPageEnd(
  end: LogPoint,
  from: LogPoint,
  { seam, beginning }: { readonly seam: StreamTimes | null; readonly beginning: LogBeginning | null },
  lines: readonly LogLine[],
): LogPoint {
  if (end.stream === null) return end;
  const stream = toOtherStream(end.stream);
  const last = lines.findLast((line) => line.stream === stream);
  const known = isOfHistory(end) ? toHistoryOther(end, seam) : (end.other ?? "");
  // A time alone cuts the engine's log where the first line from then on stands: older ones may
  // follow.
  const isLater =
    beginning !== null && from.stream === null && toStreamTimes(from)[stream] > beginning[stream].timestamp;
  const before = isLater ? "" : toStreamTimes(from)[stream];
  const times = [known, before, ...(last ? [toNext(last.timestamp)] : [])].filter((time) => time !== "");
  if (times.length === 0) return end;
  return { ...end, other: times.toSorted().at(-1) as string };
}

/**
 * The start of a page in the history that was read back from a cut, or from the engine's log. In
 * the other stream what was after that still is.
 */
export function toPageStart(start: LogPoint, cut: HistoryCut | null, seam: StreamTimes | null): LogPoint {
  if (start.stream === null) return start;
  const times = [toHistoryOther(start, seam), ...(cut ? [cut.times[toOtherStream(start.stream)]] : [])];
  return { ...start, other: times.toSorted()[0] as string };
}

function toHistoryOther(point: LogPoint, seam: StreamTimes | null): string {
  const stream = toOtherStream(point.stream ?? "stdout");
  const other = toHistoryCut(point).times[stream];
  return seam && seam[stream] < other ? seam[stream] : other;
}

/**
 * By stream, the time from which on no line is the history's; null where lines of one end of a
 * page, these, are before that anyway.
 */
export async function findSeam(
  history: LogHistory,
  { fullId }: Pick<Container, "fullId">,
  beginning: LogBeginning | null,
  edges: readonly LogLine[],
  budget: ReadBudget,
): Promise<StreamTimes | null> {
  if (!beginning || edges.every((line) => line.timestamp < beginning[toOtherStream(line.stream)].timestamp))
    return null;
  const find = async (stream: LogStream): Promise<string> => {
    const { timestamp } = beginning[stream];
    // The engine may have removed some of the lines of this very time.
    const accepts = (line: LogLine) => line.stream === stream && isOlder(beginning, line);
    const query = { fullId, since: timestamp, before: toNext(timestamp), from: "oldest", filter: {} } as const;
    const { lines } = await collectHistory(history, query, { count: 1, bytes: Infinity, accepts }, budget);
    budget.free(lines.reduce((sum, line) => sum + toLineBytes(line), 0));
    return lines.length > 0 ? toNext(timestamp) : timestamp;
  };
  return { stdout: await find("stdout"), stderr: await find("stderr") };
}

/** Whether a line of the history is before the point. */
export function isBeforeCut({ point, times }: HistoryCut, line: LogLine, index: number): boolean {
  if (line.stream !== point.stream || line.timestamp !== point.timestamp) return line.timestamp < times[line.stream];
  const at = isOfHistory(point) ? point.index : point.index + firstIndex;
  return index < at || (point.isAfter && index === at);
}

/**
 * The range in which the history may have lines of a container, up to the beginning of its engine's
 * log; null for none.
 */
export function toHistoryRange(
  { createdAt }: Pick<Container, "createdAt">,
  beginning: LogBeginning | null,
  { since = "", until }: Pick<LogOptions, "since" | "until">,
): HistoryRange | null {
  const created = new Date(Math.max(0, (Date.parse(createdAt) || 0) - earlyMs)).toISOString().slice(0, 19);
  // In whole seconds, as Podman's times: the filter of the lines is exact.
  const first = `${[created, since.slice(0, 19)].toSorted()[1]}.000000000Z`;
  const lasts = beginning ? [beginning.stdout, beginning.stderr].map(({ timestamp }) => timestamp) : [toAhead()];
  const last = [
    toNext(lasts.toSorted().at(-1) as string),
    ...(until === undefined ? [] : [toNext(until)]),
  ].toSorted()[0] as string;
  return first < last ? { since: first, before: last } : null;
}

/** A nanosecond later. */
export function toNext(timestamp: string): string {
  return toLogTimestamp(addNanosecond(parseLogTime(timestamp, 0) ?? "0.000000000"));
}

function toAhead(): string {
  return toLogTimestamp(String(Math.floor(Date.now() / 1000) + aheadSeconds));
}
