import { createStopwatch } from "../../../lib/abort.ts";
import type { ReadBudget } from "../../../lib/budget/budget.ts";
import { toLogTimestamp } from "../../../lib/time.ts";
import type { ContainerRef } from "../../container.ts";
import {
  createLineCounter,
  createLogFilter,
  disorderMs,
  isSelective,
  testLines,
  type LogAround,
  type LogLine,
  type LogOptions,
  type LogPage,
  type LogPoint,
  maxPageBytes,
  toLater,
  toLineBytes,
  toLineHash,
  toLogPage,
} from "../../logs/log.ts";
import { toStreamTimes } from "../../logs/history/collect.ts";
import type { EngineCalls } from "../engine/engine.ts";
import { type ReadTimes, toQueryTime, tooLongLines } from "./read.ts";
import {
  createFirstLines,
  createNewestLines,
  createOtherTimes,
  type PlacedLine,
  readLines,
  toEnginePoint,
} from "./window.ts";

interface AroundOptions extends Omit<LogOptions, "tail"> {
  readonly around: LogAround;
}

/**
 * Where a reading begins: so many entries before the end of the log, or at a whole second; with
 * neither at the start of the log.
 */
interface Start {
  readonly size: number | null;
  /** Unix seconds. */
  readonly second: number | null;
}

const fromStart: Start = { size: null, second: null };

/** Most of the newest entries that are read in the hope that the point is among them. */
const mostEntries = 20_002;
/** Part of the time after which a page is returned with the newer lines that were found. */
const softShare = 0.7;
/**
 * Seconds before the point that are read first: at least, at most, and when nothing is known of the
 * log.
 */
const firstSeconds = { least: 2, most: 3600, usual: 60 };
/** How much more is read next, when some of the lines were found, or none. */
const growth = { some: 8, none: 64 };

/**
 * The lines next to a point. The engine cannot read backwards from a time. So for older lines its
 * newest entries are read first, enough for a point near the end. Then all entries from a time
 * before the point are read, and from earlier and earlier times (estimated from the number of lines
 * per second in the first reading), until there are enough. The engine itself reads its file from
 * the start for each, but sends only those. Newer lines come from the point on, and the reading
 * ends with the page. Lines beyond the time or `maxScanBytes` are missing on their side. Then
 * `truncated` or `hasNewer` is true, and `start` and `end` are how far the log was searched.
 */
export async function readAround(
  engine: EngineCalls,
  { fullId }: ContainerRef,
  options: AroundOptions,
  { timeoutMs, clock = createStopwatch(), budget }: ReadTimes,
): Promise<LogPage> {
  const end = clock.now() + timeoutMs;
  const softEnd = performance.now() + timeoutMs * softShare;
  const { point, older } = options.around;
  const { tty, raw } = await engine.inspect(fullId, budget.signal);
  const pointSecond = toSecond(point.timestamp);
  const firstSecond = Math.max(toSecond(raw.createdAt), options.since === undefined ? 0 : toSecond(options.since));
  const ask = async (start: Start): Promise<AroundWindow> => {
    const read = async (signal: AbortSignal) => {
      return readAroundWindow(
        await engine.client.open(fullId, "logs", toQuery(start), signal),
        { ...options, tty, start, softEnd },
        budget,
      );
    };
    return engine.ask({ ms: Math.max(1, end - clock.now()), clock }, read, budget.signal);
  };
  const from = (second: number): Start => {
    if (second > firstSecond) return { ...fromStart, second };
    return options.since === undefined ? fromStart : { ...fromStart, second: firstSecond };
  };
  const isComplete = ({ second }: Start) => second === null || (options.since !== undefined && second <= firstSecond);

  if (older === 0) {
    const start = from(pointSecond);
    const window = await ask(start);
    if (window.failed) throw tooLongLines(engine);
    return toPage(window, options.around, isComplete(start));
  }
  let best: LogPage | null = null;
  let held = 0;
  /** Whether the page is whole. */
  const take = (window: AroundWindow, complete: boolean): boolean => {
    if (best !== null && window.start === null && !complete) {
      budget.free(window.bytes);
      return false;
    }
    budget.free(held);
    held = window.bytes;
    best = toPage(window, options.around, complete);
    return complete || window.older.length >= older;
  };
  const factor = isSelective(options) ? 4 : 1;
  let seconds = firstSeconds.usual;
  // Podman may leave out entries at the end of its newest.
  if (!(await engine.client.isPodman(budget.signal))) {
    const window = await ask({
      ...fromStart,
      size: Math.min(mostEntries, 4 * factor * (older + options.around.newer) + 2),
    });
    if (!window.failed && take(window, !window.isCut)) return best as unknown as LogPage;
    const enough = Math.ceil((2 * factor * older * window.seconds) / Math.max(1, window.lines));
    if (window.lines > 0) seconds = clamp(enough, firstSeconds.least, firstSeconds.most);
  }
  for (let [isFound, isTooMuch] = [false, false]; ;) {
    const start = from(pointSecond - Math.floor(seconds));
    const window = await ask(start).catch((error: unknown) => {
      if (best && !budget.signal.aborted) return null;
      throw error;
    });
    if (window === null) break;
    if (window.failed) {
      if (isFound || seconds === 0) break;
      isTooMuch = true;
      seconds = Math.floor(Math.min(seconds, window.seconds) / 2);
      continue;
    }
    isFound = true;
    if (take(window, isComplete(start)) || isTooMuch) break;
    seconds = Math.max(1, seconds) * (window.older.length === 0 ? growth.none : growth.some);
  }
  if (best === null) throw tooLongLines(engine);
  return best;
}

