import { describe, expect, it } from "vitest";
import {
  booleanParam,
  choiceParam,
  headerParam,
  integerParam,
  type Param,
  parseQuery,
  textParam,
  wordParam,
} from "../../src/rest/params.ts";

const help = { description: "Help" };
const named = { description: "Help", variable: "own" };

describe("a parameter", () => {
  it.each([
    [booleanParam("a", help), "query", "a", { type: "boolean", default: false }, false, "true or false"],
    [
      choiceParam("a", ["x", "y", "z"], named),
      "query",
      "own",
      { type: "string", enum: ["x", "y", "z"] },
      undefined,
      "x or y or z",
    ],
    [wordParam("a", "go", named), "query", "own", { type: "string", enum: ["go"] }, false, "go"],
    [
      integerParam("a", { minimum: 1, maximum: 9, fallback: 5 }, help),
      "query",
      "a",
      { type: "integer", minimum: 1, maximum: 9, default: 5 },
      5,
      "a whole number from 1 to 9",
    ],
    [textParam("a", 3, help), "query", "a", { type: "string", maxLength: 3 }, undefined, "at most 3 characters"],
    [headerParam("a", 3, named), "header", "own", { type: "string", maxLength: 3 }, undefined, "at most 3 characters"],
  ])("has its description: %#", (param: Param, place, variable, schema, fallback, expected) => {
    const { parse: _, fallback: given, ...rest } = param;
    expect(rest).toEqual({ name: "a", in: place, variable, description: "Help", schema, expected });
    expect(given).toBe(fallback);
  });

  const integer = integerParam("a", { minimum: 2, maximum: 300, fallback: 5 }, help);
  it.each([
    [booleanParam("a", help), { true: true, "1": true, false: false, "0": false }, ["TRUE", "yes", "toString", "2"]],
    [choiceParam("a", ["x", "y"], help), { x: "x", y: "y" }, ["X", "z", "xy", "x "]],
    [wordParam("a", "go", help), { go: true }, ["Go", "gone", "true"]],
    [
      integer,
      { "2": 2, "300": 300, "007": 7, "000000300": 300 },
      ["1", "301", "-5", "+5", "5.0", "1e1", "x5", "5x", "0000000005"],
    ],
    [textParam("a", 3, help), { abc: "abc", ä: "ä" }, ["abcd"]],
  ])("accepts its values and refuses others with its name: %#", (param: Param, taken, refused) => {
    for (const [text, value] of Object.entries(taken)) {
      expect(parseQuery([param], `a=${encodeURIComponent(text)}`), text).toEqual({ a: value });
    }
    for (const text of refused) {
      expect(() => parseQuery([param], `a=${encodeURIComponent(text)}`), text).toThrow(
        expect.objectContaining({ code: "invalid_request", message: `a must be ${param.expected}` }),
      );
    }
  });

  it("that is absent or empty has its default, or none", () => {
    const params = [booleanParam("flag", help), integer, textParam("text", 3, help), headerParam("X-Own", 3, help)];
    for (const query of ["", "flag=&a=&text=", "other=1&other=2"]) {
      expect(parseQuery(params, query), query).toEqual({ flag: false, a: 5 });
    }
    expect(parseQuery(params, "", { "x-own": "" })).toEqual({ flag: false, a: 5 });
  });

  it("that is given twice is refused", () => {
    const twice = (name: string) =>
      expect.objectContaining({ code: "invalid_request", message: `${name} is given more than once` }) as Error;
    expect(() => parseQuery([integer], "a=5&b=1&a=5")).toThrow(twice("a"));
    expect(() => parseQuery([integer], "a=&a=")).toThrow(twice("a"));
    expect(() => parseQuery([headerParam("X-Own", 3, help)], "", { "x-own": ["a", "b"] })).toThrow(twice("X-Own"));
  });

  it("of the header is not read from the query, nor the other way round", () => {
    const params = [headerParam("X-Own", 3, named), textParam("text", 3, help)];
    expect(parseQuery(params, "X-Own=q&text=a%20b", { "x-own": "abc", text: "h" })).toEqual({
      own: "abc",
      text: "a b",
    });
    expect(parseQuery(params, "", { "x-own": ["abc"] })).toEqual({ own: "abc" });
    expect(() => parseQuery(params, "", { "x-own": "abcd" })).toThrow("X-Own must be at most 3 characters");
  });
});
