import { verdictRules } from "./deploy-rules.ts";
import { fisherIncrease, rateIncrease } from "./deploy-statistics.ts";
import { type Timing, compareP95 } from "./deploy-timings.ts";
import type { Windows } from "./deploy-windows.ts";

export type VerdictOutcome = "clean" | "regressed" | "not_enough_data";

/** What ended in one window. Quantiles are seconds, null when unknown. */
export interface QueueWindow {
  readonly succeeded: number;
  readonly failed: number;
  readonly waitP95Seconds: number | null;
  readonly runP95Seconds: number | null;
}

/** A queue in both windows; null for one of which nothing is known. */
export interface QueueEvidence {
  readonly queue: string;
  readonly source: string;
  readonly before: QueueWindow | null;
  readonly after: QueueWindow | null;
}

/** How many, and in how many seconds. */
interface Counted {
  readonly count: number;
  readonly seconds: number;
}

/** Containers of the environment. Null where that is not known. */
export interface ContainerEvidence {
  /** Whether the window after the deploy lasts until now. Else what is only known as of now, health and counters, decides nothing. */
  readonly untilNow: boolean;
  /** Restarts that nobody asked for: from the engines' events in the windows, or else from the counters of the containers of both releases, over their lives. */
  readonly restartsFrom: "events" | "counters" | null;
  readonly restartsBefore: Counted | null;
  readonly restartsAfter: Counted | null;
  /** Over all containers together, in the windows. */
  readonly unhealthySecondsBefore: number | null;
  readonly unhealthySecondsAfter: number | null;
  /** Names of those of this release that are unhealthy now, whatever the windows are. */
  readonly unhealthyNow: readonly string[];
}

/** An error that no failure of before the deploy, and none of another release, had. */
export interface NewError {
  readonly fingerprint: string;
  readonly error: string;
  readonly queues: readonly string[];
  /** How often it came, in how many seconds since the deploy began; and for how many seconds before it is known not to have come. */
  readonly after: Counted;
  readonly beforeSeconds: number;
}

export interface Evidence {
  readonly windows: Windows | null;
  readonly queues: readonly QueueEvidence[];
  readonly containers: ContainerEvidence;
  /** Null when that cannot be told. */
  readonly newErrors: readonly NewError[] | null;
  /** What could not be asked, and why. */
  readonly gaps: readonly string[];
}

export interface QueueVerdict extends QueueEvidence {
  readonly outcome: VerdictOutcome;
  /** Of Fisher's exact test on the failures; null without enough jobs. */
  readonly pValue: number | null;
  /** Of the test of the 95th percentiles (`verdictRules`); null without enough jobs, or without one of them. */
  readonly waitPValue: number | null;
  readonly runPValue: number | null;
  readonly reasons: readonly string[];
}

export interface JudgedError extends NewError {
  readonly pValue: number;
  readonly regressed: boolean;
}

export interface DeployVerdict {
  readonly outcome: VerdictOutcome;
  /** What is worse, or what is missing. */
  readonly reasons: readonly string[];
  readonly windows: Windows | null;
  readonly queues: readonly QueueVerdict[];
  readonly containers: ContainerEvidence & {
    /** Null when a number is unknown, or decides nothing. */
    readonly restartsPValue: number | null;
  };
  readonly newErrors: readonly JudgedError[] | null;
  readonly gaps: readonly string[];
}

/**
 * Regressed when one thing is worse (`verdictRules`): a queue fails more (Fisher's exact test), waits or runs longer; containers restart more (conditional
 * binomial test) or are unhealthy longer, or now, in the window; an error is new and comes too often for chance. Clean when nothing is, and a queue had enough jobs to tell.
 * Else there is not enough data.
 */
export function judgeDeploy({ windows, queues, containers, newErrors, gaps }: Evidence): DeployVerdict {
  const tests = Math.max(1, queues.filter(isMeasured).length);
  const judged = queues.map((queue) => judgeQueue(queue, verdictRules.alpha / tests));
  const { restartsFrom, restartsBefore, restartsAfter, untilNow } = containers;
  const isPast = restartsFrom === "counters" && !untilNow;
  const restartsPValue = restartsBefore && restartsAfter && !isPast ? rateIncrease(restartsBefore, restartsAfter) : null;
  const errors = newErrors?.map((error) => judgeError(error, verdictRules.alpha / newErrors.length)) ?? null;
  const worse = [
    ...judged
      .filter(({ outcome }) => outcome === "regressed")
      .flatMap(({ queue, reasons }) => reasons.map((reason) => `${queue}: ${reason}`)),
    ...findContainerReasons(containers, restartsPValue),
    ...(errors ?? [])
      .filter(({ regressed }) => regressed)
      .map(({ error, after }) => `${after.count} times an error that is new: ${cut(error)}`),
  ];
  const outcome =
    worse.length > 0 ? "regressed" : judged.some((queue) => queue.outcome === "clean") ? "clean" : "not_enough_data";
  const missing = outcome === "not_enough_data" ? [toMissing(windows, queues)] : [];
  return {
    outcome,
    reasons: [...worse, ...missing],
    windows,
    queues: judged,
    containers: { ...containers, restartsPValue },
    newErrors: errors,
    gaps: isPast
      ? [...gaps, "containers: their restarts are counted until now, longer than the window, and decide nothing"]
      : gaps,
  };
}

