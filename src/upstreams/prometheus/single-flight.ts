import { createFlight } from "../../domain/abortable.ts";
import { PrometheusError } from "./failure.ts";

/** A flight whose leavers are told that the question was abandoned. */
export function createSingleFlight<T>(run: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  const join = createFlight(run);
  return (signal) =>
    join(signal).catch((error: unknown) => {
      throw signal.aborted ? new PrometheusError("abandoned", "", error) : error;
    });
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
