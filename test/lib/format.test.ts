import { expect, test } from "vitest";
import { toLocalTime } from "../../src/lib/format.ts";

test("A time is written to the second, with its zone", () => {
  expect(toLocalTime("2026-11-27T09:41:08.250Z")).toMatch(/^2026-11-\d\d \d\d:\d\d:08 UTC/);
});

test.each(["banana", "24h"])("%s, which is no time, stays as it is", (text) => {
  expect(toLocalTime(text)).toBe(text);
});
