import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findMissing, toIndexName } from "../../../src/queues/postgres/indexes.ts";
import type { IndexAdvice } from "../../../src/queues/postgres/statements.ts";

it("an index has a name that PostgreSQL does not truncate", () => {
  expect(toIndexName("jobs", "waiting", "(type)")).toMatch(/^jobs_ops_waiting_[0-9a-f]{6}$/);
  expect(toIndexName("é".repeat(40), "waiting", "(type)")).toMatch(/^é{22}_ops_waiting_[0-9a-f]{6}$/);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), fc.string(), (table, definition) => {
      const name = toIndexName(table, "processed", definition);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      expect(name.isWellFormed()).toBe(true);
      expect(name).toMatch(/_ops_processed_[0-9a-f]{6}$/);
      expect(table.startsWith(name.slice(0, -"_ops_processed_123456".length))).toBe(true);
    }),
  );
});

it("names differ for another definition and for another table", () => {
  const long = `jobs_${"x".repeat(55)}`;
  const names = [
    toIndexName("jobs", "waiting", `("type") where "status" = 'pending'`),
    toIndexName("jobs", "waiting", `("type") where "status" in ('pending', 'retry')`),
    toIndexName("jobs", "waiting", `("type", "run_at") where "status" = 'pending'`),
    toIndexName(`${long}_1`, "waiting", `("type")`),
    toIndexName(`${long}_2`, "waiting", `("type")`),
  ];
  expect(new Set(names).size).toBe(names.length);
  expect(toIndexName("jobs", "waiting", `("type") where "status" = 'pending'`)).toBe(names[0]);
});

it("each partition is repaired, and vacuumed once for all of its indexes", async () => {
  const advise = (suffix: string): IndexAdvice => ({
    table: { schema: null, table: "jobs" },
    serves: suffix,
    suffix,
    definition: "(type)",
    reading: [{ sql: "reading" }],
    rows: "rows",
  });
  const part = (schema: string, table: string, suffix: string, valid: boolean) => ({
    kind: "r",
    root: "false",
    schema,
    table,
    valid: String(valid),
    index: toIndexName(table, suffix, "(type)"),
    unvacuumed: String(table !== "seen"),
  });
  const facts = [
    { kind: "p", root: "true", schema: "public", table: "jobs", index: null, valid: null, unvacuumed: "false" },
    { kind: "r", root: "false", schema: "public", table: "bare", index: null, valid: null, unvacuumed: "true" },
    // Of the same name as one without, elsewhere.
    part("archive", "bare", "waiting", false),
    ...["broken", "late", "used", "seen"].flatMap((table) =>
      ["waiting", "active"].map((suffix) => part("public", table, suffix, table !== "broken")),
    ),
  ];
  const scan = { "Total Cost": 1e6, "Plan Rows": 1 };
  const used = ["waiting", "active"].map((suffix) => ({
    ...scan,
    "Node Type": "Index Only Scan",
    "Index Name": toIndexName("used", suffix, "(type)"),
  }));
  const plan = {
    ...scan,
    "Node Type": "Append",
    Plans: [{ ...scan, "Node Type": "Seq Scan", "Relation Name": "late" }, ...used],
  };
  const advice = await findMissing([advise("waiting"), advise("active")], async (sql) => {
    if (sql.startsWith("explain")) return [{ "QUERY PLAN": JSON.stringify([{ Plan: plan }]) }];
    return sql.includes("pg_class") ? facts : [];
  });
  const nameOf = (table: string, suffix: string) => `"${toIndexName(table, suffix, "(type)")}"`;
  const make = (schema: string, table: string, suffix: string) =>
    `create index concurrently if not exists ${nameOf(table, suffix)} on "${schema}"."${table}" (type);`;
  const drop = (schema: string, table: string, suffix: string) =>
    `drop index concurrently if exists "${schema}".${nameOf(table, suffix)};`;
  expect("missing" in advice && advice.missing).toMatchObject([
    {
      reason:
        "its index is invalid, left by a build that did not finish; its index exists, but is used only after a vacuum",
      statements: [
        make("public", "bare", "waiting"),
        drop("archive", "bare", "waiting"),
        make("archive", "bare", "waiting"),
        drop("public", "broken", "waiting"),
        make("public", "broken", "waiting"),
        'vacuum (analyze) "public"."late";',
      ],
    },
    {
      statements: [
        make("public", "bare", "active"),
        make("archive", "bare", "active"),
        drop("public", "broken", "active"),
        make("public", "broken", "active"),
      ],
    },
  ]);
});

