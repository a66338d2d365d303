import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHistoryRange, toSeriesRanges } from "../../src/graphql/range.ts";

describe("toHistoryRange", () => {
  const nowMs = 1_767_225_600_000;
  it("takes times as logs do, and chooses a step of about 240 points", () => {
    expect(toHistoryRange({ from: "1h" }, nowMs)).toEqual({ from: nowMs / 1000 - 3600, step: 15, steps: 240 });
    expect(toHistoryRange({ from: "2025-12-31T00:00:00Z", to: "2025-12-31T01:00:00Z", step: 60 }, nowMs)).toMatchObject(
      {
        steps: 60,
      },
    );
    expect(toHistoryRange({ from: "10m", to: "2030-01-01T00:00:00Z", step: 60 }, nowMs)).toMatchObject({ steps: 10 });
  });
  it.each([
    [{ from: "yesterday" }, "from must be a time (RFC 3339 or unix seconds) or a duration such as 10m"],
    [{ from: "" }, "from must be a time (RFC 3339 or unix seconds) or a duration such as 10m"],
    [{ from: "1h", to: "soon" }, "to must be a time (RFC 3339 or unix seconds) or a duration such as 10m"],
    [{ from: "0s" }, "from must be before to, and before now"],
    [{ from: "1h", to: "1h" }, "from must be before to, and before now"],
    [{ from: "1h", to: "2h" }, "from must be before to, and before now"],
    [{ from: "2030-01-01T00:00:00Z", to: "2030-01-02T00:00:00Z" }, "from must be before to, and before now"],
    [{ from: "1h", step: 0 }, "step must be from 1 to 86400 seconds"],
    [{ from: "1h", step: -1 }, "step must be from 1 to 86400 seconds"],
    [{ from: "9d", step: 86_401 }, "step must be from 1 to 86400 seconds"],
    [{ from: "1m", step: 61 }, "the range must hold at least one step"],
    [{ from: "11001s", step: 1 }, "the range holds 11001 points, at most 11000: choose a longer step"],
    [{ from: "2d", step: 1 }, "the range holds 172800 points, at most 11000: choose a longer step"],
  ])("refuses %j: %s", (args, message) => {
    expect(() => toHistoryRange(args, nowMs)).toThrow(expect.objectContaining({ code: "invalid_request", message }));
  });
  it.each([
    [{ from: "1s" }, 1, { step: 1, steps: 1 }],
    [{ from: "240s", to: null, step: null }, 240, { step: 1, steps: 240 }],
    [{ from: "241s", to: "" }, 241, { step: 2, steps: 120 }],
    [{ from: "480s" }, 480, { step: 2, steps: 240 }],
    [{ from: "11000s", step: 1 }, 11_000, { step: 1, steps: 11_000 }],
    [{ from: "60s", step: 60 }, 60, { step: 60, steps: 1 }],
    [{ from: "119s", step: 60 }, 119, { step: 60, steps: 1 }],
    [{ from: "1d", step: 86_400 }, 86_400, { step: 86_400, steps: 1 }],
    [{ from: "100s", to: "40s", step: 7 }, 100, { step: 7, steps: 8 }],
    [{ from: "1500ms", to: "500ms", step: 1 }, 2, { step: 1, steps: 1 }],
  ])("turns %j into a range from %i s ago: %j", (args, ago, range) => {
    expect(toHistoryRange(args, nowMs)).toEqual({ from: nowMs / 1000 - ago, ...range });
  });
});

