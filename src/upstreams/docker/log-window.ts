import type { ReadBudget } from "../../budget/budget.ts";
import type { LogLine, LogOptions, LogStream } from "../../domain/container.ts";
import { maxPageBytes } from "../../domain/log-size.ts";
import { AnswerError } from "./status-error.ts";
import { createDemuxer } from "./demux.ts";
import { createLogFilter, createNewestLines } from "./log-filter.ts";
import { createLineJoiner } from "./log-lines.ts";
import { createTtySplitter } from "./tty-lines.ts";

/** Bytes that one reading may take from the engine. */
export const maxScanBytes = 32 << 20;
/** So many entries always fit into `maxScanBytes`: 16 KiB of text, a time stamp and a header each. */
export const entriesThatFit = 2000;

/** The newest matching lines of what was read. */
export interface LogWindow {
  readonly lines: readonly LogLine[];
  /** Log entries read, matching or not. */
  readonly entries: number;
  /** How many older matching lines were read but left out. */
  readonly dropped: number;
  /** There was more than `maxScanBytes`, so that the newest lines were not reached: all that match are left out. */
  readonly overflow: boolean;
  /** What the lines hold in the budget. */
  readonly bytes: number;
}

interface WindowOptions extends LogOptions {
  readonly tty: boolean;
  /** How many entries were asked for. When so many came, the log begins before them, and a line may lack its beginning. */
  readonly size: number | null;
}

/** Reads one answer of `GET /containers/{id}/logs?timestamps=1` to its end, holding no more than the lines asked for. Rejects also as the budget does. */
export async function readLogWindow(
  chunks: AsyncIterable<Buffer>,
  options: WindowOptions,
  budget: ReadBudget,
): Promise<LogWindow> {
  const matches = createLogFilter(options);
  // Two more, for the first line of each stream may be cut off.
  const newest = createNewestLines(options.tail + 2, maxPageBytes, budget);
  const firsts = new Map<LogStream, LogLine>();
  let entries = 0;
  let bytes = 0;
  let waiting: (readonly [stream: LogStream, entry: Buffer])[] = [];
  const joiner = createLineJoiner((line) => {
    if (!firsts.has(line.stream)) firsts.set(line.stream, line);
    if (matches(line)) newest.add(line);
  });
  const splitter = createTtySplitter((entry) => waiting.push(["stdout", entry]));
  const demuxer = createDemuxer((stream, entry) => waiting.push([stream, entry]));
  /** A stream that is full never waits, and an expression may take long for one line: without turns nothing else would run, not even the deadline. */
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
        return { lines: [], entries, dropped, overflow: true, bytes: 0 };
      }
      if (options.tty) splitter.push(chunk);
      else if (!demuxer.push(chunk)) throw new AnswerError("its log is not what Docker writes");
      await work();
    }
    splitter.end();
    await work();
    joiner.end();
  } catch (error) {
    newest.clear();
    throw error;
  }
  entries += splitter.skipped;
  const cut = new Set(options.size !== null && entries >= options.size ? toCut([...firsts.values()]) : []);
  const whole = newest.take().filter((line) => !cut.has(line));
  const dropped = newest.dropped + Math.max(0, whole.length - options.tail);
  return { lines: whole.slice(-options.tail), entries, dropped, overflow: false, bytes: newest.bytes };
}

/**
 * The lines whose beginning may lie before the window. All parts of a line have the time of its first one: so it is the first line of its
 * stream, and not later than the first line of all.
 */
function toCut(firsts: readonly LogLine[]): LogLine[] {
  const start = firsts.map((line) => line.timestamp).toSorted()[0] ?? "";
  return firsts.filter((line, index) => index === 0 || line.timestamp <= start);
}
