import { afterEach, expect, it, vi } from "vitest";
import { toAgeSeconds, toTimestamp } from "../../src/lib/time.ts";

afterEach(() => void vi.useRealTimers());

it.each([
  ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"],
  ["1969-12-31T23:59:59.999Z", null],
  ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z"],
  ["+010000-01-01T00:00:00Z", null],
])("the time %s is %s", (text, time) => {
  expect(toTimestamp(text)).toBe(time);
});

it.each([
  [null, null],
  [0, 1_800_000_000],
  [1_799_999_998_500, 1.5],
  [1_800_000_000_000, 0],
  [1_800_000_001_000, 0],
])("a contact at %s ms was %s s ago", (contactAt, seconds) => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_800_000_000_000 });
  expect(toAgeSeconds(contactAt)).toBe(seconds);
});
