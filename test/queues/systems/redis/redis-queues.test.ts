import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OpsError } from "../../../../src/lib/errors.ts";
import type { JobCounters, QueueMetrics } from "../../../../src/queues/queue.ts";
import { toQueueState } from "../../../../src/queues/state.ts";
import { createBullmq } from "../../../../src/queues/systems/redis/bullmq/bullmq.ts";
import type { RedisConnection } from "../../../../src/queues/systems/redis/connection.ts";
import { createKeySearch, escapePattern } from "../../../../src/queues/systems/redis/keys.ts";
import { createRedisQueues } from "../../../../src/queues/systems/redis/redis.ts";
import type { RedisSystem } from "../../../../src/queues/systems/redis/system.ts";

const signal = () => AbortSignal.timeout(5000);
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const lastHour = { from: -3_600_000, to: 0, most: 1000 };

describe("createRedisQueues", () => {
  /** A system that counts what we say. */
  const start = (discover: () => string[] = () => ["mail"]) => {
    let counters: JobCounters = { processed: 0, failures: 0, since: "rows" };
    const system: RedisSystem = {
      discover: async () => ({ names: discover(), surplus: 0 }),
      read: async (queues) => queues.map((queue) => ({ queue, measured: { depth: 0 }, counters, isCut: false })),
      failures: async () => ({ failures: [], isCut: false }),
      running: async () => ({ named: [], unnamed: 0 }),
    };
    const queues = createRedisQueues("redis", ["configured"], [{ label: "bullmq", system }]);
    return async (seconds: number, processed: number, since = "rows", failures = 0) => {
      vi.advanceTimersByTime(seconds * 1000);
      counters = { processed, failures, since };
      return queues.metrics(Date.now(), signal());
    };
  };

  it("starts again if a system counts something else, and when that ends", async () => {
    const read = start();
    const rates = [];
    for (const [seconds, total, since] of [
      [0, 0, "rows"],
      [60, 60, "rows"],
      [10, 0, "events 1"],
      [10, 80, "rows"],
      [60, 200, "rows"],
    ] as const) {
      const metrics = await read(seconds, total, since);
      rates.push(metrics.find(({ name }) => name === "mail")?.processedPerSec);
    }
    expect(rates).toStrictEqual([null, 1, null, null, 2]);
  });

  it("is failing while jobs fail, and idle 5 minutes after the last", async () => {
    const read = start();
    const states = [];
    for (let minute = 0; minute <= 20; minute += 1) {
      // One succeeds and ten fail in each of the first ten minutes; then nothing happens any more.
      const done = Math.min(minute, 10);
      const [, mail] = await read(minute === 0 ? 0 : 60, done, "rows", 10 * done);
      states.push(toQueueState(mail as QueueMetrics));
    }
    expect(states.slice(1, 15)).toStrictEqual(Array.from({ length: 14 }, () => "failing"));
    expect(states.slice(15)).toStrictEqual(Array.from({ length: 6 }, () => "idle"));
  });

  it.each([
    [10_000, 0, null],
    [10_001, 0, "10,001"],
    [9000, 1001, "10,001"],
    [10_000, 90_000, "100,000"],
  ])("reads %i found queues and %i more: refusal %j", async (count, surplus, refused) => {
    const names = Array.from({ length: count }, (_, index) => `q${index}`);
    const read = vi.fn<RedisSystem["read"]>(async () => []);
    const system: RedisSystem = {
      discover: async () => ({ names, surplus }),
      read,
      failures: async () => ({ failures: [], isCut: false }),
      running: async () => ({ named: [], unnamed: 0 }),
    };
    const queues = createRedisQueues("cache", [], [{ label: "bullmq", system }]);
    const answers = await Promise.allSettled([
      queues.metrics(0, signal()),
      queues.failures(lastHour, signal()),
      queues.running(0, signal()),
    ]);
    const reasons = answers.map((answer) => (answer.status === "rejected" ? (answer.reason as OpsError) : null));
    for (const reason of reasons) {
      expect(reason && [reason.code, reason.upstream, reason.message.split(":")[0]]).toEqual(
        refused && [
          "queues_unavailable",
          "queues:cache",
          `Redis has ${refused} queues or more, and at most 10,000 of one source are read`,
        ],
      );
    }
    expect(read).toHaveBeenCalledTimes(refused === null ? 1 : 0);
  });

  it("counts the queues of all systems, and leaves out gone ones", async () => {
    const named = (letter: string, length: number) => Array.from({ length }, (_, index) => `${letter}${index}`);
    let found = [named("a", 6000), named("b", 4000)];
    const asked: number[][] = [[], []];
    const systems = [0, 1].map((index) => ({
      label: `system ${index}`,
      system: {
        discover: async () => ({ names: found[index] ?? [], surplus: 0 }),
        read: async (queues) => {
          asked[index]?.push(queues.length);
          return [];
        },
        failures: async () => ({ failures: [], isCut: false }),
        running: async () => ({ named: [], unnamed: 0 }),
      } satisfies RedisSystem as RedisSystem,
    }));
    const queues = createRedisQueues("cache", [], systems);
    await queues.metrics(0, signal());
    found = [named("c", 100), named("d", 200)];
    await queues.metrics(0, signal());
    found = [named("a", 6000), named("b", 4001)];
    await expect(queues.metrics(0, signal())).rejects.toThrow("10,001 queues");
    expect(asked).toEqual([
      [6000, 100],
      [4000, 200],
    ]);
  });

  it("lists seen and configured queues", async () => {
    let found = ["mail"];
    const read = start(() => found);
    await read(0, 0);
    found = ["push"];
    expect((await read(1, 0)).map(({ name }) => name)).toStrictEqual(["configured", "mail", "push"]);
  });
});

