import type { ReadBudget } from "../../../lib/budget/budget.ts";
import { toNext } from "../../logs/history/collect.ts";
import {
  createLineCounter,
  createLogFilter,
  testLines,
  type LogLine,
  type LogOptions,
  type LogPoint,
  type LogStream,
  maxPageBytes,
  toLater,
  toLineBytes,
  toLineHash,
  toOtherStream,
  toPoint,
} from "../../logs/log.ts";
import { createEntrySplitter, type LogEntry } from "./framing.ts";
import { createLineJoiner } from "./lines.ts";

/** Most bytes that one read may take from the engine. */
export const maxScanBytes = 32 << 20;
/**
 * This many entries always fit into `maxScanBytes`: 16 KiB of text, a time stamp and a header each.
 */
export const entriesThatFit = 2000;

/** The newest matching lines that were read. */
export interface LogWindow {
  readonly lines: readonly LogLine[];
  /** LogPoint.index of each line, counted from the first line read. */
  readonly indexes: readonly number[];
  /**
   * Whether the indexes are exact: no line before the first one read has the time of one of these.
   */
  readonly isPlaced: boolean;
  /**
   * Of each line, the time of the newest line of the other stream that was read before it; "" for
   * none.
   */
  readonly others: readonly string[];
  /**
   * The number of lines before one that was left out because it may lack its beginning: a page that
   * begins with them would lose that line.
   */
  readonly gap: number;
  /** Log entries read, matching or not. */
  readonly entries: number;
  /** The log was read from its start, or from `since`, to its end. */
  readonly complete: boolean;
  /** Number of older matching lines that were read but left out. */
  readonly dropped: number;
  /**
   * The log exceeded `maxScanBytes`, so the newest lines were not reached: all matching lines are
   * left out.
   */
  readonly overflow: boolean;
  /** Size of the lines in the budget. */
  readonly bytes: number;
}

interface WindowOptions extends LogOptions {
  readonly tty: boolean;
  /**
   * How many entries were requested. If that many came, the log starts earlier, and a line may lack
   * its beginning.
   */
  readonly size: number | null;
  /** Reads no further than so many lines. */
  readonly maxLines?: number;
}

/**
 * Reads one answer of `GET /containers/{id}/logs?timestamps=1` to its end, holding no more than the
 * requested lines. Rejects also as the budget does.
 */
export async function readLogWindow(
  chunks: AsyncIterable<Buffer>,
  options: WindowOptions,
  budget: ReadBudget,
): Promise<LogWindow> {
  const filter = createLogFilter(options);
  // Two more, because the first line of each stream may be cut off.
  const newest = createNewestLines(options.tail + 2, maxPageBytes, budget);
  const toIndex = createLineCounter();
  const toOther = createOtherTimes();
  const firsts = createFirstLines();
  const { size, maxLines = Infinity } = options;
  let lines = 0;
  let matched = 0;
  /** Number of matching lines before the last one that may lack its beginning. */
  let beforeCut = 0;
  const onLine = (line: LogLine, isWanted: boolean): boolean => {
    if (++lines > maxLines) return false;
    if (firsts.add(line) && toCut(firsts.list()).includes(line)) beforeCut = matched;
    const [index, other] = [toIndex(line), toOther(line)];
    if (!isWanted) return true;
    newest.add(line, index, other);
    matched += 1;
    return true;
  };
  const onLines = async (read: readonly LogLine[]): Promise<boolean> => {
    const isWanted = await testLines(read, filter, budget);
    return read.every((line, at) => onLine(line, isWanted[at] === true));
  };
  const { entries, overflow } = await readLines(chunks, options.tty, budget, onLines).catch((error: unknown) => {
    newest.clear();
    throw error;
  });
  if (overflow) {
    const dropped = newest.dropped + newest.take().length;
    newest.clear();
    return { ...nothing, entries, dropped, overflow };
  }
  const isCut = size !== null && entries >= size;
  const cut = new Set(isCut ? toCut(firsts.list()) : []);
  const held = newest.takePlaced();
  const whole = held.filter(({ line }) => !cut.has(line));
  const page = whole.slice(-options.tail);
  const left = whole.length - page.length;
  const beforeGap = isCut
    ? held.slice(0, Math.max(0, beforeCut - newest.dropped)).filter(({ line }) => !cut.has(line)).length
    : 0;
  return {
    lines: page.map(({ line }) => line),
    indexes: page.map(({ index }) => index),
    others: page.map(({ other }) => other),
    isPlaced: !isCut || page.every(({ line }) => firsts.isPassed(line)),
    gap: Math.max(0, beforeGap - left),
    entries,
    complete: !isCut && lines <= maxLines,
    dropped: newest.dropped + left,
    overflow,
    bytes: newest.bytes,
  };
}

const nothing: LogWindow = {
  lines: [],
  indexes: [],
  others: [],
  isPlaced: false,
  gap: 0,
  entries: 0,
  complete: false,
  dropped: 0,
  overflow: false,
  bytes: 0,
};

interface FirstLines {
  /** Each line that is read. Returns whether it is the first of its stream. */
  add(line: LogLine): boolean;
  list(): readonly LogLine[];
  /**
   * Whether no line of its stream and time is before the first line read. A line may share its time
   * with such a one unless its own stream, or what can be out of order, is past them.
   */
  isPassed(line: Pick<LogLine, "timestamp" | "stream">): boolean;
}

/** Remembers the first line read of each stream. */
export function createFirstLines(): FirstLines {
  const firsts = new Map<LogStream, LogLine>();
  let first: string | null = null;
  return {
    add(line) {
      first ??= line.timestamp;
      if (firsts.has(line.stream)) return false;
      firsts.set(line.stream, line);
      return true;
    },
    list: () => [...firsts.values()],
    isPassed({ timestamp, stream }) {
      if (first === null || timestamp <= first) return false;
      return timestamp > (firsts.get(stream)?.timestamp ?? "") || timestamp > toLater(first);
    },
  };
}

