import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJsonSteps } from "../../../src/lib/budget/json-parse.ts";
import { parseJson } from "../../../src/lib/http-client.ts";
import { finish } from "../../support/steps.ts";

/** JSON with blanks at any place, names that are twice there, and `__proto__`. */
const json = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(
      "0",
      "-1.5e3",
      "true",
      "null",
      '""',
      '"\\""',
      '"a,]}\\\\"',
      '"\\u202e["',
      '"日本{"',
      "[]",
      "{ }",
      "[ \n]",
    ),
    fc
      .tuple(fc.array(tie("value"), { maxLength: 8 }), fc.constantFrom(",", " ,\n", ",\t"))
      .map(([all, comma]) => `[${all.join(comma)}]`),
    fc
      .tuple(
        fc.array(fc.tuple(fc.constantFrom('"a"', '"b"', '"__proto__"', '"7"', '"\\"{"', '""'), tie("value")), {
          maxLength: 6,
        }),
        fc.constantFrom(":", " : "),
      )
      .map(([all, colon]) => `{${all.map((one) => one.join(colon)).join(",")}}`),
  ),
})).value;

const parse = (text: string, pieceLength: number) => finish(parseJsonSteps(text, { pieceLength }));

describe("JSON in turns", () => {
  it("is what JSON.parse makes of it, whatever the pieces", () => {
    fc.assert(
      fc.property(json, fc.integer({ min: 1, max: 40 }), (text, length) => {
        // As text, because equality overlooks the order of names.
        expect(JSON.stringify(parse(text, length))).toBe(JSON.stringify(JSON.parse(text)));
        expect(parse(text, length)).toStrictEqual(JSON.parse(text));
      }),
      { numRuns: 2000 },
    );
  });

  it("is refused wherever JSON.parse refuses it", () => {
    const change = fc.tuple(
      fc.nat(),
      fc.nat(2),
      fc.constantFrom("", ",", "]", "[", "{", "}", '"', ":", "1", "\\", " ", "[[1]]"),
    );
    fc.assert(
      fc.property(
        json,
        fc.array(change, { minLength: 1, maxLength: 2 }),
        fc.integer({ min: 1, max: 12 }),
        (text, changes, length) => {
          let changed = text;
          for (const [at, removed, added] of changes) {
            const place = at % (changed.length + 1);
            changed = changed.slice(0, place) + added + changed.slice(place + removed);
          }
          expect(parse(changed, length)).toStrictEqual(parseJson(changed));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it.each([
    ["empty objects", "{}"],
    ["names that are all different", (index: number) => `{"k${index}":1}`],
    ["numbers", "1"],
    ["lists in a list", "[[],[[]]]"],
  ])("takes a turn after each piece of %s", (_, element) => {
    const all = Array.from({ length: 20_000 }, (_none, index) =>
      typeof element === "string" ? element : element(index),
    );
    const text = `{"data":{"rows":[${all.join()}]}}`;
    const parsed: number[] = [];
    const original = JSON.parse;
    let pieces = 0;
    try {
      JSON.parse = (part: string) => {
        parsed.push(part.length);
        return original(part);
      };
      for (const steps = parseJsonSteps(text, { pieceLength: 1000 }); !steps.next().done; pieces += 1);
    } finally {
      JSON.parse = original;
    }
    expect(Math.max(...parsed)).toBeLessThan(1100);
    // The text is read twice, and parsed once.
    expect(pieces).toBeGreaterThan((2 * text.length) / 1100 - 20);
  });

  it("has its objects and lists counted before any is made", () => {
    const counts: number[] = [];
    const text = `[${Array(5000).fill('{"a":"[{"}').join()}]`;
    const counted = parseJsonSteps(text, { onContainers: (count) => counts.push(count) });
    finish(counted);
    expect(counts.reduce((sum, count) => sum + count)).toBe(5001);
    const refused = parseJsonSteps(text, {
      onContainers: () => {
        throw new RangeError("too many");
      },
    });
    expect(() => finish(refused)).toThrow("too many");
  });

  it("leaves out members of long objects by their name and place", () => {
    const members = Array.from({ length: 50 }, (_, index) => [`k${index}`, index] as const);
    const text = JSON.stringify({ long: Object.fromEntries(members), short: { a: 1, b: 2, c: 3 } });
    const isLeftOut = (name: string, names: number) => names >= 2 && name !== "k40";
    const parsed = finish(parseJsonSteps(text, { pieceLength: 60, isLeftOut }));
    expect(parsed).toEqual({ long: { k0: 0, k1: 1, k40: 40 }, short: { a: 1, b: 2, c: 3 } });
  });

  it("of a short text is parsed at once", () => {
    const text = "[[1],[2]]";
    for (const [atOnce, turns] of [
      [text.length, 0],
      [text.length - 1, 8],
    ] as const) {
      const steps = parseJsonSteps(text, { atOnce, pieceLength: 1 });
      let count = 0;
      while (!steps.next().done) count += 1;
      expect([atOnce, count > 0]).toEqual([atOnce, turns > 0]);
    }
    expect(finish(parseJsonSteps("[", { atOnce: 5 }))).toBeUndefined();
  });

  it("is refused with a string of more than a million characters", () => {
    const of = (length: number) => `{"a":["${'\\"'.repeat(length / 2)}"]}`;
    expect(parse(of(999_000), 16_384)).toEqual({ a: ['"'.repeat(499_500)] });
    expect(parse(of(1_000_002), 16_384)).toBeUndefined();
  });

  it("is refused when it is deeper than 200", () => {
    expect(parse("[".repeat(200) + "]".repeat(200), 10)).toBeDefined();
    expect(parse("[".repeat(201) + "]".repeat(201), 10)).toBeUndefined();
  });
});
