import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fisherIncrease, quantileIncrease, rateIncrease } from "../../../src/deploys/verdict/rules.ts";

const choose = (n: number, k: number): bigint => {
  let [top, bottom] = [1n, 1n];
  for (let i = 1; i <= k; i += 1) [top, bottom] = [top * BigInt(n - k + i), bottom * BigInt(i)];
  return top / bottom;
};

/** The same by its definition, in whole numbers. */
function exactFisher(
  before: { failed: number; succeeded: number },
  after: { failed: number; succeeded: number },
): number {
  const n2 = after.failed + after.succeeded;
  const failed = before.failed + after.failed;
  const total = before.failed + before.succeeded + n2;
  let sum = 0n;
  for (let k = after.failed; k <= Math.min(failed, n2); k += 1) {
    if (n2 - k <= total - failed) sum += choose(failed, k) * choose(total - failed, n2 - k);
  }
  return Number((sum * 10n ** 30n) / choose(total, n2)) / 1e30;
}

const count = fc.integer({ min: 0, max: 120 });
const sample = fc.record({ failed: count, succeeded: count });

describe("Fisher's exact test", () => {
  it("equals the textbook's: the lady tasting tea", () => {
    expect(fisherIncrease({ failed: 1, succeeded: 3 }, { failed: 3, succeeded: 1 })).toBeCloseTo(17 / 70, 12);
    expect(fisherIncrease({ failed: 0, succeeded: 4 }, { failed: 4, succeeded: 0 })).toBeCloseTo(1 / 70, 12);
  });

  it("equals its definition if the second fails more often, else 1", () => {
    fc.assert(
      fc.property(sample, sample, (before, after) => {
        const [n1, n2] = [before.failed + before.succeeded, after.failed + after.succeeded];
        const p = fisherIncrease(before, after);
        const isIncrease = n1 > 0 && n2 > 0 && after.failed * n1 > before.failed * n2;
        const exact = isIncrease ? exactFisher(before, after) : 1;
        expect(Math.abs(p - exact)).toBeLessThanOrEqual(1e-9 * exact + 1e-29);
      }),
    );
  });

  it("falls with each failure more, and handles a million jobs", () => {
    fc.assert(
      fc.property(sample, sample, ({ failed, succeeded }, after) => {
        const before = { failed, succeeded: succeeded + 1 };
        const more = { failed: after.failed + 1, succeeded: after.succeeded };
        expect(fisherIncrease(before, more)).toBeLessThanOrEqual(fisherIncrease(before, after) + 1e-12);
      }),
    );
    const before = { failed: 10_000, succeeded: 990_000 };
    // The normal approximation, corrected for continuity: (10,100 - 10,050 - 0.5) / 70.53 = 0.7018.
    expect(fisherIncrease(before, { failed: 10_100, succeeded: 989_900 })).toBeCloseTo(0.2414, 3);
    expect(fisherIncrease(before, { failed: 12_000, succeeded: 988_000 })).toBeLessThan(1e-30);
  });
});

describe("the test of two rates", () => {
  it("is a fair coin for equal spans, and their share for others", () => {
    expect(rateIncrease({ count: 0, seconds: 60 }, { count: 7, seconds: 60 })).toBeCloseTo(2 ** -7, 12);
    expect(rateIncrease({ count: 0, seconds: 300 }, { count: 3, seconds: 100 })).toBeCloseTo(1 / 64, 12);
    expect(rateIncrease({ count: 1, seconds: 60 }, { count: 3, seconds: 60 })).toBeCloseTo(5 / 16, 12);
  });

  it("is a probability, 1 without growth, and falls with each event more", () => {
    const seconds = fc.integer({ min: 1, max: 100_000 });
    const counted = fc.record({ count, seconds });
    fc.assert(
      fc.property(counted, counted, (before, after) => {
        const p = rateIncrease(before, after);
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(p === 1 || after.count / after.seconds > before.count / before.seconds).toBe(true);
        expect(rateIncrease(before, { ...after, count: after.count + 1 })).toBeLessThanOrEqual(p + 1e-9);
      }),
    );
  });
});

describe("the test of two quantiles", () => {
  it("is the normal distribution's tail over the log of their ratio", () => {
    const p = (z: number) => quantileIncrease({ seconds: 1, jobs: 2 }, { seconds: Math.exp(z), jobs: 2 }, 1);
    // Tables of the normal distribution.
    expect(p(1e-9)).toBeCloseTo(0.5, 6);
    expect(p(1.6448536)).toBeCloseTo(0.05, 7);
    expect(p(3.0902323)).toBeCloseTo(0.001, 8);
    expect(p(6) / 9.8658765e-10).toBeCloseTo(1, 5);
    expect(quantileIncrease({ seconds: 3, jobs: 9 }, { seconds: 3, jobs: 9 }, 1)).toBe(1);
  });

  it("is a probability that falls with growth and with more jobs", () => {
    const seconds = fc.double({ min: 0.01, max: 1e5, noNaN: true });
    const jobs = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(fc.record({ seconds, jobs }), fc.record({ seconds, jobs }), (before, after) => {
        const p = quantileIncrease(before, after, 2.4);
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(quantileIncrease(before, { ...after, seconds: after.seconds * 2 }, 2.4)).toBeLessThanOrEqual(p);
        expect(quantileIncrease(before, { ...after, jobs: after.jobs * 2 }, 2.4)).toBeLessThanOrEqual(p);
      }),
    );
  });
});

describe("the edges of the tests", () => {
  it.each([
    [{ failed: 0, succeeded: 0 }, { failed: 5, succeeded: 0 }, 1],
    [{ failed: 5, succeeded: 0 }, { failed: 0, succeeded: 0 }, 1],
    [{ failed: 0, succeeded: 0 }, { failed: 0, succeeded: 0 }, 1],
    [{ failed: 2, succeeded: 8 }, { failed: 4, succeeded: 16 }, 1],
    [{ failed: 5, succeeded: 5 }, { failed: 5, succeeded: 4 }, null],
    [{ failed: 0, succeeded: 1 }, { failed: 1, succeeded: 0 }, null],
  ])("of failures before %o and after %o", (before, after, p) => {
    expect(fisherIncrease(before, after)).toBeCloseTo(p ?? exactFisher(before, after), 12);
  });

  it.each([
    [{ count: 0, seconds: 60 }, { count: 0, seconds: 60 }, 1],
    [{ count: 3, seconds: 60 }, { count: 6, seconds: 120 }, 1],
    [{ count: 0, seconds: 0 }, { count: 6, seconds: 120 }, 1],
    [{ count: 0, seconds: 60 }, { count: 1, seconds: 60 }, null],
    [{ count: 2, seconds: 100 }, { count: 2, seconds: 50 }, null],
  ])("of rates before %o and after %o", (before, after, p) => {
    const n = before.count + after.count;
    const share = after.seconds / (before.seconds + after.seconds);
    const term = (k: number) => Number(choose(n, k)) * share ** k * (1 - share) ** (n - k);
    const exact = Array.from({ length: before.count + 1 }, (_, index) => term(after.count + index)).reduce(
      (a, b) => a + b,
      0,
    );
    expect(rateIncrease(before, after)).toBeCloseTo(p ?? exact, 12);
  });
});
