/** Why an operation on jobs is not even tried. Nothing happened and nothing was recorded. */
export class JobsRefused extends Error {
  readonly code: "job_budget" | "overloaded";
  /** When it may be tried again. */
  readonly retryAfterSeconds: number;

  constructor(code: JobsRefused["code"], message: string, retryAfterSeconds: number) {
    super(message);
    this.name = "JobsRefused";
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface JobBudget {
  /** Takes up to so many jobs of the holder's hour, and gives how many it got: 1 at least. @throws JobsRefused when there is none left */
  take(holder: string, jobs: number): number;
  /** Gives them back: nothing was tried. */
  giveBack(holder: string, jobs: number): void;
}

interface BudgetOptions {
  /** Of one token. */
  readonly jobsPerHour: number;
  /** Monotonic clock, ms. */
  readonly now?: () => number;
}

const hourMs = 3_600_000;

/**
 * How many jobs a token may change in an hour. Not the limits of restarts (restart-limits.ts): those are for few and slow actions, one at a time for each
 * container with a pause after it, where the state of a job's own row decides who changes it, and one operation has a hundred of them.
 */
export function createJobBudget({ jobsPerHour, now = () => performance.now() }: BudgetOptions): JobBudget {
  const spent = new Map<string, readonly { readonly at: number; readonly jobs: number }[]>();
  const prune = (at: number) => {
    for (const [holder, takes] of spent) {
      const young = takes.filter((take) => at - take.at < hourMs);
      if (young.length > 0) spent.set(holder, young);
      else spent.delete(holder);
    }
  };
  return {
    take(holder, jobs) {
      const at = now();
      prune(at);
      const takes = spent.get(holder) ?? [];
      const left = jobsPerHour - takes.reduce((sum, take) => sum + take.jobs, 0);
      if (left <= 0) {
        const seconds = Math.max(1, Math.ceil(((takes[0]?.at ?? at) + hourMs - at) / 1000));
        throw new JobsRefused("job_budget", `This token has used its ${jobsPerHour} jobs of the hour`, seconds);
      }
      const taken = Math.min(jobs, left);
      spent.set(holder, [...takes, { at, jobs: taken }]);
      return taken;
    },
    giveBack(holder, jobs) {
      const takes = [...(spent.get(holder) ?? [])];
      const index = takes.findLastIndex((take) => take.jobs === jobs);
      if (index >= 0) spent.set(holder, takes.toSpliced(index, 1));
    },
  };
}