describe("queues of two systems", () => {
  const toSystem = (names: string[], more: Partial<RedisSystem> = {}): RedisSystem => ({
    discover: async () => ({ names, surplus: 0 }),
    read: async (queues) =>
      queues.map((queue) => ({
        queue,
        measured: { depth: 0 },
        counters: { processed: null, failures: null },
        isCut: false,
      })),
    failures: async (queues) => ({
      failures: queues.map((queue) => ({
        queue,
        id: names.join(),
        error: "boom",
        worker: null,
        attempts: null,
        at: 1,
      })),
      isCut: names.includes("b"),
    }),
    running: async (queues) => ({
      named: queues.map((queue) => ({ queue, id: names.join(), kind: null, host: "web-1", startedAt: null })),
      unnamed: names.length,
    }),
    ...more,
  });
  const open = (one: RedisSystem, other: RedisSystem, configured: string[] = []) =>
    createRedisQueues("cache", configured, [
      { label: "bullmq", system: one },
      { label: "asynq", system: other },
    ]);

  it("carry the label of the later one everywhere", async () => {
    const queues = open(toSystem(["mail", "a"]), toSystem(["z", "mail"]));
    const listed = (await queues.metrics(0, signal())).map(({ name, source, observedAt }) => [
      name,
      source,
      observedAt,
    ]);
    expect(listed).toEqual(["a", "asynq:mail", "mail", "z"].map((name) => [name, "cache", "1970-01-01T00:00:00Z"]));
    const shown = [
      ["mail", "mail,a"],
      ["a", "mail,a"],
      ["z", "z,mail"],
      ["asynq:mail", "z,mail"],
    ];
    const { failures, isCut } = await queues.failures(lastHour, signal());
    expect([failures.map(({ queue, id }) => [queue, id]), isCut]).toEqual([shown, false]);
    const { named, unnamed } = await queues.running(0, signal());
    expect([named.map(({ queue, id }) => [queue, id]), unnamed]).toEqual([shown, 4]);
  });

  it("belong to the first system if only configured", async () => {
    const queues = open(toSystem(["a"]), toSystem(["b"]), ["b", "c"]);
    const { failures, isCut } = await queues.failures(lastHour, signal());
    expect([failures.map(({ queue, id }) => [queue, id]), isCut]).toEqual([
      [
        ["a", "a"],
        ["c", "a"],
        ["b", "b"],
      ],
      true,
    ]);
    const none = createRedisQueues("cache", ["c"], []);
    expect(await none.metrics(0, signal())).toEqual([]);
  });

  it("have their names if a system returns more than was asked for", async () => {
    const other = { queue: "b", id: "1", error: "", worker: null, attempts: null, at: 1 };
    const reading = { queue: "b", measured: {}, counters: { processed: 1, failures: 2 }, isCut: false };
    const named = [{ queue: "b", id: "1", kind: null, host: "h", startedAt: null }];
    const more = {
      read: async () => [reading],
      failures: async () => ({ failures: [other], isCut: false }),
      running: async () => ({ named, unnamed: 0 }),
    };
    const queues = createRedisQueues("cache", [], [{ label: "bullmq", system: toSystem(["a"], more) }]);
    expect((await queues.metrics(0, signal())).map(({ name, counters }) => [name, counters])).toEqual([
      ["b", reading.counters],
    ]);
    expect(await queues.failures(lastHour, signal())).toEqual({ failures: [other], isCut: false });
    expect(await queues.running(0, signal())).toEqual({ named, unnamed: 0 });
  });

  it.each([
    [
      "both by rows",
      { processed: 300, failures: 1, failures_recent: 1 },
      false,
      { exact: true, processedPerSec: 1, failuresLastHour: 1 },
    ],
    [
      "successes by samples",
      { failures: 1, failures_recent: 1 },
      false,
      { exact: false, processedPerSec: 2, failuresLastHour: 1 },
    ],
    ["failures by samples", { processed: 300 }, false, { exact: false, processedPerSec: 1, failuresLastHour: 60 }],
    ["a lower bound", { processed: 300, failures: 1, failures_recent: 1 }, true, { exact: false, processedPerSec: 1 }],
  ])("have %s", async (_what, measured, isCut, expected) => {
    let [processed, failures] = [0, 0];
    const read: RedisSystem["read"] = async () => [{ queue: "a", measured, counters: { processed, failures }, isCut }];
    const queues = createRedisQueues("cache", [], [{ label: "bullmq", system: toSystem(["a"], { read }) }]);
    await queues.metrics(0, signal());
    vi.advanceTimersByTime(60_000);
    [processed, failures] = [120, 60];
    expect((await queues.metrics(0, signal()))[0]).toMatchObject(expected);
  });
});

