import type { Measured } from "../../postgres/statements.ts";
import type { JobCounters } from "../../queue.ts";

/** The numbers of one queue. */
export interface RedisReading {
  readonly queue: string;
  /**
   * Lacks `processed` or `failures` where the rows do not have them; `counters` are then sampled.
   */
  readonly measured: Measured;
  readonly counters: JobCounters;
  /** Whether some number is only a lower bound. */
  readonly isCut: boolean;
}

/** A job whose last attempt failed in the last hour. */
export interface RedisFailure {
  readonly queue: string;
  readonly id: string;
  /** As stored; "" without one. */
  readonly error: string;
  readonly worker: string | null;
  /** Failed attempts. */
  readonly attempts: number | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Failures after `from` up to `to`, milliseconds since 1970. */
export interface RedisSpan {
  readonly from: number;
  readonly to: number;
  /** The maximum number of failures to read per queue; fewer where there are many queues. */
  readonly most: number;
}

export interface RedisFailures {
  readonly failures: readonly RedisFailure[];
  /** Whether a queue may have more. */
  readonly isCut: boolean;
}

/** A running job whose worker's host is known. */
export interface RedisRunning {
  readonly queue: string;
  readonly id: string;
  readonly kind: string | null;
  readonly host: string;
  /** Milliseconds since 1970; null where it is not recorded. */
  readonly startedAt: number | null;
}

/**
 * At most `knownQueuesLimit` names, and how many more queues there are. If there are more, none is
 * read.
 */
export interface FoundQueues {
  readonly names: readonly string[];
  readonly surplus: number;
}

/**
 * One job system in Redis. `now` is in milliseconds since 1970. All calls reject as the connection
 * does.
 */
export interface RedisSystem {
  /** Its queues, as of the last search. */
  discover(signal: AbortSignal): Promise<FoundQueues>;
  read(queues: readonly string[], now: number, signal: AbortSignal): Promise<readonly RedisReading[]>;
  failures(queues: readonly string[], within: RedisSpan, signal: AbortSignal): Promise<RedisFailures>;
  /** Running jobs with their workers, and the number of those without a known worker. */
  running(queues: readonly string[], now: number, signal: AbortSignal): Promise<RedisRunningJobs>;
}

export interface RedisRunningJobs {
  readonly named: readonly RedisRunning[];
  readonly unnamed: number;
}

/** A lower bound of scores; -Infinity is before all. */
export function toScore(time: number): number | string {
  return time === -Infinity ? "-inf" : time;
}

/** The maximum number of rows in one read, shared by the queues. */
const rowBudget = 20_000;

/** Rows to read for each of `queues` queues, at most `most`. */
export function shareOf(queues: number, most: number): number {
  return Math.min(most, Math.max(1, Math.floor(rowBudget / Math.max(1, queues))));
}

/** How many queues, and rows of one kind, may have their commands and replies in memory at once. */
const queuesAtOnce = 200;
const rowsAtOnce = 4000;

/**
 * Reads queues in parts, one after the other. `limit`: the rows of one kind that are read for each
 * of them.
 */
export async function inParts<T>(
  queues: readonly string[],
  limit: number,
  read: (part: readonly string[]) => Promise<readonly T[]>,
): Promise<T[]> {
  const size = Math.min(queuesAtOnce, Math.max(1, Math.floor(rowsAtOnce / limit)));
  const all: T[] = [];
  for (let from = 0; from < queues.length; from += size)
    for (const item of await read(queues.slice(from, from + size))) all.push(item);
  return all;
}
