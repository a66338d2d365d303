import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";

interface AppendFile {
  /** One write() of the whole line, on disk when it resolves. Not for concurrent calls. @throws the file system's error */
  append(line: string): Promise<void>;
  close(): Promise<void>;
}

/** O_NONBLOCK: opening a FIFO without a reader must fail, not wait. */
const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;
const newline = 0x0a;

/**
 * Appends lines to the file that is at `path` at that moment: opened (0600) at the first write, and again when it was rotated away.
 * A piece of a line, left by a crash or a full disk, is closed with a newline first, so that it never spoils the next entry.
 */
export function createAppendFile(path: string): AppendFile {
  let current: FileHandle | null = null;
  const close = async () => {
    const file = current;
    current = null;
    await file?.close();
  };
  return {
    append: async (line) => {
      if (current && !(await isAt(path, current))) await close();
      current ??= await open(path, flags, 0o600);
      const { size } = await regularStats(current);
      const bytes = Buffer.from((await endsInPiece(current, size)) ? `\n${line}` : line);
      const { bytesWritten } = await current.write(bytes);
      if (bytesWritten !== bytes.length) throw new Error("short write");
      await current.datasync();
      if (size === 0) await syncFolder(dirname(path));
    },
    close,
  };
}

async function isAt(path: string, file: FileHandle): Promise<boolean> {
  const [there, ours] = await Promise.all([stat(path).catch(() => null), file.stat()]);
  return there !== null && there.ino === ours.ino && there.dev === ours.dev;
}

async function regularStats(file: FileHandle): Promise<{ size: number }> {
  const stats = await file.stat();
  if (!stats.isFile()) throw new Error("not a regular file");
  return stats;
}

async function endsInPiece(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] !== newline;
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
