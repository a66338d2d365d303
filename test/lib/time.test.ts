import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseLogTime, toLogTimestamp } from "../../src/lib/time.ts";

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
])("%s is %s", (text, seconds) => {
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
])("refuses %s ...", (...texts) => {
  for (const text of texts) expect([text, parseLogTime(text, now)]).toEqual([text, null]);
});

test("never throws, and what it takes Docker takes", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,12}[dhms.0-9]{0,4}$/));
  fc.assert(
    fc.property(text, (given) => {
      expect(parseLogTime(given, now) ?? "0.000000000").toMatch(/^\d+\.\d{9}$/);
    }),
  );
});

test("a time stamp of Docker's survives the way to seconds and back, to the nanosecond", () => {
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
