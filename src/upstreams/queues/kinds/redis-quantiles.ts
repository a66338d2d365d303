/** The median and the 95th percentile, between the values where they fall between; nulls of nothing. As percentile_cont of PostgreSQL. */
export function quantilesOf(values: readonly number[]): readonly [number | null, number | null] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (fraction: number) => {
    const place = fraction * (sorted.length - 1);
    const low = sorted[Math.floor(place)];
    const high = sorted[Math.ceil(place)];
    return low === undefined || high === undefined ? null : low + (high - low) * (place - Math.floor(place));
  };
  return [at(0.5), at(0.95)];
}
