import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesTopic, toDeadLetterQueues, toQueueKey } from "../../../../src/queues/systems/rabbitmq/dead-letters.ts";

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
    arguments: {
      "x-dead-letter-exchange": exchange,
      ...(key !== undefined && { "x-dead-letter-routing-key": key }),
      ...more,
    },
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

  it("prefers arguments to policies, and recognises shared ones", () => {
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

  it("excludes a queue with a shared dead letter queue", () => {
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
  ])("takes a queue that returns messages by %s as a retry queue: %j", (_what, more, isRetry) => {
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

  it("takes no queue as a retry queue whose messages do not return", () => {
    const queues = [letters("work", "", "wait"), letters("wait", "", "end", { "x-message-ttl": 1000 })];
    const bindings = [bind("", "wait", "wait"), bind("", "end", "end")];
    expect(toDeadLetterQueues(queues, bindings, exchanges).retries).toEqual(new Set());
  });

  it("takes a returning queue with a time to live as a retry queue", () => {
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

  it("matches no words only by `#`", () => {
    expect([
      matchesTopic([], []),
      matchesTopic(["#"], []),
      matchesTopic(["*"], []),
      matchesTopic([], ["a"]),
    ]).toStrictEqual([true, true, false, false]);
  });

  it("agrees with the recursive definition, and is fast on hostile patterns", () => {
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
    const many = () =>
      match(Array.from({ length: 60 }, () => "#.a").join("."), Array.from({ length: 120 }, () => "b").join("."));
    expect(many()).toBe(false);
  });
});
