import { expect, test, vi } from "vitest";
import { createMatch as createMatching } from "../../../src/lib/pattern/match.ts";

type Match = ReturnType<typeof createMatching>;

/** Matches whole batches, however often they are interrupted. */
const createMatch = () => {
  const match = createMatching();
  return (batch: Parameters<Match>[0]) => {
    const all: boolean[] = [];
    for (let rest: ReturnType<Match>["rest"] = null; ;) {
      const some: ReturnType<Match> = match({ ...batch, texts: batch.texts.slice(all.length), rest });
      if (some.matched === null) return null;
      all.push(...some.matched);
      if (all.length >= batch.texts.length) return all;
      rest = some.rest;
    }
  };
};

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

test("a batch stops after 4 ms, also within a text", () => {
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 1.5));
  expect(createMatching()(batch("a", ["a", "b", "a", "a", "a"]))).toMatchObject({
    matched: [true, false, true],
    rest: null,
  });
  clock.mockImplementation(() => (now += 50));
  const some = createMatching()(batch("^(?:ab){3}$", ["ababab", "a"]));
  expect(some).toMatchObject({ matched: [], rest: { at: 1 }, ms: 150 });
  clock.mockRestore();
});

test("a text is searched on from where it was interrupted", () => {
  const match = createMatching();
  const of = (text: string) => batch("^(?:ab){3}$", [text, "ababab"], { rest: first(match, text) });
  const isFirst = (text: string) => {
    for (let next: Parameters<Match>[0] = of(text); ;) {
      const { matched, rest } = match(next);
      if (matched?.length !== 0) return matched?.[0];
      next = { ...next, rest };
    }
  };
  expect(["ababab", "ababax"].map(isFirst)).toEqual([true, false]);
});

/** Where a search that is late from the beginning stops. */
function first(match: Match, text: string) {
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 50));
  const { rest } = match(batch("^(?:ab){3}$", [text]));
  clock.mockRestore();
  expect(rest).not.toBeNull();
  return rest;
}

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
