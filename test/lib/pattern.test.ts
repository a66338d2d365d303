import { expect, test } from "vitest";
import { compileLinePattern } from "../../src/lib/pattern.ts";
import { growthOf } from "../support/cost.ts";

test("a pattern matches anywhere in the line, case-sensitive by default", async () => {
  expect((await compileLinePattern("status=5\\d\\d"))?.test("GET status=503")).toBe(true);
  expect((await compileLinePattern("error"))?.test("ERROR")).toBe(false);
  expect((await compileLinePattern("(?i)error"))?.test("ERROR")).toBe(true);
});

test.each(["(", "a{2,1}", "(?=a)", "(a)\\1", "[z-a]", "x".repeat(201), "((a{100}){100}){100}"])("%s is refused", async (text) => {
  expect(await compileLinePattern(text)).toBeNull();
});

test("the longest and the largest expression pass, one more is refused", async () => {
  const isTaken = async (text: string) => (await compileLinePattern(text)) !== null;
  const { RE2JS } = await import("re2js");
  const size = (count: number) => RE2JS.compile(`(?:ab){${count}}`).programSize();
  const most = Array.from({ length: 200 }, (_, index) => index + 1).findLast((count) => size(count) <= 200) as number;
  expect(size(most)).toBe(200);
  expect([await isTaken(`(?:ab){${most}}`), await isTaken(`(?:ab){${most}}c`)]).toEqual([true, false]);
  const long = `[${"a".repeat(198)}]`;
  expect([await isTaken(long), await isTaken(`${long}b`)]).toEqual([true, false]);
});

test("a pattern reads a line's first 16,384 characters, and matches them", async () => {
  const pattern = await compileLinePattern("b$");
  expect([pattern?.test(`${"a".repeat(16_383)}b`), pattern?.test(`${"a".repeat(16_384)}b`)]).toEqual([true, false]);
  const whole = await compileLinePattern("a.b", true);
  expect(["axb", "AXB", "xaxb", "axbx"].map((text) => [whole?.test(text), whole?.matches(text)])).toEqual([
    [true, true],
    [true, true],
    [true, false],
    [true, false],
  ]);
});

// What takes JavaScript's own expressions hours.
const killers = [
  "(a+)+$",
  "(a|aa)+$",
  "(a|a?)+$",
  "(.*a){20}$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(\\w+\\s?)+!",
  "(?:a?){100}a{100}",
  "(x+x+)+y",
];
test.each(killers)("%s takes linear time", async (text) => {
  const pattern = await compileLinePattern(text);
  expect(growthOf((size) => pattern?.test(`${"a".repeat(size)}!`), 4000)).toBeLessThan(8);
});
