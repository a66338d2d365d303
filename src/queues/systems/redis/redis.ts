import * as z from "zod";
import { createSingleFlight } from "../../../lib/cache.ts";
import { createSharedBudget, inTurns } from "../../../lib/budget/budget.ts";
import { mapSteps, type Steps, takeSteps } from "../../../lib/budget/steps.ts";
import { OpsError } from "../../../lib/errors.ts";
import { formatCount, formatNumber } from "../../../facts/format.ts";
import { formatRfc3339 } from "../../../lib/time.ts";
import { compareTimes, errorReadLimit, pickFairly, toErrorText } from "../../errors.ts";
import { createKnownQueues, createSamples, knownQueuesLimit, toQueueMetrics } from "../../metrics.ts";
import {
  failureGroupsLimit,
  type FoundFailure,
  type JobFailures,
  jobIdsPerError,
  type QueueMetrics,
  type RunningJobs,
  runningJobsLimit,
} from "../../queue.ts";
import { common, defineKind, type KindContext, type KindSource } from "../../system.ts";
import { createAsynq } from "./asynq.ts";
import { createBullmq } from "./bullmq/bullmq.ts";
import { createRedisConnection, type RedisConnection, splitDatabase } from "./connection.ts";
import { hourMs } from "./bullmq/snapshot.ts";
import type {
  RedisFailure,
  RedisFailures,
  RedisReading,
  RedisRunning,
  RedisRunningJobs,
  RedisSpan,
  RedisSystem,
} from "./system.ts";
import { createUnsupportedSearch } from "./unsupported.ts";

const systemNames = ["bullmq", "asynq"] as const;

const redisConfig = z.strictObject({
  ...common,
  kind: z.literal("redis"),
  /** Job systems to read. @default both */
  systems: z.array(z.enum(systemNames)).min(1, "must name one").optional(),
  /** BullMQ's prefix; with braces in a cluster. @default "bull" */
  prefix: z.string().min(1, "must not be empty").max(255).optional(),
  /** Queues to list even if never seen. */
  names: z.array(z.string().min(1, "must not be empty").max(255)).max(1000).optional(),
});

/**
 * Queues of BullMQ and of asynq in one Redis. An asynq queue with the name of a BullMQ queue is
 * listed as "asynq:<queue>".
 */
export const redis = defineKind<typeof redisConfig>({
  kind: "redis",
  config: redisConfig,
  detected: { broker: "redis", toConfig: ({ name }) => ({ name, kind: "redis" }) },
  create: createRedisSource,
});

/**
 * Deadline of one read with all its commands, milliseconds; those of 10,000 queues take seconds.
 * The connection notices a silent server earlier.
 */
const deadlineMs = 8000;
/** The maximum number of failed jobs per queue that a search for an error reads. */
const mostPast = 10_000;

function bounded(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
}

