import type { LogStream } from "../../logs/log.ts";
import { AnswerError } from "../http/errors.ts";

/** Bytes of text in one log entry, as Docker's copier splits them. */
const entryBytes = 16 << 10;
/** A time stamp of 30 characters and a space. */
const prefixBytes = 31;
/** Enough for a line of 64 KiB including its time stamps; the rest of a longer line is dropped. */
const maxPendingBytes = 5 * (entryBytes + prefixBytes);

interface TtySplitter {
  push(chunk: Buffer): void;
  end(): void;
  /** Dropped entries of lines that were too long. */
  readonly skipped: number;
}

/**
 * Splits the raw log of a terminal into its entries. There are no frames: entries end at a newline,
 * or after 16 KiB of text, where the next time stamp stands in the middle of the line. Removes the
 * carriage return that a terminal puts before a newline.
 */
export function createTtySplitter(onEntry: (entry: Buffer) => void): TtySplitter {
  let pieces: Buffer[] = [];
  let size = 0;
  let skipped = 0;

  const emit = () => {
    const line = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    if (size > maxPendingBytes) skipped += Math.ceil((size - maxPendingBytes) / (entryBytes + prefixBytes));
    pieces = [];
    size = 0;
    let start = 0;
    const stamp = line.subarray(0, prefixBytes);
    while (isContinued(line, start, stamp)) {
      onEntry(line.subarray(start, start + prefixBytes + entryBytes));
      start += prefixBytes + entryBytes;
    }
    onEntry(withoutReturn(line.subarray(start)));
  };
  const hold = (piece: Buffer) => {
    if (size < maxPendingBytes) pieces.push(piece.subarray(0, maxPendingBytes - size));
    size += piece.length;
  };
  return {
    push(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
        hold(chunk.subarray(start, end));
        // Added beyond the limit, so that the entry of a cut line ends too.
        pieces.push(chunk.subarray(end, end + 1));
        emit();
        start = end + 1;
      }
      // A copy, because it may be held for long: the chunk's memory belongs to the socket's pool.
      if (start < chunk.length) hold(Buffer.from(chunk.subarray(start)));
    },
    end() {
      if (size > 0) emit();
    },
    get skipped() {
      return skipped;
    },
  };
}

/** Whether the same time stamp follows after 16 KiB of text. */
function isContinued(line: Buffer, start: number, stamp: Buffer): boolean {
  const next = start + prefixBytes + entryBytes;
  return (
    stamp.length === prefixBytes &&
    line.length >= next + prefixBytes &&
    stamp.equals(line.subarray(next, next + prefixBytes))
  );
}

function withoutReturn(entry: Buffer): Buffer {
  if (entry.at(-1) !== 0x0a || entry.at(-2) !== 0x0d) return entry;
  return Buffer.concat([entry.subarray(0, -2), entry.subarray(-1)]);
}

/** A larger frame is malformed: the engine writes at most 16 KiB and a time stamp. */
export const maxFrameBytes = 1 << 20;

/**
 * Splits Docker's multiplexed stream into its frames: `[stream, 0, 0, 0, length as u32be]` and the
 * payload. One frame is one log entry, so its borders matter, and so does the order across both
 * streams. Drops frames of stdin (0). Holds at most one frame.
 *
 * @returns takes the next bytes of the stream, split anywhere; false once the stream turns out not
 *   to be multiplexed: further bytes are then ignored
 */
export function createDemuxer(onFrame: (stream: LogStream, payload: Buffer) => void): (chunk: Buffer) => boolean {
  let pieces: Buffer[] = [];
  let size = 0;
  let needed = 8;
  let malformed = false;

  /** Consumes whole frames from the start of `data`; returns the rest. */
  const consume = (data: Buffer): Buffer => {
    let offset = 0;
    while (data.length - offset >= 8) {
      const stream = data[offset] ?? 0;
      const length = data.readUInt32BE(offset + 4);
      if (stream > 2 || data[offset + 1] || data[offset + 2] || data[offset + 3] || length > maxFrameBytes) {
        malformed = true;
        return Buffer.alloc(0);
      }
      needed = 8 + length;
      if (data.length - offset < needed) return data.subarray(offset);
      if (stream > 0) onFrame(stream === 1 ? "stdout" : "stderr", data.subarray(offset + 8, offset + needed));
      offset += needed;
      needed = 8;
    }
    return data.subarray(offset);
  };
  return (chunk) => {
    if (malformed) return false;
    pieces.push(chunk);
    size += chunk.length;
    // Joining only once a header or a frame is complete makes the work linear for any split.
    if (size < needed) return true;
    const rest = consume(pieces.length === 1 ? chunk : Buffer.concat(pieces, size));
    pieces = rest.length > 0 ? [rest] : [];
    size = rest.length;
    return !malformed;
  };
}

/** One entry of a log, and its stream. */
export type LogEntry = readonly [stream: LogStream, entry: Buffer];

/** Splits an answer of `GET /containers/{id}/logs` into its entries. */
export interface EntrySplitter {
  /**
   * The entries that this chunk completes. Throws AnswerError for an answer that is not such a log.
   */
  push(chunk: Buffer): readonly LogEntry[];
  /** The last entry of a terminal's log, which may have no newline. */
  end(): readonly LogEntry[];
  /** As TtySplitter.skipped. */
  readonly skipped: number;
}

export function createEntrySplitter(tty: boolean): EntrySplitter {
  let waiting: LogEntry[] = [];
  const splitter = createTtySplitter((entry) => waiting.push(["stdout", entry]));
  const demux = createDemuxer((stream, entry) => waiting.push([stream, entry]));
  const take = () => {
    const taken = waiting;
    waiting = [];
    return taken;
  };
  return {
    push(chunk) {
      if (tty) splitter.push(chunk);
      else if (!demux(chunk)) throw new AnswerError("unexpected response to GET /containers/{id}/logs");
      return take();
    },
    end() {
      splitter.end();
      return take();
    },
    get skipped() {
      return splitter.skipped;
    },
  };
}
