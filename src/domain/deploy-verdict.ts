import { countEnded, hasLostJobs, isMeasured, judgeQueue } from "./deploy-queues.ts";
import { verdictRules } from "./deploy-rules.ts";
import { rateIncrease } from "./deploy-statistics.ts";
import { toSeconds } from "./deploy-timings.ts";
import type { Windows } from "./deploy-windows.ts";
import type { QueueState } from "./queue-state.ts";

export type VerdictOutcome = "clean" | "regressed" | "not_enough_data";

/** What ended in one window. Quantiles are seconds, null when unknown. */
export interface QueueWindow {
  readonly succeeded: number;
  readonly failed: number;
  readonly waitP95Seconds: number | null;
  readonly runP95Seconds: number | null;
  /** Jobs that could run at its end, and since when the oldest of them could, seconds; null when unknown, or without one. */
  readonly depth: number | null;
  readonly oldestAgeSeconds: number | null;
}

/** A queue in both windows; null for one of which nothing is known. */
export interface QueueEvidence {
  readonly queue: string;
  readonly source: string;
  readonly before: QueueWindow | null;
  readonly after: QueueWindow | null;
  /** Its state now, looked up where it has lost its jobs (`hasLostJobs`). @default null */
  readonly stateNow?: QueueState | null;
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
  /** How often it came, in how many seconds since the deploy had ended, or since the first of them; and for how many seconds before it is known not to have come. */
  readonly after: Counted;
  readonly beforeSeconds: number;
  /** In how many different minutes it came, at most: of failures with one text only the first and the last time are known. */
  readonly minutes: number;
  /** How long ago the first and the last of them were, seconds. */
  readonly firstAgo: number;
  readonly lastAgo: number;
}

export interface Evidence {
  /** Whether nothing of it went live: there is no release to compare. @default false */
  readonly failed?: boolean;
  readonly windows: Windows | null;
  readonly queues: readonly QueueEvidence[];
  readonly containers: ContainerEvidence;
  /** Null when that cannot be told. */
  readonly newErrors: readonly NewError[] | null;
  /** Whether there are queue sources, and none of them could be read. @default false */
  readonly queuesUnread?: boolean;
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
  /** Its part of what ended after the deploy in its queues, 0..1; null when that is not known. */
  readonly share: number | null;
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
  readonly queuesUnread: boolean;
  readonly gaps: readonly string[];
}

/**
 * Regressed when one thing is worse (`verdictRules`): a queue fails more (Fisher's exact test), waits or runs longer, or has stopped; containers restart more
 * (conditional binomial test) or are unhealthy longer, or now, in the window; an error is new and comes too often for chance. Clean when nothing is, a queue had
 * enough jobs to tell, and none had enough before and not after. Else there is not enough data.
 */
export function judgeDeploy(evidence: Evidence): DeployVerdict {
  const { failed = false, windows, queues, containers, newErrors, gaps, queuesUnread = false } = evidence;
  const tests = Math.max(1, queues.filter(isMeasured).length);
  const { restartsFrom, restartsBefore, restartsAfter, untilNow } = containers;
  // Right after a deploy workers may still be on their way.
  const stateCounts = untilNow && windows !== null && windows.seconds >= verdictRules.stoppedSeconds;
  const judged = queues.map((queue) => judgeQueue(queue, verdictRules.alpha / tests, stateCounts));
  const isPast = restartsFrom === "counters" && !untilNow;
  const restartsPValue =
    restartsBefore && restartsAfter && !isPast
      ? rateIncrease(toSpan(restartsBefore, restartsAfter.seconds), restartsAfter)
      : null;
  const errors =
    newErrors?.map((error) =>
      judgeError(error, toEndedPerSecond(error.queues, queues, windows), verdictRules.alpha / newErrors.length),
    ) ?? null;
  const worse = [
    ...judged
      .filter(({ outcome }) => outcome === "regressed")
      .flatMap(({ queue, reasons }) => reasons.map((reason) => `${queue}: ${reason}`)),
    ...findContainerReasons(containers, restartsPValue),
    ...(errors ?? [])
      .filter(({ regressed }) => regressed)
      .map(({ error, after }) => `${after.count} times an error that is new: ${cut(error)}`),
  ];
  const lost = judged.filter((queue) => queue.outcome !== "regressed" && hasLostJobs(queue));
  const isClean = lost.length === 0 && judged.some((queue) => queue.outcome === "clean");
  const outcome = worse.length > 0 ? "regressed" : isClean ? "clean" : "not_enough_data";
  const missing =
    outcome === "not_enough_data"
      ? [failed ? "this deploy failed: nothing of it went live" : toMissing(windows, queues, lost)]
      : [];
  return {
    outcome,
    reasons: [...worse, ...missing],
    windows,
    queues: judged,
    containers: { ...containers, restartsPValue },
    newErrors: errors,
    queuesUnread,
    gaps: isPast
      ? [...gaps, "containers: their restarts are counted until now, longer than the window, and decide nothing"]
      : gaps,
  };
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

/** No longer than so many seconds: what was counted longer is scaled down, and rounded up. The spans that are compared are equal then, as the windows are. */
function toSpan(counted: Counted, seconds: number): Counted {
  return counted.seconds <= seconds ? counted : { count: Math.ceil((counted.count * seconds) / counted.seconds), seconds };
}

/** Jobs that ended after the deploy in these queues, by the second; null where one of them does not tell. */
function toEndedPerSecond(names: readonly string[], queues: readonly QueueEvidence[], windows: Windows | null): number | null {
  const own = queues.filter(({ queue }) => names.includes(queue)).map(({ after }) => after);
  if (windows === null || own.length === 0 || own.includes(null)) return null;
  return own.reduce((sum, after) => sum + (after ? countEnded(after) : 0), 0) / windows.seconds;
}

function judgeError(error: NewError, endedPerSecond: number | null, alpha: number): JudgedError {
  const { after, beforeSeconds, minutes, firstAgo, lastAgo } = error;
  const { leastErrors, leastErrorMinutes, errorLastsUntil, leastRatioGrowth } = verdictRules;
  const pValue = rateIncrease({ count: 0, seconds: beforeSeconds }, { count: minutes, seconds: after.seconds });
  // Failures of after the window are counted too, so that it can come out as more than all.
  const share = endedPerSecond ? Math.min(1, after.count / after.seconds / endedPerSecond) : null;
  const isSpread = minutes >= leastErrorMinutes && lastAgo <= firstAgo * errorLastsUntil;
  const matters = after.count >= leastErrors && (share ?? 1) >= leastRatioGrowth;
  return { ...error, share, pValue, regressed: pValue < alpha && isSpread && matters };
}

function toMissing(windows: Windows | null, queues: readonly QueueEvidence[], lost: readonly QueueVerdict[]): string {
  if (windows === null) return "there is less than a minute between this deploy and now, or the deploys around it";
  if (queues.length === 0) return "no queue tells of its past";
  const [first] = lost;
  if (first) {
    const others = lost.length > 1 ? ` (and ${lost.length - 1} more)` : "";
    return `${first.queue}${others}: ${first.reasons[0]}, and enough did before`;
  }
  return `no queue ended ${verdictRules.leastJobs} jobs both in the ${windows.seconds} s before and after`;
}

function cut(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119).toWellFormed()}…` : text;
}
