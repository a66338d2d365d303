import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** What a file has to tell since the last look. */
interface Tailed {
  /** True when it is another file than before, or was written anew: what was read of it does not count any more. */
  readonly anew: boolean;
  /** False when older lines were passed over, as they were too many bytes. */
  readonly whole: boolean;
  /** Without their newlines. */
  readonly lines: readonly string[];
  /** What follows the last newline: "", or a line that is being written, or was left so. */
  readonly pending: string;
}

/** So much of a file is read at once, from its end. */
const mostBytes = 1 << 20;
/** So much of what was read before, a line or more, is compared: a file that was overwritten in place has its inode still. */
const markBytes = 1024;

/**
 * Reads the lines that were appended to a regular file since the last call, at most its last megabyte. A file that was replaced, cut or overwritten
 * is read anew.
 *
 * @returns a function that throws the file system's error
 */
export function createTail(path: string): () => Promise<Tailed> {
  let identity = "";
  let offset = 0;
  let mark: Buffer = Buffer.alloc(0);
  let rest: Buffer = Buffer.alloc(0);
  return async () => {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      const { dev, ino, size, isFile } = await look(file);
      if (!isFile) throw Object.assign(new Error("it is not a regular file"), { code: "EINVAL" });
      const anew = identity !== `${dev}:${ino}` || !(await readBytes(file, offset - mark.length, offset)).equals(mark);
      if (anew) [offset, rest, mark] = [0, Buffer.alloc(0), Buffer.alloc(0)];
      identity = `${dev}:${ino}`;
      const start = Math.max(offset, size - mostBytes);
      const isPassedOver = start > offset;
      const read = await readBytes(file, start, size);
      const text = isPassedOver ? read : Buffer.concat([rest, read]);
      offset = start + read.length;
      mark = read.length >= markBytes ? read.subarray(-markBytes) : Buffer.concat([mark, read]).subarray(-markBytes);
      const first = isPassedOver ? text.indexOf(10) + 1 : 0;
      const end = text.lastIndexOf(10) + 1;
      rest = Buffer.from(text.subarray(Math.max(first, end)));
      const lines = end > first ? text.toString("utf8", first, end - 1).split("\n") : [];
      return { anew, whole: !isPassedOver, lines, pending: rest.toString("utf8") };
    } finally {
      await file.close();
    }
  };
}

async function look(file: FileHandle) {
  const stats = await file.stat();
  return { dev: stats.dev, ino: stats.ino, size: stats.size, isFile: stats.isFile() };
}

async function readBytes(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.max(0, to - from));
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, from + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
