import { closeSync, openSync, readFileSync, readSync } from "node:fs";

export interface OpenFiles {
  /**
   * The text of a file of a cgroup, read through one open file as long as its container has the
   * same life. Throws where it cannot be read, also because the container has ended: its open file
   * shows nothing of the next life.
   */
  read(path: string, life: string): string;
}

interface OpenFile {
  readonly descriptor: number;
  readonly life: string;
  /** Since the last look for idle ones. */
  wasRead: boolean;
}

/** Most files that are open at once; further ones are opened for each reading. */
const maxOpen = 400;
/** A file that is not read for as long is closed, at the latest after twice that, ms. */
const idleMs = 5000;

/**
 * Opening and closing a file and finding its end costs three times as much as reading it: resolving
 * the path, checking permissions, and a second read.
 */
export function createOpenFiles(): OpenFiles {
  const files = new Map<string, OpenFile>();
  const buffer = Buffer.allocUnsafe(16 << 10);
  let timer: NodeJS.Timeout | null = null;

  const close = (path: string, { descriptor }: OpenFile) => {
    files.delete(path);
    closeSync(descriptor);
  };
  const closeIdle = () => {
    for (const [path, file] of files) {
      if (!file.wasRead) close(path, file);
      file.wasRead = false;
    }
    if (files.size > 0 || !timer) return;
    clearInterval(timer);
    timer = null;
  };
  const find = (path: string, life: string): OpenFile | null => {
    const known = files.get(path);
    if (known?.life === life) return known;
    if (known) close(path, known);
    if (files.size >= maxOpen) return null;
    const opened = { descriptor: openSync(path, "r"), life, wasRead: true };
    files.set(path, opened);
    timer ??= setInterval(closeIdle, idleMs).unref();
    return opened;
  };
  return {
    read(path, life) {
      const file = find(path, life);
      if (!file) return readFileSync(path, "latin1");
      file.wasRead = true;
      try {
        // The kernel generates such a file at each read from its start, and returns all of it at
        // once.
        const length = readSync(file.descriptor, buffer, 0, buffer.length, 0);
        return length < buffer.length ? buffer.toString("latin1", 0, length) : readFileSync(path, "latin1");
      } catch (error) {
        close(path, file);
        throw error;
      }
    },
  };
}
