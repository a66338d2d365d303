export interface Quartiles {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export function quartiles(values: readonly number[]): Quartiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
  return { low: at(0.25), median: at(0.5), high: at(0.75) };
}

/** "1.06 (quartiles 0.98-1.20, n=15)". */
export function describe(values: readonly number[]): string {
  const { low, median, high } = quartiles(values);
  return `${median.toFixed(2)} (quartiles ${low.toFixed(2)}-${high.toFixed(2)}, n=${values.length})`;
}

/**
 * Prints figures of one benchmark, a line each, and remembers whether all were within their limits.
 */
export function createReport(name: string) {
  let isWithin = true;
  return {
    say: (what: string, value: number, unit: string, limit?: number): void => {
      const isMissed = limit !== undefined && value > limit;
      isWithin &&= !isMissed;
      const bound = limit === undefined ? "" : ` (limit ${limit})${isMissed ? "  MISSED" : ""}`;
      process.stdout.write(`${name}, ${`${what}:`.padEnd(72)} ${value.toFixed(value < 10 ? 2 : 0)} ${unit}${bound}\n`);
    },
    isWithin: () => isWithin,
  };
}
