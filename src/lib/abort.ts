/** Waits. False as soon as the signal aborts, or if it already has. */
export function pause(ms: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve(!signal?.aborted);
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

/**
 * Runs a task that never rejects, now and again `ms` after each end. Returns a function that stops
 * this; it resolves once the task no longer runs.
 */
export function repeat(ms: number, task: () => Promise<void>): () => Promise<void> {
  const stop = new AbortController();
  const run = async () => {
    do await task();
    while (await pause(ms, stop.signal));
  };
  const ended = run();
  return () => {
    stop.abort();
    return ended;
  };
}

/**
 * Settles as the promise does, or rejects with the signal's reason as soon as it aborts. A later
 * value goes to `discard`, so that nothing leaks.
 */
export function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  discard: (late: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener("abort", onAbort);
        if (signal.aborted) discard(value);
        return resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", onAbort);
        reject(error);
      },
    );
  });
}

/** A deadline passed. `after` is in milliseconds. */
export class DeadlineError extends Error {
  readonly after: number;

  constructor(after: number) {
    super(`No answer within ${after} ms`);
    this.name = "DeadlineError";
    this.after = after;
  }
}

/** The clock of one piece of work, which stands still while the work waits for something else. */
export interface Stopwatch {
  /** As `performance.now`, minus the time of all waits. */
  now(): number;
  /** Settles as `wait` does; one at a time. */
  pause<T>(wait: () => Promise<T>): Promise<T>;
}

export function createStopwatch(): Stopwatch {
  let paused = 0;
  let pausedAt: number | null = null;
  return {
    now: () => (pausedAt ?? performance.now()) - paused,
    async pause(wait) {
      const begin = (pausedAt = performance.now());
      try {
        return await wait();
      } finally {
        paused += performance.now() - begin;
        pausedAt = null;
      }
    },
  };
}

/** So many milliseconds on a clock that may stand still; without a clock, on the process's own. */
export interface Deadline {
  readonly ms: number;
  readonly clock?: Stopwatch | undefined;
}

/** A timer that fires later than this was held up by other work of this process. */
const heldMs = 20;

/**
 * Runs `run` under one total deadline and the callers' signals. Rejects at once when one of them
 * ends, even when the work hangs: with DeadlineError or the caller's reason. (AbortSignal.any costs
 * three times as much as all this.)
 *
 * A blocked event loop is not the other side's fault, and timers run before sockets are read: so
 * sockets are read once more before the deadline counts as missed. If its timer was late, the
 * deadline is extended once by that time, at most to twice its length.
 */
export async function withDeadline<T>(
  deadline: number | Deadline,
  run: (signal: AbortSignal) => Promise<T>,
  ...callers: readonly AbortSignal[]
): Promise<T> {
  const { ms, clock = null } = typeof deadline === "number" ? { ms: deadline } : deadline;
  const controller = new AbortController();
  const now = () => (clock ?? performance).now();
  const end = now() + ms;
  const check = () => {
    const left = clock ? end - now() : 0;
    const late = now() - end;
    // Not at once while the clock stands still.
    if (left > 0) timer = setTimeout(check, Math.max(left, 10));
    else if (late > heldMs) timer = setTimeout(miss, Math.min(late, ms));
    else miss();
  };
  const miss = () => void (last = setImmediate(() => controller.abort(new DeadlineError(ms))));
  let last: NodeJS.Immediate | undefined;
  let timer = setTimeout(check, ms);
  const abort = () => controller.abort(callers.find((caller) => caller.aborted)?.reason);
  for (const caller of callers) caller.addEventListener("abort", abort, { once: true });
  if (callers.some((caller) => caller.aborted)) abort();
  try {
    controller.signal.throwIfAborted();
    return await abortable(run(controller.signal), controller.signal);
  } finally {
    clearTimeout(timer);
    clearImmediate(last);
    for (const caller of callers) caller.removeEventListener("abort", abort);
  }
}
