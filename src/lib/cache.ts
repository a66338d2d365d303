import { createSingleFlight } from "./abort.ts";

/** Between two questions an upstream rests at least so many times as long as the quicker one of the last two took: one slow answer alone does not count. */
const rests = 9;
/** An answer is kept for at most so many times `keepMs`. */
const longest = 15;

/**
 * One question for all who ask within `keepMs` of an answer; those who come while it is under way share it. Where answers take long, they are kept longer, so that an
 * upstream works for them a tenth of the time at most. A failure is not kept, and nothing is asked while nobody asks.
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

/** A call that runs at most once; every later caller shares its promise, a failed one too. */
export function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => (asked ??= ask());
}
