import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { link, open, rename, stat, unlink } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { basename, dirname } from "node:path";

export interface FileLock {
  /** False when it was removed or taken. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * The right to write a file while this process lives: a listening Unix socket at `<path>.lock`. The
 * kernel closes it with the process, however that dies. It works between containers that share the
 * folder, where process ids do not. Not over NFS. @throws Error when another process holds it, or
 * the file system's error
 */
export async function acquireLock(path: string): Promise<FileLock> {
  const folder = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  // A socket address has at most 107 bytes; this one is short for any path.
  const at = (name: string) => `/proc/self/fd/${folder.fd}/${name}`;
  const own = at(`.lock-${randomUUID().slice(0, 8)}`);
  const lock = at(`${basename(path)}.lock`);
  const server = createServer((socket) => socket.destroy()).unref();
  const close = async () => {
    await new Promise((resolve) => server.close(resolve));
    await folder.close();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(own, resolve);
    });
    const { ino } = await stat(own);
    await claim(own, lock);
    const isHeld = async () => (await stat(lock).catch(() => null))?.ino === ino;
    const release = async () => {
      if (await isHeld()) await unlink(lock);
      await close();
    };
    return { isHeld, release };
  } catch (error) {
    await close();
    throw error;
  } finally {
    await unlink(own).catch(() => {});
  }
}

/** Whether a living process, perhaps this one, holds the lock. Does not take it. */
export async function isLocked(path: string): Promise<boolean> {
  await using folder = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return answers(`/proc/self/fd/${folder.fd}/${basename(path)}.lock`);
}

/** Links the socket to its public name; first removes the socket of a dead process. */
async function claim(own: string, lock: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      return await link(own, lock);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (await answers(lock)) throw new Error("another process writes this file");
    const aside = `${own}-old`;
    await rename(lock, aside).catch(() => {});
    // A faster process may have taken the name: then put its living socket back.
    if (await answers(aside)) await link(aside, lock).catch(() => {});
    await unlink(aside).catch(() => {});
  }
  throw new Error("another process writes this file");
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}
