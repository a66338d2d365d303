import { verdictRules } from "./deploy-rules.ts";
import { quantileIncrease } from "./deploy-statistics.ts";

/** A 95th percentile, null when unknown, and of how many jobs it is. */
export interface Timing {
  readonly seconds: number | null;
  readonly jobs: number;
}

/** What came of a test; the p value is null where there was not enough for one. */
export interface Compared {
  readonly pValue: number | null;
  readonly isWorse: boolean;
}

/**
 * Tests whether a 95th percentile grew (`verdictRules`).
 *
 * @param alpha chance of a false alarm that is taken
 */
export function compareP95(before: Timing, after: Timing, alpha: number): Compared {
  const { leastTimedJobs, p95Spread, p95Factor, p95Seconds } = verdictRules;
  if (before.seconds === null || after.seconds === null || Math.min(before.jobs, after.jobs) < leastTimedJobs) {
    return { pValue: null, isWorse: false };
  }
  const [was, is] = [Math.max(before.seconds, p95Seconds), Math.max(after.seconds, p95Seconds)];
  const pValue = quantileIncrease({ seconds: was, jobs: before.jobs }, { seconds: is, jobs: after.jobs }, p95Spread);
  return { pValue, isWorse: pValue < alpha && is >= was * p95Factor && after.seconds - before.seconds >= p95Seconds };
}

/** For reasons. */
export function toSeconds(seconds: number): string {
  return `${seconds.toFixed(1)} s`;
}
