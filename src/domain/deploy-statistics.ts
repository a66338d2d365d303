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
  if (n1 === 0 || n2 === 0 || after.failed * n1 <= before.failed * n2) return 1;
  const total = n1 + n2;
  let term = Math.exp(lnChoose(failed, after.failed) + lnChoose(total - failed, n2 - after.failed) - lnChoose(total, n2));
  let sum = 0;
  // Beyond the mean each term is smaller than the one before.
  for (let k = after.failed; k <= Math.min(failed, n2) && term > sum * 1e-16; k += 1) {
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
  for (let k = after.count; k <= n && term > sum * 1e-16; k += 1) {
    sum += term;
    term *= ((n - k) / (k + 1)) * (share / (1 - share));
  }
  return Math.min(1, sum);
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
