import { fstatSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";

/** Detects peers that no longer take what the kernel sends them. */
export interface Paths {
  /**
   * Calls `onLost` once, when the peer has acknowledged nothing for too long. Returns a function
   * that ends the watch.
   */
  watch(socket: Socket, onLost: () => void): () => void;
}

interface PathsOptions {
  /** How long the kernel may try in vain, ms. */
  readonly lostPathMs: number;
  /** Linux's tables of TCP connections. */
  readonly readTables?: () => Promise<readonly string[]>;
}

interface Watched {
  readonly onLost: () => void;
  /** Since when the kernel tries in vain, and how often it has tried; null while it does not. */
  repeats: { readonly since: number; readonly count: number } | null;
}

/**
 * A peer whose network vanished says nothing, and what we write to it waits in the kernel, which
 * gives up after a quarter of an hour. TCP_USER_TIMEOUT would end that sooner, but Node cannot set
 * it. So this reads the kernel's counts in /proc/net/tcp, for all watched sockets at once, and only
 * while there are some. On other systems it detects nothing.
 */
export function watchPaths({ lostPathMs, readTables = readTcpTables }: PathsOptions): Paths {
  const watched = new Map<Socket, Watched>();
  let timer: NodeJS.Timeout | null = null;

  const look = async () => {
    const repeated = findRepeated(await readTables());
    const now = performance.now();
    for (const [socket, one] of watched) {
      const count = repeated.get(findInode(socket) ?? "") ?? 0;
      const goesOn = one.repeats !== null && count >= one.repeats.count;
      if (count === 0) one.repeats = null;
      else one.repeats = { since: goesOn && one.repeats ? one.repeats.since : now, count };
      if (one.repeats && now - one.repeats.since >= lostPathMs) one.onLost();
    }
  };
  const start = () => {
    timer ??= setInterval(() => void look().catch(() => {}), lostPathMs / 9).unref();
  };
  return {
    watch(socket, onLost) {
      const stop = () => {
        watched.delete(socket);
        if (watched.size > 0 || timer === null) return;
        clearInterval(timer);
        timer = null;
      };
      watched.set(socket, {
        repeats: null,
        onLost: () => {
          stop();
          onLost();
        },
      });
      start();
      return stop;
    },
  };
}

async function readTcpTables(): Promise<readonly string[]> {
  const tables = await Promise.allSettled(["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "latin1")));
  return tables.map((table) => (table.status === "fulfilled" ? table.value : ""));
}

/**
 * One row: sl, local and remote address, state, tx:rx queue, timer, retrnsmt, uid, timeout, inode.
 * retrnsmt (hexadecimal) counts retransmissions; timeout (decimal) counts unanswered probes for
 * room at the peer.
 */
const row = /^ *\d+: \S+ \S+ \S\S \S+ \S+ ([0-9A-F]{8}) +\d+ +(\d+) (\d+) /gm;

/** How often the kernel has tried in vain to reach the peer, by the inode of a socket. */
export function findRepeated(tables: readonly string[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const table of tables) {
    for (const [, sent = "", asked = "", inode = ""] of table.matchAll(row)) {
      const count = Number.parseInt(sent, 16) + Number(asked);
      if (count > 0) found.set(inode, count);
    }
  }
  return found;
}

/** The inode of an open socket; else null. */
function findInode(socket: Socket): string | null {
  const { fd = -1 } = (Reflect.get(socket, "_handle") ?? {}) as { readonly fd?: number };
  return fd < 0 ? null : String(fstatSync(fd).ino);
}
