import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { readLinesBackward } from "./lines.ts";

export interface AppendFile {
  /**
   * One write() of the line that `make` gives, on disk when it resolves. `make` gets the piece of a line that a crash or a full disk
   * left at the end, which is closed with a newline first. Not for concurrent calls. @throws the file system's error
   */
  append(make: (piece: string | null) => string): Promise<void>;
  /** Makes sure that it can be written: a regular file, opened. */
  open(): Promise<void>;
  close(): Promise<void>;
}

/** O_NONBLOCK: opening a FIFO without a reader must fail, not wait. */
const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Appends lines to the file that is at `path` at that moment: opened (0600) when needed, and again when it was rotated away. */
export function createAppendFile(path: string): AppendFile {
  let current: FileHandle | null = null;
  const close = async () => {
    const file = current;
    current = null;
    await file?.close();
  };
  const ready = async (): Promise<{ file: FileHandle; size: number }> => {
    if (current && !(await isAt(path, current))) await close();
    const file = (current ??= await open(path, flags, 0o600));
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error("not a regular file");
    return { file, size: stats.size };
  };
  return {
    open: async () => void (await ready()),
    append: async (make) => {
      const { file, size } = await ready();
      const piece = await readPiece(file, size);
      const line = make(piece);
      const bytes = Buffer.from(piece === null ? line : `\n${line}`);
      const { bytesWritten } = await file.write(bytes);
      if (bytesWritten !== bytes.length) throw new Error("short write");
      await file.datasync();
      if (size === 0) await syncFolder(dirname(path));
    },
    close,
  };
}

async function isAt(path: string, file: FileHandle): Promise<boolean> {
  const [there, ours] = await Promise.all([stat(path).catch(() => null), file.stat()]);
  return there !== null && there.ino === ours.ino && there.dev === ours.dev;
}

async function readPiece(file: FileHandle, size: number): Promise<string | null> {
  if (size === 0) return null;
  const { value } = await readLinesBackward(file).next();
  return value || null;
}

/** A new file is only durable once its folder's entry is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
