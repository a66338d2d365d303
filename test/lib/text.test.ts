import { expect, it } from "vitest";
import { formatCount, formatList } from "../../src/lib/text.ts";

it("a count has the noun of its number", () => {
  expect([0, 1, 2].map((count) => formatCount(count, "job"))).toEqual(["0 jobs", "1 job", "2 jobs"]);
  expect([1, 2].map((count) => formatCount(count, "job waits", "jobs wait"))).toEqual(["1 job waits", "2 jobs wait"]);
});

it("names have the verb of their number", () => {
  expect(formatList(["web-1"], "runs", "run")).toBe("web-1 runs");
  expect(formatList(["web-1", "web-2"], "runs", "run")).toBe("web-1, web-2 run");
});
