import { type Coverage, cover, covers, fullCoverage } from "./redis-bullmq-coverage.ts";
import { type Details, lookCloser } from "./redis-bullmq-details.ts";
import { createBullmqDiscovery } from "./redis-bullmq-discovery.ts";
import { type EventCounter, type MetricsMemory, countEvents, noEvents, noMetrics, watchMetrics } from "./redis-bullmq-events.ts";
import { readBullmqFailures } from "./redis-bullmq-failures.ts";
import { type Look, hourMs, lookAt, rateMs } from "./redis-bullmq-look.ts";
import { countWorkers } from "./redis-bullmq-workers.ts";
import type { Question, RedisConnection, Reply } from "./redis-connection.ts";
import { quantilesOf } from "./redis-quantiles.ts";
import { toCount } from "./redis-replies.ts";
import { type RedisReading, type RedisSystem, shareOf } from "./redis-system.ts";

/** What is remembered of a queue. */
interface Memory {
  readonly events: EventCounter;
  readonly completed: Coverage;
  readonly failed: Coverage;
  readonly metrics: MetricsMemory;
}

const emptyMemory: Memory = { events: noEvents, completed: fullCoverage, failed: fullCoverage, metrics: noMetrics };

/**
 * Queues of BullMQ (tried with 6.7) at `<prefix>:<queue>:`. Depth is what waits, also in a paused queue, or in the order of priorities, or was delayed until now. Retrying are
 * the delayed jobs that failed before; those that may run again at once are in the depth. What ended is counted by its rows while all of them are there, else by
 * the counters of the workers' metrics where they are on, else by the events. Jobs that wait for their children are not told.
 * Source: the Lua scripts of bullmq 6.7 (dist/cjs/commands), and shared/upstreams.md 5.2.
 */
export function createBullmq(connection: RedisConnection, prefix: string): RedisSystem {
  const memories = new Map<string, Memory>();
  const memoryOf = (queue: string) => memories.get(queue) ?? emptyMemory;
  const lookAtActive = (queue: string): Question<number> => ({
    commands: [["llen", `${prefix}:${queue}:active`]],
    parse: ([active]) => toCount(active),
  });
  const discover = createBullmqDiscovery(connection, prefix);
  return {
    discover,
    async running(queues, _now, signal) {
      const active = await connection.ask(queues.map(lookAtActive), signal);
      return { named: [], unnamed: active.reduce((sum, one) => sum + one, 0) };
    },
    async read(queues, now, signal) {
      const limit = shareOf(queues.length, 1000);
      const list: Question<Reply> = { commands: [["client", "LIST"]], parse: ([reply]) => reply };
      const before = queues.map(memoryOf);
      const looks = queues.map((queue, index) => lookAt(`${prefix}:${queue}:`, before[index]?.events.lastId ?? null, limit, now));
      const [clients, ...found] = (await connection.ask<unknown>([list, ...looks], signal)) as [Reply, ...Look[]];
      const details = await connection.ask(
        queues.map((queue, index) => lookCloser(`${prefix}:${queue}:`, found[index] as Look)),
        signal,
      );
      const workers = countWorkers(clients, prefix);
      memories.clear();
      return queues.map((queue, index) => {
        const [look, jobs] = [found[index] as Look, details[index] as Details];
        const memory = remember(before[index] as Memory, look, jobs, now);
        memories.set(queue, memory);
        return toReading({ queue, look, jobs, memory, workers: workers(queue), limit, now });
      });
    },
    failures: (queues, now, signal) => readBullmqFailures(connection, prefix, queues, now, signal),
  };
}

function remember(memory: Memory, look: Look, { missing }: Details, now: number): Memory {
  const events = countEvents(memory.events, look.events, look.oldestEvent);
  return {
    events,
    metrics: watchMetrics(memory.metrics, look.metrics.completed, events.completed),
    completed: cover(memory.completed, look.oldest.completed, missing.completed, now),
    failed: cover(memory.failed, look.oldest.failed, missing.failed, now),
  };
}

/** The counters of the metrics miss nothing; that of the failures is not there before the first one. */
function toTotals({ metrics }: Look, memory: Memory): Pick<RedisReading, "totals" | "totalsSince"> {
  const { completed, failed, gaps } = memory.events;
  if (!memory.metrics.isOn) return { totals: { processed: completed, failures: failed }, totalsSince: `events ${gaps}` };
  return { totals: { processed: metrics.completed ?? 0, failures: metrics.failed ?? 0 }, totalsSince: "metrics" };
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
  const delayed = look.delayedJobs.map(({ score }, index) => ({ at: Math.floor(score / 0x1000), ...jobs.delayed[index] }));
  const failedBefore = delayed.filter(({ failed = 0 }) => failed > 0);
  const failedLately = failedBefore.filter(({ at, delay = 0 }) => at - delay > now - hourMs && at - delay <= now);
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
      retrying: isCut ? null : failedBefore.length,
      dead: look.dead,
      oldest_age: since.length === 0 ? null : Math.max(0, now - Math.min(...since)) / 1000,
      paused: look.isPaused ? 1 : 0,
      // Somebody is at a job: then that nobody is seen tells that connections have no names here.
      workers: workers === 0 && look.active > 0 ? null : workers,
      wait_p50: waitP50,
      wait_p95: waitP95,
      run_p50: runP50,
      run_p95: runP95,
      ...(covers(memory.completed, rateMs, now) && { processed: look.completed }),
      ...(covers(memory.failed, hourMs, now) && { failures: look.failed + failedLately.length }),
    },
    ...toTotals(look, memory),
    isCut,
  };
}
