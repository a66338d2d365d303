import { describe, expect, it } from "vitest";
import { toPlaceOf, toToneOf, toTroubleTone, toWorst } from "../../src/facts/tone.ts";

describe("the worst tone", () => {
  it.each([
    ["bad", ["ok", "bad", "warn", "neutral"]],
    ["warn", ["neutral", "warn", "ok"]],
    ["neutral", ["ok", "neutral"]],
    ["ok", []],
  ] as const)("is %s of %j", (worst, all) => {
    expect(toWorst(all)).toBe(worst);
  });
});

const states = { BURNT: "bad", WARM: "warn", FRESH: "ok" } as const;

describe("a state", () => {
  it("has its tone in either case", () => {
    expect(["BURNT", "burnt", "warm"].map((state) => toToneOf(states, state))).toEqual(["bad", "bad", "warn"]);
  });

  it("is neutral if unknown, whatever its name", () => {
    const names = ["NEW", "toString", "constructor", "", null, undefined];
    expect(new Set(names.map((name) => toToneOf(states, name)))).toEqual(new Set(["neutral"]));
  });

  it("comes last if unknown", () => {
    const names = ["NEW", "FRESH", "BURNT", "WARM"];
    const ordered = names.toSorted((one, other) => toPlaceOf(states, one) - toPlaceOf(states, other));
    expect(ordered).toEqual(["BURNT", "WARM", "FRESH", "NEW"]);
  });
});

it("a count of trouble needs attention from one on", () => {
  expect([null, undefined, 0, 1, 400].map(toTroubleTone)).toEqual(["neutral", "neutral", "neutral", "warn", "warn"]);
});
