import { redactCutText, createLineRedactor, cutMargin } from "../../../lib/redact/sanitize.ts";
import { parseLogTime, toLogTimestamp } from "../../../lib/time.ts";
import { createLevelDetector } from "../../logs/level.ts";
import type { LogLine, LogStream } from "../../logs/log.ts";

const maxLineBytes = 64 << 10;
/** How much of a line is read: a secret is recognised only whole, so more is read than is shown. A character has at most 4 bytes. */
const maxReadBytes = maxLineBytes + 4 * cutMargin;
const cutMark = " [line cut at 64 KiB]";
const [newline, blank] = [0x0a, 0x20];
const [stampBytes, dockerStamp] = [30, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/];

interface PendingLine {
  readonly timestamp: string;
  pieces: Buffer[];
  bytes: number;
}

export interface LineJoiner {
  /** One log entry from the engine: a time stamp, a space, and text that ends in a newline unless the line continues. */
  push(stream: LogStream, entry: Buffer): void;
  /** Ends the last lines that have no newline. */
  end(): void;
}

/**
 * Joins entries into lines. Docker splits a line into entries of 16 KiB with the same time stamp; only the last ends in a newline. Bytes are joined
 * before decoding, because a character may be split too. Lines are sanitised and redacted whole, then cut at 64 KiB: no other part of the gateway sees
 * them raw.
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
    // A copy: the entry is a view of a chunk, which one short line would retain in memory.
    if (line.bytes < maxReadBytes) line.pieces.push(Buffer.from(text.subarray(0, maxReadBytes - line.bytes)));
    line.bytes += text.length;
  };
  return {
    push(stream, entry) {
      const whole = pending[stream] ? null : toWholeTimestamp(entry);
      if (whole !== null) {
        lastTimestamp = whole;
        onLine({ timestamp: whole, stream, ...finish[stream](entry.toString("utf8", stampBytes + 1, entry.length - 1), false) });
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

/** Redacts a line's text and detects its level. */
function createFinisher(): (text: string, isCut: boolean) => Pick<LogLine, "level" | "message"> {
  const redact = createLineRedactor();
  const detect = createLevelDetector();
  return (text, isCut) => {
    const safe = isCut ? redactCutText(text, redact) : redact(text);
    const message = cutLine(safe, isCut);
    return { level: detect(message), message };
  };
}

/** The time stamp of an entry as nearly all are, one short line with its end: it is read without a copy. Null for any other. */
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
  return timestamp === null ? { timestamp: lastTimestamp, text: entry } : { timestamp, text: entry.subarray(space + 1) };
}

/** Docker writes 30 characters with nine decimals; others (Podman) may write fewer decimals and another zone. */
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

/** At most 64 KiB of a redacted line, marked when a part is missing. */
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
