import { parseLogTime, toLogTimestamp } from "../../../lib/time.ts";
import { createLineCleaner, maxReadBytes } from "../../logs/clean.ts";
import type { LogLine, LogStream } from "../../logs/log.ts";

const [newline, blank] = [0x0a, 0x20];
const [stampBytes, dockerStamp] = [30, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/];

interface PendingLine {
  readonly timestamp: string;
  pieces: Buffer[];
  bytes: number;
}

export interface LineJoiner {
  /**
   * One log entry from the engine: a time stamp, a space, and text that ends in a newline unless
   * the line continues.
   */
  push(stream: LogStream, entry: Buffer): void;
  /** Ends the last lines that have no newline. */
  end(): void;
}

/**
 * Joins entries into lines. Docker splits a line into entries of 16 KiB with the same time stamp;
 * only the last ends in a newline. Bytes are joined before decoding, because a character may be
 * split too. Lines are sanitised and redacted whole, then cut at 64 KiB: no other part of the
 * gateway sees them raw.
 */
export function createLineJoiner(onLine: (line: LogLine) => void): LineJoiner {
  const pending: Record<LogStream, PendingLine | null> = { stdout: null, stderr: null };
  const clean = { stdout: createLineCleaner(), stderr: createLineCleaner() };
  let lastTimestamp = toLogTimestamp("0");

  const flush = (stream: LogStream) => {
    const line = pending[stream];
    pending[stream] = null;
    if (line) onLine({ timestamp: line.timestamp, stream, ...clean[stream](toText(line), line.bytes > maxReadBytes) });
  };
  const append = (stream: LogStream, timestamp: string, text: Buffer) => {
    const line = (pending[stream] ??= { timestamp, pieces: [], bytes: 0 });
    // A copy: the entry is a view of a chunk, which one short line would retain in memory.
    if (line.bytes < maxReadBytes) line.pieces.push(Buffer.from(text.subarray(0, maxReadBytes - line.bytes)));
    line.bytes += text.length;
  };
  return {
    push(stream, entry) {
      const whole = pending[stream] ? null : toWholeTimestamp(entry);
      if (whole !== null) {
        lastTimestamp = whole;
        onLine({
          timestamp: whole,
          stream,
          ...clean[stream](entry.toString("utf8", stampBytes + 1, entry.length - 1), false),
        });
        return;
      }
      const { timestamp, text } = splitEntry(entry, lastTimestamp);
      lastTimestamp = timestamp;
      if (pending[stream] && pending[stream].timestamp !== timestamp) flush(stream);
      let start = 0;
      for (let end = text.indexOf(newline); end !== -1; end = text.indexOf(newline, start)) {
        append(stream, timestamp, text.subarray(start, end));
        flush(stream);
        start = end + 1;
      }
      if (start < text.length) append(stream, timestamp, text.subarray(start));
    },
    end() {
      flush("stdout");
      flush("stderr");
    },
  };
}

/**
 * The time stamp of an entry as nearly all are, one short line with its end: it is read without a
 * copy. Null for any other.
 */
function toWholeTimestamp(entry: Buffer): string | null {
  if (entry[stampBytes] !== blank || entry.length > maxReadBytes) return null;
  if (entry.indexOf(newline, stampBytes + 1) !== entry.length - 1) return null;
  const prefix = entry.toString("latin1", 0, stampBytes);
  return dockerStamp.test(prefix) ? prefix : null;
}

/** An entry without a time stamp gets that of the previous entry. */
function splitEntry(entry: Buffer, lastTimestamp: string): { timestamp: string; text: Buffer } {
  const space = entry.subarray(0, 40).indexOf(blank);
  const prefix = space < 20 ? "" : entry.toString("latin1", 0, space);
  const timestamp = parseTimestamp(prefix);
  return timestamp === null
    ? { timestamp: lastTimestamp, text: entry }
    : { timestamp, text: entry.subarray(space + 1) };
}

/**
 * Docker writes 30 characters with nine decimals; others (Podman) may write fewer decimals and
 * another zone.
 */
function parseTimestamp(prefix: string): string | null {
  if (dockerStamp.test(prefix)) return prefix;
  if (!/^\d{4}-\d\d-\d\dT/.test(prefix)) return null;
  const unix = parseLogTime(prefix, 0);
  return unix === null ? null : toLogTimestamp(unix);
}

/** At most the first `maxReadBytes`. */
function toText({ pieces }: PendingLine): string {
  return (pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)).toString();
}
