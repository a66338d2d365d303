import { describe, expect, it } from "vitest";
import { createAsynq } from "../../../../src/queues/systems/redis/asynq.ts";
import { createMemoryRedis, type RedisContents } from "../../../support/memory-redis.ts";
import { encodeTask, field } from "../../../support/redis.ts";

const { signal } = new AbortController();
const second = 1_800_000_000;
/** Late in its second: scores are whole ones. */
const now = second * 1000 + 900;
const day = new Date(now).toISOString().slice(0, 10);

const server = (state: string, ...queues: string[]) =>
  Buffer.concat([field(7, state), ...queues.map((queue) => field(5, Buffer.concat([field(1, queue), field(2, 1)])))]);
const task = (retried: number) => ({ msg: encodeTask({ id: "x", queue: "mail", retried }) });

const full: RedisContents = {
  sets: { "asynq:queues": ["mail", "push"] },
  lists: { "asynq:{mail}:pending": ["p3", "p2", "p1"], "asynq:{mail}:active": ["a1", "a2"] },
  sorted: {
    "asynq:{mail}:scheduled": { s1: second - 50, s2: second, s3: second + 1, s4: second + 9 },
    "asynq:{mail}:retry": { r1: second - 20, r2: second + 5 },
    "asynq:{mail}:archived": { d1: second, d2: second, d3: second },
    "asynq:servers": { gone: second - 1, one: second, two: second + 30, three: second + 30 },
  },
  hashes: {
    "asynq:{mail}:t:p1": { ...task(0), pending_since: `${(second - 70) * 1e3}000000` },
    "asynq:{mail}:t:p2": task(2),
    "asynq:{mail}:t:p3": task(1),
  },
  texts: {
    "asynq:{mail}:processed": "100",
    "asynq:{mail}:failed": "30",
    [`asynq:{mail}:processed:${day}`]: "5",
    "asynq:{mail}:paused": "1",
    gone: server("active", "mail"),
    one: server("active", "mail", "push"),
    two: server("stopped", "mail"),
    three: server("active", "push"),
  },
};

async function read(contents: RedisContents, at = now, queues = ["mail"]) {
  return createAsynq(createMemoryRedis(contents).connection).read(queues, at, signal);
}
const readMail = async (contents: RedisContents, at = now) => (await read({ ...full, ...contents }, at))[0]?.measured;

const hourUntil = (to: number) => ({ from: to - 3_600_000, to, most: 1000 });

