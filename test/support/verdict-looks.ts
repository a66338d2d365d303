import type { Ended } from "../../src/deploys/verdict/own-history.ts";
import type { QueueEvidence } from "../../src/deploys/verdict/types.ts";
import { failsMore, judgeDeploy } from "../../src/deploys/verdict/verdict.ts";
import { toStepsBefore, usualWindowSeconds, type Windows } from "../../src/deploys/verdict/windows.ts";
import { quietContainers } from "./deploys.ts";
import { createUniform } from "./random.ts";

/** A queue whose share of failures rises once, and then stays. */
export interface Rise {
  readonly was: number;
  readonly is: number;
  /** Seconds before the deploy. */
  readonly since: number;
  readonly jobsPerSecond: number;
}

/** How many of simulated deploys are regressed. */
interface Looks {
  /** At each look. */
  readonly regressed: readonly number[];
  /** At one look or more. */
  readonly ever: number;
  /** At so many looks in a row, or more. */
  readonly lasting: number;
  /** The looks at which half of those that are ever regressed first were; null without one. */
  readonly median: number | null;
}

/**
 * Judges simulated deploys at looks so many seconds after each. The same jobs for a seed.
 *
 * @param reach seconds before the deploy without another one
 * @param lasts looks in a row that count as lasting
 */
export function simulateLooks(
  rise: Rise,
  looks: readonly number[],
  { runs, seed, reach = usualWindowSeconds, lasts = 1 }: { runs: number; seed: number; reach?: number; lasts?: number },
): Looks {
  const uniform = createUniform(seed);
  const results = Array.from({ length: runs }, () => {
    const jobs = drawJobs(rise, uniform);
    return looks.map((age) => isRegressed(jobs, age, reach));
  });
  const firsts = results.flatMap((result) => (result.includes(true) ? [looks[result.indexOf(true)] ?? 0] : []));
  return {
    regressed: looks.map((_, index) => results.filter((result) => result[index]).length),
    ever: firsts.length,
    lasting: results.filter((result) => countInRow(result) >= lasts).length,
    median: firsts.toSorted((a, b) => a - b)[Math.floor(firsts.length / 2)] ?? null,
  };
}

function countInRow(result: readonly boolean[]): number {
  let [row, most] = [0, 0];
  for (const regressed of result) {
    row = regressed ? row + 1 : 0;
    most = Math.max(most, row);
  }
  return most;
}

/**
 * The jobs that ended from half an hour before the deploy until each second up to half an hour
 * after it.
 */
function drawJobs({ was, is, since, jobsPerSecond }: Rise, uniform: () => number): readonly Ended[] {
  let sum: Ended = { succeeded: 0, failed: 0 };
  const until = [sum];
  for (let second = -usualWindowSeconds; second < usualWindowSeconds; second += 1) {
    const ended = Math.floor(jobsPerSecond) + Number(uniform() < jobsPerSecond % 1);
    const share = second < -since ? was : is;
    let failed = 0;
    for (let job = 0; job < ended; job += 1) failed += Number(uniform() < share);
    sum = { succeeded: sum.succeeded + ended - failed, failed: sum.failed + failed };
    until.push(sum);
  }
  return until;
}

function isRegressed(until: readonly Ended[], age: number, reach: number): boolean {
  const deploy = usualWindowSeconds;
  const seconds = Math.min(age, reach);
  const count = (from: number, to: number): Ended => {
    const [a = none, b = none] = [until[from], until[to]];
    return { succeeded: b.succeeded - a.succeeded, failed: b.failed - a.failed };
  };
  const windows: Windows = {
    seconds,
    before: { from: deploy - seconds, to: deploy },
    after: { from: deploy, to: deploy + seconds },
    reach,
  };
  const queue: QueueEvidence = {
    queue: "mail",
    source: "jobs",
    before: { ...count(deploy - seconds, deploy), ...untimed },
    after: { ...count(deploy, deploy + seconds), ...untimed },
    endedBefore: null,
    endedAfter: null,
  };
  // As the gateway does: only then steps are read.
  if (!failsMore(queue)) return false;
  const { from, step, steps } = toStepsBefore(windows);
  const ended = Array.from({ length: steps }, (_, index) => count(from + index * step, from + (index + 1) * step));
  const queues = [{ ...queue, stepsBefore: { seconds: step, ended } }];
  const evidence = { windows, queues, containers: quietContainers, newErrors: null, gaps: [] };
  return judgeDeploy(evidence).outcome === "regressed";
}

const none: Ended = { succeeded: 0, failed: 0 };
const untimed = { waitP95Seconds: null, runP95Seconds: null, depth: 0, oldestAgeSeconds: null };
