import { expect, it } from "vitest";
import { formatCount, formatDuration, formatFirst, formatList } from "../../src/lib/text.ts";

it("a count has the noun of its number", () => {
  expect([0, 1, 2].map((count) => formatCount(count, "job"))).toEqual(["0 jobs", "1 job", "2 jobs"]);
  expect([1, 2].map((count) => formatCount(count, "job waits", "jobs wait"))).toEqual(["1 job waits", "2 jobs wait"]);
});

it("names have the verb of their number", () => {
  expect(formatList(["web-1"], "runs", "run")).toBe("web-1 runs");
  expect(formatList(["web-1", "web-2"], "runs", "run")).toBe("web-1, web-2 run");
});

it("a duration has whole units, the largest of which there are two", () => {
  const texts = [0, -3, 59.9, 119, 120, 899, 7199, 7200, 172_799, 172_800].map(formatDuration);
  expect(texts).toEqual(["0 s", "0 s", "59 s", "119 s", "2 min", "14 min", "119 min", "2 h", "47 h", "2 d"]);
});

it.each<[string[], string]>([
  [[], ""],
  [["a"], "a"],
  [["a", "b"], "a, b"],
  [["a", "b", "c"], "a, b and 1 more"],
])("the first two of %j are %j", (names, text) => {
  expect(formatFirst(names, 2)).toBe(text);
});
