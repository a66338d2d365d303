import * as fc from "fast-check";
import jstat from "jstat";
import { expect, it } from "vitest";
import { fisherIncrease, quantileIncrease, rateIncrease } from "../../../src/deploys/verdict/rules.ts";

const { jStat } = jstat;

/** Equal to a millionth, or to 1e-15. */
const isSame = (own: number, other: number) => Math.abs(own - other) <= 1e-6 * Math.max(other, 1e-9);

/** The first case in which a property does not hold; null when it held in 500. */
const findCounterexample = <T>(property: fc.IProperty<T>) => fc.check(property, { numRuns: 500 }).counterexample;

const count = fc.integer({ min: 0, max: 60 });

it("Fisher's test is the upper tail of the hypergeometric distribution", () => {
  const toTail = (failed: number, succeeded: number, failedAfter: number, succeededAfter: number) => {
    const [all, bad, drawn] = [
      failed + succeeded + failedAfter + succeededAfter,
      failed + failedAfter,
      failedAfter + succeededAfter,
    ];
    if (failedAfter * (failed + succeeded) <= failed * drawn) return 1;
    let tail = 0;
    for (let k = failedAfter; k <= Math.min(bad, drawn); k += 1) tail += jStat.hypgeom.pdf(k, all, bad, drawn);
    return tail;
  };
  const property = fc.property(count, count, count, count, (failed, succeeded, failedAfter, succeededAfter) =>
    isSame(
      fisherIncrease({ failed, succeeded }, { failed: failedAfter, succeeded: succeededAfter }),
      toTail(failed, succeeded, failedAfter, succeededAfter),
    ),
  );
  expect(findCounterexample(property)).toBeNull();
});

it("the test of two rates is the upper tail of the binomial distribution", () => {
  const seconds = fc.integer({ min: 1, max: 3600 });
  const property = fc.property(count, count, seconds, seconds, (before, after, secondsBefore, secondsAfter) => {
    // P(X >= k) of a binomial variable is the regularised incomplete beta function.
    const tail = () => jStat.ibeta(secondsAfter / (secondsBefore + secondsAfter), after, before + 1);
    const own = rateIncrease({ count: before, seconds: secondsBefore }, { count: after, seconds: secondsAfter });
    return isSame(own, after * secondsBefore <= before * secondsAfter ? 1 : tail());
  });
  expect(findCounterexample(property)).toBeNull();
});

it("the test of two quantiles is the upper tail of the normal distribution", () => {
  const jobs = fc.integer({ min: 1, max: 10_000 });
  const growth = fc.double({ min: 1.001, max: 3, noNaN: true });
  const property = fc.property(jobs, jobs, growth, (before, after, factor) => {
    const own = quantileIncrease({ seconds: 2, jobs: before }, { seconds: 2 * factor, jobs: after }, 2.2);
    const z = Math.log(factor) / (2.2 * Math.sqrt(1 / before + 1 / after));
    return isSame(own, jStat.erfc(z / Math.SQRT2) / 2);
  });
  expect(findCounterexample(property)).toBeNull();
});
