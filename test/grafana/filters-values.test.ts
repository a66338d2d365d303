import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toBoolean, toNames, toNumber, toValues } from "../../src/grafana/filters.ts";

/**
 * Grafana's own: the value of a variable in a text (13.2: sceneInterpolator, `regex` of
 * formatRegistry).
 */
const escape = (value: string) => value.replaceAll(/[\\^$*+?.()|[\]{}/]/g, "\\$&");
const interpolate = (values: readonly string[]) =>
  values.length === 1 ? escape(values[0] as string) : `(${values.map(escape).join("|")})`;

describe("toValues", () => {
  it.each([
    ["payouts", ["payouts"]],
    [String.raw`webhook\.aella\.process`, ["webhook.aella.process"]],
    [String.raw`(payouts|webhook\.aella\.process)`, ["payouts", "webhook.aella.process"]],
    ["webhook.aella.process", ["webhook.aella.process"]],
    [String.raw`pos\-settlement`, ["pos-settlement"]],
    [String.raw`\(a|b\)`, ["(a|b)"]],
    [String.raw`(a\|b|c)`, ["a|b", "c"]],
    [String.raw`a\dc`, [String.raw`a\dc`]],
    ["a|b", ["a|b"]],
    ["(a|b", ["(a|b"]],
    ["a|b)", ["a|b)"]],
    [String.raw`(a|b\)`, ["(a|b)"]],
    [String.raw`(a|b\\)`, ["a", "b\\"]],
    [String.raw`(a\\|b)`, ["a\\", "b"]],
    [String.raw`(a\\\|b)`, [String.raw`a\|b`]],
    ["(|a)", ["", "a"]],
    ["(a)", ["a"]],
  ])("%s is %j", (text, values) => {
    expect(toValues(text)).toEqual(values);
  });

  it("reverses Grafana's interpolation for any values", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 5 }), (values) => {
        expect(toValues(interpolate(values))).toEqual(values);
      }),
    );
  });

  it("leaves names unchanged that Grafana did not escape", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w.:/@-]{0,40}$/), (name) => {
        expect(toValues(name)).toEqual([name]);
      }),
    );
  });
});

describe("toNames", () => {
  it.each([
    [
      ["payouts", "pos"],
      ["payouts", "pos"],
    ],
    [
      [String.raw`(payouts|webhook\.aella\.process)`, "payouts"],
      ["payouts", "webhook.aella.process"],
    ],
    [5, ["5"]],
    [true, ["true"]],
    [{ label: "Payouts", value: "payouts" }, ["payouts"]],
    [
      [{ value: ["a", "b"] }, "c"],
      ["a", "b", "c"],
    ],
    [" payouts ", ["payouts"]],
    [undefined, null],
    [null, null],
    ["", null],
    [[], null],
    [[""], null],
    ["All", null],
    ["$__all", null],
    [["$__all"], null],
    [["payouts", "All"], null],
    [".*", null],
    [{}, null],
    [".+", null],
    ["*", null],
    [
      ["all", "a.*"],
      ["all", "a.*"],
    ],
    [[" a ", "", "a"], ["a"]],
    [() => "x", null],
  ])("%j selects %j", (input, names) => {
    expect(toNames(input)).toEqual(names);
  });

  it("accepts 1,000 names, and no more", () => {
    const names = Array.from({ length: 1001 }, (_, index) => `q${index}`);
    expect(toNames(names.slice(0, 1000))).toHaveLength(1000);
    expect(() => toNames(names)).toThrow("At most 1000 values for one name");
  });
});

describe("numbers and flags", () => {
  it("may be given as texts", () => {
    expect([true, "true", 1, "1", ["TRUE"]].map(toBoolean)).toEqual([true, true, true, true, true]);
    expect([false, "false", 0, "0"].map(toBoolean)).toEqual([false, false, false, false]);
    expect(["yes", "", null, {}, "11", "true1", "x0", "false0"].map(toBoolean)).toEqual(
      Array.from({ length: 8 }, () => null),
    );
    expect([30, "30", "1e3", "", "x", null, "Infinity"].map(toNumber)).toEqual([30, 30, 1000, null, null, null, null]);
  });
});
