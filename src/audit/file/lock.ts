import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { link, open, rename, stat, unlink } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { basename, dirname } from "node:path";

export interface FileLock {
  /** False when somebody removed or took it. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * The right to write a file, for as long as this process lives: a listening Unix socket at `<path>.lock`. The kernel ends it with
 * the process, however it dies, and it works between containers that share the folder, where process ids do not. Not over NFS.
 * @throws Error when another process holds it, or the file system's error
 */
export async function acquireLock(path: string): Promise<FileLock> {
  const folder = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  // A socket's address has at most 107 bytes, whatever the length of the path.
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

/** Whether a process that lives, this one perhaps, has the right to write the file. Takes nothing. */
export async function isLocked(path: string): Promise<boolean> {
  await using folder = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return answers(`/proc/self/fd/${folder.fd}/${basename(path)}.lock`);
}

/** Gives the socket its known name; takes that of a dead one away first. */
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
    // Somebody quicker may have taken it since: then it was not the dead one.
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
