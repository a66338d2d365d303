import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unknownRates } from "../../../../src/queues/rates.ts";
import { answers, parseAddress } from "../../../../src/queues/systems/rabbitmq/client.ts";
import { matchesTopic, toDeadLetterQueues, toQueueKey } from "../../../../src/queues/systems/rabbitmq/dead-letters.ts";
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

describe("answers of the management API", () => {
  it("lets one odd number hide no queue", () => {
    for (const odd of ["many", -1, 1.5, 1e300, null, {}, [], true]) {
      expect(parse({ ...queue, messages_ready: odd })).toMatchObject({ name: "payouts", messages_ready: null, messages: 5 });
      expect(parseStats({ messages: 1, consumers: odd, message_stats: { ack: odd, ack_details: odd } })).toMatchObject({
        consumers: null,
      });
    }
    expect(parse({ ...queue, arguments: "none", state: 7 })).toMatchObject({ arguments: null, state: null });
    expect(parseStats({ messages: 1, message_stats: [] })).toMatchObject({ message_stats: null });
  });

  it("refuses what is no list of queues", () => {
    for (const strange of [
      [],
      {},
      { items: [{ vhost: "/" }], page_count: 1 },
      { items: [], page_count: -1 },
      { items: [], page_count: 1.5 },
      { items: [queue] },
      "text",
      null,
    ]) {
      expect(answers.totals.safeParse(strange).success).toBe(false);
    }
    expect(answers.nodes.parse([[], { uptime: 5 }, {}])).toStrictEqual([[], { uptime: 5 }, {}]);
  });
});

describe("parseAddress", () => {
  it("makes a header of the credentials, also of strange ones", () => {
    const { origin, base, headers } = parseAddress("http://ops:p%40ss%3A%25@host:15672/rabbit/");
    expect([origin, base]).toStrictEqual(["http://host:15672", "/rabbit"]);
    expect(headers["authorization"]).toBe(`Basic ${Buffer.from("ops:p@ss:%").toString("base64")}`);
    expect(parseAddress("http://host///").base).toBe("");
    expect(parseAddress("http://host/rabbit//").base).toBe("/rabbit");
    expect(parseAddress("https://host").headers).toStrictEqual({
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": "wallet-core-ops",
    });
    const toHeader = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    expect(parseAddress("http://ops@host").headers["authorization"]).toBe(toHeader("ops:"));
    expect(parseAddress("http://:pass@host").headers["authorization"]).toBe(toHeader(":pass"));
    expect(parseAddress("http://host//rabbit//x").base).toBe("//rabbit//x");
    expect(parseAddress("http://a:1%00%zz@host").headers["authorization"]).toBe(
      `Basic ${Buffer.from("a:1%00%zz").toString("base64")}`,
    );
  });
});

