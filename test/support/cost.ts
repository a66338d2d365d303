/**
 * The least time that one of some calls took, milliseconds. What takes a few milliseconds is mostly not interrupted by other processes: the least is its cost,
 * without compilation and garbage collection. The calls are in turn where several things are compared, so that all have the same machine.
 */
function leastMs(works: readonly (() => unknown)[], calls = 20): number[] {
  const least = works.map(() => Number.POSITIVE_INFINITY);
  for (let call = 0; call < calls; call++) {
    for (const [index, work] of works.entries()) {
      const begin = performance.now();
      work();
      least[index] = Math.min(least[index] ?? 0, performance.now() - begin);
    }
  }
  return least;
}

/** How many times as much four times the input costs, in the same run: about 4 of linear work, 16 of quadratic. Less than some microseconds is not measured. */
export function growthOf(work: (size: number) => unknown, size: number): number {
  const [small = 0, large = 0] = leastMs([() => work(size), () => work(size * 4)]);
  return large / Math.max(small, 0.01);
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