function isMeasured({ before, after }: QueueEvidence): boolean {
  return hasEnough(before) && hasEnough(after);
}

function hasEnough(window: QueueWindow | null): window is QueueWindow {
  return window !== null && window.succeeded + window.failed >= verdictRules.leastJobs;
}

function judgeQueue(evidence: QueueEvidence, alpha: number): QueueVerdict {
  const { before, after } = evidence;
  if (!hasEnough(before) || !hasEnough(after)) {
    const which =
      before === null || after === null ? "its jobs of then are not known" : `less than ${verdictRules.leastJobs} jobs ended`;
    return {
      ...evidence,
      outcome: "not_enough_data",
      pValue: null,
      waitPValue: null,
      runPValue: null,
      reasons: [`${which} ${hasEnough(before) ? "after" : "before"} the deploy`],
    };
  }
  const pValue = fisherIncrease(before, after);
  const [was, is] = [toFailureRatio(before), toFailureRatio(after)];
  const wait = compareP95(toWait(before), toWait(after), alpha / 2);
  const run = compareP95(toRun(before), toRun(after), alpha / 2);
  const reasons = [
    pValue < alpha && is - was >= verdictRules.leastRatioGrowth
      ? `${toPercent(is)} of its jobs fail, ${toPercent(was)} did before`
      : null,
    wait.isWorse ? toLonger("wait", toWait(before), toWait(after)) : null,
    run.isWorse ? toLonger("run", toRun(before), toRun(after)) : null,
  ].filter((reason) => reason !== null);
  const outcome = reasons.length > 0 ? "regressed" : "clean";
  return { ...evidence, outcome, pValue, waitPValue: wait.pValue, runPValue: run.pValue, reasons };
}

/** Part of what ended that failed, 0..1; 0 when nothing ended. */
export function toFailureRatio({ succeeded, failed }: QueueWindow): number {
  return succeeded + failed === 0 ? 0 : failed / (succeeded + failed);
}

/** Jobs that were taken are not counted; about as many ended. */
function toWait({ waitP95Seconds, succeeded, failed }: QueueWindow): Timing {
  return { seconds: waitP95Seconds, jobs: succeeded + failed };
}

function toRun({ runP95Seconds, succeeded }: QueueWindow): Timing {
  return { seconds: runP95Seconds, jobs: succeeded };
}

function toLonger(what: "wait" | "run", { seconds: was }: Timing, { seconds: is }: Timing): string {
  return `95 of 100 jobs ${what} up to ${toSeconds(is ?? 0)}, ${toSeconds(was ?? 0)} before`;
}

function findContainerReasons(containers: ContainerEvidence, restartsPValue: number | null): string[] {
  const { restartsBefore, restartsAfter, unhealthySecondsBefore: was, unhealthySecondsAfter: is } = containers;
  const reasons: string[] = [];
  if (restartsPValue !== null && restartsPValue < verdictRules.alpha) {
    reasons.push(`containers restarted ${restartsAfter?.count} times, ${restartsBefore?.count} times before`);
  }
  if (was !== null && is !== null && is >= was * verdictRules.unhealthyFactor && is - was >= verdictRules.unhealthySeconds) {
    reasons.push(`containers were unhealthy for ${toSeconds(is)}, ${toSeconds(was)} before`);
  }
  if (isWorseNow(containers)) reasons.push(`unhealthy now: ${containers.unhealthyNow.join(", ")}`);
  return reasons;
}

/** Unhealthy now is in the window, and containers were not as long unhealthy before. */
function isWorseNow({
  untilNow,
  unhealthyNow,
  unhealthySecondsBefore: was,
  unhealthySecondsAfter: is,
}: ContainerEvidence): boolean {
  return untilNow && unhealthyNow.length > 0 && (was === null || is === null || is > was);
}

function judgeError(error: NewError, alpha: number): JudgedError {
  const pValue = rateIncrease({ count: 0, seconds: error.beforeSeconds }, error.after);
  return { ...error, pValue, regressed: pValue < alpha };
}

function toMissing(windows: Windows | null, queues: readonly QueueEvidence[]): string {
  if (windows === null) return "there is less than a minute between this deploy and now, or the deploys around it";
  if (queues.length === 0) return "no queue tells of its past";
  return `no queue ended ${verdictRules.leastJobs} jobs both in the ${windows.seconds} s before and after`;
}

function toPercent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}

function toSeconds(seconds: number): string {
  return `${seconds.toFixed(1)} s`;
}

function cut(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119).toWellFormed()}…` : text;
}
