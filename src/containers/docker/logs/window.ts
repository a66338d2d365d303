import type { ReadBudget } from "../../../lib/budget/budget.ts";
import { createLogFilter, type LogLine, type LogOptions, type LogStream, maxPageBytes, toLineBytes } from "../../logs/log.ts";
import { AnswerError } from "../http/errors.ts";
import { createDemuxer, createTtySplitter } from "./framing.ts";
import { createLineJoiner } from "./lines.ts";

/** Most bytes that one read may take from the engine. */
export const maxScanBytes = 32 << 20;
/** This many entries always fit into `maxScanBytes`: 16 KiB of text, a time stamp and a header each. */
export const entriesThatFit = 2000;

/** The newest matching lines that were read. */
export interface LogWindow {
  readonly lines: readonly LogLine[];
  /** Log entries read, matching or not. */
  readonly entries: number;
  /** The log was read from its start, or from `since`, to its end. */
  readonly complete: boolean;
  /** Number of older matching lines that were read but left out. */
  readonly dropped: number;
  /** The log exceeded `maxScanBytes`, so the newest lines were not reached: all matching lines are left out. */
  readonly overflow: boolean;
  /** Size of the lines in the budget. */
  readonly bytes: number;
}

interface WindowOptions extends LogOptions {
  readonly tty: boolean;
  /** How many entries were requested. If that many came, the log starts earlier, and a line may lack its beginning. */
  readonly size: number | null;
  /** Reads no further than so many lines. */
  readonly maxLines?: number;
}

/** Reads one answer of `GET /containers/{id}/logs?timestamps=1` to its end, holding no more than the requested lines. Rejects also as the budget does. */
export async function readLogWindow(
  chunks: AsyncIterable<Buffer>,
  options: WindowOptions,
  budget: ReadBudget,
): Promise<LogWindow> {
  const matches = createLogFilter(options);
  // Two more, because the first line of each stream may be cut off.
  const newest = createNewestLines(options.tail + 2, maxPageBytes, budget);
  const firsts = new Map<LogStream, LogLine>();
  const { size, maxLines = Infinity } = options;
  let lines = 0;
  let entries = 0;
  let bytes = 0;
  let waiting: (readonly [stream: LogStream, entry: Buffer])[] = [];
  const joiner = createLineJoiner((line) => {
    if (++lines > maxLines) return;
    if (!firsts.has(line.stream)) firsts.set(line.stream, line);
    if (matches(line)) newest.add(line);
  });
  const splitter = createTtySplitter((entry) => waiting.push(["stdout", entry]));
  const demux = createDemuxer((stream, entry) => waiting.push([stream, entry]));
  /** A full stream never waits, and a regular expression may take long for one line: without turns nothing else would run, not even the deadline. */
  const work = async () => {
    const taken = waiting;
    waiting = [];
    for (const [stream, entry] of taken) {
      entries++;
      joiner.push(stream, entry);
      const wait = budget.turn();
      if (wait) await wait;
    }
  };
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > maxScanBytes) {
        const dropped = newest.dropped + newest.take().length;
        newest.clear();
        return { lines: [], entries, complete: false, dropped, overflow: true, bytes: 0 };
      }
      if (options.tty) splitter.push(chunk);
      else if (!demux(chunk)) throw new AnswerError("unexpected response to GET /containers/{id}/logs");
      await work();
      if (lines > maxLines) break;
    }
    splitter.end();
    await work();
    joiner.end();
  } catch (error) {
    newest.clear();
    throw error;
  }
  entries += splitter.skipped;
  const isCut = size !== null && entries >= size;
  const cut = new Set(isCut ? toCut([...firsts.values()]) : []);
  const whole = newest.take().filter((line) => !cut.has(line));
  const dropped = newest.dropped + Math.max(0, whole.length - options.tail);
  return {
    lines: whole.slice(-options.tail),
    entries,
    complete: !isCut && lines <= maxLines,
    dropped,
    overflow: false,
    bytes: newest.bytes,
  };
}

/**
 * The lines whose beginning may lie before the window. All parts of a line have the time of its first part, so such a line is the first of its stream,
 * and not later than the first line of all.
 */
function toCut(firsts: readonly LogLine[]): LogLine[] {
  const start = firsts.map((line) => line.timestamp).toSorted()[0] ?? "";
  return firsts.filter((line, index) => index === 0 || line.timestamp <= start);
}

interface NewestLines {
  add(line: LogLine): void;
  /** The newest lines, oldest first. */
  take(): LogLine[];
  /** Releases all lines: an error thrown from here retains what its stack can reach. */
  clear(): void;
  /** Number of older lines dropped. */
  readonly dropped: number;
  /** Size of the lines held. */
  readonly bytes: number;
}

/** Holds the newest lines, at most `maxLines` and `maxBytes` (as `toLineBytes`), and counts them against the budget. */
export function createNewestLines(maxLines: number, maxBytes: number, budget: Pick<ReadBudget, "hold" | "free">): NewestLines {
  /** Valid from `start` on: earlier places are null, their lines dropped. */
  let lines: ({ readonly line: LogLine; readonly size: number } | null)[] = [];
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
    add(line) {
      const size = toLineBytes(line);
      budget.hold(size);
      lines.push({ line, size });
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
    get dropped() {
      return dropped;
    },
    get bytes() {
      return bytes;
    },
  };
}
