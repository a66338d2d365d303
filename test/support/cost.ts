/** About the factor of linear work: then no more has to be measured. */
const linear = 5;
/**
 * Less than this is linear work on a busy machine. What seems to be more is measured for longer,
 * ms.
 */
const [unclear, longestMs] = [7, 5000];

/**
 * The factor of the cost of a four times larger input, in the same run: about 4 for linear work, 16
 * for quadratic. For each size the fastest of many interleaved calls counts: a call of a few
 * milliseconds is mostly not interrupted by other processes, compilation or garbage collection.
 */
export function growthOf(work: (size: number) => unknown, size: number): number {
  let [small, large] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  // A few microseconds cannot be measured.
  const growth = () => large / Math.max(small, 0.01);
  const begin = performance.now();
  const isClear = () => growth() < unclear || performance.now() - begin > longestMs;
  for (let call = 0; call < 100 || !isClear(); call++) {
    if (call >= 20 && growth() < linear) break;
    small = Math.min(
      small,
      toMs(() => work(size)),
    );
    large = Math.min(
      large,
      toMs(() => work(size * 4)),
    );
  }
  return growth();
}

function toMs(work: () => unknown): number {
  const begin = performance.now();
  work();
  return performance.now() - begin;
}

/**
 * Measures how long this thread works before its timers run, as CPU time in milliseconds, so that a
 * slow machine does not count as blocking.
 *
 * @returns a function that ends the measurement and returns the times in ascending order
 */
export function watchTurns(): () => number[] {
  const turns: number[] = [];
  let before = threadCpuMs();
  const look = () => {
    const now = threadCpuMs();
    turns.push(now - before);
    before = now;
  };
  const timer = setInterval(look, 5);
  return () => {
    clearInterval(timer);
    look();
    return turns.toSorted((a, b) => a - b);
  };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
