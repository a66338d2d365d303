import process from "node:process";

/**
 * What this process did since `begin`: the most CPU time in one piece of the event loop, and by how
 * much the heap grew.
 */
export interface Piece {
  readonly cpuMs: number;
  readonly bytes: number;
}

/** Watches this thread's event loop from now on. */
export function watchPieces() {
  /**
   * CPU time between two rounds of the event loop, ms, without the share of other processes; and
   * the heap.
   */
  let [longest, last, heap, most] = [0, process.threadCpuUsage(), 0, 0];
  const look = () => {
    const { user, system } = process.threadCpuUsage(last);
    longest = Math.max(longest, (user + system) / 1000);
    most = Math.max(most, process.memoryUsage().heapUsed);
    last = process.threadCpuUsage();
  };
  const watch = () => {
    look();
    setTimeout(watch, 1).unref();
  };
  watch();
  return {
    begin: (): void => {
      heap = process.memoryUsage().heapUsed;
      last = process.threadCpuUsage();
      [longest, most] = [0, 0];
    },
    end: (): Piece => {
      look();
      const found = { cpuMs: longest, bytes: Math.max(0, most - heap) };
      longest = 0;
      return found;
    },
  };
}

/** What `probe` takes on a quiet machine, ms. */
export const quietProbeMs = 5;

/** CPU time of a fixed piece of work, ms: how fast this machine is. */
export function probe(): number {
  const before = process.threadCpuUsage();
  const words = Array.from({ length: 20_000 }, (_, index) => `name-${(index * 7919) % 20_011}`);
  words.sort();
  JSON.parse(JSON.stringify(words));
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
