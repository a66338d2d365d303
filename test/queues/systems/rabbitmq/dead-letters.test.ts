import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DeadLetterQueues,
  toDeadLetterQueues as find,
  toQueueKey,
} from "../../../../src/queues/systems/rabbitmq/dead-letters.ts";
import { finish, longestPiece } from "../../../support/steps.ts";

const toDeadLetterQueues = (...args: Parameters<typeof find>): DeadLetterQueues => finish(find(...args));

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

  it("does work that grows with queues and bindings, not with both", () => {
    const many = 1000;
    const names = Array.from({ length: many }, (_, index) => `q${index}`);
    for (const [exchange, toKey, toPattern, isShared] of [
      ["direct", (name: string) => name, (name: string) => name, false],
      ["topic", (name: string) => `${name}.failed`, (name: string) => `#.${name}.*`, false],
      ["topic", (name: string) => `${name}.failed`, (name: string) => `${name}.#`, false],
      ["topic", () => "all", () => "#", true],
      ["fanout", (name: string) => name, () => "", true],
    ] as const) {
      let steps = 0;
      const queues = names.map((name) => letters(name, exchange, toKey(name), { "x-message-ttl": 1000 }));
      const bindings = names.map((name) => bind(exchange, `${name}.dead`, toPattern(name)));
      const found = find(queues, bindings, exchanges);
      for (;;) {
        const { done, value } = found.next();
        steps += 1;
        if (!done) continue;
        expect([value.own.size, value.shared.size]).toEqual(isShared ? [0, many] : [many, 0]);
        break;
      }
      // Each with each is a million.
      expect(steps).toBeLessThan(50 * many);
    }
  });

  it("takes its turn between any two queues and any two bindings", () => {
    const names = Array.from({ length: 300 }, (_, index) => `q${index}`);
    const longest = longestPiece((onPiece) => {
      const watch = <T extends object>(item: T, key: keyof T): T => {
        const value = item[key];
        return Object.defineProperty(item, key, { get: () => (onPiece(), value) });
      };
      const queues = names.map((name) => watch(letters(name, "topic", name), "arguments"));
      const bindings = names.map((name) => watch(bind("topic", name, `#.${name}`), "routing_key"));
      return find(queues, bindings, exchanges);
    });
    expect(longest).toBeLessThan(5);
  });

  it("calls the queues of a topic exchange with too many patterns shared", () => {
    const names = ["one", "two", "three"];
    const queues = [
      ...names.map((name) => letters(name, "topic", `${name}.failed`)),
      letters("four", "direct", "four.failed"),
    ];
    const bindings = [
      ...names.map((name) => bind("topic", `${name}.dead`, `${name}.#`)),
      bind("direct", "four.dead", "four.failed"),
    ];
    expect(toDeadLetterQueues(queues, bindings, exchanges).shared).toEqual(new Set());
    for (const most of [0, 65]) {
      const found = toDeadLetterQueues(queues, bindings, exchanges, most);
      expect(found.shared).toEqual(new Set(names.map((name) => at(`${name}.dead`))));
      expect(Object.fromEntries(found.own)).toEqual({ [at("four")]: [at("four.dead")] });
      const alone = toDeadLetterQueues(queues.slice(0, 1), bindings, exchanges, 0);
      expect([alone.own.size, alone.shared.size]).toEqual([0, 3]);
    }
  });

  it("agrees with its definition for any queues and bindings", () => {
    const name = fc.constantFrom("a", "b", "c", "d");
    const exchange = fc.constantFrom("", "direct", "topic", "fanout", "unknown");
    const routingKey = fc.constantFrom("a", "b", "c", "a.b", "b.c");
    const queue = fc.record({ exchange, key: fc.option(routingKey), ttl: fc.boolean(), has: fc.boolean() });
    const binding = fc.record({ exchange, name, key: fc.oneof(routingKey, fc.constantFrom("#", "a.*", "*", "#.c")) });
    const toMatch = (pattern: string) =>
      new RegExp(`^${pattern.replaceAll(".#", "(\\..+)?").replace(/^#\.?/, "(.+\\.?)?").replaceAll("*", "[^.]+")}$`);
    const define = (queues: readonly ReturnType<typeof letters>[], bindings: readonly ReturnType<typeof bind>[]) => {
      const targets = new Map<string, string[]>();
      for (const one of queues) {
        const to = (one.arguments as Record<string, string>)["x-dead-letter-exchange"];
        const routing = (one.arguments as Record<string, string | undefined>)["x-dead-letter-routing-key"];
        if (to === undefined || (to === "" && routing === undefined)) continue;
        const isTaken = ({ routing_key: pattern }: ReturnType<typeof bind>) => {
          if (routing === undefined || to === "fanout" || to === "unknown") return true;
          return to === "topic" ? toMatch(pattern).test(routing) : pattern === routing;
        };
        const found = bindings.filter((each) => each.source === to && isTaken(each));
        targets.set(at(one.name), [...new Set(found.map(({ destination }) => at(destination)))]);
      }
      const retries = new Set<string>();
      for (const { name: queueName, arguments: given } of queues) {
        const back = (targets.get(at(queueName)) ?? []).some((target) => targets.get(target)?.includes(at(queueName)));
        if (!back || !("x-message-ttl" in given)) continue;
        retries.add(at(queueName));
        targets.delete(at(queueName));
      }
      const all = [...targets.values()].flat();
      const shared = new Set(all.filter((one, index) => all.indexOf(one) !== index));
      return {
        own: new Map([...targets].filter(([, list]) => list.length > 0 && !list.some((one) => shared.has(one)))),
        retries,
        shared,
      };
    };
    fc.assert(
      fc.property(fc.tuple(queue, queue, queue, queue), fc.array(binding, { maxLength: 10 }), (some, bound) => {
        const queues = some.flatMap((one, index) =>
          one.has
            ? letters("abcd"[index] ?? "", one.exchange, one.key ?? undefined, one.ttl ? { "x-message-ttl": 1 } : {})
            : [],
        );
        const bindings = bound.map((one) => bind(one.exchange, one.name, one.key));
        const { own: found, ...rest } = toDeadLetterQueues(queues, bindings, exchanges);
        // Their order says nothing.
        const { own: defined, ...others } = define(queues, bindings);
        const toSorted = (lists: DeadLetterQueues["own"]) => [...lists].map(([key, list]) => [key, list.toSorted()]);
        expect([new Map(toSorted(found) as [string, string[]][]), rest]).toEqual([
          new Map(toSorted(defined) as [string, string[]][]),
          others,
        ]);
      }),
      { numRuns: 2000 },
    );
  });
});
