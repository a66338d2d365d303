import { createFlight } from "./abortable.ts";

/**
 * One question for all who ask within `keepMs` of an answer; those who come while it is under way share it. A failure is not kept, and nothing is asked while
 * nobody asks.
 */
export function createKept<T>(ask: (signal: AbortSignal) => Promise<T>, keepMs: number): (signal: AbortSignal) => Promise<T> {
  let kept: { readonly answer: T; readonly at: number } | null = null;
  const flight = createFlight(async (signal) => {
    const answer = await ask(signal);
    kept = { answer, at: performance.now() };
    return answer;
  });
  return (signal) => {
    if (signal.aborted) return ask(signal);
    return kept && performance.now() - kept.at < keepMs ? Promise.resolve(kept.answer) : flight(signal);
  };
}
