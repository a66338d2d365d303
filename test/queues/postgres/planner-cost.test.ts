import { describe, expect, it } from "vitest";
import { type PlanNode, toCost } from "../../../src/queues/postgres/planner.ts";

const node = (type: string, cost: number, more: Partial<PlanNode> = {}): PlanNode => ({
  "Node Type": type,
  "Total Cost": cost,
  "Plan Rows": 1,
  ...more,
});

it("the cost is that of the most expensive node, also below a Limit", () => {
  const scan = node("Index Scan", 900, { Filter: "(state = 'x')" });
  expect(toCost(node("Result", 10, { Plans: [node("Limit", 5, { Plans: [scan] })] }))).toBe(900);
  expect(toCost(node("Limit", 5, { Plans: [node("Seq Scan", 900)] }))).toBe(900);
  expect(toCost(node("Limit", 5, { Plans: [node("Sort", 400, { Plans: [node("Index Scan", 900)] })] }))).toBe(900);
});

it("the cost is a Limit's if the index scan below has no filter", () => {
  const limit = node("Limit", 5, { Plans: [node("Index Only Scan", 900)] });
  expect(toCost(limit)).toBe(5);
  expect(toCost(node("Append", 30, { Plans: [limit, node("Index Scan", 70)] }))).toBe(70);
});

it("the cost is a Limit's where equal times are sorted and rows skipped", () => {
  const limit = (scan: Partial<PlanNode>) =>
    node("Limit", 5, { Plans: [node("Incremental Sort", 950, { Plans: [node("Index Scan", 900, scan)] })] });
  const keyset = "(ROW(ended, id) < ROW('2026-01-13 09:41:10+00'::timestamp with time zone, '7'::bigint))";
  expect(toCost(limit({}))).toBe(5);
  expect(toCost(limit({ Filter: keyset }))).toBe(5);
  expect(toCost(limit({ Filter: `((kind = 'mail'::text) AND ${keyset})` }))).toBe(950);
  expect(toCost(node("Limit", 5, { Plans: [node("Incremental Sort", 950, { Plans: [node("Seq Scan", 900)] })] }))).toBe(
    950,
  );
});

describe("the cost of a look-up in partitions", () => {
  const scan = (table: string, cost: number, condition = "((name = queue.name) AND (state = 'failed'))") =>
    node("Index Scan", cost, { "Relation Name": table, "Index Cond": condition });
  const loop = (rows: number, cost: number, inner: PlanNode) =>
    node("Nested Loop", cost, { Plans: [node("Seq Scan", 10, { "Plan Rows": rows }), inner] });
  const partitions = node("Append", 900, { Plans: [scan("a", 200), scan("b", 600), scan("c", 100)] });

  it("is that of the most expensive one each time, because one is read", () => {
    expect(toCost(loop(20, 18_000, partitions))).toBe(18_000 - 20 * 300);
    expect(toCost(node("Sort", 18_500, { Plans: [loop(20, 18_000, partitions)] }))).toBe(18_500 - 20 * 300);
    // Two tables that are looked at one after the other: one partition of each.
    const both = node("Append", 1800, {
      Plans: [partitions, partitions].map((one) => node("Subquery Scan", 900, { Plans: [one] })),
    });
    expect(toCost(loop(20, 36_000, both))).toBe(36_000 - 20 * 600);
  });

  it("leaves out partitions by a filter or a bitmap too", () => {
    const filtered = node("Seq Scan", 50, { "Relation Name": "a", Filter: "(name = queue.name)" });
    const bitmap = node("Bitmap Heap Scan", 70, {
      "Relation Name": "b",
      Plans: [
        node("Bitmap Index Scan", 5, {
          "Index Name": "b_i",
          "Index Cond": "((name)::text = 'x') AND (name = queue.name)",
        }),
      ],
    });
    expect(toCost(loop(10, 1200, node("Append", 120, { Plans: [filtered, bitmap] })))).toBe(1200 - 10 * 50);
  });

  it("is that of all without a look-up, or with free loops", () => {
    const all = node("Append", 800, { Plans: [scan("a", 200, "(state = 'failed')"), scan("b", 600)] });
    expect(toCost(loop(20, 16_000, all))).toBe(16_000);
    expect(toCost(loop(20, 18_000, node("Memoize", 900, { Plans: [partitions] })))).toBe(18_000);
  });
});
