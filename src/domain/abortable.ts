/**
 * The promise, or a rejection with the signal's reason as soon as it aborts. What arrives after that is given to `discard`, so
 * that nothing leaks.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal, discard: (late: T) => void = () => {}): Promise<T> {
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

/**
 * Single flight: callers who come while the work is under way share it. A caller whose signal aborts leaves at once; when the last
 * one has left, the work itself is aborted. Nothing is kept once it has ended.
 */
export function createFlight<T>(work: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  interface Flight {
    readonly result: Promise<T>;
    readonly controller: AbortController;
    passengers: number;
  }
  let current: Flight | null = null;
  const depart = (): Flight => {
    const controller = new AbortController();
    const flight: Flight = { result: work(controller.signal), controller, passengers: 0 };
    const land = () => {
      if (current === flight) current = null;
    };
    flight.result.then(land, land);
    return flight;
  };
  return async (signal) => {
    signal.throwIfAborted();
    const flight = (current ??= depart());
    flight.passengers += 1;
    try {
      return await abortable(flight.result, signal);
    } finally {
      flight.passengers -= 1;
      if (flight.passengers === 0) {
        if (current === flight) current = null;
        flight.controller.abort();
      }
    }
  };
}
