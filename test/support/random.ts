/** Uniform numbers in [0, 1), the same ones for a seed (mulberry32). */
export function createUniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers, the same ones for a seed (Box-Muller). */
export function createNormal(seed: number): () => number {
  const uniform = createUniform(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** The 95th percentile as PostgreSQL's percentile_cont has it. Sorts the values. */
export function toP95(values: Float64Array): number {
  values.sort();
  const place = (values.length - 1) * 0.95;
  const below = values[Math.floor(place)] ?? 0;
  return below + ((values[Math.ceil(place)] ?? 0) - below) * (place % 1);
}
