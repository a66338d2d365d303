/** Numbers of ended jobs. */
interface Jobs {
  readonly succeeded: number;
  readonly failed: number;
}

/**
 * One-sided Fisher's exact test: the probability of this many failures, or more, in the second
 * sample, if both fail alike. 1 where the second fails no more often than the first. Counts are
 * whole and not negative.
 */
export function fisherIncrease(before: Jobs, after: Jobs): number {
  const [n1, n2] = [before.failed + before.succeeded, after.failed + after.succeeded];
  const failed = before.failed + after.failed;
  if (after.failed * n1 <= before.failed * n2) return 1;
  const total = n1 + n2;
  let term = Math.exp(
    lnChoose(failed, after.failed) + lnChoose(total - failed, n2 - after.failed) - lnChoose(total, n2),
  );
  let sum = 0;
  // Beyond the mean each term is smaller than the previous one, and 0 where no more can fail.
  for (let k = after.failed; term > sum * 1e-16; k += 1) {
    sum += term;
    term *= ((failed - k) * (n2 - k)) / ((k + 1) * (total - failed - n2 + k + 1));
  }
  return Math.min(1, sum);
}

/**
 * Probability of this many events, or more, in the second time span, if both have one rate (the
 * conditional binomial test of two Poisson rates, one-sided). 1 where the rate did not increase.
 * Spans in seconds, more than 0.
 */
export function rateIncrease(
  before: { readonly count: number; readonly seconds: number },
  after: { readonly count: number; readonly seconds: number },
): number {
  if (after.count * before.seconds <= before.count * after.seconds) return 1;
  const n = before.count + after.count;
  const share = after.seconds / (before.seconds + after.seconds);
  if (share >= 1) return 1;
  let term = Math.exp(lnChoose(n, after.count) + after.count * Math.log(share) + before.count * Math.log1p(-share));
  let sum = 0;
  for (let k = after.count; term > sum * 1e-16; k += 1) {
    sum += term;
    term *= ((n - k) / (k + 1)) * (share / (1 - share));
  }
  return Math.min(1, sum);
}

/** A quantile in seconds, more than 0, and its number of jobs. */
interface Quantile {
  readonly seconds: number;
  readonly jobs: number;
}

/**
 * Probability of this much growth of a quantile, or more, if nothing changed: a one-sided z test of
 * its logarithm. 1 where it did not grow.
 *
 * @param spread standard deviation of the quantile's logarithm, times the square root of its number
 *   of jobs
 */
export function quantileIncrease(before: Quantile, after: Quantile, spread: number): number {
  if (after.seconds <= before.seconds) return 1;
  return normalTail(Math.log(after.seconds / before.seconds) / (spread * Math.sqrt(1 / before.jobs + 1 / after.jobs)));
}

const chebyshev = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
];

/**
 * Probability that a standard normal variable exceeds z, which is not negative; relative error
 * below a millionth (Numerical Recipes, erfcc).
 */
function normalTail(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  return (t / 2) * Math.exp(chebyshev.reduceRight((sum, part) => sum * t + part, 0) - x * x);
}

function lnChoose(n: number, k: number): number {
  return lnGamma(n + 1) - lnGamma(k + 1) - lnGamma(n - k + 1);
}

const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

/** For x of at least 1, by Lanczos' approximation. */
function lnGamma(x: number): number {
  const shifted = x - 1;
  const series = lanczos.reduce((sum, part, index) => sum + part / (shifted + index + 1), 0.9999999999998099);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(series);
}

/**
 * When something counts as worse after a deploy than before it.
 *
 * The 95th percentile of `n` jobs is assumed to scatter slightly more than that of a lognormal
 * distribution with sigma 1: its logarithm by `p95Spread` / sqrt(n). Growth is tested against that,
 * so fewer jobs need more growth: one of four queues needs 3.8 times with 60 jobs in each window,
 * 1.8 times with 300. Of clean deploys with four such queues 0.3 % are called regressed, and no
 * more with any number of jobs from `leastTimedJobs` up (simulated in
 * test/deploys/verdict/verdict.test.ts). Queues that scatter more (one job in twenty takes another,
 * slow way; jobs that wait for one another) may be called regressed more often: two percentiles do
 * not show that.
 *
 * A rise of failures counts against a deploy unless one that began earlier explains them
 * `earlierOdds` times better, and they have not risen again since (`findEarlierGrowth`). The deploy
 * did not cause an outage that began a minute before it, though most of the window before was
 * healthy. The half hour before the deploy is searched for its beginning, however short the windows
 * still are.
 *
 * When an outage has caused 15 additional failures before a harmless deploy, a single look calls it
 * regressed in less than 3 % of all cases, and any of many looks in less than 4 %. With fewer
 * failures, their beginning cannot be told from the deploy. About 3 % of true regressions are
 * excused. The figures are in docs/deploys.md, measured by bench/verdict.ts and tested in
 * test/deploys/verdict/verdict-looks.test.ts.
 *
 * Failures come in bursts: when a partner is away for some seconds, all jobs of that time fail with
 * one text. So the test of a new error counts the failures of one minute as one, and the error must
 * occur in several minutes, and lately. Of harmless deploys with one such burst of an hour less
 * than 2 % are called regressed (simulated in test/deploys/verdict/verdict-errors.test.ts).
 */
