/**
 * When something counts as worse after a deploy than before it.
 *
 * A 95th percentile of `n` jobs is taken to scatter as that of a lognormal distribution with sigma 1 does, and a little more: its logarithm by
 * `p95Spread` / sqrt(n). Growth is tested against that, so that few jobs need more of it: of four queues with 60 jobs in each window 3.8 times, with 300 1.8
 * times. Of clean deploys with four such queues 0.3 % are called regressed, and no more with any number of jobs from `leastTimedJobs` up (simulated in
 * test/domain/deploy-verdict.test.ts). What scatters more (one job in twenty takes another way, which is slow; jobs that wait for one another) can be called
 * regressed more often: two percentiles do not tell that.
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
} as const;
