import { setImmediate as nextTurn } from "node:timers/promises";
import type { LogLine, LogOptions, LogStream } from "../../domain/container.ts";
import { AnswerError } from "./status-error.ts";
import { createDemuxer } from "./demux.ts";
import { createLogFilter, createNewestLines } from "./log-filter.ts";
import { createLineJoiner } from "./log-lines.ts";
import { createTtySplitter } from "./tty-lines.ts";

/** Text of one answer at most. */
const maxPageBytes = 5_000_000;
/** Bytes that one reading may take from the engine. */
export const maxScanBytes = 32 << 20;
/** So many entries always fit into `maxScanBytes`: 16 KiB of text, a time stamp and a header each. */
export const entriesThatFit = 2000;

/** How long reading may keep everything else waiting. */
const turnMs = 10;

/** The newest matching lines of what was read. */
export interface LogWindow {
  readonly lines: readonly LogLine[];
  /** Log entries read, matching or not. */
  readonly entries: number;
  /** How many older matching lines were read but left out. */
  readonly dropped: number;
  /** There was more than `maxScanBytes`, so that the newest lines were not reached: all that match are left out. */
  readonly overflow: boolean;
}

interface WindowOptions extends LogOptions {
  readonly tty: boolean;
  /** How many entries were asked for. When so many came, the log begins before them, and a line may lack its beginning. */
  readonly size: number | null;
}

/** Reads one answer of `GET /containers/{id}/logs?timestamps=1` to its end, holding no more than the lines asked for. */
export async function readLogWindow(chunks: AsyncIterable<Buffer>, options: WindowOptions): Promise<LogWindow> {
  const matches = createLogFilter(options);
  // Two more, for the first line of each stream may be cut off.
  const newest = createNewestLines(options.tail + 2, maxPageBytes);
  const firsts = new Map<LogStream, LogLine>();
  let entries = 0;
  let bytes = 0;
  let turnEnd = performance.now() + turnMs;
  const joiner = createLineJoiner((line) => {
    if (!firsts.has(line.stream)) firsts.set(line.stream, line);
    if (matches(line)) newest.add(line);
  });
  const take = (stream: LogStream, entry: Buffer) => {
    entries++;
    joiner.push(stream, entry);
  };
  const splitter = createTtySplitter((entry) => take("stdout", entry));
  const demuxer = createDemuxer(take);
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxScanBytes) return { lines: [], entries, dropped: newest.dropped + newest.take().length, overflow: true };
    if (options.tty) splitter.push(chunk);
    else if (!demuxer.push(chunk)) throw new AnswerError("its log is not what Docker writes");
    // A stream that is full never waits: without this nothing else would run, not even the deadline.
    if (performance.now() > turnEnd) {
      await nextTurn();
      turnEnd = performance.now() + turnMs;
    }
  }
  splitter.end();
  joiner.end();
  entries += splitter.skipped;
  const cut = new Set(options.size !== null && entries >= options.size ? toCut([...firsts.values()]) : []);
  const whole = newest.take().filter((line) => !cut.has(line));
  const dropped = newest.dropped + Math.max(0, whole.length - options.tail);
  return { lines: whole.slice(-options.tail), entries, dropped, overflow: false };
}

/**
 * The lines whose beginning may lie before the window. All parts of a line have the time of its first one: so it is the first line of its
 * stream, and not later than the first line of all.
 */
function toCut(firsts: readonly LogLine[]): LogLine[] {
  const start = firsts.map((line) => line.timestamp).toSorted()[0] ?? "";
  return firsts.filter((line, index) => index === 0 || line.timestamp <= start);
}
