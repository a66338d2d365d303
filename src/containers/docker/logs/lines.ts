import { cleanCutText, createLineCleaner, cutMargin } from "../../../lib/redact/sanitize.ts";
import { parseLogTime, toLogTimestamp } from "../../../lib/time.ts";
import { createLevelDetector } from "../../logs/level.ts";
import type { LogLine, LogStream } from "../../logs/log.ts";

const maxLineBytes = 64 << 10;
/** As much of a line as is read: what is cut must be there whole, or its secrets are not recognised. A character has at most 4 bytes. */
const maxReadBytes = maxLineBytes + 4 * cutMargin;
const cutMark = " [line cut at 64 KiB]";
const newline = 0x0a;

interface PendingLine {
  readonly timestamp: string;
  pieces: Buffer[];
  bytes: number;
}

export interface LineJoiner {
  /** One log entry as the engine keeps it: a time stamp, a space, and text that ends in a newline unless it goes on. */
  push(stream: LogStream, entry: Buffer): void;
  /** Ends the last lines, those without a newline. */
  end(): void;
}

/**
 * Joins entries into lines. Docker splits a line into entries of 16 KiB with the same time stamp, of which only the last ends in a newline;
 * bytes are joined before they become text, as a character may be split too. Lines are sanitised and redacted whole, and then cut at 64 KiB: nothing
 * else of the gateway ever sees them as they were.
 */
export function createLineJoiner(onLine: (line: LogLine) => void): LineJoiner {
  const pending: Record<LogStream, PendingLine | null> = { stdout: null, stderr: null };
  const finish = { stdout: createFinisher(), stderr: createFinisher() };
  let lastTimestamp = toLogTimestamp("0");

  const flush = (stream: LogStream) => {
    const line = pending[stream];
    pending[stream] = null;
    if (line) onLine({ timestamp: line.timestamp, stream, ...finish[stream](toText(line), line.bytes > maxReadBytes) });
  };
  const append = (stream: LogStream, timestamp: string, text: Buffer) => {
    const line = (pending[stream] ??= { timestamp, pieces: [], bytes: 0 });
    // A copy: the entry is a view of a chunk, which would stay in memory for one short line of it.
    if (line.bytes < maxReadBytes) line.pieces.push(Buffer.from(text.subarray(0, maxReadBytes - line.bytes)));
    line.bytes += text.length;
  };
  return {
    push(stream, entry) {
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

/** What a line says, safe to hand on, and how severe it is. */
function createFinisher(): (text: string, isCut: boolean) => Pick<LogLine, "level" | "message"> {
  const clean = createLineCleaner();
  const detect = createLevelDetector();
  return (text, isCut) => {
    const safe = isCut ? cleanCutText(text, clean) : clean(text);
    const message = cutLine(safe, isCut);
    return { level: detect(message), message };
  };
}

/** Without a time stamp before it, an entry gets that of the entry before. */
function splitEntry(entry: Buffer, lastTimestamp: string): { timestamp: string; text: Buffer } {
  const space = entry.subarray(0, 40).indexOf(0x20);
  const prefix = space < 20 ? "" : entry.toString("latin1", 0, space);
  const timestamp = toTimestamp(prefix);
  return timestamp === null ? { timestamp: lastTimestamp, text: entry } : { timestamp, text: entry.subarray(space + 1) };
}

/** Docker writes 30 characters with nine decimals; others (Podman) may write less and another zone. */
function toTimestamp(prefix: string): string | null {
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(prefix)) return prefix;
  if (!/^\d{4}-\d\d-\d\dT/.test(prefix)) return null;
  const unix = parseLogTime(prefix, 0);
  return unix === null ? null : toLogTimestamp(unix);
}

/** At most the first `maxReadBytes`. */
function toText({ pieces }: PendingLine): string {
  return (pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)).toString();
}

/** At most 64 KiB of a cleaned line, marked when something of it is missing. */
function cutLine(text: string, isCut: boolean): string {
  // A code unit takes at most 3 bytes.
  if (!isCut && text.length <= maxLineBytes / 3) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxLineBytes) return isCut ? text + cutMark : text;
  let end = maxLineBytes;
  // Not in the middle of a character: its continuation bytes are 10xxxxxx.
  while (end > maxLineBytes - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end) + cutMark;
}
