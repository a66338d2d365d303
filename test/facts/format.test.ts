import { assert, double, property } from "fast-check";
import { expect, it } from "vitest";
import {
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatLoad,
  formatLocalTime,
  formatNumber,
  formatPercent,
  formatRate,
  formatShare,
} from "../../src/facts/format.ts";

const formats = { formatPercent, formatShare, formatNumber, formatRate, formatLoad, formatBytes, formatDuration };

it.each(Object.entries(formats))("%s: an unknown value is a dash, never 0", (_, format) => {
  expect([format(null), format(undefined)]).toEqual(["–", "–"]);
  expect(format(0)).toMatch(/^0/);
});

it.each<[number, string]>([
  [0, "0 %"],
  [0.04, "<0.1 %"],
  [2.49, "2.4 %"],
  [9.99, "9.9 %"],
  [84.99, "84 %"],
  [99.7, "99 %"],
  [100, "100 %"],
  [251.2, "251 %"],
])("a part of %d is %s", (value, text) => {
  expect([formatPercent(value), formatShare(value / 100)]).toEqual([text, text]);
});

it("a whole percentage stays exact, also as a part of 1", () => {
  for (let value = 10; value <= 100; value += 1) expect(formatShare(value / 100)).toBe(`${value} %`);
});

it("a number has separators, and the noun of its number", () => {
  expect([0, 999.9, 12_345].map(formatNumber)).toEqual(["0", "999", "12,345"]);
  expect([0, 1, 2000].map((count) => formatCount(count, "job"))).toEqual(["0 jobs", "1 job", "2,000 jobs"]);
  expect([1, 2].map((count) => formatCount(count, "job waits", "jobs wait"))).toEqual(["1 job waits", "2 jobs wait"]);
});

it("a rate has only significant digits", () => {
  const texts = [0, 0.004, 0.057, 0.099, 0.25, 9.96, 10, 1234.5].map(formatRate);
  expect(texts).toEqual(["0/s", "<0.01/s", "0.05/s", "0.09/s", "0.2/s", "9.9/s", "10/s", "1,234/s"]);
});

it("bytes have the largest unit that fits at least once", () => {
  const texts = [0, 0.5, 999, 1000, 999_999, 1_250_000, 999_999_999_999, 5e15].map(formatBytes);
  expect(texts).toEqual(["0 B", "0 B", "999 B", "1.0 kB", "999 kB", "1.2 MB", "999 GB", "5000 TB"]);
});

it.each<[number, string]>([
  [-3, "0 s"],
  [0, "0 s"],
  [0.0004, "1 ms"],
  [0.25, "250 ms"],
  [1.55, "1.5 s"],
  [9.96, "9.9 s"],
  [59.9, "59 s"],
  [119.9, "119 s"],
  [120, "2 min"],
  [3599, "59 min"],
  [3600, "1 h"],
  [7500, "2 h 5 min"],
  [35_999, "9 h 59 min"],
  [36_000, "10 h"],
  [172_799, "47 h"],
  [172_800, "2 d"],
])("%d seconds are %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

it("an age is from a time to now in whole seconds, and never negative", () => {
  const now = Date.parse("2026-01-13T10:00:00.900Z");
  const times = ["2026-01-13T09:58:00Z", "2026-01-13T09:59:59Z", "2026-01-13T10:00:09Z", now - 5000, null, undefined];
  expect(times.map((time) => formatAge(time, now))).toEqual(["2 min", "1 s", "0 s", "5 s", "–", "–"]);
});

const times = { ms: 0.001, s: 1, min: 60, h: 3600, d: 86_400 };
const units: Readonly<Record<string, number>> = {
  "%": 1,
  "/s": 1,
  ...times,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/** The number that a text shows. */
function read(text: string): number {
  const parts = [...text.replaceAll(",", "").matchAll(/(<?)([\d.]+) ?([a-zA-Z%/]*)/g)];
  return parts.reduce(
    (sum, [, less, digits, unit]) => sum + (less ? 0 : Number(digits) * (units[unit || "/s"] ?? Number.NaN)),
    0,
  );
}

it.each(Object.entries({ formatPercent, formatNumber, formatRate, formatBytes, formatDuration }))(
  "%s: values never round up, and keep their order",
  (_, format) => {
    const value = double({ min: 0.001, max: 1e9, noNaN: true });
    assert(
      property(value, value, (one, other) => {
        expect(read(format(one))).toBeLessThanOrEqual(one * (1 + 1e-6));
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        expect(read(format(less))).toBeLessThanOrEqual(read(format(more)));
      }),
    );
  },
);

it("a time is written to the second, with its zone", () => {
  expect(formatLocalTime("2026-11-27T09:41:08.250Z")).toMatch(/^2026-11-\d\d \d\d:\d\d:08 UTC/);
});

it.each(["banana", "24h"])("%s, which is no time, stays as it is", (text) => {
  expect(formatLocalTime(text)).toBe(text);
});
