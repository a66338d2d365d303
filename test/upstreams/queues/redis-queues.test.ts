import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { JobCounters, QueueMetrics } from "../../../src/domain/queue.ts";
import { toQueueState } from "../../../src/domain/queue-state.ts";
import { createBullmqDiscovery } from "../../../src/upstreams/queues/kinds/redis-keys.ts";
import type { RedisConnection } from "../../../src/upstreams/queues/kinds/redis-connection.ts";
import { createRedisQueues } from "../../../src/upstreams/queues/kinds/redis-queues.ts";
import type { RedisSystem } from "../../../src/upstreams/queues/kinds/redis-system.ts";

const signal = () => AbortSignal.timeout(5000);
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("createRedisQueues", () => {
  /** A system that counts what we say. */
  const start = (discover: () => string[] = () => ["mail"]) => {
    let counters: JobCounters = { processed: 0, failures: 0, since: "rows" };
    const system: RedisSystem = {
      discover: async () => discover(),
      read: async (queues) => queues.map((queue) => ({ queue, measured: { depth: 0 }, counters, isCut: false })),
      failures: async () => [],
      running: async () => ({ named: [], unnamed: 0 }),
    };
    const queues = createRedisQueues("redis", ["configured"], [{ label: "bullmq", system }]);
    return async (seconds: number, processed: number, since = "rows", failures = 0) => {
      vi.advanceTimersByTime(seconds * 1000);
      counters = { processed, failures, since };
      return queues.metrics(Date.now(), signal());
    };
  };

  it("begins anew where a system counts by something else, and when it counts as before", async () => {
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

  it("is failing while jobs fail, and idle five minutes after the last of them", async () => {
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

  it("lists what was seen, and what is configured, whether or not it is there", async () => {
    let found = ["mail"];
    const read = start(() => found);
    await read(0, 0);
    found = ["push"];
    expect((await read(1, 0)).map(({ name }) => name)).toStrictEqual(["configured", "mail", "push"]);
  });
});

describe("createBullmqDiscovery", () => {
  it("keeps what a look has not come to, and forgets what it did not find", async () => {
    const pages = [
      ["5", ["bull:a:meta", "bull:b:meta"]],
      ["0", ["bull:c:meta"]],
      ["5", ["bull:b:meta"]],
      ["0", ["bull:d:meta"]],
    ];
    let seen: string[] = [];
    const connection = {
      ask: async (questions: readonly { readonly parse: (replies: unknown[]) => unknown }[]) => {
        seen = [...(await discover(signal()))];
        return questions.map(({ parse }) => parse([pages.shift()]));
      },
    } as unknown as RedisConnection;
    const discover = createBullmqDiscovery(connection, "bull");
    expect([...(await discover(signal()))]).toStrictEqual(["a", "b", "c"]);
    vi.advanceTimersByTime(60_000);
    await discover(signal());
    await expect.poll(() => pages).toHaveLength(0);
    expect(seen).toStrictEqual(["a", "b", "c"]);
    expect([...(await discover(signal()))]).toStrictEqual(["b", "d"]);
  });
});