/** Says of each line the time of the newest line of the other stream before it. */
export function createOtherTimes(): (line: LogLine) => string {
  const last: Record<LogStream, string> = { stdout: "", stderr: "" };
  return ({ stream, timestamp }) => {
    last[stream] = timestamp;
    return last[toOtherStream(stream)];
  };
}

/**
 * The point before or after one line of a page that was read from an engine, with `other`; null
 * when unknown. `times` cut the streams where the page was asked for: they hold for a stream
 * without lines up to there.
 */
export function toEnginePoint(
  { lines, indexes, others }: Pick<LogWindow, "lines" | "indexes" | "others">,
  at: number,
  isAfter: boolean,
  times?: Readonly<Record<LogStream, string>>,
): LogPoint | null {
  const point = toPoint(lines, indexes, at, isAfter);
  if (!point?.stream) return null;
  const stream = toOtherStream(point.stream);
  const next = isAfter ? undefined : lines.slice(at).find((line) => line.stream === stream)?.timestamp;
  const last = others[at];
  const other = last ? toNext(last) : (next ?? times?.[stream]);
  return { ...point, ...(other !== undefined && { other }), hash: toLineHash(lines[at] as LogLine) };
}

/** How an answer was read. */
interface ReadLines {
  /** Log entries read. */
  readonly entries: number;
  /** It exceeded `maxScanBytes`, and its rest was not read. */
  readonly overflow: boolean;
}

/**
 * Reads one answer as `readLogWindow`, the lines of a chunk together, until `onLines` resolves to
 * false.
 */
export async function readLines(
  chunks: AsyncIterable<Buffer>,
  tty: boolean,
  budget: ReadBudget,
  onLines: (lines: readonly LogLine[]) => Promise<boolean>,
): Promise<ReadLines> {
  let entries = 0;
  let bytes = 0;
  let hasStopped = false;
  let lines: LogLine[] = [];
  const joiner = createLineJoiner((line) => lines.push(line));
  const splitter = createEntrySplitter(tty);
  /**
   * A full stream never waits, and a long line takes long to clean. Without pauses nothing else
   * would run, not even the deadline.
   */
  const work = async (taken: readonly LogEntry[]) => {
    for (const [stream, entry] of taken) {
      // Before each line, also the first: else many reads would each process a line in the same
      // round.
      const wait = budget.turn();
      if (wait) await wait;
      entries++;
      joiner.push(stream, entry);
    }
  };
  const hand = async () => {
    const whole = lines;
    lines = [];
    if (whole.length > 0 && !hasStopped) hasStopped = !(await onLines(whole));
  };
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxScanBytes) return { entries, overflow: true };
    await work(splitter.push(chunk));
    await hand();
    if (hasStopped) break;
  }
  await work(splitter.end());
  const wait = budget.turn();
  if (wait) await wait;
  joiner.end();
  await hand();
  return { entries: entries + splitter.skipped, overflow: false };
}

/**
 * The lines whose beginning may lie before the window. All parts of a line have the time of its
 * first part, so such a line is the first of its stream, and not later than the first line of all.
 */
function toCut(firsts: readonly LogLine[]): LogLine[] {
  const start = firsts.map((line) => line.timestamp).toSorted()[0] ?? "";
  return firsts.filter((line, index) => index === 0 || line.timestamp <= start);
}

/**
 * A line, its LogPoint.index, and the time of the newest line of the other stream before it; "" for
 * none.
 */
export interface PlacedLine {
  readonly line: LogLine;
  readonly index: number;
  readonly other: string;
}

interface NewestLines {
  add(line: LogLine, index?: number, other?: string): void;
  /** The newest lines, oldest first. */
  take(): LogLine[];
  /** With what was added with each of them. */
  takePlaced(): PlacedLine[];
  /** Releases all lines: an error thrown from here retains what its stack can reach. */
  clear(): void;
  /** Number of older lines dropped. */
  readonly dropped: number;
  /** Size of the lines held. */
  readonly bytes: number;
}

/**
 * Holds the newest lines, at most `maxLines` and `maxBytes` (as `toLineBytes`), and counts them
 * against the budget.
 */
export function createNewestLines(
  maxLines: number,
  maxBytes: number,
  budget: Pick<ReadBudget, "hold" | "free">,
): NewestLines {
  /** Valid from `start` on: earlier places are null, their lines dropped. */
  let lines: ((PlacedLine & { readonly size: number }) | null)[] = [];
  let start = 0;
  let bytes = 0;
  let dropped = 0;
  const isOver = () => lines.length - start > maxLines || bytes > maxBytes;
  const drop = () => {
    const size = lines[start]?.size ?? 0;
    lines[start++] = null;
    budget.free(size);
    bytes -= size;
    dropped++;
  };
  return {
    add(line, index = 0, other = "") {
      const size = toLineBytes(line);
      budget.hold(size);
      lines.push({ line, size, index, other });
      bytes += size;
      while (isOver()) drop();
      if (start > 2 * maxLines) {
        lines = lines.slice(start);
        start = 0;
      }
    },
    clear() {
      budget.free(bytes);
      lines = [];
      start = bytes = 0;
    },
    take: () => lines.slice(start).flatMap((held) => held?.line ?? []),
    takePlaced: () => lines.slice(start).flatMap((held) => held ?? []),
    get dropped() {
      return dropped;
    },
    get bytes() {
      return bytes;
    },
  };
}
