import { describe, expect, it } from "vitest";
import { createBullmq } from "../../../../../src/queues/systems/redis/bullmq/bullmq.ts";
import type { RedisConnection } from "../../../../../src/queues/systems/redis/connection.ts";
import { createMemoryRedis, type RedisContents } from "../../../../support/memory-redis.ts";

const { signal } = new AbortController();
const now = 1_800_000_000_000;
const ago = (seconds: number) => now - seconds * 1000;
/** The score of a delayed job: its low 12 bits are an order within the millisecond. */
const delayedUntil = (time: number, order = 0) => time * 0x1000 + order;
const name = (queue: string) => Buffer.from(queue).toString("base64");
const event = (id: string, what: string, jobId: string, prev = "") =>
  [id, { event: what, jobId, ...(prev !== "" && { prev }) }] as const;
const job = (seconds: number, more: Record<string, string> = {}) => ({
  timestamp: String(ago(seconds)),
  opts: "{}",
  atm: "0",
  ...more,
});
const failedJob = (attempts: number, more: Record<string, string> = {}) => ({
  ...job(500, { atm: String(attempts), ats: String(attempts), failedReason: "boom" }),
  ...more,
});

/** The keys of the queue `q`, by their ends. */
function toKeys<T>(own: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(own).map(([key, value]) => [`bull:q:${key}`, value]));
}

interface Own {
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  readonly sorted?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly hashes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly events?: readonly (readonly [string, Readonly<Record<string, string>>])[];
  readonly clients?: RedisContents["clients"];
}

function toContents({ lists = {}, sorted = {}, hashes = {}, events = [], clients = "" }: Own): RedisContents {
  const meta = { "bull:q:meta": { "opts.maxLenEvents": "10000" } };
  return {
    lists: toKeys(lists),
    sorted: toKeys(sorted),
    hashes: { ...meta, ...toKeys(hashes) },
    streams: events.length > 0 ? { "bull:q:events": events } : {},
    clients,
  };
}

/** A source that reads the queue as it is at each time. */
function createReader() {
  const redis = createMemoryRedis();
  const system = createBullmq(redis.connection, "bull");
  return {
    system,
    read: async (own: Own, at = now) => {
      redis.fill(toContents(own));
      const [reading] = await system.read(["q"], at, signal);
      if (!reading) throw new Error("no reading");
      return reading;
    },
  };
}
const read = (own: Own, at = now) => createReader().read(own, at);

const empty = {
  depth: 0,
  active: 0,
  deferred: 0,
  retrying: 0,
  dead: 0,
  oldest_age: null,
  paused: 0,
  workers: 0,
  wait_p50: null,
  wait_p95: null,
  run_p50: null,
  run_p95: null,
  processed: 0,
  failures: 0,
  failures_recent: 0,
};

const lastHour = { from: now - 3_600_000, to: now, most: 1000 };