describe("toDeadLetterQueues", () => {
  const bind = (source: string, destination: string, key: string) => ({
    source,
    destination,
    routing_key: key,
    vhost: "/",
    destination_type: "queue",
  });
  const at = (name: string) => toQueueKey({ vhost: "/", name });
  const letters = (name: string, exchange: string, key?: string, more: object = {}) => ({
    vhost: "/",
    name,
    arguments: { "x-dead-letter-exchange": exchange, ...(key !== undefined && { "x-dead-letter-routing-key": key }), ...more },
  });
  const exchanges = [
    { name: "", vhost: "/", type: "direct" },
    { name: "direct", vhost: "/", type: "direct" },
    { name: "topic", vhost: "/", type: "topic" },
    { name: "fanout", vhost: "/", type: "fanout" },
  ];
  const own = (...args: Parameters<typeof letters>) => {
    const bindings = ["one", "two"].flatMap((name) => [
      bind("", name, name),
      bind("direct", name, `${name}.failed`),
      bind("topic", name, `${name}.#`),
      bind("fanout", name, ""),
    ]);
    return toDeadLetterQueues(
      [letters(...args)],
      [...bindings, { ...bind("direct", "one", "x"), vhost: "other" }],
      exchanges,
    ).own.get(at(args[0]));
  };

  it("follows the exchange by its type", () => {
    expect(own("q", "", "two")).toStrictEqual([at("two")]);
    expect(own("q", "direct", "one.failed")).toStrictEqual([at("one")]);
    expect(own("q", "topic", "two.failed.now")).toStrictEqual([at("two")]);
    expect(own("q", "fanout", "any")).toStrictEqual([at("one"), at("two")]);
    // The message's own key is not known.
    expect(own("q", "direct")).toStrictEqual([at("one"), at("two")]);
    expect(own("q", "")).toBeUndefined();
    expect(own("q", "nowhere", "one")).toBeUndefined();
  });

  it("takes arguments before policies, and knows shared ones", () => {
    const policy = { "dead-letter-exchange": "direct", "dead-letter-routing-key": "one.failed" };
    const queues = [
      { vhost: "/", name: "a", policy },
      { ...letters("b", "direct", "two.failed"), policy },
      { vhost: "/", name: "c", policy },
      { vhost: "/", name: "d", policy: { "dead-letter-exchange": 7 } },
    ];
    const bindings = [bind("direct", "one", "one.failed"), bind("direct", "two", "two.failed")];
    const found = toDeadLetterQueues(queues, bindings, exchanges);
    expect(Object.fromEntries(found.own)).toStrictEqual({ [at("b")]: [at("two")] });
    expect([...found.shared]).toStrictEqual([at("one")]);
  });

  it("follows no binding to an exchange, or of another key or vhost", () => {
    const toExchange = { ...bind("direct", "one", "one.failed"), destination_type: "exchange" };
    const elsewhere = { ...bind("direct", "one", "one.failed"), vhost: "other" };
    const bindings = [toExchange, elsewhere, bind("direct", "two", "two.failed")];
    const found = toDeadLetterQueues([letters("q", "direct", "one.failed")], bindings, exchanges);
    expect(found).toEqual({ own: new Map(), retries: new Set(), shared: new Set() });
    // Two bindings lead to the same queue: it is one.
    const twice = [bind("topic", "one", "one.#"), bind("topic", "one", "*.failed"), bind("topic", "two", "two.#")];
    const { own: single } = toDeadLetterQueues([letters("q", "topic", "one.failed")], twice, exchanges);
    expect(single).toEqual(new Map([[at("q"), [at("one")]]]));
  });

  it("a queue of whose dead letter queues one is shared has no own one", () => {
    const queues = [letters("a", "fanout"), letters("b", "direct", "one.failed")];
    const bindings = [bind("fanout", "one", ""), bind("fanout", "two", ""), bind("direct", "one", "one.failed")];
    const found = toDeadLetterQueues(queues, bindings, exchanges);
    expect(found).toEqual({ own: new Map(), retries: new Set(), shared: new Set([at("one")]) });
  });

  it.each<[string, object, boolean]>([
    ["a time to live of its own", { arguments: { "x-message-ttl": 0 } }, true],
    ["one of its policy", { policy: { "message-ttl": 1000 } }, true],
    ["one that is no number", { arguments: { "x-message-ttl": "1000" } }, false],
    ["none", {}, false],
  ])("takes a queue that gives back with %s for one of retries: %j", (_what, more, isRetry) => {
    const { arguments: ownArguments, ...rest } = more as { arguments?: object };
    const wait = { ...letters("wait", "", "work", ownArguments), ...rest };
    const bindings = [bind("", "wait", "wait"), bind("", "work", "work")];
    const found = toDeadLetterQueues([letters("work", "", "wait"), wait], bindings, exchanges);
    const [toWait, toWork] = [[at("work"), [at("wait")]] as const, [at("wait"), [at("work")]] as const];
    expect(found).toEqual({
      own: new Map(isRetry ? [toWait] : [toWait, toWork]),
      retries: new Set(isRetry ? [at("wait")] : []),
      shared: new Set(),
    });
  });

  it("takes no queue for one of retries whose messages do not come back", () => {
    const queues = [letters("work", "", "wait"), letters("wait", "", "end", { "x-message-ttl": 1000 })];
    const bindings = [bind("", "wait", "wait"), bind("", "end", "end")];
    expect(toDeadLetterQueues(queues, bindings, exchanges).retries).toEqual(new Set());
  });

  it("takes a queue with a time to live that gives back for one of retries", () => {
    const queues = [letters("work", "", "wait"), letters("wait", "", "work", { "x-message-ttl": 1000 })];
    const found = toDeadLetterQueues(queues, [bind("", "wait", "wait"), bind("", "work", "work")], exchanges);
    expect(found).toMatchObject({ retries: new Set([at("wait")]), shared: new Set() });
    expect(Object.fromEntries(found.own)).toStrictEqual({ [at("work")]: [at("wait")] });
  });
});

