import { describe, expect, it } from "vitest";
import {
  quantilesOf,
  toCount,
  toFields,
  toNumber,
  toScored,
  toTexts,
} from "../../../../src/queues/systems/redis/replies.ts";

describe("replies", () => {
  it("are empty if they have another type", () => {
    for (const odd of [null, undefined, new Error("WRONGTYPE"), {}, Number.NaN, true]) {
      expect([toCount(odd), toNumber(odd), toTexts(odd), toScored(odd), toFields(odd)]).toStrictEqual([
        0,
        null,
        [],
        [],
        [],
      ]);
    }
    expect([toNumber("12"), toNumber("-1"), toNumber("1e9"), toNumber(""), toNumber("9".repeat(40))]).toStrictEqual([
      12,
      -1,
      null,
      null,
      null,
    ]);
    expect(toScored(["a", "1", "b", "inf", "c", "nan", "d"])).toStrictEqual([{ id: "a", score: 1 }]);
  });
});

describe("counts and texts of replies", () => {
  it.each([
    [7, 7],
    [0, 0],
    [-1, 0],
    ["7", 0],
  ])("the count of %j is %i", (reply, count) => expect(toCount(reply)).toBe(count));

  it.each([
    ["0", 0],
    ["-12", -12],
    ["1".repeat(19), Number("1".repeat(19))],
    ["1".repeat(20), null],
    ["12 ", null],
    [" 12", null],
    ["-", null],
    ["+1", null],
    ["1.5", null],
    [12, null],
  ])("the number of %j is %j", (reply, number) => expect(toNumber(reply)).toBe(number));

  it("are in their order, without invalid ones", () => {
    expect(toTexts(["a", 1, null, "", "b"])).toStrictEqual(["a", "", "b"]);
    expect(toFields(["a", 1, null, ""])).toStrictEqual(["a", null, null, ""]);
    expect(toScored(["a", "1.5", "b", "-2"])).toStrictEqual([
      { id: "a", score: 1.5 },
      { id: "b", score: -2 },
    ]);
    expect(toScored(["a"])).toStrictEqual([]);
  });
});

describe("quantilesOf", () => {
  it("equals percentile_cont", () => {
    expect(quantilesOf([])).toStrictEqual([null, null]);
    expect(quantilesOf([4])).toStrictEqual([4, 4]);
    expect(quantilesOf([3, 1, 2, 4])[0]).toBe(2.5);
    expect(quantilesOf([0, 100])[1]).toBeCloseTo(95);
    expect(quantilesOf([30, 10, 20])).toStrictEqual([20, 29]);
    expect(quantilesOf([100, 9, 50])[0]).toBe(50);
  });
});
