import { expect, test } from "vitest";
import { compileLinePattern } from "../../src/domain/log-pattern.ts";
import { growthOf } from "../support/cost.ts";

test("matches anywhere in the line, case-sensitive unless told otherwise", async () => {
  expect((await compileLinePattern("status=5\\d\\d"))?.test("GET status=503")).toBe(true);
  expect((await compileLinePattern("error"))?.test("ERROR")).toBe(false);
  expect((await compileLinePattern("(?i)error"))?.test("ERROR")).toBe(true);
});

test.each(["(", "a{2,1}", "(?=a)", "(a)\\1", "[z-a]", "x".repeat(201), "((a{100}){100}){100}"])("%s is refused", async (text) => {
  expect(await compileLinePattern(text)).toBeNull();
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
