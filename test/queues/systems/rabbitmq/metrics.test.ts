import { describe, expect, it } from "vitest";
import { toQueueMetrics, unknownRates } from "../../../../src/queues/metrics.ts";
import { answers } from "../../../../src/queues/systems/rabbitmq/client.ts";
import {
  createArrivals,
  isDown,
  toBrokerRate,
  toDone,
  toRabbitmqMetrics,
} from "../../../../src/queues/systems/rabbitmq/metrics.ts";

const queue = {
  name: "payouts",
  vhost: "/",
  type: "classic",
  state: "running",
  messages: 5,
  messages_ready: 3,
  messages_unacknowledged: 2,
};

const parse = (item: object) => answers.totals.parse({ items: [item], page_count: 1 }).items[0];

const parseStats = (item: object) =>
  answers.stats.parse({ items: [{ name: "payouts", vhost: "/", ...item }], page_count: 1 }).items[0];

const basic = { hasRates: true, uptime: 1000 };

describe("numbers of a queue", () => {
  const stats = parseStats({
    messages: 5,
    consumers: 0,
    head_message_timestamp: 1000,
    message_stats: {
      ack: 7,
      deliver_no_ack: 2,
      get_no_ack: 1,
      ack_details: { avg_rate: 0.5 },
      deliver_no_ack_details: { avg_rate: 0.25 },
      get_no_ack_details: { avg_rate: 0.125 },
    },
  });
  const none = { done: unknownRates, failed: unknownRates };
  const identity = { name: "payouts", source: "rabbitmq", observedAt: "2026-01-01T00:00:00Z" };
  const entry = { totals: parse(queue) as never, stats, dead: null, retrying: null, isDeadLetterQueue: false };

  it("leave out the time before the broker's start, and its first minute", () => {
    expect(toBrokerRate(stats, { hasRates: true, uptime: 3000 })).toBe(0.875);
    expect(toBrokerRate(stats, { hasRates: true, uptime: 100 })).toBe(2.625);
    expect(toBrokerRate(stats, { hasRates: true, uptime: 60 })).toBe(4.375);
    expect(toBrokerRate(stats, { hasRates: true, uptime: 59.9 })).toBeNull();
    expect(toBrokerRate(stats, { hasRates: true, uptime: null })).toBeNull();
    expect(toBrokerRate(stats, { hasRates: false, uptime: 3000 })).toBeNull();
    expect(toBrokerRate(parseStats({ messages: 0 }), basic)).toBe(0);
    expect(toBrokerRate(undefined, basic)).toBeNull();
  });

  it("include unacknowledged messages", () => {
    expect(toDone(stats, basic)).toBe(10);
    expect(toDone(parseStats({ messages: 0 }), basic)).toBe(0);
    expect([
      toDone(parseStats({}), basic),
      toDone(undefined, basic),
      toDone(stats, { hasRates: false, uptime: 1 }),
    ]).toStrictEqual([null, null, null]);
  });

  it("name what consumers do not take, except dead letters", () => {
    expect(toRabbitmqMetrics(identity, entry, basic, none, 1_060_000)).toMatchObject({
      depth: 3,
      active: 2,
      workers: 0,
      oldestAgeSeconds: 60,
      processedPerSec: 0.875,
      failuresLastHour: null,
      exact: false,
      windowSeconds: 300,
    });
    expect(toRabbitmqMetrics(identity, { ...entry, isDeadLetterQueue: true }, basic, none, 0)).toMatchObject({
      workers: null,
      oldestAgeSeconds: 0,
    });
  });

  const rates = (windowSeconds: number, failures: number | null) => ({
    processedPerSec: windowSeconds / 100,
    failures,
    failuresRecent: failures === null ? null : failures + 0.5,
    windowSeconds,
    restSeconds: windowSeconds / 2,
  });

  it("are each in their place", () => {
    const full = { ...entry, dead: 11, retrying: 12 };
    expect(
      toRabbitmqMetrics(identity, full, basic, { done: rates(120, null), failed: rates(90, 7) }, 1_060_500),
    ).toEqual({
      ...toQueueMetrics(identity, {}),
      depth: 3,
      processedPerSec: 0.875,
      failuresLastHour: 7,
      failuresRecent: 7.5,
      active: 2,
      retrying: 12,
      dead: 11,
      oldestAgeSeconds: 60.5,
      workers: 0,
      exact: false,
      windowSeconds: 90,
      restSeconds: 60,
    });
  });

  it("rest as long as a rate of 0 is of: the broker's, or that of samples", () => {
    const idle = { ...entry, stats: parseStats({ messages: 3 }) };
    const rest = (broker: { hasRates: boolean; uptime: number | null }) =>
      toRabbitmqMetrics(identity, idle, broker, { done: rates(120, null), failed: unknownRates }, 0).restSeconds;
    expect([rest(basic), rest({ hasRates: true, uptime: 90 }), rest({ hasRates: false, uptime: 1000 })]).toEqual([
      300, 90, 60,
    ]);
  });

  it.each([
    ["of the broker", { hasRates: true, uptime: 1000 }, null, 0.875, 300],
    ["of a broker that just started", { hasRates: true, uptime: 200 }, null, 1.3125, 200],
    ["sampled, of a broker without rates", { hasRates: false, uptime: 1000 }, null, 1.2, 120],
    ["sampled, of a broker of unknown age", { hasRates: true, uptime: null }, null, 1.2, 120],
    ["of the broker, beside sampled failures", { hasRates: true, uptime: 1000 }, 7, 0.875, 90],
  ])("have a rate %s, with its window or that of the failures", (_what, broker, failures, rate, windowSeconds) => {
    const sampled = { done: rates(120, null), failed: failures === null ? unknownRates : rates(90, failures) };
    const metrics = toRabbitmqMetrics(identity, entry, broker, sampled, 0);
    expect(metrics.processedPerSec).toBe(rate);
    expect(metrics).toMatchObject({ failuresLastHour: failures, windowSeconds });
  });

  it("have an age only with a waiting message and consumers", () => {
    const show = (totals: object, more: object = {}) =>
      toRabbitmqMetrics(
        identity,
        { ...entry, ...more, totals: parse({ ...queue, ...totals }) as never },
        basic,
        none,
        2e6,
      );
    expect(show({}).oldestAgeSeconds).toBe(1000);
    expect(show({ messages_ready: 0 })).toMatchObject({ depth: 0, oldestAgeSeconds: null });
    expect(show({ messages_ready: null, messages_unacknowledged: null })).toMatchObject({ depth: 0, active: null });
    expect(show({}, { stats: parseStats({ messages: 5 }) }).oldestAgeSeconds).toBeNull();
    expect(show({}, { stats: undefined })).toMatchObject({
      oldestAgeSeconds: null,
      workers: null,
      processedPerSec: null,
    });
    const taken = parseStats({ messages: 5, consumers: 2 });
    expect([show({}, { stats: taken, isDeadLetterQueue: true }).workers, show({}, { stats: taken }).workers]).toEqual([
      2, 2,
    ]);
  });

  it("report a queue that is down", () => {
    for (const state of ["down", "stopped", "crashed", "minority", "noproc", "terminated"])
      expect(isDown({ ...queue, state })).toBe(true);
    for (const state of ["running", "idle", "flow", "shut down", null, undefined])
      expect(isDown({ ...queue, state })).toBe(false);
    expect(isDown({ ...queue, messages_ready: null })).toBe(true);
    expect(isDown({ ...queue, messages_ready: undefined })).toBe(true);
    expect(isDown({ ...queue, messages_ready: 0 })).toBe(false);
  });
});

