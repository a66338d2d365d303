import * as fc from "fast-check";
import { RE2JS, RE2Set } from "re2js";
import { afterAll, expect, test } from "vitest";
import { createSharedBudget } from "../../../src/lib/budget/budget.ts";
import { createMatch } from "../../../src/lib/pattern/match.ts";
import { closePatterns, compileLinePattern } from "../../../src/lib/pattern/pattern.ts";
import { isShort } from "../../../src/lib/pattern/rule.ts";
import { watchTurns } from "../../support/cost.ts";
import { createUniform } from "../../support/random.ts";

afterAll(closePatterns);

const { signal } = new AbortController();
const budget = createSharedBudget(signal);
const longest = 16_384;

/** As re2js does, in this thread. */
function matchHere(pattern: string, texts: readonly string[], ignoreCase = false): boolean[] | null {
  if (createMatch()({ pattern, ignoreCase, isWhole: false, texts: [] }).matched === null) return null;
  const set = new RE2Set(RE2Set.UNANCHORED, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  set.add(pattern);
  return texts.map((text) => set.match(text.slice(0, longest)).length > 0);
}

test("a pattern reads a line's first 16,384 characters", async () => {
  const pattern = await compileLinePattern("b$", {}, budget);
  const texts = [`${"a".repeat(16_383)}b`, `${"a".repeat(16_384)}b`];
  expect(await pattern?.match(texts, signal)).toEqual([true, false]);
});

test("a pattern answers for each of many texts, in their order", async () => {
  const texts = Array.from(
    { length: 5000 },
    (_, n) => `${n} ${"x".repeat((n * 37) % 300)}${n % 500 === 0 ? "y".repeat(70_000) : ""}`,
  );
  const pattern = await compileLinePattern("^\\d*[37] x+$", {}, budget);
  expect(await pattern?.match(texts, signal)).toEqual(texts.map((text) => /^\d*[37] x+$/.test(text)));
  expect(await pattern?.match([], signal)).toEqual([]);
});

test("a pattern that breaks the rule is refused", async () => {
  for (const text of ["(", "x".repeat(201), "\\pL{51}"]) expect(await compileLinePattern(text, {}, budget)).toBeNull();
  const whole = await compileLinePattern("a.b", { ignoreCase: true, isWhole: true }, budget);
  expect(await whole?.match(["AXB", "axbx"], signal)).toEqual([true, false]);
});

test("an aborted signal ends a long match at once, with its reason", async () => {
  const pattern = await compileLinePattern(endless, {}, budget);
  const abort = new AbortController();
  const texts = Array.from({ length: 500 }, () => lines[1]);
  const matched = pattern?.match(texts, abort.signal);
  const other = compileLinePattern("a", {}, { owner: "other", order: 1, signal });
  setTimeout(() => abort.abort(new RangeError("gone")), 50);
  await expect(matched).rejects.toThrow("gone");
  expect(await (await other)?.match(["a", "b"], signal)).toEqual([true, false]);
});

/** It matches none of the lines. */
const endless = "(?i)[a-z].{12}(?:ι?){80}(?:\\b|\\B~)QQ~#Q";
/**
 * Legal ones that take 100 to 600 ms for a line: the first two in re2js alone, which does not stop
 * at a match.
 */
const slow = ["[a-z].{12}~|(?i)(?:ι?){84}(?:\\b|\\B~)", "\\pL|x.{5}y|(?i)(?:ι?){89}(?:\\b|\\B~)", endless] as const;

const random = createUniform(1);
const toLine = (next: () => string) => Array.from({ length: longest }, next).join("");
const lines = [
  "a".repeat(longest),
  toLine(() => String.fromCharCode(32 + random() * 95)),
  toLine(() => String.fromCharCode(0x4e00 + random() * 20_000)),
  toLine(() => (random() < 0.5 ? "a" : "b")),
] as const;

/**
 * Parts of which slow patterns are made: what starts anywhere, counts far, has many cases, doubles
 * states.
 */
const parts = fc.oneof(
  fc.constantFrom("\\pL", "[a-z]", ".", "\\w", "(?i)k", "ι?", "\\b", "\\B", "~", "|", "x", "[^u-z]", "(?:\\b|\\B~)"),
  fc
    .tuple(
      fc.constantFrom(".", "[a-z]", "\\pL", "(?:ι?)", "(?i:ſ?)", "(?:a|b)", "(?:a?b?)"),
      fc.integer({ min: 2, max: 99 }),
    )
    .map(([part, count]) => `${part}{${count}}`),
);
const patterns = fc
  .tuple(fc.constantFrom("", "(?i)"), fc.array(parts, { minLength: 1, maxLength: 6 }))
  .map(([flags, all]) => flags + all.join(""));

/** CPU time of this thread, ms. */
function cpuOf(work: () => unknown): number {
  const startedAt = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(startedAt);
  return (user + system) / 1000;
}

test("no pattern holds the event loop, whatever the text", async () => {
  const turns = watchTurns();
  const cases = [...slow, ...fc.sample(patterns, { numRuns: 40, seed: 35 })].filter((text) => isShort(text, false));
  const found = await Promise.all(
    cases.map(async (text, at) => {
      const caller = { owner: String(at % 3), order: at, signal };
      const pattern = await compileLinePattern(text, {}, caller);
      return pattern && pattern.match(lines, signal);
    }),
  );
  const longestTurn = turns().at(-1) ?? 0;
  let whole = 0;
  for (const [at, text] of cases.entries()) {
    let here: boolean[] | null = null;
    whole = Math.max(
      whole,
      cpuOf(() => (here = matchHere(text, lines))),
    );
    expect([text, found[at]]).toEqual([text, here]);
  }
  expect(found.filter((one) => one !== null).length).toBeGreaterThan(20);
  // In this thread the slowest one would take much longer in one piece.
  expect(longestTurn).toBeLessThan(whole / 3);
});

test("patterns match as they do in this thread", async () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom("a", "b", "K", "k", "\u212a", "ι", "ſ", "~", " ", "\ud800", "😀"),
      maxLength: 40,
    }),
  );
  const property = fc.asyncProperty(
    patterns,
    fc.array(text, { maxLength: 8 }),
    fc.boolean(),
    async (one, texts, ignoreCase) => {
      fc.pre(isShort(one, ignoreCase));
      const pattern = await compileLinePattern(one, { ignoreCase }, budget);
      expect(pattern && (await pattern.match(texts, signal))).toEqual(pattern && matchHere(one, texts, ignoreCase));
    },
  );
  await fc.assert(property, { numRuns: 150 });
});
