export interface Throttle {
  /** Counts one event of this key. Returns 0 within its allowance, else the seconds to wait. */
  hit(key: string): number;
}

interface ThrottleOptions {
  /** Events that a key may have at once. */
  readonly burst: number;
  /** Events that a key regains per second. */
  readonly perSecond: number;
  /** Keys in memory; the least recently used is dropped first. */
  readonly maxKeys?: number;
  /** Monotonic clock, ms. */
  readonly now?: () => number;
}

/** A token bucket per key. Memory is bounded; a dropped key starts again with a full allowance. */
export function createThrottle(options: ThrottleOptions): Throttle {
  const { burst, perSecond, maxKeys = 10_000, now = () => performance.now() } = options;
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    hit(key) {
      const at = now();
      const bucket = buckets.get(key);
      const left = bucket ? Math.min(burst, bucket.left + ((at - bucket.at) / 1000) * perSecond) : burst;
      buckets.delete(key);
      buckets.set(key, { left: left >= 1 ? left - 1 : left, at });
      if (buckets.size > maxKeys) buckets.delete(buckets.keys().next().value as string);
      return left >= 1 ? 0 : Math.ceil((1 - left) / perSecond);
    },
  };
}
