import { isUtf8 } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Readable, pipeline } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { createGunzip } from "node:zlib";

/**
 * Bytes that are read at a time, forward: their lines are checked in about 3 ms, before other
 * requests run.
 */
const chunkBytes = 128 << 10;
/**
 * Bytes that are read at a time from the end: of a file, and of what a compressed one unpacks to.
 */
const [blockBytes, windowBytes] = [64 << 10, 8 << 20];
/** No line of ours is as long: a file without newlines must not fill the memory. */
export const longestLine = 4 << 20;
/**
 * What a compressed file may unpack to, bytes. Its newest lines come last, so that each reading
 * unpacks all of it.
 */
const mostUnpacked = 256 << 20;

/** A compressed file that cannot be unpacked to its end. */
export class UnpackError extends Error {}

/** Opens a file to read it. O_NONBLOCK: opening a FIFO without a writer must not wait. */
export function openToRead(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** Whether a file begins as gzip does. */
export async function isGzip(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
}

interface Line {
  /**
   * With its newline. Without one: the rest of the file, or the first bytes of a line that is too
   * long.
   */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

interface ReadOptions {
  /** Whether it is unpacked. */
  readonly isPacked: boolean;
  /** Where the first line begins. @default 0 */
  readonly from?: number;
  /** Nothing is read from there on. @default its end */
  readonly to?: number;
}

/**
 * The lines of a file from its beginning, up to one that is too long. Throws UnpackError when it
 * comes to the damage.
 */
export async function* readLines(
  file: FileHandle,
  { isPacked, from = 0, to = Number.POSITIVE_INFINITY }: ReadOptions,
): AsyncGenerator<Line> {
  let start = from;
  let rest = Buffer.alloc(0);
  for await (const chunk of isPacked ? unpack(file) : readChunks(file, from, to)) {
    let bytes = Buffer.concat([rest, chunk]);
    for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10)) {
      const end = start + newline + 1;
      yield { text: toLineText(bytes.subarray(0, newline + 1)), start, end };
      start = end;
      bytes = bytes.subarray(newline + 1);
    }
    rest = bytes;
    if (rest.length > longestLine) break;
  }
  if (rest.length > 0) yield { text: toLineText(rest), start, end: start + rest.length };
}

/** A line that is not UTF-8 becomes a text that is no entry. */
function toLineText(line: Buffer): string {
  return isUtf8(line) ? line.toString("utf8") : line.toString("hex");
}

/**
 * The lines of a file from its end, without newlines. The first is the text after the last newline:
 * "" or a partial line. Throws UnpackError before the first line when it cannot be unpacked to its
 * end.
 */
export async function* readLinesBackward(file: FileHandle, isPacked = false): AsyncGenerator<string> {
  let start = isPacked ? Number.POSITIVE_INFINITY : (await file.stat()).size;
  let rest = Buffer.alloc(0);
  while (start > 0) {
    const block = await (isPacked ? unpackBefore : readBefore)(file, start);
    start = block.start;
    let text = Buffer.concat([block.bytes, rest]);
    for (let at = text.lastIndexOf(10); at >= 0; at = text.lastIndexOf(10)) {
      yield text.toString("utf8", at + 1);
      text = text.subarray(0, at);
    }
    // The end of a line that is too long to be an entry says nothing.
    rest = text.length > longestLine ? Buffer.alloc(0) : text;
  }
  yield rest.toString("utf8");
}

interface Block {
  readonly bytes: Buffer;
  readonly start: number;
}

async function readBefore(file: FileHandle, end: number): Promise<Block> {
  const length = Math.min(blockBytes, end);
  const start = end - length;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  return { bytes: buffer.subarray(0, bytesRead), start };
}

/**
 * Unpacks from the beginning each time, and keeps a window: one suffices for thousands of entries.
 */
async function unpackBefore(file: FileHandle, end: number): Promise<Block> {
  const chunks: Buffer[] = [];
  let [at, held] = [0, 0];
  for await (const chunk of unpack(file)) {
    const bytes = chunk.subarray(0, end - at);
    chunks.push(bytes);
    at += bytes.length;
    held += bytes.length;
    for (let [oldest] = chunks; oldest && held - oldest.length >= windowBytes; [oldest] = chunks) {
      chunks.shift();
      held -= oldest.length;
    }
    if (at >= end) break;
  }
  return { bytes: Buffer.concat(chunks), start: at - held };
}

async function* readChunks(file: FileHandle, from = 0, to = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
  for (let at = from; at < to;) {
    const length = Math.min(chunkBytes, to - at);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
    await setImmediate();
  }
}

/** Throws UnpackError. */
async function* unpack(file: FileHandle): AsyncGenerator<Buffer> {
  const unpacked = pipeline(Readable.from(readChunks(file)), createGunzip({ chunkSize: blockBytes }), () => {});
  let size = 0;
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > mostUnpacked) throw new UnpackError(`it has more than ${mostUnpacked >> 20} MiB`);
      yield chunk;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code?.startsWith("Z_") ? new UnpackError(message) : error;
  }
}