describe("matchesTopic", () => {
  const match = (pattern: string, key: string) => matchesTopic(pattern.split("."), key.split("."));
  it.each([
    ["#", "a.b", true],
    ["a.#", "a", true],
    ["a.*", "a", false],
    ["a.*", "a.b", true],
    ["*.b.#.d", "a.b.c.c.d", true],
    ["*.b.#.d", "a.b.d", true],
    ["a.b", "a.b.c", false],
    ["a", "b", false],
    ["*", "a", true],
    ["*.*", "a", false],
    ["b.a", "a", false],
    ["#.#", "a", true],
    ["#.a", "b", false],
    ["a.#.b", "a.b", true],
    ["#.b", "a.b.c", false],
  ])("%s and %s: %s", (pattern, key, expected) => expect(match(pattern, key)).toBe(expected));

  it("takes no words at all for what only `#` matches", () => {
    expect([matchesTopic([], []), matchesTopic(["#"], []), matchesTopic(["*"], []), matchesTopic([], ["a"])]).toStrictEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("agrees with the definition by recursion, and takes hostile ones in no time", () => {
    const slow = (pattern: readonly string[], words: readonly string[]): boolean => {
      const [part, ...rest] = pattern;
      if (part === undefined) return words.length === 0;
      if (part === "#") return slow(rest, words) || (words.length > 0 && slow(pattern, words.slice(1)));
      return words.length > 0 && (part === "*" || part === words[0]) && slow(rest, words.slice(1));
    };
    const part = fc.constantFrom("#", "*", "a", "b");
    const word = fc.constantFrom("a", "b");
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 6 }),
        fc.array(word, { minLength: 1, maxLength: 6 }),
        (pattern, words) => {
          expect(matchesTopic(pattern, words)).toBe(slow(pattern, words));
        },
      ),
    );
    // Each way to split the words would be tried, exponentially many: these are milliseconds, or hours.
    const many = () => match(Array.from({ length: 60 }, () => "#.a").join("."), Array.from({ length: 120 }, () => "b").join("."));
    expect(many()).toBe(false);
  });
});

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

  it("takes the time before the broker's start out of its rate, and tells none of its first minute", () => {
    expect(toBrokerRate(stats, { hasRates: true, uptime: 3000 })).toBe(0.875);
    expect(toBrokerRate(stats, { hasRates: true, uptime: 100 })).toBe(2.625);
    expect(toBrokerRate(stats, { hasRates: true, uptime: 60 })).toBe(4.375);
    expect(toBrokerRate(stats, { hasRates: true, uptime: 59.9 })).toBeNull();
    expect(toBrokerRate(stats, { hasRates: true, uptime: null })).toBeNull();
    expect(toBrokerRate(stats, { hasRates: false, uptime: 3000 })).toBeNull();
    expect(toBrokerRate(parseStats({ messages: 0 }), basic)).toBe(0);
    expect(toBrokerRate(undefined, basic)).toBeNull();
  });

  it("adds what nobody acknowledges", () => {
    expect(toDone(stats, basic)).toBe(10);
    expect(toDone(parseStats({ messages: 0 }), basic)).toBe(0);
    expect([
      toDone(parseStats({}), basic),
      toDone(undefined, basic),
      toDone(stats, { hasRates: false, uptime: 1 }),
    ]).toStrictEqual([null, null, null]);
  });

  it("says who does not take, but not of dead letters", () => {
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
  });

  it("has each number where it belongs", () => {
    const full = { ...entry, dead: 11, retrying: 12 };
    expect(toRabbitmqMetrics(identity, full, basic, { done: rates(120, null), failed: rates(90, 7) }, 1_060_500)).toEqual({
      ...identity,
      depth: 3,
      processedPerSec: 0.875,
      failuresLastHour: 7,
      failuresRecent: 7.5,
      active: 2,
      deferred: null,
      retrying: 12,
      dead: 11,
      oldestAgeSeconds: 60.5,
      waitSeconds: null,
      runSeconds: null,
      paused: null,
      workers: 0,
      exact: false,
      windowSeconds: 90,
    });
  });

  it.each([
    ["of the broker", { hasRates: true, uptime: 1000 }, null, 0.875, 300],
    ["of a broker that just started", { hasRates: true, uptime: 200 }, null, 1.3125, 200],
    ["sampled, of a broker without rates", { hasRates: false, uptime: 1000 }, null, 1.2, 120],
    ["sampled, of a broker of unknown age", { hasRates: true, uptime: null }, null, 1.2, 120],
    ["of the broker, beside sampled failures", { hasRates: true, uptime: 1000 }, 7, 0.875, 90],
  ])("has a rate %s, and the window of it or of the failures", (_what, broker, failures, rate, windowSeconds) => {
    const sampled = { done: rates(120, null), failed: failures === null ? unknownRates : rates(90, failures) };
    const metrics = toRabbitmqMetrics(identity, entry, broker, sampled, 0);
    expect(metrics.processedPerSec).toBe(rate);
    expect(metrics).toMatchObject({ failuresLastHour: failures, windowSeconds });
  });

  it("has an age only with a waiting message, and workers that take", () => {
    const show = (totals: object, more: object = {}) =>
      toRabbitmqMetrics(identity, { ...entry, ...more, totals: parse({ ...queue, ...totals }) as never }, basic, none, 2e6);
    expect(show({}).oldestAgeSeconds).toBe(1000);
    expect(show({ messages_ready: 0 })).toMatchObject({ depth: 0, oldestAgeSeconds: null });
    expect(show({ messages_ready: null, messages_unacknowledged: null })).toMatchObject({ depth: 0, active: null });
    expect(show({}, { stats: parseStats({ messages: 5 }) }).oldestAgeSeconds).toBeNull();
    expect(show({}, { stats: undefined })).toMatchObject({ oldestAgeSeconds: null, workers: null, processedPerSec: null });
    const taken = parseStats({ messages: 5, consumers: 2 });
    expect([show({}, { stats: taken, isDeadLetterQueue: true }).workers, show({}, { stats: taken }).workers]).toEqual([2, 2]);
  });

  it("knows a queue that is down", () => {
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
  it("counts what came, whatever went, and whichever is told first", () => {
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

  it("forgets what is gone: it begins anew should it come again", () => {
    const arrivals = createArrivals();
    const count = (key: string, held: number) => arrivals.count(key, held, 0);
    expect([count("gone", 1), count("here", 1), count("gone", 3), count("here", 3)]).toStrictEqual([0, 0, 2, 2]);
    arrivals.retain(new Set(["here"]));
    expect([count("gone", 5), count("here", 5)]).toStrictEqual([0, 4]);
  });
});