function toQuery({ size, second }: Start) {
  const everything = { stdout: 1, stderr: 1, timestamps: 1, tail: size ?? "all" };
  if (second === null) return everything;
  // Some versions of Docker skip each line before this time, others only the lines before the first
  // one at or after it. With an earlier time, all lines that are out of order are sent.
  const since = String(Math.max(0, second - disorderMs / 1000));
  return { ...everything, since: toQueryTime(toLogTimestamp(since)) };
}

/** The whole second of a time, unix seconds. */
function toSecond(timestamp: string): number {
  return Math.max(0, Math.floor(Date.parse(timestamp) / 1000) || 0);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** One reading of a log, around the point. */
interface AroundWindow {
  readonly older: readonly LogLine[];
  readonly newer: readonly LogLine[];
  /** Of the older lines, then the newer ones. */
  readonly indexes: readonly number[];
  /** As LogWindow.others. */
  readonly others: readonly string[];
  /** Older matching lines were read but left out. */
  readonly leftOlder: boolean;
  /** Newer matching lines were or may have been left out. */
  readonly leftNewer: boolean;
  /** Before the first line that was searched, and after the last one; null without any. */
  readonly start: LogPoint | null;
  readonly end: LogPoint | null;
  /** The newest entries were read, and there are older ones. */
  readonly isCut: boolean;
  /** The reading does not cover both sides of the point: all lines are left out. */
  readonly failed: boolean;
  /** How many lines were read, and from how many seconds. */
  readonly lines: number;
  readonly seconds: number;
  /** Size of the lines in the budget. */
  readonly bytes: number;
}

interface WindowOptions extends AroundOptions {
  readonly tty: boolean;
  readonly start: Start;
  /** When to return what was found of the newer lines, on the clock of `performance.now`. */
  readonly softEnd: number;
}

/**
 * Reads one answer of `GET /containers/{id}/logs?timestamps=1`, holding no more than the page.
 * Rejects as `readLogWindow`.
 */
async function readAroundWindow(
  chunks: AsyncIterable<Buffer>,
  { around, tty, start: from, softEnd, ...filter }: WindowOptions,
  budget: ReadBudget,
): Promise<AroundWindow> {
  const { point } = around;
  const { size, second } = from;
  const beginning = second === null ? "" : toLogTimestamp(String(second));
  const lineFilter = createLogFilter(filter);
  const toIndex = createLineCounter();
  const toOther = createOtherTimes();
  const share = around.older > 0 && around.newer > 0 ? 2 : 1;
  const older = createNewestLines(around.older, maxPageBytes / share, budget);
  const newer = createOldestLines(around.newer, maxPageBytes / share, budget);
  const lastWanted = filter.until === undefined ? null : toLater(filter.until);
  const firsts = createFirstLines();
  let hasPassed = false;
  let start: PlacedLine | null = null;
  let end: PlacedLine | null = null;
  let oldest = "";
  let newest = "";
  let lines = 0;
  let isPartial = false;

  // Until its line is found all lines may be after the point: the engine may have removed it, with
  // all before it.
  const mayBeGone = point.stream !== null && around.older === 0;
  const isPoint = (line: LogLine, index: number) =>
    point.stream === line.stream &&
    point.timestamp === line.timestamp &&
    point.index === index &&
    (!point.hash || ["", point.hash].includes(toLineHash(line)));
  const onLine = (line: LogLine, isWanted: boolean): boolean => {
    const [index, other] = [toIndex(line), toOther(line)];
    if (lines++ === 0) oldest = line.timestamp;
    if (line.timestamp > newest) newest = line.timestamp;
    firsts.add(line);
    // Of the newest entries, some may follow others of their time that were not read.
    if (!hasPassed && size !== null && !firsts.isPassed(line)) start = null;
    else if (!hasPassed) start ??= { line, index, other };
    // Written before the beginning, though not by its time: the lines before it were not sent.
    if (!hasPassed && line.timestamp < beginning) {
      older.clear();
      start = null;
      if (!mayBeGone) return true;
    }
    const isBefore = !hasPassed;
    if (isBefore && (point.stream === null ? line.timestamp >= point.timestamp : isPoint(line, index))) {
      hasPassed = true;
      newer.clear();
      end = null;
    }
    if (isBefore && (!hasPassed || point.isAfter)) {
      if (isWanted) older.add(line, index, other);
      if (hasPassed) return around.newer > 0 || size !== null;
    }
    if (hasPassed && around.newer === 0) return size !== null;
    if (around.newer === 0 || (!hasPassed && !mayBeGone)) return true;
    if (lastWanted !== null && hasPassed && line.timestamp > lastWanted) return size !== null;
    // The point may follow lines of much later times: where the clock of the host went back.
    if (newer.isFull) return size !== null || (!hasPassed && performance.now() < softEnd);
    if (!isWanted || newer.add({ line, index, other })) end = { line, index, other };
    isPartial = hasPassed && size === null && performance.now() > softEnd;
    return !isPartial;
  };
  const onLines = async (read: readonly LogLine[]): Promise<boolean> => {
    const isDone = hasPassed && (around.newer === 0 || newer.isFull);
    const isWanted = isDone ? [] : await testLines(read, lineFilter, budget);
    return read.every((line, at) => onLine(line, isWanted[at] === true));
  };
  const clear = () => {
    older.clear();
    newer.clear();
  };
  const { entries, overflow } = await readLines(chunks, tty, budget, onLines).catch((error: unknown) => {
    clear();
    throw error;
  });
  const isCut = size !== null && entries >= size;
  const isGone = !hasPassed && point.stream !== null && !isCut;
  const seconds = (Date.parse(newest) - Date.parse(oldest)) / 1000 || 0;
  // A line that was not read may be after a time that is only a little after those that were.
  const isUncertain = () =>
    point.stream === null
      ? point.timestamp <= toLater(oldest)
      : !firsts.isPassed({ timestamp: point.timestamp, stream: point.stream });
  const isMissed = isCut && ((!hasPassed && point.stream !== null) || isUncertain());
  if ((overflow && !(hasPassed && size === null)) || isMissed) {
    clear();
    return { ...nothing, isCut, lines, seconds };
  }
  if (isGone) older.clear();
  const held = older.takePlaced();
  const unplaced = isCut ? held.findLastIndex(({ line }) => !firsts.isPassed(line)) + 1 : 0;
  const [known, after] = [held.slice(unplaced), newer.take()];
  return {
    older: known.map(({ line }) => line),
    newer: after.map(({ line }) => line),
    indexes: [...known, ...after].map(({ index }) => index),
    others: [...known, ...after].map(({ other }) => other),
    leftOlder: !isGone && older.dropped > 0,
    leftNewer: newer.isFull || isPartial || overflow,
    start: isGone ? null : toEdge(start, false, point),
    end: toEdge(end, true, point),
    isCut,
    failed: false,
    lines,
    seconds,
    bytes: older.bytes + newer.bytes,
  };
}

function toEdge(placed: PlacedLine | null, isAfter: boolean, point: LogPoint): LogPoint | null {
  if (!placed) return null;
  const { line, index, other } = placed;
  return toEnginePoint({ lines: [line], indexes: [index], others: [other] }, 0, isAfter, toStreamTimes(point));
}

const nothing: AroundWindow = {
  older: [],
  newer: [],
  indexes: [],
  others: [],
  leftOlder: false,
  leftNewer: false,
  start: null,
  end: null,
  isCut: false,
  failed: true,
  lines: 0,
  seconds: 0,
  bytes: 0,
};

function toPage(window: AroundWindow, { point, older, newer }: LogAround, complete: boolean): LogPage {
  const lines = [...window.older, ...window.newer];
  const { indexes, others } = window;
  const placed = { lines, indexes, others };
  const times = toStreamTimes(point);
  const [first, last] = [toEnginePoint(placed, 0, false, times), toEnginePoint(placed, lines.length - 1, true, times)];
  const isFull = older > 0 && window.older.length > 0 && (window.leftOlder || window.older.length >= older);
  return toLogPage({
    lines,
    indexes,
    olderCount: window.older.length,
    truncated: window.leftOlder || !complete,
    hasNewer: newer === 0 || window.leftNewer,
    start: older === 0 || isFull || complete ? first : (window.start ?? first),
    end: window.leftNewer && window.newer.length >= newer ? last : (window.end ?? last),
  });
}

/** Holds the first lines that are added, as `createNewestLines` the last ones. */
function createOldestLines(maxLines: number, maxBytes: number, budget: Pick<ReadBudget, "hold" | "free">) {
  let lines: PlacedLine[] = [];
  let bytes = 0;
  let isFull = false;
  return {
    /** False when it no longer fits; then nothing after it fits either. */
    add(placed: PlacedLine): boolean {
      const size = toLineBytes(placed.line);
      isFull ||= lines.length >= maxLines || bytes + size > maxBytes;
      if (isFull) return false;
      budget.hold(size);
      bytes += size;
      lines.push(placed);
      return true;
    },
    clear() {
      budget.free(bytes);
      lines = [];
      bytes = 0;
      isFull = false;
    },
    take: () => lines,
    /** A line was left out. */
    get isFull() {
      return isFull;
    },
    get bytes() {
      return bytes;
    },
  };
}
