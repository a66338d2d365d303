import { createSharedBudget, inTurns } from "../../../../lib/budget/budget.ts";
import type { JobCounters } from "../../../queue.ts";
import type { Command, Question, RedisConnection, Reply } from "../connection.ts";
import { createKeySearch, escapePattern } from "../keys.ts";
import { quantilesOf, sumCounts, toFields, toNumber, toScored } from "../replies.ts";
import {
  inParts,
  type RedisFailure,
  type RedisFailures,
  type RedisReading,
  type RedisSpan,
  type RedisSystem,
  shareOf,
  toScore,
} from "../system.ts";
import {
  askAttempts,
  type Beginnings,
  type Details,
  type Ending,
  eventShare,
  lookBack,
  lookCloser,
  toFailed,
} from "./details.ts";
import { countEvents, type EventCounter, type MetricsMemory, noEvents, noMetrics, watchMetrics } from "./events.ts";
import { countRetries, noRetries, readRetries, type Retries } from "./retries.ts";
import { hourMs, type Look, lookAt, rateMs } from "./snapshot.ts";

/**
 * The time since which no row of a finished job is missing. Each job's options may remove rows at
 * once, by age or by number (removeOnComplete, removeOnFail). A count over a window is right only
 * if none of its rows is gone.
 */
export interface Coverage {
  /** The oldest row found. */
  readonly oldest: { readonly id: string; readonly score: number } | null;
  /** Milliseconds since 1970; -Infinity while no row is known to be gone. */
  readonly since: number;
}

export const fullCoverage: Coverage = { oldest: null, since: -Infinity };

/** What another look found about the rows of one ending. */
export interface Rows {
  readonly oldest: Coverage["oldest"];
  /** Whether a job that ended within the window has no row. */
  readonly isMissing: boolean;
  /** Whether the events show which job of the window ended first. */
  readonly isWhole: boolean;
}

/**
 * The coverage after another look. Limits by age and number remove the oldest rows. So rows are
 * gone if the oldest row is now another one that ended later. They may also be gone if there is an
 * oldest row for the first time and it is unknown which jobs ended before it. If one row is
 * missing, others may be missing too.
 */
export function cover(coverage: Coverage, { oldest, isMissing, isWhole }: Rows, now: number): Coverage {
  const before = coverage.oldest;
  const isOther = before !== null && before.id !== oldest?.id && (oldest === null || oldest.score > before.score);
  const isUnknown = before === null && oldest !== null && !isWhole;
  const since = isMissing ? now : isOther || isUnknown ? (oldest?.score ?? now) : -Infinity;
  return { oldest, since: Math.max(coverage.since, since) };
}

/** Whether all rows of the last `windowMs` are there. */
export function covers({ since }: Pick<Coverage, "since">, windowMs: number, now: number): boolean {
  return since <= now - windowMs;
}

/** State of a queue between looks. */
interface Memory {
  readonly events: EventCounter;
  readonly completed: Coverage;
  readonly failed: Coverage;
  readonly metrics: MetricsMemory;
  readonly retries: Retries;
}

const emptyMemory: Memory = {
  events: noEvents,
  completed: fullCoverage,
  failed: fullCoverage,
  metrics: noMetrics,
  retries: noRetries,
};

/**
 * Queues of BullMQ (tested with 4.18 and 6.7) at `<prefix>:<queue>:`. Depth is the waiting jobs,
 * also prioritized or in a paused queue, and the delayed ones that are due. Retrying are jobs that
 * failed before, delayed or not; unknown where more wait than are read. Ended jobs are counted by
 * their rows while none is missing; else by the counters of the workers' metrics, where these are
 * on; else by the events. Failed attempts that are retried are counted by the events; where these
 * do not reach back an hour, there may be more. Leaves out jobs that wait for their children.
 * Source: the Lua scripts of bullmq 6.7 (dist/cjs/commands).
 */
