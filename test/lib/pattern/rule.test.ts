import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { createMatch, type Matched } from "../../../src/lib/pattern/match.ts";
import { isShort, weigh } from "../../../src/lib/pattern/rule.ts";
import type { SearchRest } from "../../../src/lib/pattern/search.ts";
import { growthOf } from "../../support/cost.ts";

/** A pattern as the thread runs it; null when it is refused. */
function compile(pattern: string, ignoreCase = false): ((text: string) => boolean) | null {
  if (!isShort(pattern, ignoreCase)) return null;
  const match = createMatch();
  const matchOne = (text: string) => {
    for (let rest: SearchRest | null = null; ;) {
      const some: Matched = match({ pattern, ignoreCase, isWhole: false, texts: [text], rest });
      if (some.matched?.length !== 0) return some.matched;
      rest = some.rest;
    }
  };
  return matchOne("") && ((text) => matchOne(text)?.[0] === true);
}

test.each(["(", "a{2,1}", "(?=a)", "(a)\\1", "[z-a]", "x".repeat(201), "((a{100}){100}){100}"])(
  "%s is refused",
  (text) => {
    expect(compile(text)).toBeNull();
  },
);

test("the longest and the largest expression pass, one more is refused", async () => {
  const isTaken = (text: string) => compile(text) !== null;
  const { RE2JS } = await import("re2js");
  const size = (count: number) => RE2JS.compile(`(?:ab){${count}}`).programSize();
  const most = Array.from({ length: 200 }, (_, index) => index + 1).findLast((count) => size(count) <= 200) as number;
  expect(size(most)).toBe(200);
  expect([isTaken(`(?:ab){${most}}`), isTaken(`(?:ab){${most}}c`)]).toEqual([true, false]);
  const long = `[${"a".repeat(198)}]`;
  expect([isTaken(long), isTaken(`${long}b`)]).toEqual([true, false]);
});

test("wide ranges that ignore case are refused, others pass", () => {
  const isTaken = (text: string, ignoreCase = false) => compile(text, ignoreCase) !== null;
  const wide = "B-\u{1E942}".repeat(48);
  const forms = [
    wide,
    "\\x{42}-\\x{1e942}",
    "\\x42-\u{1E942}",
    "\\102-\\x{1E942}",
    "\\t-\u{1E942}",
    "\\B-\u{1E942}",
    "--\u{1E942}",
    "\\PL".repeat(11),
  ];
  const inPattern = forms.flatMap((form) => [
    `(?i)[${form}]`,
    `(?is)[${form}]`,
    `(?s-i)a(?i:[${form}])`,
    `a(?P<n>(?si)[^${form}])`,
  ]);
  const taken: string[] = [];
  for (const text of inPattern) if (text.length <= 200 && isTaken(text)) taken.push(text);
  for (const form of forms) if (form.length <= 198 && isTaken(`[${form}]`, true)) taken.push(form);
  expect(taken).toEqual([]);
  expect(isTaken(`[${wide}]`)).toBe(true);
  for (const text of [
    "(?i)[a-zA-Z0-9_-]+",
    "(?i)[\u4e00-\u9fa5]",
    "(?i)[\\x{400}-\\x{4ff}\\pL]",
    "(?i)[-a][a-]",
    "(?i)a-\u{1E942}x",
  ]) {
    expect([text, isTaken(text)]).toEqual([text, text !== "(?i)a-\u{1E942}x"]);
  }
});

test("no pattern takes long to compile", async () => {
  const { RE2JS } = await import("re2js");
  const parts = [
    "(?i)",
    "[",
    "]",
    "[^",
    "a",
    "k",
    "-",
    "\u{1E942}",
    "\\x{C000}",
    "\\pL",
    "\\PN",
    "\\W",
    "\\101",
    "{9}",
    "*",
    "|",
    "(",
    ")",
    "[:^alpha:]",
  ];
  const one = (seed: number, length: number) =>
    Array.from(
      { length },
      (_, index) => parts[Math.trunc(Math.abs(Math.sin(seed * 31 + index * 7)) * 1e4) % parts.length],
    ).join("");
  // As long as one of 200 plain classes takes, many times.
  const probe = `(?i)${"[a-k]|".repeat(30)}`;
  const timeOf = (text: string) => {
    const startedAt = process.cpuUsage();
    compile(text)?.("");
    const { user, system } = process.cpuUsage(startedAt);
    return (user + system) / 1000;
  };
  timeOf(probe);
  expect(RE2JS.compile("a").programSize()).toBeGreaterThan(0);
  let worst = { ms: 0, text: "" };
  for (let seed = 1; seed <= 400; seed += 1) {
    const text = `(?i)[${one(seed, 4 + (seed % 60))}`.slice(0, 200);
    const ms = Math.min(timeOf(text), timeOf(text), timeOf(text));
    if (ms > worst.ms) worst = { ms, text };
  }
  expect(worst.ms, worst.text).toBeLessThan(25);
});