function createRedisSource(
  config: Readonly<z.infer<typeof redisConfig>>,
  { brokers, env, observe }: KindContext,
): KindSource {
  const { name, systems: wanted = systemNames, prefix = "bull", names = [] } = config;
  const fail = (message: string) => new OpsError("queues_unavailable", message, { upstream: `queues:${name}` });
  const connection =
    brokers.redis === null
      ? { ask: () => Promise.reject(fail("WALLET_CORE_OPS_REDIS_URL is not set")), close: () => Promise.resolve() }
      : createRedisConnection(name, brokers.redis, observe);
  const create = { bullmq: () => createBullmq(connection, prefix), asynq: () => createAsynq(connection) };
  const queues = createRedisQueues(
    name,
    names,
    [...new Set(wanted)].map((system) => ({ label: system, system: create[system]() })),
  );
  const findUnsupported = createUnsupportedSearch(connection, prefix);
  const identify = async (signal: AbortSignal): Promise<readonly string[]> => {
    const server = await readRunId(connection, bounded(signal));
    const { database } = splitDatabase(brokers.redis ?? "");
    const keys = { bullmq: prefix, asynq: "" };
    return server === null ? [] : wanted.map((system) => JSON.stringify([server, database, system, keys[system]]));
  };
  /** Shared by callers with different hosts, because the read is the same. */
  const readRunning = createSingleFlight((signal) => queues.running(Date.now(), bounded(signal)));
  return {
    name,
    kind: "redis",
    env,
    tables: [],
    metrics: (signal) => queues.metrics(Date.now(), bounded(signal)),
    failures: async (signal) => {
      const now = Date.now();
      const { failures } = await queues.failures({ from: now - hourMs, to: now, most: 1000 }, bounded(signal));
      return takeSteps(groupRedisFailures(failures, name), createSharedBudget(signal));
    },
    pastFailures: async ({ until }, signal) => {
      const all = { from: -Infinity, to: until * 1000, most: mostPast };
      const { failures, isCut } = await queues.failures(all, bounded(signal));
      const found = await takeSteps(findRedisFailures(failures, name), createSharedBudget(signal));
      return { failures: found, isWhole: !isCut };
    },
    running: async (hosts, signal): Promise<RunningJobs> => {
      const { named, unnamed } = await readRunning(signal).catch((error: unknown) => {
        throw error instanceof OpsError ? error : fail("Gave up waiting for Redis: the request has ended");
      });
      const own = named
        .filter(({ host }) => hosts.includes(host))
        .toSorted((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0));
      const jobs = own.slice(0, runningJobsLimit).map(({ id, host, startedAt, ...job }) => ({
        ...job,
        source: name,
        jobId: id,
        startedAt: startedAt === null ? null : formatRfc3339(startedAt),
        worker: host,
      }));
      return { jobs, total: own.length, unnamed };
    },
    unsupported: (signal) => findUnsupported(bounded(signal)).catch(() => []),
    ...(brokers.redis !== null && { identify }),
    close: () => connection.close(),
  };
}

function tooMany(source: string, count: number): OpsError {
  const [found, most] = [formatCount(count, "queue"), formatNumber(knownQueuesLimit)];
  const advice =
    "remove those that are no longer used, or read fewer (`prefix` and `systems` of this source in WALLET_CORE_OPS_QUEUES_FILE)";
  return new OpsError(
    "queues_unavailable",
    `Redis has ${found} or more, and at most ${most} of one source are read: ${advice}`,
    { upstream: `queues:${source}` },
  );
}

/**
 * The id of a Redis process, which it has from start to end; null where the user may not read it.
 */
async function readRunId(connection: Pick<RedisConnection, "ask">, signal: AbortSignal): Promise<string | null> {
  const [id = null] = await connection.ask(
    [
      {
        commands: [["info", "server"]],
        parse: ([reply]) => (typeof reply === "string" ? (/^run_id:(\w+)/m.exec(reply)?.[1] ?? null) : null),
      },
    ],
    signal,
  );
  return id;
}

/**
 * The queues of all systems in one Redis; `configured` ones are listed even if no system has them.
 * `now` is in milliseconds since 1970. All calls reject as the connection does.
 */
