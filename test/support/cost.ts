/** About what linear work grows by: no more has to be measured then. */
const linear = 5;

/**
 * How many times as much four times the input costs, in the same run: about 4 of linear work, 16 of quadratic. Of each size the least of many calls counts, in
 * turn: what takes a few milliseconds is mostly not interrupted by other processes, so that the least is its cost, without compilation and garbage collection.
 */
export function growthOf(work: (size: number) => unknown, size: number): number {
  let [small, large] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  // Less than some microseconds is not measured.
  const growth = () => large / Math.max(small, 0.01);
  for (let call = 0; call < 100; call++) {
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
 * Notes how long this thread works before its timers have their turn, as CPU time, milliseconds: a process that the machine holds up is not one that blocks.
 *
 * @returns a function that ends it, and gives the turns in ascending order
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
