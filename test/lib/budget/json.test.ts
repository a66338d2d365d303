import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Budget, defaultLimits } from "../../../src/lib/budget/budget.ts";
import { checkSize, isLonger, toJson } from "../../../src/lib/budget/json.ts";

/** A budget whose answers are written in parts. */
function large(bytes = defaultLimits.bytes): Budget {
  const budget = new Budget("test", { ...defaultLimits, bytes });
  budget.rows(2000);
  return budget;
}

describe("an answer as JSON", () => {
  it("equals JSON.stringify's, in parts or whole", async () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.array(
        fc.record({
          name: fc.string({ unit: "binary" }),
          value: fc.option(fc.double()),
          rows: fc.array(fc.jsonValue()),
        }),
      ),
      fc.array(fc.oneof(fc.integer(), fc.constant(null), fc.record({ a: fc.integer() })), {
        minLength: 200,
        maxLength: 700,
      }),
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

  it("uses toJSON of objects that have it", async () => {
    const budget = large();
    const date = new Date(0);
    expect(await toJson({ list: [date, { date, deep: { date } }] }, budget)).toBe(
      JSON.stringify({ list: [date, { date, deep: { date } }] }),
    );
    budget.end();
  });

  it.each([
    ["nothing", {}],
    ["an empty list", []],
    ["empty ones in others", { a: {}, b: [], c: [{}, []], d: { e: [] } }],
    ["what is undefined", { a: undefined, b: { c: undefined, d: 1 }, e: undefined }],
    ["nothing but what is undefined", { a: { b: undefined } }],
    ["lists of 20 and 21", { a: Array.from({ length: 20 }, String), b: Array.from({ length: 21 }, String) }],
    ["lists in lists", [[1, [2, [3, []]]], [[]], [[[]]]]],
    ["undefined in a list", [1, undefined, { a: 1 }, undefined]],
    ["256, 257 and 513 numbers", [256, 257, 513].map((length) => Array.from({ length }, (_, index) => index))],
    [
      "numbers around objects",
      [...Array.from({ length: 300 }, String), { a: 1 }, 2, { b: [3] }, ...Array.from({ length: 300 }, Number)],
    ],
    ["what says that it is nothing, in a list", [{ a: {} }, { toJSON: () => undefined }, { toJSON: () => "x" }]],
    ["null", null],
    ["a text", 'a "b"'],
    ["names that need quotes", { 'a"b': { "\n": 1 } }],
  ])("is the same in parts: %s", async (_, value) => {
    const budget = large();
    expect(await toJson(value, budget)).toBe(JSON.stringify(value));
    budget.end();
  });

  it("lets others run, and reserves what it has written", async () => {
    const turns: Promise<void>[] = [];
    const held: number[] = [];
    const budget = {
      isLarge: true,
      maxBytes: 1_000_000,
      hold: (bytes: number) => void held.push(bytes),
      turn: () => {
        turns.push(new Promise(setImmediate));
        return turns.at(-1) ?? null;
      },
    } as unknown as Budget;
    const rows = Array.from({ length: 3 }, () => ({ text: "€".repeat(65_536) }));
    const text = JSON.stringify(rows);
    expect(await toJson(rows, budget)).toBe(text);
    expect(turns).toHaveLength(3);
    expect(held).toHaveLength(4);
    expect(held.reduce((sum, bytes) => sum + bytes, 0)).toBe(Buffer.byteLength(text));
  });

  it("is refused beyond its bytes; a character may have three of them", async () => {
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

  it("is never built much longer than allowed", async () => {
    const line = "x".repeat(60_000);
    // The same text 20,000 times: a gigabyte, if it were made.
    const rows = Array.from({ length: 20_000 }, () => ({ line }));
    const budget = large();
    const before = process.memoryUsage().heapUsed;
    await expect(toJson({ rows }, budget)).rejects.toMatchObject({ code: "answer_too_large" });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6);
    budget.end();
  });

  it.each([
    ["a text", "x".repeat(98), 100],
    ["a number", 1, 4],
    ["null", null, 4],
    ["a list", ["x".repeat(10), 1], 18],
    ["an object", { ab: "x".repeat(10), c: 1 }, 25],
    ["one in the other", [{ a: ["b"] }], 9],
    ["an empty list", [], 0],
  ])("is longer than one less than its length, about: %s", (_, value, length) => {
    expect([isLonger(value, length), isLonger(value, length - 1)]).toEqual([false, true]);
  });

  it("is measured no further than its maximum", () => {
    let reads = 0;
    const item = {
      get a() {
        reads += 1;
        return "x".repeat(10);
      },
    };
    expect(
      isLonger(
        Array.from({ length: 100 }, () => item),
        30,
      ),
    ).toBe(true);
    expect(reads).toBe(2);
    const wide = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, item]));
    expect(isLonger(wide, 30)).toBe(true);
    expect(reads).toBe(4);
  });

  it("is measured without being built", () => {
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