export function createBullmq(connection: RedisConnection, prefix: string): RedisSystem {
  let memories: ReadonlyMap<string, Memory> = new Map();
  const memoryOf = (queue: string) => memories.get(queue) ?? emptyMemory;
  /** Finds queues by their `meta` keys. New queues are rare, so it searches once a minute. */
  const searchMeta = createKeySearch(connection, [`${escapePattern(prefix)}:*:meta`], 60_000);
  return {
    async discover(signal) {
      const { keys, surplus } = await searchMeta(signal);
      return { names: Array.from(keys, (key) => key.slice(prefix.length + 1, -":meta".length)), surplus };
    },
    async running(queues, _now, signal) {
      const commands = queues.map((queue): Command => ["llen", `${prefix}:${queue}:active`]);
      const [unnamed = 0] = await connection.ask([{ commands, parse: (replies) => sumCounts(replies) }], signal);
      return { named: [], unnamed };
    },
    async read(queues, now, signal) {
      const limit = shareOf(queues.length, 1000);
      const share = eventShare(queues.length);
      const budget = createSharedBudget(signal);
      const list: Question<Reply> = { commands: [["client", "LIST"]], parse: ([reply]) => reply };
      const [clients] = await connection.ask([list], signal);
      const workers = countWorkers(clients, prefix);
      const keyOf = (queue: string) => `${prefix}:${queue}:`;
      const next = new Map<string, Memory>();
      const readPart = async (part: readonly string[]) => {
        const looks = await inTurns(part, budget, (queue) =>
          lookAt(keyOf(queue), memoryOf(queue).events.lastId, limit, now),
        );
        const found = await connection.ask(looks, signal);
        const seen = await inTurns(part, budget, (queue, index) => {
          const look = found[index] as Look;
          const before = memoryOf(queue);
          const events = countEvents(before.events, look.events, look.oldestEvent);
          const { lastId, gaps } = before.events;
          // If the stream was empty, no entry shows whether some were missed.
          const isJoined = lastId !== null && lastId !== "0-0" && events.gaps === gaps;
          return { queue, key: keyOf(queue), look, before, events, isFirst: lastId === null, isJoined };
        });
        const readDetails = async () => {
          const starts = seen.map(({ key, look, isFirst, isJoined }) =>
            lookBack(key, look, { isFirst, isJoined, limit: share, now }),
          );
          const beginnings: readonly Beginnings[] = await connection.ask(starts, signal);
          const closer = await inTurns(seen, budget, ({ key, look }, index) =>
            lookCloser(key, look, beginnings[index] as Beginnings, now),
          );
          return [beginnings, await connection.ask(closer, signal)] as const;
        };
        const subjects = seen.map(({ key, look, before, events, isFirst, isJoined }) => ({
          key,
          look,
          before: before.retries,
          firstId: isFirst ? events.lastId : null,
          isJoined,
        }));
        const [[beginnings, details], retries] = await Promise.all([
          readDetails(),
          readRetries(connection, subjects, { events: share, jobs: limit }, now, signal),
        ]);
        return inTurns(seen, budget, ({ queue, look, before, events }, index) => {
          const jobs = details[index] as Details;
          const rowsOf = (ending: Ending): Rows => ({
            oldest: look.oldest[ending],
            isMissing: jobs.isMissing[ending],
            isWhole: (beginnings[index] as Beginnings)[ending].isWhole,
          });
          const memory: Memory = {
            events,
            metrics: watchMetrics(before.metrics, look.metrics.completed, events.completed),
            completed: cover(before.completed, rowsOf("completed"), now),
            failed: cover(before.failed, rowsOf("failed"), now),
            retries: retries[index] as Retries,
          };
          next.set(queue, memory);
          return toReading({ queue, look, jobs, memory, workers: workers(queue), limit, now });
        });
      };
      const readings = await inParts(queues, limit, readPart);
      memories = next;
      return readings;
    },
    failures: (queues, within, signal) => readBullmqFailures(connection, prefix, queues, within, signal),
  };
}

/**
 * The metrics' counters miss only the attempts that are retried. The counter of failures does not
 * exist before the first failure.
 */
function toCounters({ metrics }: Look, memory: Memory): JobCounters {
  const { completed, failed, gaps } = memory.events;
  const retried = memory.retries.total;
  if (!memory.metrics.isOn) return { processed: completed, failures: failed + retried, since: `events ${gaps}` };
  return { processed: metrics.completed ?? 0, failures: (metrics.failed ?? 0) + retried, since: "metrics" };
}

interface Seen {
  readonly queue: string;
  readonly look: Look;
  readonly jobs: Details;
  readonly memory: Memory;
  readonly workers: number | null;
  readonly limit: number;
  readonly now: number;
}

function toReading({ queue, look, jobs, memory, workers, limit, now }: Seen): RedisReading {
  const isCut = look.delayed > limit;
  const delayed = look.delayedJobs.map(({ score }, index) => ({
    at: Math.floor(score / 0x1000),
    ...jobs.delayed[index],
  }));
  const failedBefore = delayed.filter(({ failed = 0 }) => failed > 0);
  /** Rows of delayed jobs also show failures; without events they give a lower bound. */
  const countFailed = (ms: number) => {
    const isWithin = ({ at, delay = 0 }: (typeof delayed)[number]) => at - delay > now - ms && at - delay <= now;
    return Math.max(countRetries(memory.retries, ms, now), failedBefore.filter(isWithin).length);
  };
  const due = delayed.flatMap(({ at }) => (at <= now ? [at] : []));
  const since = [...jobs.couldRunAt, ...due];
  const [waitP50, waitP95] = quantilesOf(jobs.waits);
  const [runP50, runP95] = quantilesOf(jobs.runs);
  return {
    queue,
    measured: {
      depth: look.waiting + look.due,
      active: look.active,
      deferred: isCut ? null : delayed.filter(({ at, failed = 0 }) => at > now && failed === 0).length,
      retrying: isCut || jobs.failedWaiting === null ? null : jobs.failedWaiting + failedBefore.length,
      dead: look.dead,
      oldest_age: since.length === 0 ? null : Math.max(0, now - Math.min(...since)) / 1000,
      paused: look.isPaused ? 1 : 0,
      // A job runs, so there is a worker: if none is listed, connections have no names here.
      workers: workers === 0 && look.active > 0 ? null : workers,
      wait_p50: waitP50,
      wait_p95: waitP95,
      run_p50: runP50,
      run_p95: runP95,
      ...(covers(memory.completed, rateMs, now) && { processed: look.completed }),
      ...(covers(memory.failed, hourMs, now) && {
        failures: look.failed + countFailed(hourMs),
        failures_recent: look.failedRecently + countFailed(rateMs),
      }),
    },
    counters: toCounters(look, memory),
    isCut: isCut || !covers(memory.retries, hourMs, now),
  };
}

