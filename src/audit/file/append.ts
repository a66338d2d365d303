import { constants } from "node:fs";
import { access, type FileHandle, open, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { readLinesBackward } from "./lines.ts";
import { isLocked } from "./lock.ts";

/** O_NONBLOCK: opening a FIFO without a reader must fail, not wait. */
const openFlags = constants.O_RDWR | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Appends lines to the file that is at `path` at that moment. Opens it (0600) when needed, and
 * again after it was rotated.
 */
export function createAppendFile(path: string) {
  let current: FileHandle | null = null;
  const close = async () => {
    const file = current;
    current = null;
    await file?.close();
  };
  const ready = async (): Promise<{ file: FileHandle; size: number }> => {
    if (current && !(await isAt(path, current))) await close();
    const file = (current ??= await open(path, openFlags | constants.O_CREAT, 0o600));
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error("not a regular file");
    return { file, size: stats.size };
  };
  return {
    /** Opens the file, to make sure that it is regular and writable. */
    open: async () => void (await ready()),
    /**
     * Writes the line of `make` with one write(); it is on disk when this resolves. `make` gets the
     * partial line that a crash or a full disk left at the end; that is closed with a newline
     * first. Not for concurrent calls. @throws the file system's error
     */
    append: async (make: (piece: string | null) => string): Promise<void> => {
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

/** A new file is durable only once its folder's entry is. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  await handle.sync();
}

interface Writable {
  /** Of the file at the path, bytes; null when there is no file yet. */
  readonly size: number | null;
  /** Whether a living process writes it. */
  readonly locked: boolean;
}

/**
 * Checks that this process could write the record, without writing or taking its lock: the rights
 * on its folder and file, and that the disk is not full. @throws the file system's error, or one
 * that says what is in the way
 */
export async function checkWritable(path: string): Promise<Writable> {
  const folder = dirname(path);
  if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is not a folder`);
  // The lock and the rotated files are in this folder.
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  const { blocks, bavail } = await statfs(folder);
  // Some file systems count no blocks at all.
  if (blocks > 0 && bavail === 0) throw new Error(`the disk of ${folder} is full`);
  const size = await measure(path);
  return { size, locked: await isLocked(path) };
}

/** Opens the file as for a write, but never creates it. */
async function measure(path: string): Promise<number | null> {
  try {
    await using file = await open(path, openFlags);
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error("not a regular file");
    return stats.size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
