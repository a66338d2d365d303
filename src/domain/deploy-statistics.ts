/**
 * One-sided Fisher's exact test: how probable so many failures, or more, are in the second sample, if both fail alike. 1 where the second fails no
 * more often than the first. Counts are whole and not negative.
 */
export function fisherIncrease(
  before: { readonly failed: number; readonly succeeded: number },
  after: { readonly failed: number; readonly succeeded: number },
): number {
  const [n1, n2] = [before.failed + before.succeeded, after.failed + after.succeeded];
  const failed = before.failed + after.failed;
  if (after.failed * n1 <= before.failed * n2) return 1;
  const total = n1 + n2;
  let term = Math.exp(lnChoose(failed, after.failed) + lnChoose(total - failed, n2 - after.failed) - lnChoose(total, n2));
  let sum = 0;
  // Beyond the mean each term is smaller than the one before, and 0 where no more can fail.
  for (let k = after.failed; term > sum * 1e-16; k += 1) {
    sum += term;
    term *= ((failed - k) * (n2 - k)) / ((k + 1) * (total - failed - n2 + k + 1));
  }
  return Math.min(1, sum);
}

/**
 * How probable so many events, or more, are in the second time span, if they come at one rate (the conditional binomial test of two Poisson
 * rates, one-sided). 1 where they do not come more often. Spans in seconds, more than 0.
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

/** A quantile in seconds, more than 0, and of how many jobs it is. */
interface Quantile {
  readonly seconds: number;
  readonly jobs: number;
}

/**
 * How probable so much growth of a quantile, or more, is if nothing changed: a one-sided z test of its logarithm. 1 where it did not grow.
 *
 * @param spread standard deviation of the logarithm of such a quantile, times the root of the jobs that it is of
 */
export function quantileIncrease(before: Quantile, after: Quantile, spread: number): number {
  if (after.seconds <= before.seconds) return 1;
  return normalTail(Math.log(after.seconds / before.seconds) / (spread * Math.sqrt(1 / before.jobs + 1 / after.jobs)));
}

const chebyshev = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
];

/** How probable a standard normal variable is above z, which is not negative; off by less than a millionth of it (Numerical Recipes, erfcc). */
function normalTail(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  return (t / 2) * Math.exp(chebyshev.reduceRight((sum, part) => sum * t + part, 0) - x * x);
}

function lnChoose(n: number, k: number): number {
  return lnGamma(n + 1) - lnGamma(k + 1) - lnGamma(n - k + 1);
}

const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905, -0.13857109526572012,
  9.984369578019572e-6, 1.5056327351493116e-7,
];

/** For x of at least 1, by Lanczos' approximation. */
function lnGamma(x: number): number {
  const shifted = x - 1;
  const series = lanczos.reduce((sum, part, index) => sum + part / (shifted + index + 1), 0.9999999999998099);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(series);
}
