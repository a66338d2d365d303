import { Redis } from "ioredis";
import { vi } from "vitest";
import type { RunningRedis } from "../../script/services/redis.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueSource, QueueSources } from "../../src/queues/queue.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { allAbilities, type Job, type JobBackend } from "./job-backend.ts";

export function openRedis(url: string, options: Partial<Parameters<typeof createQueueSources>[0]> = {}): QueueSources {
  const brokers = { rabbitmq: null, redis: url };
  return createQueueSources({ databaseUrl: null, brokers, env: "staging", logger: silentLogger, ttlMs: 0, ...options });
}

/** The first source of a Redis, which can be read and reopened. */
export function createRedisReader(url: () => string) {
  const signal = () => AbortSignal.timeout(10_000);
  let sources: QueueSources | null = null;
  let source: QueueSource;
  const read = async () => new Map((await source.metrics(signal())).map((queue) => [queue.name, queue]));
  const close = async () => sources?.close();
  return {
    get source() {
      return source;
    },
    read,
    /** As `read`, two minutes later by the clock of the samples. */
    readLater: async () => {
      const now = performance.now();
      const clock = vi.spyOn(performance, "now").mockImplementation(() => now + 120_000);
      try {
        return await read();
      } finally {
        clock.mockRestore();
      }
    },
    reopen: async () => {
      await close();
      sources = openRedis(url());
      [source] = (await sources.all(signal())) as [QueueSource];
    },
    close,
  };
}

/** A client for the tests; closed by `quit`. */
export function connectRedis({ url }: RunningRedis): Redis {
  return new Redis(url, { maxRetriesPerRequest: null });
}

interface BackendOptions {
  readonly system: "bullmq" | "asynq";
  readonly abilities: Partial<JobBackend["abilities"]>;
  /** `now` in milliseconds: the same for all jobs of one call. */
  readonly insert: (redis: Redis, job: Job & { readonly id: string }, now: number) => Promise<void>;
}

/** The battery over keys as the system writes them, with times of our own. */
export async function createRedisBackend(
  server: RunningRedis,
  { system, abilities, insert }: BackendOptions,
): Promise<JobBackend> {
  const redis = connectRedis(server);
  const config = { name: system, kind: "redis" as const, systems: [system], names: ["configured"] };
  let next = 1_000_000;
  return {
    config,
    abilities: { ...allAbilities, ...abilities },
    insert: async (jobs) => {
      const now = Date.now();
      // In the order of time.
      for (const job of jobs.toSorted((a, b) => (b.dueAgo ?? 1) - (a.dueAgo ?? 1)))
        await insert(redis, { ...job, id: String(job.id ?? next++) }, now);
    },
    clear: async () => void (await redis.flushall()),
    open: () => openRedis(server.url, { sources: [config], detect: false }),
    close: async () => void (await redis.quit()),
    unavailable: "queues_unavailable",
  };
}

/** Writes a job of BullMQ as its scripts do. Source: bullmq 6.7, dist/cjs/commands. */
export async function insertBullmqJob(
  redis: Redis,
  job: Job & { readonly id: string },
  now = Date.now(),
): Promise<void> {
  const { id, queue, state, dueAgo = 1, endedAgo = 1, error = null } = job;
  const key = `bull:${queue}:`;
  const due = now - dueAgo * 1000;
  const ended = now - endedAgo * 1000;
  await redis.hset(`${key}meta`, "opts.maxLenEvents", "10000");
  await redis.hset(key + id, {
    name: "job",
    data: "{}",
    opts: '{"attempts":1}',
    timestamp: due,
    atm: state === "waiting" ? 0 : 1,
  });
  if (state === "waiting" && dueAgo < 0) await redis.zadd(`${key}delayed`, due * 0x1000, id);
  if (state === "waiting" && dueAgo >= 0) await redis.lpush(`${key}wait`, id);
  if (state === "running") await redis.lpush(`${key}active`, id);
  if (state === "done") await redis.zadd(`${key}completed`, ended, id);
  if (state === "failed") {
    await redis.zadd(`${key}failed`, ended, id);
    if (error !== null) await redis.hset(key + id, "failedReason", error);
  }
  if (state === "done" || state === "failed") await redis.hset(key + id, "finishedOn", ended);
}

/** A message of asynq's TaskMessage, as protobuf writes it: defaults are left out. */
export function encodeTask(task: {
  id: string;
  queue: string;
  retried?: number;
  error?: string;
  lastFailedAt?: number;
  payload?: Buffer;
}): Buffer {
  return Buffer.concat([
    field(1, "mail:send"),
    field(2, task.payload ?? Buffer.from('{"to":1}')),
    field(3, task.id),
    field(4, task.queue),
    field(5, 25),
    field(6, task.retried ?? 0),
    field(7, task.error ?? ""),
    field(8, 1800),
    field(11, task.lastFailedAt ?? 0),
  ]);
}

/** One field of a message: a number, a text, or bytes, which may be a message. */
export function field(number: number, value: number | string | Buffer): Buffer {
  if (value === 0 || value === "") return Buffer.alloc(0);
  if (typeof value === "number") return Buffer.concat([varint(number << 3), varint(value)]);
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

/** Writes a task of asynq as its scripts do. Source: hibiken/asynq internal/rdb/rdb.go. */
export async function insertAsynqTask(
  redis: Redis,
  job: Job & { readonly id: string },
  now = Date.now(),
): Promise<void> {
  const { id, queue, state, dueAgo = 1, endedAgo = 1, error = null } = job;
  const key = `asynq:{${queue}}:`;
  const due = Math.floor(now / 1000 - dueAgo);
  const ended = Math.floor(now / 1000 - endedAgo);
  await redis.sadd("asynq:queues", queue);
  const put = (name: string, at: number, message: Buffer) =>
    redis
      .multi()
      .hset(`${key}t:${id}`, { msg: message, state: name })
      .zadd(key + name, at, id)
      .exec();
  const message = encodeTask({ id, queue });
  if (state === "waiting" && dueAgo < 0) await put("scheduled", due, message);
  if (state === "waiting" && dueAgo >= 0) {
    await redis.hset(`${key}t:${id}`, {
      msg: message,
      state: "pending",
      pending_since: String(BigInt(due) * 1_000_000_000n),
    });
    await redis.lpush(`${key}pending`, id);
  }
  if (state === "running") {
    await redis.hset(`${key}t:${id}`, { msg: message, state: "active" });
    await redis.lpush(`${key}active`, id);
    await redis.zadd(`${key}lease`, Math.floor(now / 1000 + 30), id);
  }
  if (state === "done" || state === "failed") await redis.incr(`${key}processed`);
  if (state === "failed") {
    await redis.incr(`${key}failed`);
    await put("archived", ended, encodeTask({ id, queue, error: error ?? "", lastFailedAt: ended }));
  }
}