describe("findMissing", () => {
  const advice: IndexAdvice = {
    table: { schema: "public", table: "jobs" },
    serves: "waiting jobs",
    suffix: "waiting",
    definition: "(type)",
    reading: [{ sql: "first" }, { sql: "second" }],
    rows: "rows",
  };
  interface Given {
    readonly kind?: string;
    /** Cost and kind of the scan of each way. */
    readonly ways?: Readonly<Record<string, readonly [cost: number, type: string]>>;
    readonly rows?: number;
    readonly unvacuumed?: boolean;
    readonly index?: { readonly valid: boolean } | null;
    readonly fails?: Error;
  }
  const name = toIndexName("jobs", "waiting", "(type)");
  const find = async (given: Given, own: Partial<IndexAdvice> = {}) => {
    const {
      kind = "r",
      ways = { first: [1e6, "Seq Scan"], second: [2e6, "Seq Scan"] },
      rows = 1000,
      index = null,
    } = given;
    const ran: string[] = [];
    const found = await findMissing([{ ...advice, ...own }], async (sql) => {
      const explained = sql.replace("explain (format json) ", "");
      if (explained !== sql) {
        const [cost, type] = ways[explained] ?? [1, "Result"];
        const plan = { "Node Type": type, "Total Cost": cost, "Plan Rows": rows, "Relation Name": "jobs" };
        return [{ "QUERY PLAN": JSON.stringify([{ Plan: plan }]) }];
      }
      if (!sql.includes("pg_class")) {
        ran.push(sql);
        if (given.fails) throw given.fails;
        return [];
      }
      if (kind === "") return [];
      const fact = {
        kind,
        root: "true",
        schema: "other",
        table: "jobs",
        unvacuumed: String(given.unvacuumed ?? false),
      };
      // Rows of another one, which inherits from it and has indexes of its own.
      const heir = { ...fact, root: "false", table: "heir", index: null, valid: null };
      return [heir, { ...fact, index: index && name, valid: index && String(index.valid) }];
    });
    return { found, ran };
  };
  const create = `create index concurrently if not exists "${name}" on "public"."jobs" (type);`;

  it("has the cost of the cheapest plan without a missing index", async () => {
    const ways = { first: [1e6, "Seq Scan"], second: [90_000.4, "Seq Scan"] } as const;
    const { found, ran } = await find({ ways, rows: 1001 });
    expect(found).toEqual({
      missing: [
        {
          serves: "waiting jobs",
          reason: null,
          statements: [create],
          cost: 90_000,
          costWithIndex: 46,
          rows: 1001,
          tookMs: expect.any(Number),
        },
      ],
    });
    expect(ran).toEqual(["second"]);
    expect((await find({ ways }, { reading: [{ sql: "first", costCorrection: 20 }, { sql: "second" }] })).ran).toEqual([
      "first",
    ]);
  });

  it("does not know the time of what timed out", async () => {
    const late = Object.assign(new Error("x"), { code: "57014" });
    expect((await find({ fails: late })).found).toMatchObject({ missing: [{ tookMs: null }] });
    const away = Object.assign(new Error("x"), { code: "57P01" });
    await expect(find({ fails: away })).rejects.toBe(away);
  });

  it.each<[string, Given["ways"], number, boolean]>([
    ["cheap, whatever it does", { first: [5000, "Seq Scan"] }, 1000, true],
    ["not cheap, and a scan of everything", { first: [5001, "Seq Scan"] }, 1e6, false],
    ["ten times as costly as it must", { first: [350_100, "Index Scan"] }, 1e6, true],
    ["more than that", { first: [350_101, "Index Scan"] }, 1e6, false],
  ])("counts what is %s as served, or not", async (_what, ways, rows, isServed) => {
    const { found } = await find({ ...(ways && { ways }), rows }, { reading: [{ sql: "first" }] });
    expect("missing" in found && found.missing).toHaveLength(isServed ? 0 : 1);
  });

  it.each([
    ["", { obstacle: "there is no such table" }],
    ["v", { obstacle: "it is not a table: index the tables behind it" }],
    ["f", { obstacle: "it is not a table: index the tables behind it" }],
  ])("names the obstacle: %j", async (kind, obstacle) => {
    expect((await find({ kind })).found).toEqual(obstacle);
  });

  it("advises on a materialized view as on a table", async () => {
    expect((await find({ kind: "m" })).found).toMatchObject({ missing: [{ statements: [create] }] });
    expect(await findMissing([], () => Promise.reject(new Error("not asked")))).toEqual({ missing: [] });
    expect((await find({}, { reading: [] })).found).toEqual({ missing: [] });
  });

  const drop = `drop index concurrently if exists "public"."${name}";`;
  it.each<[string, Given, object[]]>([
    [
      "left unfinished",
      { index: { valid: false } },
      [{ reason: "its index is invalid, left by a build that did not finish", statements: [drop, create] }],
    ],
    [
      "there, before a vacuum",
      { index: { valid: true }, unvacuumed: true },
      [
        {
          reason: "its index exists, but is used only after a vacuum",
          statements: ['vacuum (analyze) "public"."jobs";'],
        },
      ],
    ],
    ["there, and the planner does without it", { index: { valid: true }, unvacuumed: false }, []],
  ])("recognises an index that is %s", async (_what, given, missing) => {
    expect((await find(given)).found).toMatchObject({ missing });
  });
});
