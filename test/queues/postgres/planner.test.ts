import type { Row } from "../../../src/lib/postgres/pool.ts";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { nodesOf, type PlanNode, scansOf, toCost, toPlan } from "../../../src/queues/postgres/planner.ts";
import { heavyCost } from "../../../src/queues/postgres/reads.ts";

/** What PostgreSQL 18.4 said of our statements over 1,000,000 rows. */
const plans = JSON.parse(readFileSync("test/support/queue-plans.json", "utf8")) as Record<
  string,
  readonly { Plan: PlanNode }[]
>;

/** As pg gives it: JSON is an object already. */
function answer(name: string): readonly Row[] {
  return [{ "QUERY PLAN": plans[name] as unknown as string }];
}

const cost = (name: string) => toCost(toPlan(answer(name)));

describe("plans", () => {
  it("are read as an object and as text", () => {
    const text = [{ "QUERY PLAN": JSON.stringify(plans["active, no index"]) }];
    expect(toPlan(text)).toStrictEqual(toPlan(answer("active, no index")));
    expect(toPlan(text)["Node Type"]).toBe("Aggregate");
  });

  it("have PostgreSQL's cost", () => {
    expect(cost("active, no index")).toBeCloseTo(36_891, 0);
    expect(cost("depth, its index")).toBeCloseTo(4278, 0);
    expect(cost("depth, no index")).toBeGreaterThan(100 * heavyCost);
    expect(cost("depth in one scan, no index")).toBeLessThan(heavyCost);
  });

  it("have their cost without luck: a limit may find nothing", () => {
    const name = "first waiting queue, index of all types";
    expect(toPlan(answer(name))["Total Cost"]).toBeLessThan(10);
    expect(cost(name)).toBeGreaterThan(heavyCost);
  });

  it("have scans", () => {
    const scans = (name: string) => [...new Set(scansOf(toPlan(answer(name))).map((scan) => scan["Node Type"]))];
    expect(scans("depth, its index")).toStrictEqual(["Index Only Scan"]);
    expect(scans("depth, no index")).toStrictEqual(["Seq Scan"]);
    expect(scans("a range of pages")).toStrictEqual(["Tid Range Scan"]);
    expect(nodesOf(toPlan(answer("depth, its index"))).length).toBeGreaterThan(10);
  });

  it("leave out scans of a few pages", () => {
    const scan = (type: string, units: number) => ({
      "Node Type": type,
      "Total Cost": units,
      "Plan Rows": 1,
      "Relation Name": "a",
    });
    const plan = {
      ...scan("Append", 200),
      Plans: [scan("Seq Scan", 99), scan("Seq Scan", 100), scan("Tid Range Scan", 4)],
    };
    expect(scansOf(plan).map((one) => one["Total Cost"])).toStrictEqual([100, 4]);
  });
});