describe("createArrivals", () => {
  it("counts arrivals, whatever left, and whichever is reported first", () => {
    let now = 0;
    const arrivals = createArrivals(() => now);
    const count = (held: number, left: number | null) => arrivals.count("dlq", held, left);
    expect([count(5, 0), count(8, 0)]).toStrictEqual([0, 3]);
    // Two are taken: told in two steps.
    expect([count(6, 0), count(6, 2)]).toStrictEqual([3, 3]);
    expect(count(7, 2)).toBe(4);
    // Purged: what comes after that counts, when it is sure that nothing else explains it.
    expect(count(0, 2)).toBe(4);
    now = 31_000;
    expect([count(0, 2), count(2, 2)]).toStrictEqual([4, 6]);
  });

  it("messages that are missing for half a minute were purged", () => {
    let now = 0;
    const arrivals = createArrivals(() => now);
    const countAt = (seconds: number, held: number) => {
      now = seconds * 1000;
      return arrivals.count("dlq", held, null);
    };
    expect([countAt(0, 5), countAt(1, 9)]).toStrictEqual([0, 4]);
    expect([countAt(10, 2), countAt(20, 3), countAt(39.999, 3)]).toStrictEqual([4, 4, 4]);
    // It adds up again: what is missing from now on is missing since then.
    expect([countAt(39.9995, 9), countAt(50, 3), countAt(79.999, 4)]).toStrictEqual([4, 4, 4]);
    expect([countAt(80, 4), countAt(81, 6)]).toStrictEqual([4, 6]);
    expect([countAt(200, 5), countAt(229.999, 5), countAt(230, 5), countAt(231, 6)]).toStrictEqual([6, 6, 6, 7]);
  });

  it("removed queues are forgotten, and start again when they return", () => {
    const arrivals = createArrivals();
    const count = (key: string, held: number) => arrivals.count(key, held, 0);
    expect([count("gone", 1), count("here", 1), count("gone", 3), count("here", 3)]).toStrictEqual([0, 0, 2, 2]);
    arrivals.retain(new Set(["here"]));
    expect([count("gone", 5), count("here", 5)]).toStrictEqual([0, 4]);
  });
});
