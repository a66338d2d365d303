import { abortable, pause } from "./abort.ts";

/** How long callers wait for an upstream that was silent, ms. */
const patienceMs = 500;
/** The same for a call that nobody may be waiting for any more, ms. */
const deadlineMs = 10_000;

interface Patience<T> {
  (signal: AbortSignal): Promise<T>;
  /** Whether a call failed slowly, and none has succeeded since. */
  isSilent(): boolean;
}

/**
 * Calls an upstream that may be silent, beside others that are not. After a call that failed
 * slowly, callers wait `patienceMs` for the next answer and then get the last failure again, while
 * the call continues for all of them.
 */
export function createPatience<T>(ask: (signal: AbortSignal) => Promise<T>): Patience<T> {
  let failure: { readonly error: unknown } | null = null;
  let again: Promise<T> | null = null;
  const first = async (signal: AbortSignal): Promise<T> => {
    const start = performance.now();
    try {
      return await ask(signal);
    } catch (error) {
      // A caller who leaves early cannot tell whether it would have answered.
      if (!signal.aborted && performance.now() - start >= patienceMs) failure = { error };
      throw error;
    }
  };
  const askAgain = async (): Promise<T> => {
    try {
      const answer = await ask(AbortSignal.timeout(deadlineMs));
      failure = null;
      return answer;
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      again = null;
    }
  };
  const call = async (signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted();
    if (failure === null) return first(signal);
    const known = failure;
    const enough = new AbortController();
    const giveUp = async (): Promise<T> => {
      await pause(patienceMs, enough.signal);
      throw known.error;
    };
    try {
      return await abortable(Promise.race([(again ??= askAgain()), giveUp()]), signal);
    } finally {
      enough.abort();
    }
  };
  return Object.assign(call, { isSilent: () => failure !== null });
}
