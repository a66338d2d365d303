import { describe, expect, it } from "vitest";
import { parseQueuesFile } from "../../src/queues/config.ts";
import { findPlace, listPlaces, nameOnlyPlace, type Places } from "../../src/queues/places.ts";

const named = (...names: readonly string[]) => new Map(names.map((name) => [name, `x://${name}`]));
const river = { name: "jobs", kind: "river" as const, schema: "public", by: "kind" as const };
const redis = { name: "bull", kind: "redis" as const };
const mq = { name: "mq", kind: "rabbitmq" as const };

describe("an entry of QUEUES_FILE", () => {
  const two: Places = {
    databaseUrl: named("shop", "billing"),
    brokers: { rabbitmq: named("mq-1", "mq-2"), redis: null },
  };
  const one: Places = { databaseUrl: named("shop"), brokers: { rabbitmq: "http://h", redis: named("cache") } };
  const issues = (entry: object, places: Places) => {
    const result = parseQueuesFile(JSON.stringify({ sources: [entry] }), places);
    return result.ok ? [] : result.issues;
  };
  const database = "WALLET_CORE_OPS_DATABASE_URL";

  it.each<[object, Places]>([
    [{ ...river, database: "billing" }, two],
    [{ ...mq, broker: "mq-2" }, two],
    [redis, two],
    [river, one],
    [{ ...river, database: "shop" }, one],
    [mq, one],
    [{ ...redis, broker: "cache" }, one],
    [redis, one],
    [river, { ...one, databaseUrl: "postgres://h" }],
    [river, { ...one, databaseUrl: null }],
  ])("names its place: %j", (entry, places) => {
    expect(issues(entry, places)).toEqual([]);
  });

  it.each<[object, Places, readonly string[]]>([
    [river, two, [`database: must be one of the names in ${database}: shop, billing`]],
    [{ ...river, database: "bil" }, two, [`database: must be one of the names in ${database}: shop, billing`]],
    [{ ...river, database: "billing" }, one, [`database: must be one of the names in ${database}: shop`]],
    [
      { ...river, database: "shop" },
      { ...one, databaseUrl: "x" },
      [`database: ${database} has no names: leave it out`],
    ],
    [
      { ...river, database: "shop" },
      { ...one, databaseUrl: null },
      [`database: ${database} has no names: leave it out`],
    ],
    [mq, two, ["broker: must be one of the names in WALLET_CORE_OPS_RABBITMQ_URL: mq-1, mq-2"]],
    [{ ...redis, broker: "x" }, two, ["broker: WALLET_CORE_OPS_REDIS_URL has no names: leave it out"]],
    [{ ...river, broker: "mq-1" }, two, ['broker: a source of this kind has "database"']],
    [{ ...mq, database: "shop" }, two, ['database: a source of this kind has "broker"']],
    [{ ...river, database: 7 }, two, ["database: Invalid input: expected string, received number"]],
  ])("is refused: %j", (entry, places, expected) => {
    expect(issues(entry, places)).toEqual(expected.map((issue) => `sources[0].${issue}`));
  });

  it("is read from the place that it names, or from the only one", () => {
    const placeOf = (config: typeof river & { readonly database?: string }, databaseUrl: Places["databaseUrl"]) =>
      findPlace(nameOnlyPlace(config, { ...two, databaseUrl }), listPlaces(databaseUrl))?.url ?? null;
    expect(placeOf(river, "postgres://h")).toBe("postgres://h");
    expect(placeOf(river, named("shop"))).toBe("x://shop");
    expect(placeOf({ ...river, database: "billing" }, named("shop", "billing"))).toBe("x://billing");
    // None, rather than any of them.
    expect(placeOf(river, named("shop", "billing"))).toBeNull();
    expect(placeOf({ ...river, database: "gone" }, named("shop"))).toBeNull();
    expect(placeOf({ ...river, database: "shop" }, "postgres://h")).toBeNull();
    expect(placeOf(river, null)).toBeNull();
  });
});
