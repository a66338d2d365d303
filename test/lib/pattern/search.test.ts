import * as fc from "fast-check";
import { RE2JS, RE2Set } from "re2js";
import { expect, test } from "vitest";
import { createSearch, type Search, type SearchRest } from "../../../src/lib/pattern/search.ts";

/**
 * Searches a text, interrupted again and again. Returns whether it matches, and where it stopped.
 */
function searchInParts(search: Search, text: string, isLate: () => boolean) {
  const stops: number[] = [];
  for (let rest: SearchRest | null = null; ;) {
    const found: boolean | SearchRest = search(text, rest, isLate);
    if (typeof found === "boolean") return { found, stops };
    stops.push(found.at);
    rest = found;
  }
}

const parts = fc.constantFrom(
  ..."a|b|k|.|\\w|\\b|\\B|^|$|(?m:^)|(?m:$)|\\n|[^a]|\\pL|(?i)k|(?:ab)+|a?|(?:a|b){3}|\\z|😀|".split(/(?<!\()\|(?!b)/),
);
const patterns = fc.array(parts, { maxLength: 6 }).map((all) => all.join(""));
const texts = fc.string({
  unit: fc.constantFrom("a", "b", "K", "\n", " ", "\u212a", "\ud800", "😀", "_"),
  maxLength: 60,
});

test("a search finds what re2js finds, however often it is interrupted", () => {
  const property = fc.property(
    patterns,
    texts,
    fc.boolean(),
    fc.infiniteStream(fc.boolean()),
    (one, text, isWhole, late) => {
      const search = createSearch(one, { ignoreCase: false, isWhole });
      fc.pre(search !== null);
      const set = new RE2Set(isWhole ? RE2Set.ANCHOR_BOTH : RE2Set.UNANCHORED);
      set.add(one);
      const { found } = searchInParts(search, text, () => late.next().value as boolean);
      expect(found).toBe(set.match(text).length > 0);
      const inSimulation = searchInParts(
        (of, rest, isLate) => search(of, rest ?? { at: 0, ...toStart(one, isWhole) }, isLate),
        text,
        () => true,
      );
      expect(inSimulation.found).toBe(found);
    },
  );
  fc.assert(property, { numRuns: 400 });
});

/** The first instruction, as if the automaton had no room. */
function toStart(pattern: string, isWhole: boolean) {
  const set = new RE2Set(isWhole ? RE2Set.ANCHOR_BOTH : RE2Set.UNANCHORED);
  set.add(pattern);
  set.compile();
  return { reached: [(set.prog as unknown as { start: number }).start], flag: null };
}

test("a search stops within a text when it is late, whatever the pattern is", () => {
  const text = Array.from({ length: 4000 }, (_, at) => String.fromCharCode(32 + ((at * at * 31 + at * 7) % 95))).join(
    "",
  );
  for (const one of [
    "(?i)[a-z].{12}(?:ι?){80}(?:\\b|\\B~)QQ~#Q",
    "\\pL.{45}QQ~#Q",
    "(?:[a-m].{40}|\\pL.{20}|.\\b.{10})QQ~#",
  ]) {
    expect(RE2JS.compile(one).programSize()).toBeLessThanOrEqual(200);
    const search = createSearch(one, { ignoreCase: false, isWhole: false }) as Search;
    let asked = 0;
    const { found, stops } = searchInParts(search, text, () => (asked += 1) > 0);
    expect(found).toBe(false);
    // It asked every few characters, or where a state was new.
    expect(asked).toBeGreaterThan(50);
    expect(stops.every((at, index) => at > (stops[index - 1] ?? 0))).toBe(true);
  }
});
