import { describe, expect, it } from "vitest";
import { addDepths, addUsage, seedUsage } from "../../../src/terminal/top/trends.ts";
import { sampleData, sampleQueueRow, sampleRow } from "../../support/top.ts";

const role = JSON.stringify(["web", "wallet-core", "staging", "STAGING"]);

describe("trends", () => {
  it("each answer adds a value, at most 60 stay; what has gone has none", () => {
    let trends = addDepths(new Map(), [sampleQueueRow({ name: "gone" })]);
    for (let depth = 1; depth <= 70; depth += 1) trends = addDepths(trends, [sampleQueueRow({ depth })]);
    expect([...trends]).toEqual([['depth ["river","payouts"]', Array.from({ length: 60 }, (_, index) => index + 11)]]);
  });

  it("roles have the mean of their containers; unknown is null", () => {
    const usage = {
      value: new Map([
        ["a", { cpuPct: 10, memPct: null }],
        ["b", { cpuPct: 20, memPct: null }],
      ]),
      error: null,
    };
    const data = sampleData({ containers: [sampleRow({ name: "a" }), sampleRow({ name: "b" })] }, { usage });
    const trends = addUsage(new Map([["depth q", [1]]]), data);
    expect(Object.fromEntries(trends)).toEqual({ "depth q": [1], [`cpu ${role}`]: [15], [`mem ${role}`]: [null] });
  });

  it("the time before stands in front, of listed containers alone", () => {
    const data = sampleData({ containers: [sampleRow({ name: "a" }), sampleRow({ name: "b" })] });
    const point = (container: string, second: number, value: number | null) => ({
      container,
      engine: "docker",
      time: `2026-01-13T09:59:${second}Z`,
      value,
    });
    const cpu = [point("a", 20, 4), point("a", 10, 1), point("b", 10, 3), point("b", 20, null), point("other", 10, 99)];
    const trends = seedUsage(new Map([[`cpu ${role}`, [7]]]), data, { cpu, mem: null });
    expect(Object.fromEntries(trends)).toEqual({ [`cpu ${role}`]: [2, 4, 7] });
  });
});
