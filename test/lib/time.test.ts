import * as fc from "fast-check";
import { afterEach, describe, expect, it, test, vi } from "vitest";
import {
  formatRfc3339,
  normalizeRfc3339,
  parseIsoTime,
  parseLogTime,
  toAgeSeconds,
  toLogTimestamp,
  toRetryAfterSeconds,
  toUnixSeconds,
} from "../../src/lib/time.ts";

const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
const now = Date.parse("2026-01-13T09:40:00.250Z");

test.each([
  ["1767225600", "1767225600.000000000"],
  ["1767225600.000000001", "1767225600.000000001"],
  ["1767225600.5", "1767225600.500000000"],
  ["0", "0.000000000"],
  ["2026-01-01T00:00:00Z", "1767225600.000000000"],
  ["2026-01-01T01:00:00.123456789+01:00", "1767225600.123456789"],
  ["2026-01-01t00:00:00.5z", "1767225600.500000000"],
  ["5m", "1768296900.250000000"],
  ["1h30m", "1768291800.250000000"],
  ["1d", "1768210800.250000000"],
  ["1.5s", "1768297198.750000000"],
  ["250ms", "1768297200.000000000"],
  ["0s", "1768297200.250000000"],
])("the log time %s is %s", (text, seconds) => {
  expect(parseLogTime(text, now)).toBe(seconds);
});

test.each([
  ["", "x", "-5m", "5 m", "5y", "m", "1e9", "0x10", "1.2.3", "NaN", "Infinity", "1767225600.0000000001"],
  [
    "2026-01-01",
    "2026-01-01T00:00:00",
    "2026-02-30T00:00:00Z",
    "2026-01-01T25:00:00Z",
    "1960-01-01T00:00:00Z",
    "2026-01-01T00:00:00+99:00",
  ],
])("refuses %j and others as log times", (...texts) => {
  for (const text of texts) expect([text, parseLogTime(text, now)]).toEqual([text, null]);
});

test("accepts only what Docker accepts, and never throws", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,12}[dhms.0-9]{0,4}$/));
  fc.assert(
    fc.property(text, (given) => {
      expect(parseLogTime(given, now) ?? "0.000000000").toMatch(/^\d+\.\d{9}$/);
    }),
  );
});

test("a Docker timestamp survives the conversion to the nanosecond", () => {
  const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
  fc.assert(
    fc.property(seconds, fc.integer({ min: 0, max: 999_999_999 }), (whole, nanos) => {
      const unix = `${whole}.${String(nanos).padStart(9, "0")}`;
      const stamp = toLogTimestamp(unix);
      expect(stamp).toHaveLength(30);
      expect(parseLogTime(stamp, now)).toBe(unix);
    }),
  );
});

describe("a time of the deploy pipeline", () => {
  it.each([
    ["2026-01-10T13:15:00Z", "2026-01-10T13:15:00Z"],
    ["2026-01-10T13:15:00.987654321Z", "2026-01-10T13:15:00Z"],
    ["2026-01-10t13:15:00z", "2026-01-10T13:15:00Z"],
    ["2026-01-10T14:15:00+01:00", "2026-01-10T13:15:00Z"],
    ["2026-01-10T14:15:00+0100", "2026-01-10T13:15:00Z"],
    ["2026-01-10 08:15:00-05:00", "2026-01-10T13:15:00Z"],
    ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z"],
    ["2026-02-29T00:00:00Z", null],
    ["2026-02-30T00:00:00+02:00", null],
    ["2026-13-01T00:00:00Z", null],
    ["2026-01-10T24:00:00Z", null],
    ["2026-01-10T13:15:00", null],
    ["2026-01-10T13:15:00+99:00", null],
    ["0000-01-01T00:00:00+10:00", null],
    ["2026-01-10T13:15:00.123456789Z", "2026-01-10T13:15:00Z"],
    ["2026-01-10T13:15:00.1234567890Z", null],
    ["2026-01-10T13:15:00.Z", null],
    [" 2026-01-10T13:15:00Z", null],
    ["2026-01-10T13:15:00Z ", null],
    ["12026-01-10T13:15:00Z", null],
    ["2026-01-10T13:15:00+1:00", null],
    ["2026-01-10T13:15:00+0100 ", null],
    ["2026-01-10T25:00:00Z", null],
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"],
    ["9999-12-31T23:59:59-00:01", null],
    ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"],
    ["2026-01-10", null],
    ["1768050900", null],
    ["yesterday", null],
    ["", null],
  ])("%s is read as %s", (text, expected) => {
    expect(parseIsoTime(text)).toBe(expected);
  });

  it("keeps the instant for any time and offset", () => {
    const dates = fc.date({
      min: new Date("1971-01-01T00:00:00Z"),
      max: new Date("2999-01-01T00:00:00Z"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, fc.integer({ min: -14 * 60, max: 14 * 60 }), (date, minutes) => {
        const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
        const size = Math.abs(minutes);
        const text = `${local}${minutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
        expect(parseIsoTime(text)).toBe(`${date.toISOString().slice(0, 19)}Z`);
      }),
    );
  });
});

afterEach(() => void vi.useRealTimers());

it.each([
  ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"],
  ["1969-12-31T23:59:59.999Z", null],
  ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z"],
  ["+010000-01-01T00:00:00Z", null],
])("the time %s is %s", (text, time) => {
  expect(normalizeRfc3339(text)).toBe(time);
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

test("a time is written with whole seconds, in UTC", () => {
  expect(formatRfc3339(1_800_000_000_999)).toBe("2027-01-15T08:00:00Z");
  expect(formatRfc3339(1_768_297_210.999 * 1000)).toBe("2026-01-13T09:40:10Z");
  expect(formatRfc3339(new Date("2026-01-13T10:40:00.5+01:00"))).toBe("2026-01-13T09:40:00Z");
  expect(toUnixSeconds("2026-01-13T10:40:00.5+01:00")).toBe(1_768_297_200.5);
});

test("an engine's time has whole seconds in UTC; the zero time is null", () => {
  expect(normalizeRfc3339("2026-01-13T09:40:00.999999999Z")).toBe("2026-01-13T09:40:00Z");
  expect(normalizeRfc3339("2026-01-13T10:40:00+01:00")).toBe("2026-01-13T09:40:00Z");
  for (const none of ["0001-01-01T00:00:00Z", "", null, undefined, "soon"]) expect(normalizeRfc3339(none)).toBeNull();
});

test("a wait is at least one whole second", () => {
  expect([-5, 0, 1, 1000, 1001].map(toRetryAfterSeconds)).toEqual([1, 1, 1, 1, 2]);
});
