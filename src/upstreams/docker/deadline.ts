/** A deadline ran out. `after` is in milliseconds. */
export class DeadlineError extends Error {
  readonly after: number;

  constructor(after: number) {
    super(`No answer within ${after} ms`);
    this.name = "DeadlineError";
    this.after = after;
  }
}

/**
 * Runs something with one total deadline and under the callers' signals. Rejects at once when any ends, also when the work itself
 * hangs on; then with DeadlineError, or with the reason of the caller. (AbortSignal.any costs three times the rest of this.)
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
    return await abortable(controller.signal, () => run(controller.signal));
  } finally {
    clearTimeout(timer);
    for (const caller of callers) caller.removeEventListener("abort", abort);
  }
}

/** Waits for something that goes on without us: rejects with the signal's reason when that comes first. */
export function abortable<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    run()
      .then(resolve, (error: unknown) => reject(signal.aborted ? (signal.reason as Error) : (error as Error)))
      .finally(() => signal.removeEventListener("abort", abort));
  });
}
