/**
 * When something counts as worse after a deploy than before it.
 *
 * A 95th percentile of `n` jobs is taken to scatter as that of a lognormal distribution with sigma 1 does, and a little more: its logarithm by
 * `p95Spread` / sqrt(n). Growth is tested against that, so that few jobs need more of it: of four queues with 60 jobs in each window 3.8 times, with 300 1.8
 * times. Of clean deploys with four such queues 0.3 % are called regressed, and no more with any number of jobs from `leastTimedJobs` up (simulated in
 * test/domain/deploy-verdict.test.ts). What scatters more (one job in twenty takes another way, which is slow; jobs that wait for one another) can be called
 * regressed more often: two percentiles do not tell that.
 *
 * Failures clump: a partner is away for some seconds, and all jobs of those fail with one text. So those of one minute are one for the test of a new error, and
 * it must have come in several minutes, and lately. Of harmless deploys with one such burst of an hour less than 2 % are called regressed (simulated in
 * test/domain/deploy-errors.test.ts).
 */
export const verdictRules = {
  /** Jobs that a queue must have ended in each window. */
  leastJobs: 30,
  /** Chance of a false alarm that is taken in each kind of test, shared by the queues (Bonferroni), and waits and runs, or by the errors. */
  alpha: 0.01,
  /** A failure ratio that grew by less is no regression, however sure it is. */
  leastRatioGrowth: 0.02,
  /** Jobs that a 95th percentile must be of in each window: three are beyond it. */
  leastTimedJobs: 60,
  p95Spread: 2.4,
  /** A 95th percentile that grew less than so many times is no regression, however sure it is, */
  p95Factor: 1.5,
  /** and so is one by less than so much, seconds. What is shorter counts as so long. */
  p95Seconds: 1,
  /** Time that containers were unhealthy: so many times what it was, and by so much more, seconds. */
  unhealthyFactor: 2,
  unhealthySeconds: 60,
  /** A new error that came less often, or in less different minutes, is no regression; */
  leastErrors: 5,
  leastErrorMinutes: 3,
  /** nor is one of which the last was longer ago than so much of the time since the first: it is over. `leastRatioGrowth` holds for it too. */
  errorLastsUntil: 0.5,
  /** A queue of which no more than so much of its jobs ended after, */
  stoppedShare: 0.1,
  /** while more wait than before, and the oldest of them so long, seconds, has stopped. Its state now tells that too, once the window is as long. */
  stoppedSeconds: 300,
} as const;