// What takes JavaScript's own expressions hours.
const killers = [
  "(a+)+$",
  "(a|aa)+$",
  "(a|a?)+$",
  "(.*a){20}$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(\\w+\\s?)+!",
  "(?:a?){60}a{60}",
  "(x+x+)+y",
];
test.each(killers)("%s takes linear time", (text) => {
  const matches = compile(text);
  expect(matches).not.toBeNull();
  expect(growthOf((size) => matches?.(`${"a".repeat(size)}!`), 4000)).toBeLessThan(8);
});

/** Random patterns, most of them valid. */
const patterns = (hasChoices: boolean) => {
  const atoms = [
    "a",
    "\\x{1F600}",
    "\\x41",
    "\\101",
    "\\n",
    "\\.",
    ".",
    "\\w",
    "\\S",
    "\\pL",
    "\\P{Greek}",
    "]",
    "}",
    "^",
    "\\b",
    "é",
  ];
  const sets = [
    "[a-z]",
    "[]a(]",
    "[^]]",
    "[[:alpha:])*]",
    "[[:^word:]\\pN]",
    "[\\]{9}]",
    "[a{9}]",
    "[[:x]",
    "[acegikmoqsuwy0246]",
  ];
  const quoted = ["\\Qa(b{9}\\E", "\\Q[\\E", "\\Q\\\\E"];
  const times = ["*", "+", "?", "*?", "{3}", "{2,5}", "{0,4}", "{2,}", "{0,2}?", "{1}"];
  return fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      fc.constantFrom(...atoms, ...sets, ...quoted),
      fc.tuple(tie("node"), tie("node")).map(([one, other]) => one + other),
      fc
        .tuple(
          fc.constantFrom("(?:", "(", "(?P<n>", "(?<m>", "(?i:", "(?s-i:"),
          tie("node"),
          fc.constantFrom("", ...times),
        )
        .map(([open, part, suffix]) => `${open}${part})${suffix}`),
      fc
        .tuple(fc.constantFrom(...atoms.slice(0, 11), ...sets), fc.constantFrom(...times))
        .map(([atom, suffix]) => atom + suffix),
      ...(hasChoices
        ? [
            fc.tuple(tie("node"), tie("node")).map(([one, other]) => `(?:${one}|${other})`),
            fc.constantFrom("(|)", "(?:)", "()*", "(?i)"),
          ]
        : []),
    ),
  })).node;
};

/** Compares the weight of generated patterns with the instructions that re2js makes of them. */
async function compareWeights(hasChoices: boolean, compare: (weight: number, size: number) => void): Promise<void> {
  const { RE2JS } = await import("re2js");
  let compiled = 0;
  fc.assert(
    fc.property(patterns(hasChoices), (text) => {
      const weight = weigh(text);
      fc.pre(weight < 5000);
      let size: number;
      try {
        size = RE2JS.compile(text).programSize();
      } catch {
        return;
      }
      compiled += 1;
      compare(weight, size);
    }),
    { numRuns: 2000 },
  );
  expect(compiled).toBeGreaterThan(1000);
}

test("a pattern's weight is at least half of its instructions", async () => {
  await compareWeights(true, (weight, size) => expect(2 * weight + 4).toBeGreaterThanOrEqual(size));
});

test("a pattern's weight is at most four times its instructions", async () => {
  await compareWeights(false, (weight, size) => expect(weight).toBeLessThanOrEqual(4 * size));
});

test.each([
  ["repeated characters", "a{0,1000}".repeat(22)],
  ["repeated empty parts", `(?:${"(|)".repeat(60)}){1000}`],
  ["nested repetitions", "((((a{9}){9}){9}){9}){9}"],
  ["a repeated class", "[[:alpha:])]{101}"],
  ["a repeated wide class", "\\pL{51}"],
  ["a repeated quotation", "(?:\\Q(){9}\\E){41}"],
])("%s are refused before they are expanded", async (_, text) => {
  const { RE2JS } = await import("re2js");
  const expand = vi.spyOn(RE2JS, "compile");
  expect([compile(text), expand.mock.calls]).toEqual([null, []]);
  expand.mockRestore();
});

test("patterns of logs are short enough", () => {
  const uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
  const texts = [
    uuid,
    `(?i)request=${uuid} .* status=5\\d\\d`,
    "[0-9a-f]{64}",
    "\\b\\d{1,3}(\\.\\d{1,3}){3}\\b",
    "^\\p{Lu}\\p{Ll}+(\\s\\p{L}{1,20})?$",
    "ECONNREFUSED|ETIMEDOUT|ENOTFOUND|EPIPE|".repeat(5).slice(0, 197),
  ];
  for (const text of texts) expect([text, compile(text) !== null]).toEqual([text, true]);
});