export const verdictRules = {
  /** Jobs that a queue must have ended in each window. */
  leastJobs: 30,
  /**
   * Accepted chance of a false alarm for each kind of test; shared (Bonferroni) by the queues and
   * their waits and runs, or by the errors.
   */
  alpha: 0.01,
  /** A failure ratio that grew by less is no regression, however significant. */
  leastRatioGrowth: 0.02,
  /**
   * Growth that began before the deploy must explain the failures this many times better than
   * growth at the deploy.
   */
  earlierOdds: 20,
  /**
   * Fewer failures before the deploy show no such growth: the last job may have failed by chance.
   */
  leastEarlierFailures: 5,
  /** Jobs that a 95th percentile needs in each window: three lie beyond it. */
  leastTimedJobs: 60,
  p95Spread: 2.4,
  /** A 95th percentile that grew by a smaller factor is no regression, however significant, */
  p95Factor: 1.5,
  /** nor is one that grew by fewer seconds. Shorter percentiles count as this long. */
  p95Seconds: 1,
  /** Unhealthy time is worse at this many times the earlier time, and this many seconds more. */
  unhealthyFactor: 2,
  unhealthySeconds: 60,
  /** A new error that occurred less often, or in fewer different minutes, is no regression; */
  leastErrors: 5,
  leastErrorMinutes: 3,
  /**
   * nor is one last seen longer ago than this share of the time since the first: it is over.
   * `leastRatioGrowth` applies to it too.
   */
  errorLastsUntil: 0.5,
  /** A queue of which at most this share of its earlier jobs ended after, */
  stoppedShare: 0.1,
  /**
   * while more wait than before, and the oldest this long, seconds, has stopped. Its state now
   * counts too, once the window is this long.
   */
  stoppedSeconds: 300,
} as const;

/**
 * When the share of failures had already grown before a deploy: the index of that step. Null where
 * growth at the deploy explains the failures about as well, or where they have grown again since.
 *
 * The step is the likeliest beginning, given that the share changed once and then stayed. Where the
 * share grew with the deploy, chance makes an earlier step `earlierOdds` times likelier in at most
 * one case of as many, however many steps there are (Ville's inequality), so nothing is corrected
 * for their number. The step in which a failure began is part healthy, so the next one is tried
 * too.
 *
 * @param steps jobs that ended before the deploy, oldest first
 * @param alpha accepted chance of a false finding that they have grown again
 */
export function findEarlierGrowth(steps: readonly Jobs[], after: Jobs, alpha: number): number | null {
  const tails = toTails(steps);
  const [whole = noJobs] = tails;
  const atDeploy = lnLikelihood(whole) + lnLikelihood(after);
  const splits = tails.map((late, at) => {
    const early = { succeeded: whole.succeeded - late.succeeded, failed: whole.failed - late.failed };
    const since = addJobs(late, after);
    const isShown = late.failed >= verdictRules.leastEarlierFailures && growsBy(early, since);
    return { at, lnOdds: isShown ? lnLikelihood(early) + lnLikelihood(since) - atDeploy : 0 };
  });
  const [best] = splits.slice(1).toSorted((a, b) => b.lnOdds - a.lnOdds);
  if (!best || best.lnOdds < Math.log(verdictRules.earlierOdds)) return null;
  const growsAgain = (late: Jobs, level: number) => growsBy(late, after) && fisherIncrease(late, after) < level;
  const found = tails.findIndex((late, at) => (at === best.at || at === best.at + 1) && !growsAgain(late, alpha));
  const each = alpha / Math.max(1, steps.length - 1);
  return found < 0 || tails.slice(found + 1).some((late) => growsAgain(late, each)) ? null : found;
}

/**
 * Logarithm of the probability that jobs end like this, in this order, if any share of failures is
 * as likely as any other.
 */
function lnLikelihood({ succeeded, failed }: Jobs): number {
  const ended = succeeded + failed;
  return -lnChoose(ended, failed) - Math.log(ended + 1);
}

const noJobs: Jobs = { succeeded: 0, failed: 0 };

/** The jobs of each step and all later ones. */
function toTails(steps: readonly Jobs[]): Jobs[] {
  let sum = noJobs;
  return steps
    .toReversed()
    .map((jobs) => (sum = addJobs(sum, jobs)))
    .toReversed();
}

function addJobs(a: Jobs, b: Jobs): Jobs {
  return { succeeded: a.succeeded + b.succeeded, failed: a.failed + b.failed };
}

function growsBy(before: Jobs, after: Jobs): boolean {
  return toShare(after) - toShare(before) >= verdictRules.leastRatioGrowth;
}

/** Share of ended jobs that failed, 0..1; 0 when none ended. */
export function toShare({ succeeded, failed }: Jobs): number {
  return succeeded + failed === 0 ? 0 : failed / (succeeded + failed);
}

/** A 95th percentile, null when unknown, and its number of jobs. */
export interface Timing {
  readonly seconds: number | null;
  readonly jobs: number;
}

/** The result of a test; the p value is null without enough data for one. */
interface Compared {
  readonly pValue: number | null;
  readonly isWorse: boolean;
}

/**
 * Tests whether a 95th percentile grew (`verdictRules`).
 *
 * @param alpha accepted chance of a false alarm
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