describe("asynq", () => {
  it("lists its queues", async () => {
    expect(await createAsynq(createMemoryRedis(full).connection).discover(signal)).toEqual({
      names: ["mail", "push"],
      surplus: 0,
    });
    expect(await createAsynq(createMemoryRedis().connection).discover(signal)).toEqual({ names: [], surplus: 0 });
  });

  it("does not list more than 10,000", async () => {
    const queues = Array.from({ length: 10_001 }, (_, index) => `q${index}`);
    const redis = createMemoryRedis({ sets: { "asynq:queues": queues } });
    expect(await createAsynq(redis.connection).discover(signal)).toEqual({ names: [], surplus: 10_001 });
    expect(redis.commands).toEqual([["scard", "asynq:queues"]]);
  });

  it("has waiting, running and failed tasks and workers of each queue", async () => {
    expect(await read(full, now, ["push", "mail"])).toEqual([
      {
        queue: "push",
        measured: {
          depth: 0,
          active: 0,
          deferred: 0,
          retrying: 0,
          dead: 0,
          oldest_age: null,
          paused: 0,
          workers: 2,
        },
        counters: { processed: 0, failures: 0 },
        isCut: false,
      },
      {
        queue: "mail",
        measured: {
          // Three that are pending, two scheduled and one to be retried of which the time has come.
          depth: 6,
          active: 2,
          deferred: 2,
          retrying: 4,
          dead: 3,
          oldest_age: 70.9,
          paused: 1,
          workers: 1,
        },
        counters: { processed: 70, failures: 30 },
        isCut: false,
      },
    ]);
  });

  it.each<[string, RedisContents, number | null]>([
    ["the first scheduled one that is due", { hashes: {} }, 50.9],
    ["the first retried one", { hashes: {}, sorted: { "asynq:{mail}:retry": { r1: second - 20 } } }, 20.9],
    ["one that is due in this second", { hashes: {}, sorted: { "asynq:{mail}:retry": { r1: second } } }, 0.9],
    ["none that is due later", { hashes: {}, sorted: { "asynq:{mail}:retry": { r1: second + 1 } } }, null],
    ["the next pending one", { sorted: {} }, 70.9],
    [
      "none that began to wait in the future",
      { sorted: {}, hashes: { "asynq:{mail}:t:p1": { pending_since: `${second + 90}000000000` } } },
      0,
    ],
    ["none whose time is not said", { sorted: {}, hashes: { "asynq:{mail}:t:p1": { pending_since: "soon" } } }, null],
  ])("is as old as %s", async (_what, contents, age) => {
    expect((await readMail(contents))?.oldest_age).toBe(age);
  });

  it.each<[string, NonNullable<RedisContents["texts"]>, object]>([
    ["both", { "asynq:{mail}:processed": "9", "asynq:{mail}:failed": "2" }, { processed: 7, failures: 2 }],
    ["none failed yet", { "asynq:{mail}:processed": "9" }, { processed: 9, failures: 0 }],
    ["nothing yet", {}, { processed: 0, failures: 0 }],
    ["days only", { [`asynq:{mail}:processed:${day}`]: "9" }, { processed: null, failures: null }],
    ["no number", { "asynq:{mail}:processed": "x", "asynq:{mail}:failed": "2" }, { processed: null, failures: 2 }],
  ])("counts %s", async (_what, texts, counters) => {
    expect((await read({ texts }))[0]?.counters).toEqual(counters);
  });

  it("has unknown retries if tasks are too many or too large", async () => {
    const pending = (count: number) => ({ "asynq:{mail}:pending": Array.from({ length: count }, (_, n) => `p${n}`) });
    expect((await readMail({ lists: pending(500) }))?.retrying).toBe(2 + 2);
    expect((await readMail({ lists: pending(501) }))?.retrying).toBeNull();
    const large = (bytes: number) => {
      const [one, two] = [Buffer.concat([task(1).msg, Buffer.alloc(bytes)]), Buffer.alloc(1024 * 1024 - 100)];
      return { "asynq:{mail}:t:p1": { msg: one.subarray(0, bytes) }, "asynq:{mail}:t:p2": { msg: two } };
    };
    expect((await readMail({ hashes: large(100) }))?.retrying).toBe(2);
    expect((await readMail({ hashes: large(101) }))?.retrying).toBeNull();
  });

  it("has failures of the last hour, with their messages' fields", async () => {
    const message = (more: object) => ({ msg: encodeTask({ id: "x", queue: "mail", ...more }) });
    const withPayload = (bytes: number) => message({ error: "large", payload: Buffer.alloc(bytes) });
    const largest = 2 * 60_000 - withPayload(60_000).msg.length + 64 * 1024 - 60_000;
    const connection = createMemoryRedis({
      sorted: {
        "asynq:{mail}:archived": {
          edge: second - 3600,
          large: second - 4,
          dead: second - 3,
          gone: second - 2,
          exact: second - 1,
        },
        "asynq:{mail}:retry": { again: second + 60, never: second + 61, old: second + 62 },
        "asynq:{push}:retry": { other: second },
      },
      hashes: {
        "asynq:{mail}:t:dead": message({ error: "boom", retried: 24, lastFailedAt: second - 5 }),
        "asynq:{mail}:t:large": withPayload(largest + 1),
        "asynq:{mail}:t:exact": withPayload(largest),
        "asynq:{mail}:t:again": message({ error: "later", retried: 1, lastFailedAt: second - 9 }),
        "asynq:{mail}:t:never": message({}),
        "asynq:{mail}:t:old": message({ error: "old", retried: 1, lastFailedAt: second - 3600 }),
        "asynq:{push}:t:other": message({ error: "other", retried: 2, lastFailedAt: second }),
      },
    }).connection;
    const failure = { queue: "mail", worker: null };
    const unknown = { ...failure, error: "", attempts: null };
    const { failures } = await createAsynq(connection).failures(["mail", "push"], hourUntil(now), signal);
    expect(failures).toEqual([
      { ...failure, id: "exact", error: "large", attempts: 1, at: (second - 1) * 1000 },
      { ...unknown, id: "gone", at: (second - 2) * 1000 },
      { ...failure, id: "dead", error: "boom", attempts: 25, at: (second - 5) * 1000 },
      { ...unknown, id: "large", at: (second - 4) * 1000 },
      { ...failure, id: "again", error: "later", attempts: 1, at: (second - 9) * 1000 },
      { ...failure, queue: "push", id: "other", error: "other", attempts: 2, at: second * 1000 },
    ]);
    // At the very second, an hour is over for the one and not for the other.
    const atSecond = await createAsynq(connection).failures(["mail"], hourUntil(second * 1000 - 1), signal);
    expect(atSecond.failures.map(({ id }) => id)).toContain("edge");
    const none = { failures: [], isCut: false };
    expect(await createAsynq(createMemoryRedis().connection).failures([], hourUntil(now), signal)).toEqual(none);
    // Of any age, and with as many rows as may be read: half as many as of others.
    const all = { from: -Infinity, to: now, most: 12 };
    const whole = await createAsynq(connection).failures(["mail"], all, signal);
    expect([whole.failures.map(({ id }) => id).slice(-2), whole.isCut]).toEqual([["again", "old"], false]);
    expect((await createAsynq(connection).failures(["mail"], { ...all, most: 10 }, signal)).isCut).toBe(true);
  });

  it("has the failures of tasks that are queued or taken again", async () => {
    const message = (more: object) => ({ msg: encodeTask({ id: "x", queue: "mail", ...more }) });
    const failed = (error: string) => message({ error, retried: 1, lastFailedAt: second - 9 });
    const { connection } = createMemoryRedis({
      sorted: { "asynq:{mail}:archived": { dead: second - 9 }, "asynq:{mail}:retry": { later: second + 60 } },
      // They moved while they were read.
      lists: { "asynq:{mail}:pending": ["new", "again", "later", "dead"], "asynq:{mail}:active": ["taken", "first"] },
      hashes: {
        "asynq:{mail}:t:dead": failed("dead"),
        "asynq:{mail}:t:later": failed("later"),
        "asynq:{mail}:t:again": failed("again"),
        "asynq:{mail}:t:taken": failed("taken"),
        "asynq:{mail}:t:new": message({}),
        "asynq:{mail}:t:first": message({}),
      },
    });
    const asynq = createAsynq(connection);
    const { failures, isCut } = await asynq.failures(["mail"], hourUntil(now), signal);
    expect([failures.map(({ id, error }) => `${id} ${error}`), isCut]).toEqual([
      ["dead dead", "later later", "again again", "taken taken"],
      false,
    ]);
    const few = { ...hourUntil(now), most: 8 };
    expect((await asynq.failures(["mail"], few, signal)).isCut).toBe(true);
  });

  it("reads a queue's keys, and no more rows than it uses", async () => {
    const { connection, commands } = createMemoryRedis();
    const asynq = createAsynq(connection);
    await asynq.read(["mail"], now, signal);
    expect(commands).toEqual([
      ["zrangebyscore", "asynq:servers", second, "+inf", "LIMIT", 0, 1000],
      ["llen", "asynq:{mail}:pending"],
      ["llen", "asynq:{mail}:active"],
      ["zcard", "asynq:{mail}:scheduled"],
      ["zcount", "asynq:{mail}:scheduled", "-inf", second],
      ["zcard", "asynq:{mail}:retry"],
      ["zcount", "asynq:{mail}:retry", "-inf", second],
      ["zcard", "asynq:{mail}:archived"],
      ["get", "asynq:{mail}:processed"],
      ["get", "asynq:{mail}:failed"],
      ["exists", `asynq:{mail}:processed:${day}`],
      ["exists", "asynq:{mail}:paused"],
      ["lrange", "asynq:{mail}:pending", -500, -1],
      ["zrange", "asynq:{mail}:scheduled", 0, 0, "WITHSCORES"],
      ["zrange", "asynq:{mail}:retry", 0, 0, "WITHSCORES"],
    ]);
    commands.length = 0;
    await asynq.failures(["mail"], hourUntil(now), signal);
    expect(commands).toEqual([
      ["zrevrangebyscore", "asynq:{mail}:archived", second, second - 3600, "WITHSCORES", "LIMIT", 0, 500],
      ["zrange", "asynq:{mail}:retry", 0, 499, "WITHSCORES"],
      ["lrange", "asynq:{mail}:pending", 0, 499],
      ["lrange", "asynq:{mail}:active", 0, 499],
    ]);
    commands.length = 0;
    await asynq.running(["mail"], now, signal);
    expect(commands).toEqual([["zrangebyscore", "asynq:workers", second, "+inf", "LIMIT", 0, 1000]]);
  });

  it("has the tasks of live processes", async () => {
    const worker = (host: string, id: string) =>
      Buffer.concat([field(1, host), field(4, id), field(5, "mail:send"), field(7, "mail")]);
    const started = field(8, field(1, second));
    const { connection } = createMemoryRedis({
      sorted: { "asynq:workers": { "w:gone": second - 1, "w:1": second, "w:2": second + 9 } },
      hashes: {
        "w:gone": { t0: worker("old", "t0") },
        "w:1": { t1: Buffer.concat([worker("web-1", "t1"), started]), odd: "no message", bad: Buffer.from("x") },
        "w:2": { t2: worker("web-2", "t2") },
      },
    });
    const job = { queue: "mail", kind: "mail:send" };
    expect(await createAsynq(connection).running(["mail"], now, signal)).toEqual({
      named: [
        { ...job, id: "t1", host: "web-1", startedAt: second * 1000 },
        { ...job, id: "t2", host: "web-2", startedAt: null },
      ],
      unnamed: 0,
    });
    expect(await createAsynq(createMemoryRedis().connection).running([], now, signal)).toEqual({
      named: [],
      unnamed: 0,
    });
  });
});
