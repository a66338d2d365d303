import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type RunningRedis, startRedis } from "../../script/services/redis.ts";
import type { QueueSource } from "../../src/queues/queue.ts";
import { describeQueueSource } from "../contracts/queue-source.ts";
import { toBound } from "../support/bound.ts";
import {
  connectRedis,
  createRedisBackend,
  createRedisReader,
  encodeTask,
  field,
  insertAsynqTask,
  insertBullmqJob,
  openRedis,
} from "../support/redis.ts";
import { until } from "../support/until.ts";

const signal = () => AbortSignal.timeout(10_000);
const folder = mkdtempSync(join(tmpdir(), "ops-test-redis-"));
let server: RunningRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis(folder);
  redis = connectRedis(server);
});
afterAll(async () => {
  vi.useRealTimers();
  await redis?.quit();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const noNumbers = { bigIds: true };
describe("asynq's keys", () => {
  const abilities = { ...noNumbers, processed: false, failures: false };
  describeQueueSource("redis", () =>
    createRedisBackend(server, { system: "asynq", abilities, insert: insertAsynqTask }),
  );
});

const first = createRedisReader(() => server.url);
const { read, readLater, reopen } = first;

describe("a Redis", () => {
  beforeEach(async () => {
    await redis.flushall();
    await reopen();
  });
  afterAll(() => first.close());

  it("is only read: no command writes", async () => {
    await insertBullmqJob(redis, { id: "1", queue: "watched", state: "done" });
    await insertBullmqJob(redis, { id: "2", queue: "watched", state: "waiting", dueAgo: -60 });
    await redis.call(
      "ACL",
      "SETUSER",
      "reader",
      "reset",
      "on",
      ">reader-secret",
      "~bull:*",
      "~asynq:*",
      "+@read",
      "+client|list",
    );
    const url = `redis://reader:reader-secret@127.0.0.1:${server.port}`;
    const own = openRedis(url);
    const [reader] = (await own.all(signal())) as [QueueSource];
    expect(await reader.metrics(signal())).toMatchObject([
      { name: "watched", depth: 0, processedPerSec: 1 / 300, workers: 0 },
    ]);
    expect(await reader.failures(signal())).toStrictEqual([]);
    await own.close();
    // Without the right to list connections only the workers are not known.
    await redis.call("ACL", "SETUSER", "reader", "-client");
    const less = openRedis(url);
    const [blind] = (await less.all(signal())) as [QueueSource];
    expect(await blind.metrics(signal())).toMatchObject([{ name: "watched", workers: null }]);
    await less.close();
    await redis.call("ACL", "SETUSER", "reader", "resetkeys", "~other:*");
    const refused = await refusal(url);
    expect(refused).toMatchObject({ code: "queues_unavailable", message: expect.stringContaining("+@read") });
  });

  it("reads 500 queues within its time", async () => {
    const pipeline = redis.pipeline();
    for (let n = 0; n < 500; n += 1) {
      pipeline.hset(`bull:q${n}:meta`, "opts.maxLenEvents", "10000");
      pipeline.lpush(`bull:q${n}:wait`, "1", "2", "3");
      for (const id of [1, 2, 3]) pipeline.hset(`bull:q${n}:${id}`, { timestamp: Date.now(), opts: "{}", atm: 0 });
    }
    await pipeline.exec();
    await read();
    const start = performance.now();
    const queues = await read();
    expect(performance.now() - start).toBeLessThan(toBound(1000));
    expect(queues.size).toBe(500);
    expect([...queues.values()].every(({ depth }) => depth === 3)).toBe(true);
  });

  it("ignores keys of another type and malformed values", async () => {
    await redis.set("bull:odd:wait", "text");
    await redis.set("bull:odd:delayed", "text");
    await redis.hset("bull:odd:meta", "paused", "no");
    await redis.zadd("bull:odd:failed", Date.now(), "x", "inf", "y");
    await redis.set("bull:odd:x", "no hash");
    await redis.lpush("bull:odd:active", "a");
    await redis.set("bull:wrong:meta", "text");
    await redis.hset("asynq:queues", "a", "b");
    const queues = await read();
    expect(queues.get("odd")).toMatchObject({ depth: 0, active: 1, dead: 2, failuresLastHour: 1, workers: null });
    expect(queues.get("wrong")).toMatchObject({ depth: 0 });
    expect(await first.source.failures(signal())).toMatchObject([
      { queue: "odd", error: "no error text", attempts: null },
    ]);
  });

  it("reports that Redis is away, and reconnects", async () => {
    await redis.hset("bull:back:meta", "opts.maxLenEvents", "10000");
    expect([...(await read()).keys()]).toStrictEqual(["back"]);
    await server.halt();
    const start = performance.now();
    const away = {
      code: "queues_unavailable",
      upstream: "queues:redis",
      message:
        "Redis cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_REDIS_URL",
    };
    await expect(first.source.metrics(signal())).rejects.toMatchObject(away);
    await Promise.all(
      Array.from({ length: 50 }, () => expect(first.source.metrics(signal())).rejects.toMatchObject(away)),
    );
    expect(performance.now() - start).toBeLessThan(toBound(2500));
    await server.start();
    await until(async () => redis.hset("bull:back:meta", "opts.maxLenEvents", "1").then(() => true));
    await until(async () =>
      first.source.metrics(signal()).then(
        () => true,
        () => false,
      ),
    );
    expect((await read()).get("back")).toMatchObject({ depth: 0 });
    expect((await refusal(server.url.replace(server.password, "not-the-password"))).message).toContain(
      "refused the login",
    );
  });

  it("gives up a server that does not answer", async () => {
    await redis.call("CLIENT", "PAUSE", "3000", "ALL");
    const start = performance.now();
    await expect(first.source.metrics(signal())).rejects.toMatchObject({ code: "queues_unavailable" });
    expect(performance.now() - start).toBeLessThan(toBound(2600));
    await redis.call("CLIENT", "UNPAUSE");
    await until(async () =>
      first.source.metrics(signal()).then(
        () => true,
        () => false,
      ),
    );
  });
});

/**
 * What the first read from this address is rejected with; its texts and causes hold no password.
 */
async function refusal(url: string): Promise<{ code: string; message: string }> {
  const own = openRedis(url);
  const [reader] = (await own.all(signal())) as [QueueSource];
  const error = await reader.metrics(signal()).then(
    () => null,
    (reason: unknown) => reason as Error,
  );
  await own.close();
  const { password } = new URL(url);
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    expect(`${one.message} ${JSON.stringify(Object.entries(one))} ${one.stack}`).not.toContain(password);
  }
  return error as unknown as { code: string; message: string };
}

describe("asynq", () => {
  const key = "asynq:{mail}:";
  const seconds = () => Math.floor(Date.now() / 1000);
  beforeEach(async () => {
    await redis.flushall();
    await reopen();
  });
  afterAll(() => first.close());

  it("has the states of tasks, the workers and the paused queues", async () => {
    for (const [n, state] of (["waiting", "waiting", "running", "failed", "done"] as const).entries()) {
      await insertAsynqTask(redis, { id: `t${n}`, queue: "mail", state, dueAgo: 40 - n });
    }
    await insertAsynqTask(redis, { id: "later", queue: "mail", state: "waiting", dueAgo: -600 });
    await redis.zadd(`${key}scheduled`, seconds() - 90, "due");
    await redis.zadd(`${key}retry`, seconds() - 2, "again", seconds() + 600, "later again");
    await redis.set(`${key}paused`, seconds());
    const info = Buffer.concat([
      field(1, "web-1"),
      field(2, 42),
      field(3, "server-id"),
      field(4, 10),
      field(5, Buffer.concat([field(1, "mail"), field(2, 6)])),
      field(5, Buffer.concat([field(1, "other"), field(2, 1)])),
      field(7, "active"),
    ]);
    await redis.zadd(
      "asynq:servers",
      seconds() + 10,
      "asynq:servers:{web-1:42:server-id}",
      seconds() - 10,
      "asynq:servers:{gone}",
    );
    await redis.setex("asynq:servers:{web-1:42:server-id}", 10, info);
    const mail = (await read()).get("mail");
    expect(mail).toMatchObject({
      depth: 4,
      active: 1,
      deferred: 1,
      retrying: 2,
      dead: 1,
      paused: true,
      workers: 1,
      exact: false,
    });
    expect(Math.abs((mail?.oldestAgeSeconds ?? 0) - 90)).toBeLessThan(toBound(3));
    // The one that runs, by the name of its host.
    const worker = Buffer.concat([
      field(1, "web-1"),
      field(4, "t2"),
      field(5, "mail:send"),
      field(7, "mail"),
      field(8, field(1, 1_700_000_000)),
    ]);
    await redis.zadd("asynq:workers", seconds() + 10, "asynq:workers:{web-1:42:server-id}");
    await redis.hset("asynq:workers:{web-1:42:server-id}", "t2", worker);
    const job = {
      queue: "mail",
      source: "redis",
      jobId: "t2",
      kind: "mail:send",
      startedAt: "2023-11-14T22:13:20Z",
      worker: "web-1",
    };
    expect(await first.source.running?.(["web-1", "x"], signal())).toStrictEqual({ jobs: [job], total: 1, unnamed: 0 });
    expect(await first.source.running?.(["web-2"], signal())).toStrictEqual({ jobs: [], total: 0, unnamed: 0 });
  });

  it("finds pending tasks that failed before, while all can be read", async () => {
    const put = async (id: string, retried: number, payload = Buffer.alloc(10)) => {
      await redis.hset(`${key}t:${id}`, { msg: encodeTask({ id, queue: "mail", retried, payload }), state: "pending" });
      await redis.lpush(`${key}pending`, id);
    };
    await redis.sadd("asynq:queues", "mail");
    // What the forwarder has moved when it was due, beside one that is not yet, and one that nobody
    // wrote.
    for (const [id, retried] of [
      ["new", 0],
      ["again", 1],
      ["often", 24],
    ] as const)
      await put(id, retried);
    await redis.lpush(`${key}pending`, "gone");
    await redis.zadd(`${key}retry`, seconds() + 600, "later again");
    expect((await read()).get("mail")).toMatchObject({ depth: 4, retrying: 3, deferred: 0 });
    await put("large", 1, Buffer.alloc(1_100_000));
    expect((await read()).get("mail")).toMatchObject({ depth: 5, retrying: null });
    await redis.lrem(`${key}pending`, 1, "large");
    for (let n = 0; n < 500; n += 1) await redis.lpush(`${key}pending`, `n${n}`);
    expect((await read()).get("mail")).toMatchObject({ depth: 504, retrying: null });
  });

  it("samples its counters, whose processed include the failed", async () => {
    await redis.sadd("asynq:queues", "mail");
    await redis.mset(`${key}processed`, "9007199254740000", `${key}failed`, "50");
    expect((await read()).get("mail")).toMatchObject({
      processedPerSec: null,
      failuresLastHour: null,
      windowSeconds: null,
    });
    await redis.incrby(`${key}processed`, 40);
    await redis.incrby(`${key}failed`, 10);
    const { processedPerSec, windowSeconds, failuresLastHour } = (await readLater()).get("mail") ?? {};
    expect(failuresLastHour).toBe(10);
    expect((processedPerSec ?? 0) * (windowSeconds ?? 0)).toBeCloseTo(30, 5);
  });

  it("has errors of archived and retried tasks, not old or unreadable ones", async () => {
    await redis.sadd("asynq:queues", "mail");
    const put = async (state: "retry" | "archived", id: string, score: number, message: Buffer | string) => {
      await redis.hset(`${key}t:${id}`, { msg: message, state });
      await redis.zadd(key + state, score, id);
    };
    const at = seconds() - 100;
    await put(
      "retry",
      "r1",
      seconds() + 50,
      encodeTask({ id: "r1", queue: "mail", error: "dial tcp: refused", retried: 3, lastFailedAt: at }),
    );
    await put(
      "archived",
      "a1",
      at - 5,
      encodeTask({ id: "a1", queue: "mail", error: "dial tcp: refused", retried: 25, lastFailedAt: at - 5 }),
    );
    await put(
      "retry",
      "old",
      seconds() + 50,
      encodeTask({ id: "old", queue: "mail", error: "old", lastFailedAt: at - 3600 }),
    );
    await put("retry", "junk", seconds() + 50, "\xff\xff\xff");
    const large = encodeTask({
      id: "big",
      queue: "mail",
      error: "large",
      lastFailedAt: at - 9,
      payload: Buffer.alloc(100_000),
    });
    await put("archived", "big", at - 9, large);
    const time = (n: number) => `${new Date(n * 1000).toISOString().slice(0, 19)}Z`;
    expect(await first.source.failures(signal())).toMatchObject([
      {
        error: "dial tcp: refused",
        count: 2,
        attempts: 26,
        jobIds: ["r1", "a1"],
        firstAt: time(at - 5),
        lastAt: time(at),
      },
      { error: "no error text", count: 1, attempts: null, jobIds: ["big"] },
    ]);
  });

  it("works beside BullMQ, also under the same name", async () => {
    await insertAsynqTask(redis, { id: "1", queue: "same", state: "waiting" });
    await insertBullmqJob(redis, { id: "1", queue: "same", state: "running" });
    await insertAsynqTask(redis, { id: "1", queue: "own", state: "failed", error: "boom" });
    const queues = await read();
    expect([...queues.keys()]).toStrictEqual(["asynq:same", "own", "same"].toSorted());
    expect(queues.get("same")).toMatchObject({ depth: 0, active: 1 });
    expect(queues.get("asynq:same")).toMatchObject({ depth: 1, active: 0 });
    expect(await first.source.running?.(["x"], signal())).toStrictEqual({ jobs: [], total: 0, unnamed: 1 });
  });
});