/**
 * Counts the workers of queues by connection name: `<prefix>:<base64 of the queue>`, followed by
 * ":w:<name>" if the worker has one. Null when the connections may not be listed. Source:
 * getWorkers of bullmq's queue-getters.
 */
export function countWorkers(clients: Reply, prefix: string): (queue: string) => number | null {
  if (typeof clients !== "string") return () => null;
  const counts = new Map<string, number>();
  for (const [, name = ""] of clients.matchAll(/ name=([^ \n]+)/g)) {
    if (!name.startsWith(`${prefix}:`)) continue;
    const [, queue = ""] = /^([A-Za-z0-9+/]+={0,2})(?::w:.*)?$/.exec(name.slice(prefix.length + 1)) ?? [];
    counts.set(queue, (counts.get(queue) ?? 0) + 1);
  }
  return (queue) => counts.get(Buffer.from(queue).toString("base64")) ?? 0;
}

/** A job that failed, before its row is read. */
interface Failed {
  readonly queue: string;
  readonly id: string;
  /** When it failed; for a delayed job, when it runs again, because the delay is in its row. */
  readonly at: number;
  readonly isDelayed: boolean;
}

/**
 * Reads jobs that failed for good in a time span, and those that failed and wait for their delay;
 * the newest of each queue. Leaves out jobs that failed and can run again at once, because their
 * rows do not have the time of the failure.
 */
async function readBullmqFailures(
  connection: RedisConnection,
  prefix: string,
  queues: readonly string[],
  { from, to, most }: RedisSpan,
  signal: AbortSignal,
): Promise<RedisFailures> {
  const limit = shareOf(queues.length, most);
  let isCut = false;
  const failures = await inParts(queues, 2 * limit, async (part) => {
    const found = await connection.ask(
      part.map((queue) => findFailed(`${prefix}:${queue}:`, queue, limit, { from, to })),
      signal,
    );
    isCut ||= found.some((one) => one.isCut);
    const failed = found.flatMap(({ jobs }) => jobs);
    const read = await connection.ask(
      failed.map((one) => readFailed(`${prefix}:${one.queue}:${one.id}`, one)),
      signal,
    );
    return read.filter((failure) => failure !== null).filter(({ at }) => at > from && at <= to);
  });
  return { failures, isCut };
}

function findFailed(
  key: string,
  queue: string,
  limit: number,
  { from, to }: Omit<RedisSpan, "most">,
): Question<{ readonly jobs: readonly Failed[]; readonly isCut: boolean }> {
  return {
    commands: [
      ["zrevrangebyscore", `${key}failed`, to, toScore(from), "WITHSCORES", "LIMIT", 0, limit],
      ["zrange", `${key}delayed`, 0, limit - 1, "WITHSCORES"],
    ],
    parse: ([failed, delayed]) => {
      const [ended, waiting] = [toScored(failed), toScored(delayed)];
      const jobs = [
        ...ended.map(({ id, score }) => ({ queue, id, at: score, isDelayed: false })),
        ...waiting.map(({ id, score }) => ({ queue, id, at: Math.floor(score / 0x1000), isDelayed: true })),
      ];
      return { jobs, isCut: ended.length >= limit || waiting.length >= limit };
    },
  };
}

function readFailed(key: string, { queue, id, at, isDelayed }: Failed): Question<RedisFailure | null> {
  const command: Command = ["hmget", key, "failedReason", "delay", "pb"];
  return {
    commands: [command, ...askAttempts(key)],
    parse: ([reply, attempts, reasonLength]) => {
      const [error, delay, worker] = toFields(reply);
      const failed = toFailed(toFields(attempts), reasonLength);
      if (isDelayed && failed === 0) return null;
      return {
        queue,
        id,
        error: error ?? "",
        worker: worker ?? null,
        attempts: failed > 0 ? failed : null,
        at: isDelayed ? at - (toNumber(delay) ?? 0) : at,
      };
    },
  };
}
