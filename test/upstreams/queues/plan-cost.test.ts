import { expect, it } from "vitest";
import { type PlanNode, toCost } from "../../../src/upstreams/queues/sql/plan.ts";

const node = (type: string, cost: number, more: Partial<PlanNode> = {}): PlanNode => ({
  "Node Type": type,
  "Total Cost": cost,
  "Plan Rows": 1,
  ...more,
});

it("is that of the most expensive node, also below a Limit, where the planner may not find what it hopes to find soon", () => {
  const scan = node("Index Scan", 900, { Filter: "(state = 'x')" });
  expect(toCost(node("Result", 10, { Plans: [node("Limit", 5, { Plans: [scan] })] }))).toBe(900);
  expect(toCost(node("Limit", 5, { Plans: [node("Seq Scan", 900)] }))).toBe(900);
  expect(toCost(node("Limit", 5, { Plans: [node("Sort", 400, { Plans: [node("Index Scan", 900)] })] }))).toBe(900);
});

it("is that of the Limit where the index scan below filters nothing, and so ends with it", () => {
  const limit = node("Limit", 5, { Plans: [node("Index Only Scan", 900)] });
  expect(toCost(limit)).toBe(5);
  expect(toCost(node("Append", 30, { Plans: [limit, node("Index Scan", 70)] }))).toBe(70);
});
