import pLimit, { type LimitFunction } from "p-limit";
import { abortable } from "../../../domain/abortable.ts";
import { OpsError } from "../../../errors.ts";
import type { Database } from "./pool.ts";

/** Of the three connections of a database: what is read now (numbers, failures) must not wait for what was. */
const atOnce = 1;
/** Together with the wait. Grafana itself gives up after 30 s. */
const deadlineMs = 25_000;
/** More cannot be done in time, and each holds a place of the edge (http/limits.ts) while it waits. */
const mostWaiting = 60;

const turns = new WeakMap<Database, LimitFunction>();

/**
 * Reads the past when it is its turn, whichever source it is for: several viewers of one dashboard would keep all connections busy for long. Rejects with the signal's reason, a TimeoutError, or what `work` rejects with.
 */
export async function inTurn<T>(database: Database, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  const turn = turns.get(database) ?? pLimit(atOnce);
  turns.set(database, turn);
  if (turn.pendingCount >= mostWaiting) {
    throw new OpsError("postgres_unavailable", "Too many histories are waiting to be read: ask again soon");
  }
  const limited = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  const result = turn(async () => {
    // Whoever left while waiting costs nothing.
    limited.throwIfAborted();
    return work(limited);
  });
  return abortable(result, limited);
}
