import { expect, test, vi } from "vitest";
import { createMatch } from "../../../src/lib/pattern/match.ts";

const batch = (pattern: string, texts: readonly string[], change = {}) => ({
  pattern,
  ignoreCase: false,
  isWhole: false,
  texts,
  ...change,
});

test("a pattern matches anywhere in a text, case-sensitive by default", () => {
  const match = createMatch();
  expect(match(batch("status=5\\d\\d", ["GET status=503"]))).toEqual([true]);
  expect(match(batch("status=5\\d\\d", ["status=404"]))).toEqual([false]);
  expect(match(batch("error", ["ERROR"]))).toEqual([false]);
  expect(match(batch("(?i)error", ["ERROR"]))).toEqual([true]);
  expect(match(batch("error", ["an ERROR"], { ignoreCase: true }))).toEqual([true]);
});

test("a pattern for whole texts matches nothing else", () => {
  const match = createMatch();
  const matches = (text: string) => match(batch("a.b", [text], { ignoreCase: true, isWhole: true }))?.[0];
  expect(["axb", "AXB", "xaxb", "axbx"].map(matches)).toEqual([true, true, false, false]);
});

test("an invalid pattern is refused again and again", () => {
  const match = createMatch();
  expect([match(batch("(", ["a"])), match(batch("(", [])), match(batch("a", []))]).toEqual([null, null, []]);
});

test("a batch stops after 10 ms, with one text at least", () => {
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 4));
  expect(createMatch()(batch("a", ["a", "b", "a", "a", "a"]))).toEqual([true, false, true]);
  clock.mockImplementation(() => (now += 50));
  expect(createMatch()(batch("a", ["b", "a"]))).toEqual([false]);
  clock.mockRestore();
});

test("the 32 patterns that were used last stay compiled", async () => {
  const { RE2JS } = await import("re2js");
  const compile = vi.spyOn(RE2JS, "compile");
  const match = createMatch();
  for (let n = 0; n < 32; n += 1) match(batch(`a${n}`, ["a1"]));
  for (let n = 0; n < 32; n += 1) match(batch(`a${n}`, ["a1"]));
  expect(compile).toHaveBeenCalledTimes(32);
  match(batch("a0", [], { isWhole: true }));
  match(batch("a0", []));
  expect(compile).toHaveBeenCalledTimes(34);
  match(batch("a1", []));
  expect(compile).toHaveBeenCalledTimes(35);
  match(batch("a31", []));
  expect(compile).toHaveBeenCalledTimes(35);
  compile.mockRestore();
});
