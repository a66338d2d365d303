import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createClock,
  isSkewed,
  measureOffset,
  refineOffset,
  toClockSkew,
  warnOfSkew,
} from "../../src/lib/clock-skew.ts";

/**
 * The skew of a clock that is `aheadMs` ahead of ours, read `after` ms after the question, where
 * the answer came `took` ms after it.
 */
function measure(aheadMs: number, after: number, took: number, stepMs = 0): number {
  const sentMs = 1_768_297_200_300;
  const read = sentMs + after + aheadMs;
  const theirMs = stepMs === 0 ? read : Math.floor(read / stepMs) * stepMs;
  const offset = measureOffset({ theirMs, stepMs, sentMs, receivedMs: sentMs + took });
  if (!offset) throw new Error("no offset");
  expect([offset.least <= aheadMs, aheadMs <= offset.most]).toEqual([true, true]);
  return toClockSkew(offset);
}

describe("the skew of another clock", () => {
  it.each([
    [0, 0],
    [90_000, 90],
    [-90_000, -90],
    [2100, 2.1],
    [-2100, -2.1],
    [99, 0],
  ])("that is %s ms ahead is %s s where the answer takes no time", (ahead, skew) => {
    expect(measure(ahead, 0, 0)).toBe(skew);
  });

  it("is none as far as the round trip may explain it", () => {
    for (const after of [0, 2000, 4000]) expect(measure(0, after, 4000)).toBe(0);
    for (const ahead of [-5000, -3000, 3000, 5000]) {
      for (const after of [0, 2000, 4000]) {
        const skew = measure(ahead, after, 4000);
        expect(Math.abs(skew)).toBeLessThanOrEqual(Math.abs(ahead) / 1000);
        expect(Math.sign(skew) * Math.sign(ahead)).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it("is none as far as whole seconds may explain it", () => {
    for (let ahead = -1000; ahead <= 1000; ahead += 50)
      expect(Math.abs(measure(ahead, 5, 10, 1000))).toBeLessThanOrEqual(1);
    for (let part = 0; part < 1000; part += 50) expect(isSkewed(measure(4000 + part, 5, 10, 1000))).toBe(true);
    for (let part = 0; part < 1000; part += 50) expect(isSkewed(measure(-4000 - part, 5, 10, 1000))).toBe(true);
  });

  it("is known to a tenth after answers at different parts of a second", () => {
    for (const ahead of [-2300, 2300]) {
      let known: ReturnType<typeof refineOffset> = null;
      for (let sentMs = 1_768_297_200_000; sentMs < 1_768_297_260_000; sentMs += 5_130) {
        const theirMs = Math.floor((sentMs + 5 + ahead) / 1000) * 1000;
        known = refineOffset(known, measureOffset({ theirMs, stepMs: 1000, sentMs, receivedMs: sentMs + 10 }));
      }
      expect(isSkewed(known && toClockSkew(known))).toBe(true);
    }
  });

  it("is that of the last answer once a clock was set", () => {
    const offset = (ahead: number) => ({ least: ahead - 10, most: ahead + 10 });
    expect(refineOffset(null, offset(0))).toEqual(offset(0));
    expect(refineOffset(offset(0), null)).toEqual(offset(0));
    expect(refineOffset(offset(0), offset(5))).toEqual({ least: -5, most: 10 });
    expect(refineOffset(offset(0), offset(90_000))).toEqual(offset(90_000));
  });

  it("is unknown without a time, and where our clock was set back", () => {
    expect(measureOffset({ theirMs: Number.NaN, stepMs: 0, sentMs: 1, receivedMs: 2 })).toBeNull();
    expect(measureOffset({ theirMs: 1, stepMs: 0, sentMs: 2, receivedMs: 1 })).toBeNull();
  });

  it("is a problem above 2 s, and a warning that names both", () => {
    expect([2, -2, null, 0].map(isSkewed)).toEqual([false, false, false, false]);
    expect(warnOfSkew(2)).toEqual([]);
    expect(warnOfSkew(-2.1)).toEqual(["its clock is 2.1 s behind the gateway's: synchronise both (NTP)"]);
    expect(warnOfSkew(90)).toEqual(["its clock is 90 s ahead of the gateway's: synchronise both (NTP)"]);
  });
});

describe("a clock that is asked beside other work", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("is asked when it is due, and keeps its last answer", async () => {
    const clock = createClock(30_000);
    let [asked, answer] = [0, (): number | undefined => Date.now() + 5000];
    const measured = async () => {
      await clock.measure(async () => {
        asked += 1;
        return answer();
      });
      return [asked, clock.skew()];
    };
    expect(clock.skew()).toBeNull();
    expect(await measured()).toEqual([1, 5]);
    vi.advanceTimersByTime(29_000);
    expect(await measured()).toEqual([1, 5]);
    vi.advanceTimersByTime(1000);
    answer = () => undefined;
    expect(await measured()).toEqual([2, 5]);
    vi.advanceTimersByTime(30_000);
    answer = () => Date.now();
    expect(await measured()).toEqual([3, 0]);
  });
});
