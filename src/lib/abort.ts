import { setTimeout as sleep } from "node:timers/promises";

/** False when the signal aborted it. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

/** Runs a task that never rejects, now and then `ms` after it ended. Returns what ends this; it resolves once the task does not run any more. */
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
 * Settles as the promise does, or rejects with the signal's reason as soon as it aborts. A later value goes to `discard`, so that
 * nothing leaks.
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

/**
 * Runs `run` under one total deadline and the callers' signals. Rejects at once when one of them ends, even when the work hangs:
 * with DeadlineError or the caller's reason. (AbortSignal.any costs three times as much as all this.)
 */
export async function withDeadline<T>(
  ms: number,
  run: (signal: AbortSignal) => Promise<T>,
  ...callers: readonly AbortSignal[]
): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DeadlineError(ms)), ms);
  const abort = () => controller.abort(callers.find((caller) => caller.aborted)?.reason);
  for (const caller of callers) caller.addEventListener("abort", abort, { once: true });
  if (callers.some((caller) => caller.aborted)) abort();
  try {
    controller.signal.throwIfAborted();
    return await abortable(run(controller.signal), controller.signal);
  } finally {
    clearTimeout(timer);
    for (const caller of callers) caller.removeEventListener("abort", abort);
  }
}
