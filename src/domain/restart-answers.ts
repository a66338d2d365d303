import { RestartRefused } from "./restart-limits.ts";

interface Kept<T> {
  /** What was asked for under this key. */
  readonly request: string;
  readonly answer: Promise<T>;
  readonly until: number;
}

export interface Answers<T> {
  /**
   * The answer that this key has got, also a failure, or the one still to come; else that of `run`, which is kept once it calls
   * `keep`: what was refused before anything happened may be tried again. @throws RestartRefused for a key of another request
   */
  once(key: string, request: string, run: (keep: () => void) => Promise<T>): Promise<T>;
}

/** Answers by `Idempotency-Key`, for 24 hours, at most 1,000: the oldest go first. They end with the process. */
export function createAnswers<T>({ ttlMs = 86_400_000, max = 1000, now = () => performance.now() } = {}): Answers<T> {
  const kept = new Map<string, Kept<T>>();
  return {
    once(key, request, run) {
      const known = kept.get(key);
      if (known && known.until > now()) {
        if (known.request === request) return known.answer;
        throw new RestartRefused("idempotency_key_reused", "This Idempotency-Key was used for another restart");
      }
      let begun = false;
      const answer = run(() => (begun = true)).catch((error: unknown) => {
        if (!begun && kept.get(key)?.answer === answer) kept.delete(key);
        throw error;
      });
      kept.delete(key);
      kept.set(key, { request, answer, until: now() + ttlMs });
      if (kept.size > max) kept.delete(kept.keys().next().value as string);
      return answer;
    },
  };
}
