import type { Row } from "../../../src/lib/postgres/pool.ts";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PlanNode } from "../../../src/queues/postgres/planner.ts";
import { chooseLight, createPlanCheck } from "../../../src/queues/postgres/reads.ts";

/** What PostgreSQL 18.4 said of our statements over 1,000,000 rows. */
const plans = JSON.parse(readFileSync("test/support/queue-plans.json", "utf8")) as Record<
  string,
  readonly { Plan: PlanNode }[]
>;

/** As pg gives it: JSON is an object already. */
function answer(name: string): readonly Row[] {
  return [{ "QUERY PLAN": plans[name] as unknown as string }];
}

describe("the choice", () => {
  it("is the cheapest plan of each, and the cheapest up to the limit", () => {
    expect(chooseLight([[9, 3], [50], [4], [Infinity, 60]], 60)).toStrictEqual([1, 0, 0, null]);
    expect(chooseLight([[61], [1]], 60)).toStrictEqual([null, 0]);
    expect(chooseLight([[30], [31]], 60)).toStrictEqual([0, null]);
    expect(chooseLight([], 60)).toStrictEqual([]);
  });

  it("stays in the limit, and skips nothing cheaper than its choice", () => {
    const costs = fc.array(fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }), { maxLength: 9 });
    fc.assert(
      fc.property(costs, fc.nat(2000), (ways, limit) => {
        const cheapest = ways.map((own) => Math.min(...own));
        const choices = chooseLight(ways, limit);
        const taken = choices.flatMap((place, index) => (place === null ? [] : [ways[index]?.[place] ?? NaN]));
        const left = choices.flatMap((place, index) => (place === null ? [cheapest[index] ?? NaN] : []));
        expect(taken.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(limit);
        expect(Math.max(-1, ...taken)).toBeLessThanOrEqual(Math.min(Infinity, ...left));
      }),
    );
  });
});

describe("the check", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
  afterEach(() => void vi.useRealTimers());

  const depth = [{ sql: "depth, no index", costCorrection: 10 }, { sql: "depth in one scan, no index" }];
  const create = (...options: Parameters<typeof createPlanCheck>) => {
    const asked: string[] = [];
    const read = async (statement: string) => {
      const name = statement.replace("explain (format json) ", "");
      asked.push(name);
      return answer(name);
    };
    const readAll = async (statements: readonly string[]) => Promise.all(statements.map(read));
    return { check: createPlanCheck(...options), readAll, asked };
  };

  it("asks the planner once in five minutes, and never runs anything", async () => {
    const { check, readAll, asked } = create();
    expect(await check.choose([depth], readAll)).toStrictEqual([1]);
    vi.advanceTimersByTime(299_999);
    await check.choose([depth], readAll);
    expect(asked).toStrictEqual(["depth, no index", "depth in one scan, no index"]);
    vi.advanceTimersByTime(1);
    await check.choose([depth], readAll);
    expect(asked).toHaveLength(4);
  });

  it("corrects the cost of loose index scans", async () => {
    const { check, readAll } = create({ cost: 500 });
    expect(await check.choose([[{ sql: "depth, its index", costCorrection: 10 }]], readAll)).toStrictEqual([0]);
    expect(await check.choose([[{ sql: "depth, its index" }]], readAll)).toStrictEqual([null]);
  });

  it("asks again for other statements, and after a failure", async () => {
    const { check, readAll, asked } = create();
    await check.choose([depth], readAll);
    await check.choose([[{ sql: "active, no index" }]], readAll);
    expect(asked).toHaveLength(3);
    check.forget(false);
    expect(await check.choose([[{ sql: "active, no index" }]], readAll)).toStrictEqual([0]);
    expect(asked).toHaveLength(4);
  });

  it("calls every statement heavy for a minute after a timeout", async () => {
    const { check, readAll, asked } = create();
    check.forget(true);
    expect(await check.choose([depth, depth], readAll)).toStrictEqual([null, null]);
    vi.advanceTimersByTime(60_000);
    expect(await check.choose([depth], readAll)).toStrictEqual([1]);
    expect(asked).toHaveLength(2);
  });
});