describe("BullMQ", () => {
  it("lists the queues that have a `meta` key", async () => {
    const { connection } = createMemoryRedis({
      hashes: { "bull:q:meta": {}, "bull:a:b:meta": {}, "other:x:meta": {}, "bull:q:1": {} },
    });
    expect((await createBullmq(connection, "bull").discover(signal)).names).toEqual(["q", "a:b"]);
  });

  it("remembers nothing of a read that failed in a later part", async () => {
    const queues = ["q", ...Array.from({ length: 400 }, (_, index) => `other${index}`)];
    const redis = createMemoryRedis();
    let isAway = false;
    const ask: RedisConnection["ask"] = (questions, own) =>
      isAway && questions.some(({ commands }) => commands.some(([, key]) => key === "bull:other399:wait"))
        ? Promise.reject(new Error("away"))
        : redis.connection.ask(questions, own);
    const system = createBullmq({ ...redis.connection, ask }, "bull");
    const entries = [1, 2, 3].map((n) => event(`${ago(10 * (4 - n))}-0`, "completed", `${n}`));
    const readCount = async (count: number) => {
      redis.fill(toContents({ events: entries.slice(0, count) }));
      const [reading] = await system.read(queues, now, signal);
      return reading?.counters.processed;
    };
    expect(await readCount(1)).toBe(0);
    isAway = true;
    await expect(readCount(2)).rejects.toThrow("away");
    isAway = false;
    // The second event was not counted by the failed read.
    expect(await readCount(3)).toBe(2);
  });

  it("has no numbers of a queue without a job", async () => {
    expect(await read({})).toEqual({
      queue: "q",
      measured: empty,
      counters: { processed: 0, failures: 0, since: "events 0" },
      isCut: false,
    });
  });

  it("has waiting, delayed, running and failed jobs, and their durations", async () => {
    const reading = await read({
      lists: { wait: ["w2", "w1"], paused: ["p1"], active: ["a1", "a2"] },
      sorted: {
        prioritized: { h1: 1 },
        delayed: { due: delayedUntil(now, 7), soon: delayedUntil(now + 1), again: delayedUntil(now + 9000) },
        completed: { c1: ago(10), c2: ago(20), edge: ago(300), old: ago(301) },
        failed: { f1: ago(30), f2: ago(300), f3: ago(301), f4: ago(3600), f5: ago(3601) },
      },
      hashes: {
        w1: job(40),
        w2: failedJob(1),
        p1: job(30, { opts: '{"delay":10000}' }),
        h1: job(20),
        due: job(90),
        soon: job(90, { delay: "90001" }),
        again: failedJob(2, { delay: "20000" }),
        c1: job(60, { atm: "1", processedOn: String(ago(40)), finishedOn: String(ago(10)) }),
        c2: job(60, { atm: "1", processedOn: String(ago(50)), finishedOn: String(ago(20)) }),
        edge: job(900, { atm: "2", processedOn: String(ago(310)), finishedOn: String(ago(300)) }),
        meta: { "opts.maxLenEvents": "10000", paused: "1" },
      },
      events: [event(`${ago(9)}-0`, "added", "w1")],
      clients: ["", ":w:one"].map((end) => `id=1 name=bull:${name("q")}${end} age=1`).join("\n"),
    });
    expect(reading).toEqual({
      queue: "q",
      measured: {
        ...empty,
        // Two that wait, one that is paused, one by priority, and one whose delay is over.
        depth: 5,
        active: 2,
        deferred: 1,
        retrying: 2,
        dead: 5,
        oldest_age: 40,
        paused: 1,
        workers: 2,
        wait_p50: 15,
        wait_p95: 19.5,
        run_p50: 30,
        run_p95: 30,
        processed: 3,
        failures: 4 + 1,
        failures_recent: 2 + 1,
      },
      counters: { processed: 0, failures: 0, since: "events 0" },
      isCut: false,
    });
  });

  it("ignores markers of BullMQ 4", async () => {
    const { measured } = await read({ lists: { wait: ["0:5"], paused: ["0:9", "p1"] }, hashes: { p1: job(5) } });
    expect(measured).toMatchObject({ depth: 1, oldest_age: 5, retrying: 0 });
  });

  it("counts by events from the second read on, anew after a gap", async () => {
    const { read: readOwn } = createReader();
    const all = [
      event("1-0", "completed", "x"),
      event(`${ago(50)}-0`, "active", "a"),
      event(`${ago(40)}-0`, "completed", "a"),
      event(`${ago(40)}-1`, "failed", "b"),
      event(`${ago(30)}-0`, "active", "c"),
      event(`${ago(29)}-0`, "delayed", "c"),
    ];
    const counters = async (events: Own["events"], seconds: number) =>
      (await readOwn({ events: events ?? [], hashes: { c: failedJob(1) } }, now + seconds * 1000)).counters;
    expect(await counters(all.slice(0, 1), -60)).toEqual({ processed: 0, failures: 0, since: "events 0" });
    expect(await counters(all.slice(0, 4), 0)).toEqual({ processed: 1, failures: 1, since: "events 0" });
    expect(await counters(all, 1)).toEqual({ processed: 1, failures: 2, since: "events 0" });
    expect(await counters([event(`${ago(1)}-0`, "completed", "d")], 2)).toEqual({
      processed: 2,
      failures: 2,
      since: "events 1",
    });
  });

  it("counts by the workers' metrics if they are on", async () => {
    const { read: readOwn } = createReader();
    const counters = async (hashes: NonNullable<Own["hashes"]>) => (await readOwn({ hashes })).counters;
    const completed = { "metrics:completed": { count: "70" } };
    expect(await counters(completed)).toEqual({ processed: 70, failures: 0, since: "metrics" });
    expect(await counters({ ...completed, "metrics:failed": { count: "7" } })).toEqual({
      processed: 70,
      failures: 7,
      since: "metrics",
    });
    expect(await counters({ "metrics:failed": { count: "7" } })).toMatchObject({ since: "events 0" });
  });

  it("has unknown workers if a job runs and no connection has a name", async () => {
    const workers = async (own: Own) => (await read(own)).measured.workers;
    expect(await workers({ lists: { active: ["a"] } })).toBeNull();
    expect(await workers({})).toBe(0);
    expect(await workers({ lists: { active: ["a"] }, clients: `a name=bull:${name("q")} b` })).toBe(1);
    expect(await workers({ clients: new Error("NOPERM") })).toBeNull();
  });

  it("has a lower bound if there are more jobs than are read", async () => {
    const ids = (count: number) => Array.from({ length: count }, (_, n) => `j${n}`);
    const delayed = (count: number) => ({
      delayed: Object.fromEntries(ids(count).map((id) => [id, delayedUntil(now + 1000)])),
    });
    expect(await read({ sorted: delayed(1000) })).toMatchObject({
      isCut: false,
      measured: { deferred: 1000, retrying: 0 },
    });
    expect(await read({ sorted: delayed(1001) })).toMatchObject({
      isCut: true,
      measured: { deferred: null, retrying: null },
    });
    expect(await read({ lists: { wait: ids(1000) } })).toMatchObject({
      isCut: false,
      measured: { depth: 1000, retrying: 0 },
    });
    expect(await read({ lists: { wait: ids(1001) } })).toMatchObject({
      isCut: false,
      measured: { depth: 1001, retrying: null },
    });
  });

  it("has no successes or failures of a window with missing rows", async () => {
    const { read: readOwn } = createReader();
    const rows = (own: Own["sorted"]) => readOwn({ sorted: own ?? {} });
    expect(
      await rows({ completed: { a: ago(200), b: ago(100) }, failed: { c: ago(3000), d: ago(100) } }),
    ).toMatchObject({
      measured: { processed: 2, failures: 2, failures_recent: 1 },
    });
    const gone = await rows({ completed: { b: ago(100) }, failed: { d: ago(100) } });
    expect(gone.measured).not.toHaveProperty("processed");
    expect(gone.measured).not.toHaveProperty("failures");
    expect(gone.measured).not.toHaveProperty("failures_recent");
  });

  it("lacks the row of a job that has just ended", async () => {
    const missing = (what: string) => read({ events: [event(`${ago(20)}-0`, what, "gone")] });
    const [completed, failed] = await Promise.all([missing("completed"), missing("failed")]);
    expect(completed.measured).toMatchObject({ failures: 0 });
    expect(completed.measured).not.toHaveProperty("processed");
    expect(failed.measured).toMatchObject({ processed: 0 });
    expect(failed.measured).not.toHaveProperty("failures");
    const there = await read({
      sorted: { completed: { c: ago(20) }, failed: { f: ago(20) } },
      events: [event(`${ago(20)}-0`, "completed", "c"), event(`${ago(20)}-1`, "failed", "f")],
    });
    expect(there.measured).toMatchObject({ processed: 1, failures: 1 });
  });

  it("counts repeated attempts by events, or by rows of delayed jobs", async () => {
    const events = [
      event(`${ago(400)}-0`, "active", "r"),
      event(`${ago(399)}-0`, "waiting", "r", "failed"),
      event(`${ago(9)}-0`, "added", "s"),
    ];
    const byEvents = await read({ events, lists: { wait: ["r"] }, hashes: { r: failedJob(1) } });
    expect(byEvents).toMatchObject({
      measured: { failures: 1, failures_recent: 0, retrying: 1 },
      counters: { failures: 1 },
      isCut: false,
    });
    const delayed = (...waits: number[]) => ({
      sorted: { delayed: Object.fromEntries(waits.map((_, n) => [`d${n}`, delayedUntil(now + 60_000)])) },
      hashes: Object.fromEntries(
        waits.map((seconds, n) => [`d${n}`, failedJob(1, { delay: String(60_000 + seconds * 1000) })]),
      ),
    });
    expect((await read(delayed(299, 300, 3599, 3600, -1))).measured).toMatchObject({
      failures: 3,
      failures_recent: 1,
      retrying: 5,
    });
  });

  it("has a lower bound if the events do not reach back an hour", async () => {
    const trimmed = (oldest: number) => ({
      hashes: { meta: { "opts.maxLenEvents": "1" } },
      events: [event(`${ago(oldest)}-0`, "added", "x")],
    });
    expect((await read(trimmed(3600))).isCut).toBe(false);
    expect((await read(trimmed(3599))).isCut).toBe(true);
  });

  it.each<[string, Record<string, string>, number | null]>([
    ["waited since it was made", job(9), 9],
    ["was delayed at first", job(9, { opts: '{"delay":4000}' }), 5],
    ["has a delay that is none", job(9, { opts: '{"delay":-4000}' }), 9],
    ["has a delay that is no number", job(9, { opts: '{"delay":"4000"}' }), 9],
    ["has options that are no JSON", job(9, { opts: '{"delay"' }), 9],
    ["has no options", { timestamp: String(ago(9)), atm: "0" }, 9],
    ["will be made in the future", job(-9), 0],
    ["failed before", job(9, { atm: "1" }), null],
    ["failed before, of BullMQ 4", { timestamp: String(ago(9)), attemptsMade: "1" }, null],
    ["has no time", { opts: "{}" }, null],
  ])("is as old as the next job that %s", async (_what, next, age) => {
    expect((await read({ lists: { wait: ["n"] }, hashes: { n: next } })).measured.oldest_age).toBe(age);
  });

  it("is as old as the first delayed job that is due", async () => {
    const delayed = (...times: number[]) => ({
      delayed: Object.fromEntries(times.map((time, n) => [`d${n}`, delayedUntil(time)])),
    });
    const age = async (...times: number[]) => (await read({ sorted: delayed(...times) })).measured.oldest_age;
    expect([await age(ago(9), ago(4)), await age(now), await age(now + 1)]).toEqual([9, 0, null]);
    expect(
      (await read({ sorted: delayed(ago(9)), lists: { wait: ["w"] }, hashes: { w: job(20) } })).measured.oldest_age,
    ).toBe(20);
  });

  it("finds missing rows and retries in its first read", async () => {
    const failing = [event(`${ago(700)}-0`, "active", "r"), event(`${ago(600)}-0`, "delayed", "r")];
    // More than the fifty events that a first look takes.
    const later = Array.from({ length: 60 }, (_, n) => event(`${ago(60 - n)}-0`, "added", `n${n}`));
    const ended = event(`${ago(200)}-0`, "completed", "gone");
    const { measured } = await read({ events: [...failing, ended, ...later], hashes: { r: failedJob(1) } });
    expect(measured).toMatchObject({ failures: 1, failures_recent: 0 });
    expect(measured).not.toHaveProperty("processed");
  });

  it("does not search the past twice, and continues with what it read", async () => {
    const redis = createMemoryRedis(toContents({ events: [event("5-1", "added", "x")] }));
    const system = createBullmq(redis.connection, "bull");
    const streams = async () => {
      redis.commands.length = 0;
      await system.read(["q"], now, signal);
      return redis.commands.filter(([command]) => command.startsWith("x"));
    };
    const always = [
      ["xrange", "bull:q:events", "-", "+", "COUNT", 1],
      ["xlen", "bull:q:events"],
    ];
    expect(await streams()).toEqual([
      ["xrevrange", "bull:q:events", "+", "-", "COUNT", 50],
      ...always,
      ["xrange", "bull:q:events", now - 299_000, "+", "COUNT", 10_000],
      ["xrange", "bull:q:events", now - 3_599_000, "+", "COUNT", 10_000],
      ["xrange", "bull:q:events", now - 3_600_000, "5-1", "COUNT", 10_000],
    ]);
    expect(await streams()).toEqual([["xrange", "bull:q:events", "(5-1", "+", "COUNT", 10_000], ...always]);
  });

  it("takes an empty stream as possibly incomplete", async () => {
    const { read: readOwn } = createReader();
    await readOwn({});
    const own = { hashes: { meta: { "opts.maxLenEvents": "1" } }, events: [event(`${ago(10)}-0`, "added", "x")] };
    expect((await readOwn(own)).isCut).toBe(true);
    // From then on each look joins the one before.
    const next = await readOwn(
      { ...own, events: [...own.events, event(`${ago(5)}-0`, "added", "y")] },
      now + 3_600_000,
    );
    expect(next.isCut).toBe(false);
  });

  it("reads a queue's keys, and no more rows than it uses", async () => {
    const { connection, commands } = createMemoryRedis();
    await createBullmq(connection, "bull").read(["q"], now, signal);
    expect(commands.filter(([command]) => !command.startsWith("x"))).toEqual([
      ["client", "LIST"],
      ["llen", "bull:q:wait"],
      ["llen", "bull:q:paused"],
      ["zcard", "bull:q:prioritized"],
      ["llen", "bull:q:active"],
      ["zcard", "bull:q:delayed"],
      ["zcount", "bull:q:delayed", "-inf", (now + 1) * 4096 - 1],
      ["zcard", "bull:q:failed"],
      ["zcount", "bull:q:completed", ago(300), now],
      ["zcount", "bull:q:failed", ago(3600), now],
      ["zcount", "bull:q:failed", ago(300), now],
      ["hexists", "bull:q:meta", "paused"],
      ["hmget", "bull:q:metrics:completed", "count"],
      ["hmget", "bull:q:metrics:failed", "count"],
      ["lrange", "bull:q:wait", -1000, -1],
      ["lrange", "bull:q:paused", -1000, -1],
      ["zrange", "bull:q:prioritized", 0, 999],
      ["zrange", "bull:q:delayed", 0, 999, "WITHSCORES"],
      ["zrevrangebyscore", "bull:q:completed", now, ago(300), "LIMIT", 0, 100],
      ["zrange", "bull:q:completed", 0, 0, "WITHSCORES"],
      ["zrange", "bull:q:failed", 0, 0, "WITHSCORES"],
      ["hmget", "bull:q:meta", "opts.maxLenEvents"],
    ]);
    commands.length = 0;
    await createBullmq(connection, "bull").failures(["q"], lastHour, signal);
    expect(commands).toEqual([
      ["zrevrangebyscore", "bull:q:failed", now, ago(3600), "WITHSCORES", "LIMIT", 0, 1000],
      ["zrange", "bull:q:delayed", 0, 999, "WITHSCORES"],
    ]);
  });

  it("finds its age at the next jobs of each list alone", async () => {
    const ids = ["old", "n5", "n4", "n3", "n2", "n1"];
    const hashes = Object.fromEntries(ids.map((id, index) => [id, job(index === 0 ? 900 : 10)]));
    expect((await read({ lists: { wait: ids }, hashes })).measured.oldest_age).toBe(10);
    expect((await read({ lists: { wait: ids.slice(0, 5) }, hashes })).measured.oldest_age).toBe(900);
    expect((await read({ lists: { paused: ids.slice(0, 5) }, hashes })).measured.oldest_age).toBe(900);
  });

  it.each<[string, Record<string, string>, number]>([
    ["BullMQ 5", { atm: "2" }, 1],
    ["BullMQ 4, with a reason", { attemptsMade: "2", failedReason: "x" }, 1],
    ["BullMQ 4, that was put off or lost its worker", { attemptsMade: "2" }, 0],
    ["neither", { failedReason: "x" }, 0],
  ])("takes a job of %s that waits for one of %j retries", async (_what, row, retrying) => {
    expect((await read({ lists: { wait: ["w"] }, hashes: { w: row } })).measured.retrying).toBe(retrying);
  });

  it("has failures of the last hour, and delayed retries", async () => {
    const redis = createMemoryRedis(
      toContents({
        sorted: {
          failed: { f: ago(5), bare: ago(6), edge: ago(3600), late: now + 1 },
          delayed: { d: delayedUntil(now + 5000, 3), never: delayedUntil(now + 6000) },
        },
        hashes: {
          f: failedJob(3, { pb: "web-1" }),
          edge: failedJob(1),
          d: failedJob(1, { delay: "15000" }),
          never: job(9, { delay: "1000" }),
        },
      }),
    );
    const bullmq = createBullmq(redis.connection, "bull");
    const { failures, isCut } = await bullmq.failures(["q", "none"], lastHour, signal);
    expect(failures).toEqual([
      { queue: "q", id: "f", error: "boom", worker: "web-1", attempts: 3, at: ago(5) },
      { queue: "q", id: "bare", error: "", worker: null, attempts: null, at: ago(6) },
      { queue: "q", id: "d", error: "boom", worker: null, attempts: 1, at: ago(10) },
    ]);
    expect(isCut).toBe(false);
    // Of any age, and with as many rows as may be read.
    const all = { from: -Infinity, to: now, most: 4 };
    const whole = await bullmq.failures(["q"], all, signal);
    expect([whole.failures.map(({ id }) => id), whole.isCut]).toEqual([["f", "bare", "edge", "d"], false]);
    expect((await bullmq.failures(["q"], { ...all, most: 3 }, signal)).isCut).toBe(true);
  });

  it("has the number of running jobs with unknown workers", async () => {
    const { connection } = createMemoryRedis({
      lists: { "bull:a:active": ["1", "2"], "bull:b:active": ["3"], "bull:c:active": ["4"] },
    });
    expect(await createBullmq(connection, "bull").running(["a", "b"], now, signal)).toEqual({ named: [], unnamed: 3 });
  });
});
