import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Budget, defaultLimits } from "../../src/budget/budget.ts";
import { checkSize, isLonger, toJson } from "../../src/budget/json.ts";

/** A budget whose answers are written in parts. */
function large(bytes = defaultLimits.bytes): Budget {
  const budget = new Budget("test", { ...defaultLimits, bytes });
  budget.rows(2000);
  return budget;
}

describe("an answer as JSON", () => {
  it("is what JSON.stringify makes of it, in parts or not", { timeout: 30_000 }, async () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.array(fc.record({ name: fc.string({ unit: "binary" }), value: fc.option(fc.double()), rows: fc.array(fc.jsonValue()) })),
      fc.array(fc.oneof(fc.integer(), fc.constant(null), fc.record({ a: fc.integer() })), { minLength: 200, maxLength: 700 }),
      fc.record({ data: fc.array(fc.integer(), { maxLength: 600 }), missing: fc.constant(undefined) }),
    );
    await fc.assert(
      fc.asyncProperty(value, async (given) => {
        const budget = large();
        expect(await toJson(given, budget)).toBe(JSON.stringify(given));
        budget.end();
        expect(toJson(given, new Budget("test"))).toBe(JSON.stringify(given));
      }),
      { numRuns: 100 },
    );
  });

  it("writes what makes its own JSON as that says", async () => {
    const budget = large();
    const date = new Date(0);
    expect(await toJson({ list: [date, { date, deep: { date } }] }, budget)).toBe(
      JSON.stringify({ list: [date, { date, deep: { date } }] }),
    );
    budget.end();
  });

  it("is refused beyond its bytes, in parts or not; a character may have three of them", async () => {
    const rows = Array.from({ length: 1000 }, (_, index) => ({ index, text: "x".repeat(100) }));
    const exact = JSON.stringify(rows).length;
    const [enough, less] = [large(exact), large(exact - 1)];
    expect(await toJson(rows, enough)).toHaveLength(exact);
    await expect(toJson(rows, less)).rejects.toMatchObject({ code: "answer_too_large", status: 422 });
    expect(() => toJson(rows, new Budget("test", { ...defaultLimits, bytes: exact - 1 }))).toThrow(
      /larger than .* MB: ask for a shorter/,
    );
    expect(() => checkSize("€".repeat(10), 29)).toThrow(expect.objectContaining({ code: "answer_too_large" }));
    expect(checkSize("€".repeat(10), 30)).toHaveLength(10);
    for (const budget of [enough, less]) budget.end();
  });

  it("is never made much longer than it may be", async () => {
    const line = "x".repeat(60_000);
    // The same text 20,000 times: a gigabyte, if it were made.
    const rows = Array.from({ length: 20_000 }, () => ({ line }));
    const budget = large();
    const before = process.memoryUsage().heapUsed;
    await expect(toJson({ rows }, budget)).rejects.toMatchObject({ code: "answer_too_large" });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6);
    budget.end();
  });

  it("is measured without being made", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const { length } = JSON.stringify(value);
        expect(isLonger(value, 12 * length + 100)).toBe(false);
        const texts = Array.from({ length: 10 }, () => ({ value, text: "y".repeat(50) }));
        expect(isLonger(texts, 500)).toBe(true);
      }),
    );
  });
});
