import * as z from "zod";
import { createSingleFlight } from "../../../lib/cache.ts";
import { OpsError } from "../../../lib/errors.ts";
import { formatRfc3339 } from "../../../lib/time.ts";
import { errorReadLimit, toErrorText } from "../../errors.ts";
import {
  failureGroupsLimit,
  type JobFailures,
  jobIdsPerError,
  type QueueMetrics,
  type RunningJobs,
  runningJobsLimit,
} from "../../queue.ts";
import { common, defineKind, type KindContext, type KindSource } from "../../system.ts";
import { createAsynq } from "./asynq.ts";
import { createBullmq } from "./bullmq/bullmq.ts";
import { createRedisConnection, type RedisConnection } from "./connection.ts";
import { createRedisQueues } from "./queues.ts";
import type { RedisFailure } from "./system.ts";
import { createUnsupportedSearch } from "./unsupported.ts";

const systems = ["bullmq", "asynq"] as const;

const redisConfig = z.strictObject({
  ...common,
  kind: z.literal("redis"),
  /** Job systems to read. @default both */
  systems: z.array(z.enum(systems)).min(1, "must name one").optional(),
  /** BullMQ's prefix; with braces in a cluster. @default "bull" */
  prefix: z.string().min(1, "must not be empty").max(255).optional(),
  /** Queues to list even if never seen. */
  names: z.array(z.string().min(1, "must not be empty").max(255)).max(1000).optional(),
});

/** Queues of BullMQ and of asynq in one Redis. An asynq queue with the name of a BullMQ queue is listed as "asynq:<queue>". */
export const redis = defineKind<typeof redisConfig>({
  kind: "redis",
  config: redisConfig,
  detected: { broker: "redis", toConfig: ({ name }) => ({ name, kind: "redis" }) },
  create: createRedisSource,
});

/** For one read with all its commands, milliseconds. */
const deadlineMs = 2000;

function createRedisSource(config: Readonly<z.infer<typeof redisConfig>>, { brokers, env, observe }: KindContext): KindSource {
  const { name, systems: wanted = systems, prefix = "bull", names = [] } = config;
  const fail = (message: string) => new OpsError("queues_unavailable", message, { upstream: `queues:${name}` });
  const connection =
    brokers.redis === null
      ? createNoConnection(fail("REDIS_URL is not set"))
      : createRedisConnection(name, brokers.redis, observe);
  const create = { bullmq: () => createBullmq(connection, prefix), asynq: () => createAsynq(connection) };
  const queues = createRedisQueues(
    name,
    names,
    [...new Set(wanted)].map((system) => ({ label: system, system: create[system]() })),
  );
  /** One single flight with one deadline; a caller that leaves gets an OpsError. */
  const asOne = <T>(work: (now: number, signal: AbortSignal) => Promise<T>) => {
    const call = createSingleFlight((signal) => work(Date.now(), AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)])));
    return (signal: AbortSignal) =>
      call(signal).catch((error: unknown) => {
        throw error instanceof OpsError ? error : fail("Gave up waiting for Redis: the request has ended");
      });
  };
  const findUnsupported = createUnsupportedSearch(connection, prefix);
  const readRunning = asOne((now, signal) => queues.running(now, signal));
  return {
    name,
    kind: "redis",
    env: config.env ?? env,
    tables: [],
    metrics: asOne((now, signal): Promise<readonly QueueMetrics[]> => queues.metrics(now, signal)),
    failures: asOne(async (now, signal) => groupRedisFailures(await queues.failures(now, signal), name)),
    running: async (hosts, signal): Promise<RunningJobs> => {
      const { named, unnamed } = await readRunning(signal);
      const own = named.filter(({ host }) => hosts.includes(host)).toSorted((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0));
      const jobs = own.slice(0, runningJobsLimit).map(({ queue, id, kind, host, startedAt }) => ({
        queue,
        source: name,
        jobId: id,
        kind,
        startedAt: startedAt === null ? null : formatRfc3339(startedAt),
        worker: host,
      }));
      return { jobs, total: own.length, unnamed };
    },
    unsupported: (signal) => findUnsupported(AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)])),
    close: () => connection.close(),
  };
}

function createNoConnection(error: OpsError): RedisConnection {
  return {
    async ask() {
      throw error;
    },
    async close() {},
  };
}

/**
 * Groups failures by text and worker, newest first. Beyond the limit each queue retains its newest groups, so that none crowds out another: as `groupFailures`
 * does in SQL.
 */
export function groupRedisFailures(failures: readonly RedisFailure[], source: string): JobFailures[] {
  const newestFirst = failures.toSorted((a, b) => b.at - a.at);
  const groups = [
    ...Map.groupBy(newestFirst, ({ queue, error, worker }) => JSON.stringify([queue, readErrorText(error), worker])).values(),
  ];
  const places = new Map<string, number>();
  const ranked = groups.map((group) => {
    const queue = group[0]?.queue ?? "";
    const place = places.get(queue) ?? 0;
    places.set(queue, place + 1);
    return { group, place };
  });
  const newest = ranked.toSorted((a, b) => a.place - b.place).slice(0, failureGroupsLimit);
  return newest
    .map(({ group }) => toGroup(group, source))
    .toSorted((a, b) => (a.lastAt === b.lastAt ? 0 : a.lastAt > b.lastAt ? -1 : 1));
}

function toGroup(group: readonly RedisFailure[], source: string): JobFailures {
  const [newest, oldest] = [group[0], group.at(-1)] as [RedisFailure, RedisFailure];
  const attempts = group.flatMap((failure) => failure.attempts ?? []);
  return {
    queue: newest.queue,
    source,
    error: toErrorText(readErrorText(newest.error)),
    worker: newest.worker,
    count: group.length,
    attempts: attempts.length > 0 ? Math.max(...attempts) : null,
    firstAt: formatRfc3339(oldest.at),
    lastAt: formatRfc3339(newest.at),
    jobIds: group.slice(0, jobIdsPerError).map(({ id }) => id),
  };
}

/** The part of an error text that the SQL sources read. */
function readErrorText(error: string): string {
  return error.replace(/^[ \t\r\n]+/, "").slice(0, errorReadLimit);
}