describe("createKeySearch", () => {
  type Parse = (replies: unknown[]) => unknown;
  /** A search whose steps have these replies, and what was asked. */
  const start = (steps: unknown[][], againMs = 1000, most?: number) => {
    const cursors: unknown[] = [];
    const connection = {
      ask: async (questions: readonly { readonly commands: unknown[][]; readonly parse: Parse }[]) => {
        const replies = steps.shift() ?? [];
        cursors.push(...questions.flatMap(({ commands }) => commands.map((command) => command[1])));
        const [error] = replies;
        if (error instanceof Error) throw error;
        return questions.map(({ parse }) => parse(replies));
      },
    } as unknown as RedisConnection;
    return { search: createKeySearch(connection, ["a*", "b*"], againMs, most), cursors };
  };

  it("reads all keys, in the same steps for each pattern", async () => {
    const { search, cursors } = start([
      [
        ["7", ["a1", 5]],
        ["7", ["b1"]],
      ],
      [
        ["0", ["a1", "a2"]],
        ["0", []],
      ],
    ]);
    expect([...(await search(signal())).keys]).toEqual(["a1", "a2", "b1"]);
    expect(cursors).toEqual(["0", "0", "7", "7"]);
  });

  it("retains so many keys of each pattern, and counts the others", async () => {
    const steps = [
      [
        ["7", ["a1", "a2", "a3"]],
        ["7", ["b1"]],
      ],
      [
        ["0", ["a4", "a1"]],
        ["0", []],
      ],
    ];
    const { search } = start(steps, 1000, 2);
    const { keys, surplus } = await search(signal());
    expect([[...keys], surplus]).toEqual([["a1", "a2", "b1"], 2]);
  });

  it.each([[[["0"], ["0"]]], [[[7, ["a"]]]], [["x", null]], [[]]])("ends with an invalid reply: %j", async (step) => {
    const { search, cursors } = start([step]);
    expect((await search(signal())).keys[Symbol.iterator]().next().done).toBe(!JSON.stringify(step).includes("a"));
    expect(cursors).toHaveLength(2);
  });

  it("fails its caller the first time only, and is tried again", async () => {
    const refusal = new OpsError("queues_unavailable", "no");
    const { search, cursors } = start([[refusal], [["0", ["a"]]], [refusal], [["0", ["b"]]]]);
    await expect(search(signal())).rejects.toBe(refusal);
    expect([...(await search(signal())).keys]).toEqual(["a"]);
    vi.advanceTimersByTime(999);
    expect([...(await search(signal())).keys]).toEqual(["a"]);
    expect(cursors).toHaveLength(4);
    vi.advanceTimersByTime(1);
    expect([...(await search(signal())).keys]).toEqual(["a"]);
    await vi.waitFor(async () => expect([...(await search(signal())).keys]).toEqual(["b"]));
    expect(cursors).toHaveLength(8);
  });

  it("returns what was found to a caller that leaves early", async () => {
    const connection = { ask: () => new Promise(() => {}) } as unknown as RedisConnection;
    const search = createKeySearch(connection, ["a*"], 1000);
    expect([...(await search(AbortSignal.abort())).keys]).toEqual([]);
  });

  it.each([
    ["bull", "bull"],
    ["{a}", "{a}"],
    [String.raw`a\b*c?d[e]f^g-h`, String.raw`a\\b\*c\?d\[e\]f\^g\-h`],
  ])("matches %s by %s", (text, pattern) => expect(escapePattern(text)).toBe(pattern));
});

describe("discover of createBullmq", () => {
  it("lists known queues during a search, and forgets missing ones after it", async () => {
    const pages = [
      ["5", ["bull:a:meta", "bull:b:meta"]],
      ["0", ["bull:c:meta"]],
      ["5", ["bull:b:meta"]],
      ["0", ["bull:d:meta"]],
    ];
    let seen: string[] = [];
    const connection = {
      ask: async (questions: readonly { readonly parse: (replies: unknown[]) => unknown }[]) => {
        seen = [...(await discover(signal())).names];
        return questions.map(({ parse }) => parse([pages.shift()]));
      },
    } as unknown as RedisConnection;
    const bullmq = createBullmq(connection, "bull");
    const discover = (caller: AbortSignal) => bullmq.discover(caller);
    expect([...(await discover(signal())).names]).toStrictEqual(["a", "b", "c"]);
    vi.advanceTimersByTime(60_000);
    await discover(signal());
    await expect.poll(() => pages).toHaveLength(0);
    expect(seen).toStrictEqual(["a", "b", "c"]);
    expect([...(await discover(signal())).names]).toStrictEqual(["b", "d"]);
  });
});