describe("toSeriesRanges", () => {
  const nowMs = 1_767_225_600_000;
  const at = (seconds: number) => new Date(nowMs + seconds * 1000).toISOString();

  it("has its points at whole multiples of a round step", () => {
    const asked = { from: at(-6 * 3600 - 7), to: at(-3), maxPoints: 500 };
    expect(toSeriesRanges(asked, nowMs)).toEqual([{ from: nowMs / 1000 - 6 * 3600 - 60, step: 60, steps: 360 }]);
    expect(toSeriesRanges({ ...asked, maxPoints: 1 }, nowMs)).toMatchObject([{ steps: 1 }]);
    expect(toSeriesRanges({ ...asked, maxPoints: 100 }, nowMs)).toMatchObject([{ step: 300 }]);
    expect(toSeriesRanges({ ...asked, step: 7 }, nowMs)).toMatchObject([{ step: 7 }]);
    expect(toSeriesRanges({ from: at(-100 * 365 * 86_400 + 3e9), to: at(0), maxPoints: 2 }, nowMs)).toMatchObject([
      { steps: 1 },
      { steps: 1 },
    ]);
  });

  it("is empty in the future, or if no point falls in", () => {
    expect(toSeriesRanges({ from: at(60), to: at(120), maxPoints: 10 }, nowMs)).toEqual([]);
    expect(toSeriesRanges({ from: at(-70), to: at(-65), step: 60, maxPoints: 10 }, nowMs)).toEqual([]);
  });

  it.each([
    [{ from: at(0), to: at(-1), maxPoints: 10 }, "from must not be after to"],
    [{ from: at(2), to: at(1), maxPoints: 10 }, "from must not be after to"],
    [{ from: at(-60), to: at(0), maxPoints: 0 }, "maxPoints must be from 1 to 11000"],
    [{ from: at(-60), to: at(0), maxPoints: 11_001 }, "maxPoints must be from 1 to 11000"],
    [{ from: at(-60), to: at(0), maxPoints: 10, step: 0 }, "step must be from 1 to 86400 seconds"],
    [{ from: at(-60), to: at(0), maxPoints: 10, step: 86_401 }, "step must be from 1 to 86400 seconds"],
    [
      { from: at(-11_000), to: at(0), maxPoints: 10, step: 1 },
      "the range holds 11001 points, at most 11000: choose a longer step",
    ],
  ])("refuses %j: %s", (args, message) => {
    expect(() => toSeriesRanges(args, nowMs)).toThrow(expect.objectContaining({ code: "invalid_request", message }));
  });

  it.each([
    [
      { from: at(-10_999), to: at(0), maxPoints: 1, step: 1 },
      { from: -11_000, step: 1, steps: 11_000 },
    ],
    [
      { from: at(-86_400), to: at(0), maxPoints: 1, step: 86_400 },
      { from: -2 * 86_400, step: 86_400, steps: 2 },
    ],
    [
      { from: at(0), to: at(0), maxPoints: 1 },
      { from: -1, step: 1, steps: 1 },
    ],
    [
      { from: at(-10_999), to: at(0), maxPoints: 11_000, step: null },
      { from: -11_000, step: 1, steps: 11_000 },
    ],
    [
      { from: at(-11_000), to: at(0), maxPoints: 11_000 },
      { from: -11_000, step: 1, steps: 11_000 },
    ],
    [
      { from: at(-11_001), to: at(0), maxPoints: 11_000 },
      { from: -11_002, step: 2, steps: 5501 },
    ],
    [
      { from: at(-9), to: at(0), maxPoints: 10 },
      { from: -10, step: 1, steps: 10 },
    ],
    [
      { from: at(-10), to: at(0), maxPoints: 10 },
      { from: -10, step: 1, steps: 10 },
    ],
    [
      { from: at(-11), to: at(0), maxPoints: 10 },
      { from: -12, step: 2, steps: 6 },
    ],
    [
      { from: at(-10), to: at(600), maxPoints: 11 },
      { from: -11, step: 1, steps: 11 },
    ],
    [
      { from: at(-20 * 86_400), to: at(0), maxPoints: 21 },
      { from: -21 * 86_400, step: 86_400, steps: 21 },
    ],
    [
      { from: at(-20 * 86_400 + 1), to: at(-1), maxPoints: 10 },
      { from: -20 * 86_400, step: 2 * 86_400, steps: 9 },
    ],
    [
      { from: at(-20 * 86_400), to: at(0), maxPoints: 10 },
      { from: -20 * 86_400, step: 2 * 86_400, steps: 10 },
    ],
  ])("turns %j into the range %j from now", (asked, { from, ...range }) => {
    // A whole number of periods of 1, 2 and 3 days since 1970.
    const whole = Math.ceil(nowMs / (6 * 86_400_000)) * 6 * 86_400_000;
    const shift = (time: string) => new Date(Date.parse(time) - nowMs + whole).toISOString();
    const moved = { ...asked, from: shift(asked.from), to: shift(asked.to) };
    expect(toSeriesRanges(moved, whole)[0]).toEqual({ from: whole / 1000 + from, ...range });
  });

  it("never has more points than requested, nor any outside the range", () => {
    const range = fc.record({
      from: fc.integer({ min: -400_000_000, max: 0 }),
      length: fc.integer({ min: 0, max: 400_000_000 }),
      maxPoints: fc.integer({ min: 2, max: 11_000 }),
    });
    fc.assert(
      fc.property(range, ({ from, length, maxPoints }) => {
        const ranges = toSeriesRanges({ from: at(from), to: at(from + length), maxPoints }, nowMs);
        const end = Math.min(from + length, 0) + nowMs / 1000;
        expect(ranges.reduce((sum, { steps }) => sum + steps, 0)).toBeLessThanOrEqual(maxPoints);
        for (const [index, made] of ranges.entries()) {
          expect(made.from % made.step === 0 || index === 1 || made.steps === 1).toBe(true);
          expect(made.from + made.step).toBeGreaterThanOrEqual(from + nowMs / 1000);
          expect(made.from + made.steps * made.step).toBeLessThanOrEqual(end);
        }
      }),
    );
  });

  it.each([7, 30, 90])("of %i days ends with the current step, up to the whole minute", (days) => {
    const later = nowMs + 5_425_000;
    const [whole, current, ...others] = toSeriesRanges(
      { from: new Date(later - days * 86_400_000).toISOString(), to: new Date(later).toISOString(), maxPoints: 300 },
      later,
    );
    const last = (whole?.from ?? 0) + (whole?.steps ?? 0) * (whole?.step ?? 0);
    expect(current).toEqual({ from: last, step: nowMs / 1000 + 5400 - last, steps: 1 });
    expect(current?.step).toBeLessThan(whole?.step ?? 0);
    expect(others).toEqual([]);
  });

  it("ends now on every day, with at most its points", () => {
    const range = fc.record({
      days: fc.integer({ min: 1, max: 400 }),
      maxPoints: fc.integer({ min: 2, max: 500 }),
      // Seconds from now: over 55 years of days, at any time of day.
      later: fc.integer({ min: 0, max: 20_000 * 86_400 }),
    });
    fc.assert(
      fc.property(range, ({ days, maxPoints, later }) => {
        const end = nowMs + later * 1000;
        const [from, to] = [end - days * 86_400_000, end].map((ms) => new Date(ms).toISOString()) as [string, string];
        const ranges = toSeriesRanges({ from, to, maxPoints }, end);
        const last = ranges.at(-1);
        const ahead = end / 1000 - ((last?.from ?? 0) + (last?.steps ?? 0) * (last?.step ?? 0));
        expect(ahead).toBeLessThan(Math.max(60, ranges.length === 1 ? Math.min(600, last?.step ?? 0) : 0));
        expect(ranges.reduce((sum, { steps }) => sum + steps, 0)).toBeLessThanOrEqual(maxPoints);
      }),
      { numRuns: 2000, examples: [[{ days: 90, maxPoints: 7, later: (20_790 - nowMs / 86_400_000) * 86_400 + 720 }]] },
    );
  });

  it("has a current step of steps of 10 minutes or more", () => {
    const counts = (step: number, seconds: number) =>
      toSeriesRanges({ from: at(-7200), to: at(seconds), step, maxPoints: 1 }, nowMs + 86_400_000).map(
        ({ steps }) => steps,
      );
    expect([counts(600, 60), counts(600, 59), counts(599, 300), counts(3600, 0)]).toEqual([[13, 1], [13], [12], [3]]);
    expect(toSeriesRanges({ from: at(120), to: at(130), step: 3600, maxPoints: 1 }, nowMs + 86_400_000)).toEqual([
      { from: nowMs / 1000, step: 120, steps: 1 },
    ]);
    expect(toSeriesRanges({ from: at(121), to: at(130), step: 3600, maxPoints: 1 }, nowMs + 86_400_000)).toEqual([]);
  });

  it("shares 40,000 rows among the series", () => {
    const stepOf = (series: number) =>
      toSeriesRanges({ from: at(-86_400), to: at(0), maxPoints: 1500 }, nowMs, series)[0]?.step;
    expect([0, 1, 25, 40, 80].map(stepOf)).toEqual([60, 60, 60, 120, 300]);
  });
});
