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
 * Runs something with one total deadline and under the callers' signals. Rejects at once when either ends, also when the work
 * itself hangs on; then with DeadlineError, or with the reason of the caller.
 */
export async function withDeadline<T>(ms: number, run: (signal: AbortSignal) => Promise<T>, caller?: AbortSignal): Promise<T> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new DeadlineError(ms)), ms);
  const signal = caller ? AbortSignal.any([caller, deadline.signal]) : deadline.signal;
  try {
    return await abortable(signal, () => run(signal));
  } finally {
    clearTimeout(timer);
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
