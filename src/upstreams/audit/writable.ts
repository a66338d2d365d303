import { constants } from "node:fs";
import { access, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { ChainHead } from "./line.ts";
import { readHead } from "./lines.ts";
import { isLocked } from "./lock.ts";

export interface Writable {
  /** The newest entry of the record; `genesis` when there is none. */
  readonly head: ChainHead;
  /** Of the file at the path, bytes; null when it is still to be made. */
  readonly size: number | null;
  /** Whether a process that lives writes it. */
  readonly locked: boolean;
}

/**
 * Whether this process could write the record, told without writing and without its lock: what is needed of its folder and of its file.
 * A full disk is not seen. @throws the file system's error, or one that says what is in the way
 */
export async function checkWritable(path: string): Promise<Writable> {
  const folder = dirname(path);
  if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is no folder`);
  // Its lock is made beside it, and its rotated files are looked for there.
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  const size = await measure(path);
  return { head: await readHead(path), size, locked: await isLocked(path) };
}

/** Opened as for a write, but never made. */
async function measure(path: string): Promise<number | null> {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY;
  try {
    await using file = await open(path, flags);
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error("not a regular file");
    return stats.size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
