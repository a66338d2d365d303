import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type RunningRedis, startRedis } from "../../script/services/redis.ts";
import type { QueueSource } from "../../src/queues/queue.ts";
import { describeQueueSource } from "../contracts/queue-source.ts";
import { toBound } from "../support/bound.ts";
import { connectRedis, createRedisBackend, createRedisReader, insertBullmqJob, openRedis } from "../support/redis.ts";
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

const byError = (a: { error: string }, b: { error: string }) => (a.error < b.error ? -1 : 1);

const noNumbers = { bigIds: true };
describe("BullMQ's keys", () => {
  describeQueueSource("redis", () =>
    createRedisBackend(server, { system: "bullmq", abilities: noNumbers, insert: insertBullmqJob }),
  );
});
const first = createRedisReader(() => server.url);
const { read, readLater, reopen } = first;

describe("real workers of BullMQ", () => {
  const opened: { close(): Promise<unknown> }[] = [];
  const connection = () => ({
    host: "127.0.0.1",
    port: server.port,
    password: server.password,
    maxRetriesPerRequest: null,
  });
  const openQueue = (name: string) => {
    const queue = new Queue(name, { connection: connection() });
    opened.push(queue);
    return queue;
  };
  /** Jobs called "ok" succeed, others fail with their name and their id as text. */
  const openWorker = (name: string, options: object = {}) => {
    const worker = new Worker(
      name,
      async (job) => {
        if (job.name !== "ok") throw new Error(`${job.name} ${job.id}`);
        return job.name;
      },
      { connection: connection(), ...options },
    );
    worker.on("error", () => {});
    opened.push(worker);
    return worker;
  };
  beforeEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await redis.flushall();
    await reopen();
  });
  afterAll(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await first.close();
  });

  it("are detected by address and exact while all rows exist", async () => {
    const queue = openQueue("payouts");
    for (let n = 0; n < 7; n += 1) await queue.add("ok", {});
    for (let n = 0; n < 3; n += 1) await queue.add("bank refused", {}, { jobId: `bad-${n}` });
    await queue.add("later", {}, { delay: 600_000 });
    await queue.add("soon", {}, { priority: 5 });
    await queue.pause();
    expect(first.source).toMatchObject({ name: "redis", kind: "redis", env: "staging" });
    expect((await read()).get("payouts")).toMatchObject({
      depth: 11,
      deferred: 1,
      active: 0,
      dead: 0,
      paused: true,
      workers: 0,
      exact: true,
    });
    await queue.remove((await queue.getPrioritized())[0]?.id ?? "");
    openWorker("payouts", { concurrency: 4 });
    await queue.resume();
    await until(async () => (await queue.getCompletedCount()) === 7 && (await queue.getFailedCount()) === 3);
    expect((await read()).get("payouts")).toMatchObject({
      depth: 0,
      processedPerSec: 7 / 300,
      failuresLastHour: 3,
      failuresRecent: 3,
      dead: 3,
      deferred: 1,
      retrying: 0,
      paused: false,
      workers: 1,
      exact: true,
      windowSeconds: null,
      oldestAgeSeconds: null,
    });
    const { waitSeconds, runSeconds } = (await read()).get("payouts") ?? {};
    expect(waitSeconds?.p50).toBeLessThan(10);
    expect(runSeconds?.p95).toBeLessThan(toBound(2));
    const failures = await first.source.failures(signal());
    const rows = failures
      .toSorted(byError)
      .map(({ error, jobIds, attempts, count }) => [error, jobIds, attempts, count]);
    expect(rows).toStrictEqual([
      ["bank refused bad-0", ["bad-0"], 1, 1],
      ["bank refused bad-1", ["bad-1"], 1, 1],
      ["bank refused bad-2", ["bad-2"], 1, 1],
    ]);
  });

  it("know which ready jobs failed before, while all can be read", async () => {
    const queue = openQueue("mail");
    await queue.add("at once", {}, { attempts: 3 });
    await queue.add("at once", {}, { attempts: 3, priority: 7 });
    await queue.add("soon", {}, { attempts: 3, backoff: 1000 });
    await queue.add("later", {}, { attempts: 3, backoff: 600_000 });
    const worker = new Worker(
      "mail",
      async (job) => {
        // The last of them: what failed waits, and nobody takes it.
        if ((await queue.getActiveCount()) === 4) await queue.pause();
        await until(async () => queue.isPaused());
        throw new Error(job.name);
      },
      { connection: connection(), concurrency: 4 },
    );
    worker.on("error", () => {});
    opened.push(worker);
    await until(async () => (await queue.getActiveCount()) === 0 && (await queue.getDelayedCount()) === 2);
    for (let n = 0; n < 3; n += 1) await queue.add("ok", {});
    await until(async () => (await read()).get("mail")?.depth === 6);
    expect((await read()).get("mail")).toMatchObject({ depth: 6, retrying: 4, deferred: 0, dead: 0, paused: true });
    await queue.addBulk(Array.from({ length: 1000 }, () => ({ name: "ok", data: {} })));
    expect((await read()).get("mail")).toMatchObject({ depth: 1006, retrying: null });
  });

  it("have BullMQ 4's attempts, counted at their start, without markers", async () => {
    // As 4.18.3 writes them: one failed and waits for its delay, one was put off by itself, one
    // lost its worker, one failed and may run at once.
    const now = Date.now();
    const job = async (id: string, more: Record<string, string | number>) =>
      redis.hset(`bull:old:${id}`, {
        name: "J",
        data: "{}",
        opts: '{"attempts":5}',
        timestamp: now - 9000,
        priority: 0,
        delay: 0,
        ...more,
      });
    await redis.hset("bull:old:meta", { "opts.maxLenEvents": "10000" });
    await job("1", { delay: 100_000, attemptsMade: 1, failedReason: "later", processedOn: now - 5000 });
    await job("2", { delay: 600_000, attemptsMade: 1, processedOn: now - 5000 });
    await job("3", { attemptsMade: 1, processedOn: now - 8000 });
    await job("4", { attemptsMade: 2, failedReason: "again", processedOn: now - 8000 });
    await job("5", { attemptsMade: 3, failedReason: "for good", processedOn: now - 8000, finishedOn: now - 7000 });
    await redis.zadd("bull:old:delayed", (now + 95_000) * 0x1000, "1", (now + 595_000) * 0x1000, "2");
    await redis.rpush("bull:old:wait", `0:${now + 95_000}`, "3", "4");
    await redis.zadd("bull:old:failed", now - 7000, "5");
    expect((await read()).get("old")).toMatchObject({
      depth: 2,
      deferred: 1,
      retrying: 2,
      dead: 1,
      failuresLastHour: 2,
    });
    const failures = (await first.source.failures(signal())).toSorted(byError);
    expect(failures.map(({ error, attempts, jobIds }) => [error, attempts, jobIds])).toStrictEqual([
      ["for good", 3, ["5"]],
      ["later", 1, ["1"]],
    ]);
  });

  it("separate retries from waiting and dead jobs", async () => {
    const queue = openQueue("mail");
    await queue.add("smtp down", {}, { jobId: "slow", attempts: 3, backoff: 600_000 });
    await queue.add("smtp down", {}, { jobId: "quick", attempts: 2, backoff: 10 });
    await queue.add("later", {}, { delay: 600_000 });
    openWorker("mail", { name: "host-1" });
    await until(async () => (await queue.getDelayedCount()) === 2 && (await queue.getFailedCount()) === 1);
    expect((await read()).get("mail")).toMatchObject({
      depth: 0,
      deferred: 1,
      retrying: 1,
      dead: 1,
      failuresLastHour: 3,
      failuresRecent: 3,
      exact: true,
      workers: 1,
    });
    const failures = await first.source.failures(signal());
    expect(failures.toSorted(byError).map(({ error, attempts, worker }) => [error, attempts, worker])).toStrictEqual([
      ["smtp down quick", 2, "host-1"],
      ["smtp down slow", 1, "host-1"],
    ]);
    for (const { firstAt, lastAt } of failures) {
      expect(Math.abs(Date.parse(lastAt) - Date.now())).toBeLessThan(toBound(5000));
      expect(firstAt).toBe(lastAt);
    }
  });

  it("count each failed attempt, repeated at once or after a delay", async () => {
    const queue = openQueue("tried");
    for (let n = 0; n < 12; n += 1) {
      const [backoff] = [[], [{ backoff: 20 }], [{ backoff: 600_000 }]][n % 3] as [object?];
      await queue.add(n < 9 ? "bad" : "ok", {}, { attempts: 4, ...(n % 4 === 0 && { priority: 2 }), ...backoff });
    }
    await queue.add("later", {}, { attempts: 4, delay: 600_000 });
    const count = { ok: 0, bad: 0 };
    const isOver = async () =>
      (await queue.getJobCountByTypes("wait", "prioritized", "active")) === 0 &&
      (await queue.getDelayedCount()) === 4 &&
      (await queue.getFailedCount()) + (await queue.getCompletedCount()) === count.ok + 6;
    const worker = openWorker("tried", { concurrency: 3 });
    worker.on("completed", () => (count.ok += 1));
    worker.on("failed", () => (count.bad += 1));
    await until(isOver);
    expect(count).toStrictEqual({ ok: 3, bad: 6 * 4 + 3 });
    const counted = { failuresLastHour: 27, failuresRecent: 27, processedPerSec: 3 / 300, dead: 6, exact: true };
    // By one that was not there before, and again.
    for (let look = 0; look < 2; look += 1) expect((await read()).get("tried")).toMatchObject(counted);
    // One more, seen as it happens; and those that went from delayed to waiting are still counted.
    await queue.add("bad", {}, { attempts: 3 });
    await until(async () => count.bad === 30);
    expect((await read()).get("tried")).toMatchObject({ failuresLastHour: 30, exact: true });
    await worker.close();
    await queue.promoteJobs();
    expect((await read()).get("tried")).toMatchObject({ failuresLastHour: 30, retrying: 3, deferred: 0, exact: true });
  });

  it("count no job as failed that was delayed by a rate limit", async () => {
    const queue = openQueue("limited");
    await queue.add("ok", {}, { attempts: 3 });
    await queue.add("bad", {});
    let isFirst = true;
    const worker = new Worker(
      "limited",
      async (job) => {
        if (job.name === "bad") throw new Error("bad");
        if (!isFirst) return;
        isFirst = false;
        await worker.rateLimit(50);
        throw Worker.RateLimitError();
      },
      { connection: connection(), limiter: { max: 100, duration: 10 } },
    );
    worker.on("error", () => {});
    opened.push(worker);
    await until(async () => (await queue.getCompletedCount()) === 1 && (await queue.getFailedCount()) === 1);
    expect((await read()).get("limited")).toMatchObject({ failuresLastHour: 1, processedPerSec: 1 / 300, exact: true });
  });

  it("report possible further failures where events are too short", async () => {
    const queue = new Queue("short", { connection: connection(), streams: { events: { maxLen: 20 } } });
    opened.push(queue);
    await queue.waitUntilReady();
    openWorker("short");
    // So that no row of the hour is missing.
    await redis.zadd("bull:short:failed", Date.now() - 3_601_000, "long-ago");
    for (let n = 0; n < 100; n += 1) await queue.add("bad", {}, { attempts: 3 });
    await until(async () => (await queue.getFailedCount()) === 101);
    const { failuresLastHour, exact } = (await read()).get("short") ?? {};
    expect(exact).toBe(false);
    expect(failuresLastHour).toBeGreaterThanOrEqual(100);
    expect(failuresLastHour).toBeLessThan(300);
  });

  it("are sampled from the events where finished jobs are removed", async () => {
    const queue = openQueue("removed");
    await queue.add("ok", {}, { removeOnComplete: true, removeOnFail: true });
    openWorker("removed");
    await until(
      async () =>
        (await queue.getJobCountByTypes("wait", "active")) === 0 && (await redis.xlen("bull:removed:events")) > 3,
    );
    expect((await read()).get("removed")).toMatchObject({ processedPerSec: null, exact: false, windowSeconds: null });
    for (let n = 0; n < 24; n += 1)
      await queue.add(n % 4 === 0 ? "bad" : "ok", {}, { removeOnComplete: true, removeOnFail: true });
    await until(async () => (await queue.getJobCountByTypes("wait", "active")) === 0);
    const { processedPerSec, failuresLastHour, windowSeconds, exact, dead } = (await readLater()).get("removed") ?? {};
    expect((processedPerSec ?? 0) * (windowSeconds ?? 0)).toBeCloseTo(18, 5);
    expect(windowSeconds).toBeGreaterThan(120);
    expect([failuresLastHour, dead, exact]).toStrictEqual([6, 0, false]);
  });

  it("are known to remove rows by number", async () => {
    const queue = openQueue("few");
    openWorker("few");
    const add = async (n: number) => {
      for (let one = 0; one < n; one += 1) await queue.add("ok", {}, { removeOnComplete: 5 });
      await until(async () => (await queue.getJobCountByTypes("wait", "active")) === 0);
    };
    await add(4);
    expect((await read()).get("few")).toMatchObject({ processedPerSec: 4 / 300, exact: true });
    await add(20);
    const { exact, processedPerSec, windowSeconds } = (await readLater()).get("few") ?? {};
    expect(exact).toBe(false);
    expect((processedPerSec ?? 0) * (windowSeconds ?? 0)).toBeCloseTo(20, 5);
  });

  it("count no rows whose oldest went before the first read", async () => {
    const queue = openQueue("kept");
    const add = async (name: string, n: number) => {
      await queue.addBulk(Array.from({ length: n }, () => ({ name, data: {} })));
      await until(async () => (await queue.getJobCountByTypes("wait", "active")) === 0);
    };
    openWorker("kept", { concurrency: 5, removeOnComplete: { count: 20 }, removeOnFail: { count: 20 } });
    await add("ok", 60);
    await add("bad", 60);
    expect(await queue.getJobCounts("completed", "failed")).toStrictEqual({ completed: 20, failed: 20 });
    for (let look = 0; look < 2; look += 1) {
      expect((await read()).get("kept")).toMatchObject({ processedPerSec: null, failuresLastHour: null, exact: false });
    }
    await add("ok", 10);
    const { exact, processedPerSec, windowSeconds } = (await readLater()).get("kept") ?? {};
    expect(exact).toBe(false);
    expect((processedPerSec ?? 0) * (windowSeconds ?? 0)).toBeCloseTo(10, 5);
  });

  it("count no rows whose oldest went between two reads", async () => {
    const queue = openQueue("burst");
    await queue.add("later", {}, { delay: 600_000 });
    expect((await read()).get("burst")).toMatchObject({ processedPerSec: 0, failuresLastHour: 0, exact: true });
    openWorker("burst", { concurrency: 5, removeOnComplete: { count: 20 } });
    await queue.addBulk(Array.from({ length: 60 }, () => ({ name: "ok", data: {} })));
    await until(async () => (await queue.getJobCountByTypes("wait", "active")) === 0);
    const { exact, processedPerSec, windowSeconds } = (await readLater()).get("burst") ?? {};
    expect(exact).toBe(false);
    expect((processedPerSec ?? 0) * (windowSeconds ?? 0)).toBeCloseTo(60, 5);
  });

  it("trust the first read's rows only as far as the events reach", async () => {
    const queue = new Queue("trimmed", { connection: connection(), streams: { events: { maxLen: 100 } } });
    opened.push(queue);
    await queue.waitUntilReady();
    openWorker("trimmed", { concurrency: 5, removeOnComplete: { count: 250 }, removeOnFail: { count: 250 } });
    const add = async (name: string, n: number) => {
      await queue.addBulk(Array.from({ length: n }, () => ({ name, data: {} })));
      await until(async () => (await queue.getJobCountByTypes("wait", "active")) === 0);
    };
    await add("ok", 10);
    await add("bad", 10);
    expect((await read()).get("trimmed")).toMatchObject({
      processedPerSec: 10 / 300,
      failuresLastHour: 10,
      exact: true,
    });
    await add("bad", 290);
    await add("ok", 290);
    expect(await redis.xlen("bull:trimmed:events")).toBeLessThan(400);
    await reopen();
    expect((await read()).get("trimmed")).toMatchObject({
      processedPerSec: null,
      failuresLastHour: null,
      exact: false,
    });
  });

  it("need no events where the oldest row is from before the window", async () => {
    const queue = new Queue("busy", { connection: connection(), streams: { events: { maxLen: 20 } } });
    opened.push(queue);
    await queue.waitUntilReady();
    openWorker("busy");
    for (const [ending, ago] of [
      ["completed", 301_000],
      ["failed", 3_601_000],
    ] as const) {
      await redis.hset(`bull:busy:${ending}-long-ago`, "name", "ok");
      await redis.zadd(`bull:busy:${ending}`, Date.now() - ago, `${ending}-long-ago`);
    }
    await queue.addBulk(Array.from({ length: 200 }, (_, n) => ({ name: n % 4 === 0 ? "bad" : "ok", data: {} })));
    await until(async () => (await queue.getJobCountByTypes("wait", "active")) === 0);
    // Attempts that were repeated would be in the events alone.
    expect((await read()).get("busy")).toMatchObject({
      processedPerSec: 150 / 300,
      failuresLastHour: 50,
      exact: false,
    });
  });

  it("prefer the counters of the workers' metrics", async () => {
    const queue = openQueue("metered");
    openWorker("metered", { metrics: { maxDataPoints: 60 } });
    const add = async (n: number) => {
      for (let one = 0; one < n; one += 1) await queue.add("ok", {}, { removeOnComplete: true });
      await until(async () => (await queue.getJobCountByTypes("wait", "active")) === 0);
    };
    await add(3);
    await read();
    await redis.del("bull:metered:events");
    await add(10);
    const { processedPerSec, windowSeconds } = (await readLater()).get("metered") ?? {};
    expect((processedPerSec ?? 0) * (windowSeconds ?? 0)).toBeCloseTo(10, 5);
  });

  it("count due delayed jobs, with their waiting time", async () => {
    const queue = openQueue("delayed");
    await queue.add("ok", {}, { delay: 300 });
    await queue.add("ok", {}, { timestamp: Date.now() - 90_000 });
    await queue.add("ok", {}, { timestamp: Date.now() - 200_000, priority: 3 });
    await until(async () => ((await read()).get("delayed")?.depth ?? 0) === 3);
    const { oldestAgeSeconds, deferred } = (await read()).get("delayed") ?? {};
    expect(Math.abs((oldestAgeSeconds ?? 0) - 200)).toBeLessThan(toBound(5));
    expect(deferred).toBe(0);
  });

  it("are read with another prefix, also one for a cluster", async () => {
    const queue = new Queue("braced", { connection: connection(), prefix: "{b*ll}" });
    opened.push(queue);
    await queue.add("ok", {});
    const own = openRedis(server.url, {
      sources: [{ name: "q", kind: "redis", prefix: "{b*ll}", systems: ["bullmq"] }],
      detect: false,
    });
    const [only] = (await own.all(signal())) as [QueueSource];
    expect(await only.metrics(signal())).toMatchObject([{ name: "braced", depth: 1, source: "q" }]);
    await own.close();
    expect([...(await read()).keys()]).toStrictEqual([]);
  });
});
