import { abortable } from "../../domain/abortable.ts";

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
    controller.signal.throwIfAborted();
    return await abortable(run(controller.signal), controller.signal);
  } finally {
    clearTimeout(timer);
    for (const caller of callers) caller.removeEventListener("abort", abort);
  }
}
