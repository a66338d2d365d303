import * as z from "zod";
import { type QueueMetrics, type RunningJobs, runningJobsLimit } from "../../../domain/queue.ts";
import { OpsError } from "../../../errors.ts";
import { createFlight } from "../../../domain/abortable.ts";
import { common } from "../config-parts.ts";
import { type KindContext, type KindSource, defineKind } from "../kind.ts";
import { toSeconds } from "../to-metrics.ts";
import { createAsynq } from "./redis-asynq.ts";
import { createBullmq } from "./redis-bullmq.ts";
import { type RedisConnection, createRedisConnection } from "./redis-connection.ts";
import { groupRedisFailures } from "./redis-groups.ts";
import { createRedisQueues } from "./redis-queues.ts";
import { createUnsupportedSearch } from "./redis-unsupported.ts";

const systems = ["bullmq", "asynq"] as const;

export const redisConfig = z.strictObject({
  ...common,
  kind: z.literal("redis"),
  /** Which job systems are in it. @default both */
  systems: z.array(z.enum(systems)).min(1, "must name one").optional(),
  /** BullMQ's prefix; with braces in a cluster. @default "bull" */
  prefix: z.string().min(1, "must not be empty").max(255).optional(),
  /** Queues to list even if they are never seen. */
  names: z.array(z.string().min(1, "must not be empty").max(255)).max(1000).optional(),
});

/** Queues of BullMQ and of asynq in one Redis. A queue of asynq that is called as one of BullMQ is told as "asynq:<queue>". */
export const redis = defineKind<typeof redisConfig>({
  kind: "redis",
  config: redisConfig,
  detected: { broker: "redis", toConfig: ({ name }) => ({ name, kind: "redis" }) },
  create: createRedisSource,
});

/** Of one read, with all its questions. */
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
  /** In one flight, with one deadline; whoever leaves gets an error of ours. */
  const asOne = <T>(work: (now: number, signal: AbortSignal) => Promise<T>) => {
    const flight = createFlight((signal) => work(Date.now(), AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)])));
    return (signal: AbortSignal) =>
      flight(signal).catch((error: unknown) => {
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
        startedAt: startedAt === null ? null : toSeconds(new Date(startedAt)),
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
