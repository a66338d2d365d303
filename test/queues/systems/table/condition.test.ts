import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explainCondition, isIndexable } from "../../../../src/queues/systems/table/condition.ts";

describe("explainCondition", () => {
  it.each([
    "tenant = 7",
    "(tenant = 7) or (kind in ('a', 'b'))",
    "note = 'it''s; -- /* ) $'",
    `"odd ""name; --" is null`,
    String.raw`name ~ E'^\\d+\'\\)'`,
    "a - -1 > 0 and b / 2 = c * 3",
    "name = 'a' 'b'",
  ])("accepts %s", (text) => expect(explainCondition(text)).toBe(null));

  const quote =
    "has a text or name whose quote is not closed, or a text with a backslash that is not written as E'...'";
  it.each([
    ["true); drop table jobs; --", "has a parenthesis that was not opened"],
    ["true) or (true", "has a parenthesis that was not opened"],
    ["(true", "has a parenthesis that is not closed"],
    ["true; select 1", "must be one condition, without a semicolon"],
    ["true -- or", "must have no comment"],
    ["true /* or */", "must have no comment"],
    ["a = $1", "must have no $: write texts in single quotes, and no parameters"],
    ["a = $$x$$", "must have no $: write texts in single quotes, and no parameters"],
    ["a = 'x", quote],
    ['"a = 1', quote],
    [String.raw`a = '\'; drop table jobs; --'`, quote],
    [String.raw`nameE'\' or true --'`, quote],
    [String.raw`éE'\' or true --'`, quote],
    [String.raw`a = E'\'`, quote],
    [String.raw`a \ b`, "has a backslash outside of a text"],
  ])("refuses %s", (text, reason) => expect(explainCondition(text)).toBe(reason));

  it("accepts no text that closes more than it opens", () => {
    const parts = fc.array(fc.constantFrom("(", ")", "'", '"', "''", "E'", "\\", ";", "--", "/*", "a", " "), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(parts, (text) => {
        fc.pre(explainCondition(text.join("")) === null);
        // Read once more, in another way: without texts and names.
        const rest = text.join("").replaceAll(/[eE]'(?:\\[^]|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"/g, "");
        expect(rest).not.toMatch(/['";\\]|--|\/\*/);
        expect(rest.split("(").length).toBe(rest.split(")").length);
      }),
    );
  });
});

describe("isIndexable", () => {
  it.each(["tenant = 1 or tenant is null", "kind in ('a', 'now()')", `"now" > 3 and not (a = 1)`, "a between 1 and 2"])(
    "accepts %s",
    (text) => expect(isIndexable(text)).toBe(true),
  );
  it.each(["at > now()", "day = current_date", "id in (select id from t)", "job.tenant = 1", "lower(kind) = 'a'"])(
    "refuses %s",
    (text) => expect(isIndexable(text)).toBe(false),
  );
});
