import { createSingleFlight } from "./abort.ts";

/** The TTL is this many times the query time (the faster of the last two, so that one slow answer does not count). */
const rests = 9;
/** The TTL is at most this many times `keepMs`. */
const longest = 15;

/**
 * Cache with adaptive TTL: 9 x the query time, at least `keepMs`, at most 15 x `keepMs`. Up to that limit a slow upstream spends at most 10 % of its time on us.
 * Callers that arrive during a query share it. Failures are not cached. Without callers there are no queries.
 */
export function createCache<T>(ask: (signal: AbortSignal) => Promise<T>, keepMs: number): (signal: AbortSignal) => Promise<T> {
  let cached: { readonly answer: T; readonly until: number; readonly tookMs: number } | null = null;
  const flight = createSingleFlight(async (signal) => {
    const start = performance.now();
    const answer = await ask(signal);
    const end = performance.now();
    const tookMs = end - start;
    const restMs = rests * Math.min(tookMs, cached?.tookMs ?? 0);
    cached = { answer, until: end + Math.min(longest * keepMs, Math.max(keepMs, restMs)), tookMs };
    return answer;
  });
  return (signal) => {
    if (signal.aborted) return ask(signal);
    return cached && performance.now() < cached.until ? Promise.resolve(cached.answer) : flight(signal);
  };
}

/** Runs at most once; later callers share its promise, also a rejected one. */
export function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => (asked ??= ask());
}
