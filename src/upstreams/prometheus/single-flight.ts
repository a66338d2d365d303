import { PrometheusError } from "./failure.ts";

interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Callers that come while one run is under way share it. A caller that gives up leaves alone; the run is aborted when the last one
 * has left, and the next caller starts a new one.
 */
export function createSingleFlight<T>(run: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let current: Flight<T> | null = null;
  const start = (): Flight<T> => {
    const controller = new AbortController();
    const flight: Flight<T> = { result: run(controller.signal), controller, waiting: 0 };
    const land = () => {
      if (current === flight) current = null;
    };
    flight.result.then(land, land);
    return flight;
  };
  return async (signal) => {
    const flight = (current ??= start());
    flight.waiting += 1;
    try {
      return await untilAborted(flight.result, signal);
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        flight.controller.abort(); // nothing to abort once it has landed
        if (current === flight) current = null;
      }
    }
  };
}

/** The same for questions that differ: those of one key share a run. */
export function createKeyedFlights<Question, T>(
  toKey: (question: Question) => string,
  run: (question: Question, signal: AbortSignal) => Promise<T>,
): (question: Question, signal: AbortSignal) => Promise<T> {
  const flights = new Map<string, (signal: AbortSignal) => Promise<T>>();
  return (question, signal) => {
    const key = toKey(question);
    const known = flights.get(key);
    if (known) return known(signal);
    const join = createSingleFlight((shared) =>
      run(question, shared).finally(() => {
        if (flights.get(key) === join) flights.delete(key);
      }),
    );
    flights.set(key, join);
    return join(signal);
  };
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new PrometheusError("abandoned", "", signal.reason));
    signal.addEventListener("abort", abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
  });
}
