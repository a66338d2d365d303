import * as fc from "fast-check";
import { expect, it } from "vitest";
import { type IndexAdvice, findMissing, toIndexName } from "../../../src/upstreams/queues/sql/indexes.ts";

it("names an index so that PostgreSQL cuts nothing of it", () => {
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

it("gives two indexes two names, by what they are made of and by all of the table's name", () => {
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

it("does for each partition what it lacks, and says to vacuum one once for all of its indexes", async () => {
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
      reason: "its index was left unfinished and is in the way; its index is there, but is not used before a vacuum",
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
