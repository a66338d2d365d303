import { abortable } from "./abort.ts";

/** Runs once for all callers; after a failure the next caller tries again. */
export function onceDone<T>(run: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | null = null;
  return () =>
    (done ??= run().catch((error: unknown) => {
      done = null;
      throw error;
    }));
}

/**
 * Single flight: callers that arrive while the work is running share it. A caller whose signal
 * aborts leaves at once. When the last caller leaves, the work is aborted. No result is cached.
 */
export function createSingleFlight<T>(work: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  interface SharedCall {
    readonly result: Promise<T>;
    readonly controller: AbortController;
    callers: number;
  }
  let current: SharedCall | null = null;
  const start = (): SharedCall => {
    const controller = new AbortController();
    const call: SharedCall = { result: work(controller.signal), controller, callers: 0 };
    const leave = () => {
      if (current === call) current = null;
    };
    call.result.then(leave, leave);
    return call;
  };
  return async (signal) => {
    signal.throwIfAborted();
    const call = (current ??= start());
    call.callers += 1;
    try {
      return await abortable(call.result, signal);
    } finally {
      call.callers -= 1;
      if (call.callers === 0) {
        if (current === call) current = null;
        call.controller.abort();
      }
    }
  };
}

export interface KeyedCache<Question, T> {
  (question: Question, signal: AbortSignal): Promise<T>;
  /**
   * The answer that a call with this key would return at once; null where it would start a read.
   */
  cached(key: string): T | null;
}

/**
 * Single flight for each key. By default an answer is shared only while it is being read; `toTtlMs`
 * says how long it is cached after that, milliseconds. Failures are not cached.
 */
export function createKeyedCache<Question, T>(
  toKey: (question: Question) => string,
  work: (question: Question, signal: AbortSignal) => Promise<T>,
  toTtlMs: (answer: T) => number = () => 0,
): KeyedCache<Question, T> {
  const entries = new Map<string, { ask: (signal: AbortSignal) => Promise<T>; answer: T | null }>();
  const read = (question: Question, signal: AbortSignal) => {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const key = toKey(question);
    const known = entries.get(key);
    if (known) return known.ask(signal);
    const forget = () => {
      if (entries.get(key) === entry) entries.delete(key);
    };
    const entry = {
      answer: null as T | null,
      ask: createSingleFlight(async (shared) => {
        try {
          const answer = await work(question, shared);
          entry.ask = () => Promise.resolve(answer);
          entry.answer = answer;
          const ttlMs = toTtlMs(answer);
          if (ttlMs > 0) setTimeout(forget, ttlMs).unref();
          else forget();
          return answer;
        } catch (error) {
          forget();
          throw error;
        }
      }),
    };
    entries.set(key, entry);
    return entry.ask(signal);
  };
  return Object.assign(read, { cached: (key: string) => entries.get(key)?.answer ?? null });
}

/**
 * The TTL is this many times the query time (the faster of the last two, so that one slow answer
 * does not count).
 */
const ttlPerQueryTime = 9;
/** Unless the caller says otherwise, the TTL is at most this many times `ttlMs`. */
const mostTtls = 15;

export interface Cache<T> {
  (signal: AbortSignal): Promise<T>;
  /** The answer that a call would return at once; null where it would start a query. */
  cached(): T | null;
}

/**
 * Cache with adaptive TTL: 9 x the query time, at least `ttlMs`, at most `mostMs`. Up to that limit
 * a slow upstream spends at most 10 % of its time on us. With `mostMs` = `ttlMs` the TTL is fixed.
 * Callers that arrive during a query share it. Failures are not cached. Without callers there are
 * no queries.
 */
export function createCache<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  ttlMs: number,
  mostMs = mostTtls * ttlMs,
): Cache<T> {
  let cached: { readonly answer: T; readonly until: number; readonly tookMs: number } | null = null;
  const refresh = createSingleFlight(async (signal) => {
    const start = performance.now();
    const answer = await ask(signal);
    const end = performance.now();
    const tookMs = end - start;
    const adaptiveMs = ttlPerQueryTime * Math.min(tookMs, cached?.tookMs ?? 0);
    cached = { answer, until: end + Math.min(mostMs, Math.max(ttlMs, adaptiveMs)), tookMs };
    return answer;
  });
  const find = () => (cached && performance.now() < cached.until ? cached : null);
  const read = (signal: AbortSignal) => {
    if (signal.aborted) return ask(signal);
    const found = find();
    return found ? Promise.resolve(found.answer) : refresh(signal);
  };
  return Object.assign(read, { cached: () => find()?.answer ?? null });
}

/** Runs at most once; later callers share its promise, even a rejected one. */
export function once<T>(ask: () => T): () => T {
  let asked: { readonly answer: T } | undefined;
  return () => (asked ??= { answer: ask() }).answer;
}