export function createRedisQueues(
  source: string,
  configured: readonly string[],
  systems: readonly { readonly label: string; readonly system: RedisSystem }[],
) {
  const members = systems.map((one) => ({ ...one, known: createKnownQueues([]), samples: createSamples() }));

  /** The queues of each system, with their names there and in this source. */
  const findQueues = async (signal: AbortSignal) => {
    const answers = await Promise.all(members.map(({ system }) => system.discover(signal)));
    const total = answers.reduce((sum, { names, surplus }) => sum + names.length + surplus, 0);
    if (total > knownQueuesLimit) throw tooMany(source, total);
    const found = answers.map(({ names }) => names);
    for (const [index, { known }] of members.entries()) known.see(found[index] ?? []);
    const all = members.map(({ known }) => known.names());
    const missing = configured.filter((name) => !all.some((names) => names.has(name)));
    members[0]?.known.see([...(found[0] ?? []), ...missing]);
    const sum = members.reduce((count, { known }) => count + known.names().size, 0);
    const taken = new Set<string>();
    return members.map((member, index) => {
      // If there are too many queues, those that are gone are left out.
      const names = sum > knownQueuesLimit ? [...(found[index] ?? [])] : [...member.known.names()];
      const shown = new Map(names.map((name) => [name, taken.has(name) ? `${member.label}:${name}` : name]));
      for (const name of names) taken.add(name);
      return { ...member, names, shown };
    });
  };
  const toMetrics = (
    reading: RedisReading,
    { shown, samples }: Awaited<ReturnType<typeof findQueues>>[number],
    observedAt: string,
  ) => {
    const { queue, measured, counters, isCut } = reading;
    const isSampled = measured.processed === undefined || measured.failures === undefined;
    samples.add(queue, counters);
    const rates = isSampled ? samples.rates(queue) : null;
    // Where rows give the rate, 0 means that none ended.
    const sampled = rates && measured.processed !== undefined ? { ...rates, restSeconds: Infinity } : rates;
    const metrics = toQueueMetrics({ name: shown.get(queue) ?? queue, source, observedAt }, measured, sampled);
    return { ...metrics, counters, exact: metrics.exact && !isCut };
  };
  return {
    async metrics(now: number, signal: AbortSignal): Promise<QueueMetrics[]> {
      const found = await findQueues(signal);
      for (const { samples, known } of found) samples.retain(known.names());
      const readings = await Promise.all(found.map(({ system, names }) => system.read(names, now, signal)));
      const observedAt = formatRfc3339(now);
      const all = found.flatMap((member, index) => (readings[index] ?? []).map((reading) => ({ member, reading })));
      const metrics = await inTurns(all, createSharedBudget(signal), ({ member, reading }) =>
        toMetrics(reading, member, observedAt),
      );
      return metrics.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
    async failures(within: RedisSpan, signal: AbortSignal): Promise<RedisFailures> {
      const found = await findQueues(signal);
      const read = await Promise.all(found.map(({ system, names }) => system.failures(names, within, signal)));
      const all = found.flatMap(({ shown }, index) =>
        (read[index]?.failures ?? []).map((failure) => ({ shown, failure })),
      );
      const failures = await inTurns(all, createSharedBudget(signal), ({ shown, failure }) => ({
        ...failure,
        queue: shown.get(failure.queue) ?? failure.queue,
      }));
      return { failures, isCut: read.some(({ isCut }) => isCut) };
    },
    async running(now: number, signal: AbortSignal): Promise<RedisRunningJobs> {
      const found = await findQueues(signal);
      const running = await Promise.all(found.map(({ system, names }) => system.running(names, now, signal)));
      const show = (index: number, job: RedisRunning) => ({
        ...job,
        queue: found[index]?.shown.get(job.queue) ?? job.queue,
      });
      return {
        named: running.flatMap(({ named }, index) => named.map((job) => show(index, job))),
        unnamed: running.reduce((sum, { unnamed }) => sum + unnamed, 0),
      };
    },
  };
}

/**
 * Groups failures by text and worker, newest first. Beyond the limit each queue retains its newest
 * groups, so that none crowds out another, as `groupFailures` does in SQL.
 */
export function* groupRedisFailures(failures: readonly RedisFailure[], source: string): Steps<JobFailures[]> {
  const newestFirst = failures.toSorted((a, b) => b.at - a.at);
  const groups = new Map<string, RedisFailure[]>();
  for (const failure of newestFirst) {
    yield;
    const key = JSON.stringify([failure.queue, readErrorText(failure.error), failure.worker]);
    const group = groups.get(key);
    if (group) group.push(failure);
    else groups.set(key, [failure]);
  }
  yield;
  const picked = pickFairly([...groups.values()], ([newest]) => newest?.queue ?? "", failureGroupsLimit);
  const made = yield* mapSteps(picked, (group) => toGroup(group, source));
  return made.toSorted((a, b) => compareTimes(a.lastAt, b.lastAt));
}

/** Keeps one failure for each queue, text and worker. */
function* findRedisFailures(failures: readonly RedisFailure[], source: string): Steps<FoundFailure[]> {
  const found = new Map<string, FoundFailure>();
  for (const { queue, worker, error } of failures) {
    yield;
    const key = JSON.stringify([queue, worker, error]);
    if (!found.has(key)) found.set(key, { queue, source, worker, error: toErrorText(readErrorText(error)) });
  }
  return [...found.values()];
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
