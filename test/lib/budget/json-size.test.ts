import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findExcess, findTextExcess } from "../../../src/lib/budget/json-size.ts";

const limits = { values: 5, depth: 3 };

describe("the size of a JSON value", () => {
  it.each([
    [[1, 2, 3, 4, 5], null],
    [[1, 2, 3, 4, 5, 6], "more than 5 values"],
    [{ a: 1, b: [1, 2], c: {} }, null],
    [{ a: 1, b: [1, 2, 3], c: {} }, "more than 5 values"],
    [[[[]]], null],
    [[[[[]]]], "more than 3 levels"],
    [{ a: { b: { c: "[[[[" } } }, null],
    ["text,,,,,,,,", null],
    [null, null],
    [undefined, null],
  ])("%j has %j", (value, excess) => {
    expect(findExcess(value, limits)).toBe(excess);
  });

  it("is found without reading what is deeper than the limit", () => {
    const deep = JSON.parse("[".repeat(50_000) + "]".repeat(50_000)) as unknown;
    expect(findExcess(deep, { values: 100_000, depth: 32 })).toBe("more than 32 levels");
  });

  it("is never less by its text, and the same in levels", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(20), fc.nat(6), (value, values, depth) => {
        const text = JSON.stringify(value);
        const any = Number.POSITIVE_INFINITY;
        const byValue = findExcess(value, { values, depth: any });
        expect(byValue === null || findTextExcess(text, { values, depth: any }) === byValue).toBe(true);
        expect(findTextExcess(text, { values: any, depth })).toBe(findExcess(value, { values: any, depth }));
      }),
    );
  });

  it("by its text ignores what is in strings", () => {
    expect(findTextExcess(String.raw`{"a":"[[[[\"{{{{,,,,,,\\"}`, limits)).toBeNull();
    expect(findTextExcess(String.raw`{"a":"\\",[[[`, limits)).toBe("more than 3 levels");
    expect(findTextExcess("[1,2,3,4,5]", limits)).toBeNull();
    expect(findTextExcess("[1,2,3,4,5,6]", limits)).toBe("more than 5 values");
  });
});
