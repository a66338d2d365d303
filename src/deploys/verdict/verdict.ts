import { formatCount, formatDuration, formatNumber, formatShare } from "../../facts/format.ts";
import type { QueueState } from "../../queues/state.ts";
import {
  compareP95,
  findEarlierGrowth,
  fisherIncrease,
  rateIncrease,
  type Timing,
  toShare,
  verdictRules,
} from "./rules.ts";
import type {
  Baseline,
  ContainerEvidence,
  ContainersWorsening,
  Counted,
  DeployVerdict,
  Evidence,
  JudgedError,
  NewError,
  QueueEvidence,
  QueueVerdict,
  QueueWindow,
  QueueWorsening,
  UnjudgeableReason,
} from "./types.ts";
import type { Ended } from "./own-history.ts";
import type { Windows } from "./windows.ts";

/**
 * Regressed when one thing is worse (`verdictRules`): a queue fails more (Fisher's exact test),
 * waits or runs longer, or has stopped; containers restart more (conditional binomial test), are
 * unhealthy longer, or are unhealthy now, in the window; a new error occurs too often for chance.
 * Clean when nothing is worse, a queue had enough jobs in both windows, none had enough only
 * before, no error is new where nothing ran before, or may be new, and all of its sources were
 * read. Else there is not enough data.
 */
export function judgeDeploy(evidence: Evidence): DeployVerdict {
  const {
    failed = false,
    foreign = false,
    windows,
    queues,
    containers,
    newErrors,
    gaps,
    queuesUnread = false,
    unread = [],
    unfinished = null,
  } = evidence;
  const tests = Math.max(1, queues.filter(isMeasured).length);
  const { restartsFrom, restartsBefore, restartsAfter, untilNow } = containers;
  // Right after a deploy workers may still be starting.
  const stateCounts = untilNow && windows !== null && windows.seconds >= verdictRules.stoppedSeconds;
  const judged = queues.map((queue) => judgeShare(queue, verdictRules.alpha / tests, stateCounts));
  const isPast = restartsFrom === "counters" && !untilNow;
  const restartsPValue =
    restartsBefore && restartsAfter && !isPast
      ? rateIncrease(toSpan(restartsBefore, restartsAfter.seconds), restartsAfter)
      : null;
  const errors =
    newErrors?.map((error) =>
      judgeError(error, toJobs(error, queues, windows), verdictRules.alpha / newErrors.length),
    ) ?? null;
  const unwell = findContainerWorsenings(containers, restartsPValue);
  const worse = [
    ...judged
      .filter(({ outcome }) => outcome === "regressed")
      .flatMap(({ queue, reasons }) => reasons.map((reason) => `${queue}: ${reason}`)),
    ...unwell.map(({ reason }) => reason),
    ...(errors ?? [])
      .filter(({ regressed }) => regressed)
      .map(({ error, after }) => `a new error occurred ${formatTimes(after.count)}: ${cut(error)}`),
  ];
  const lost = judged.filter((queue) => queue.outcome !== "regressed" && hasLostJobs(queue));
  const unjudged = (errors ?? []).filter((error) => !canRegress(error) && matters(error, verdictRules.alpha));
  const isWhole = lost.length === 0 && unjudged.length === 0 && unread.length === 0;
  const isClean = isWhole && judged.some((queue) => queue.outcome === "clean");
  const outcome = worse.length > 0 ? "regressed" : isClean ? "clean" : "not_enough_data";
  const obstacle = foreign ? "other_service" : failed ? "failed" : null;
  const unjudgeable = outcome === "not_enough_data" ? obstacle : null;
  const toReason = () => (unjudgeable ? unjudgeableWords[unjudgeable] : toMissing(evidence, lost, unjudged));
  return {
    outcome,
    unjudgeable,
    reasons: outcome === "not_enough_data" ? [toReason()] : worse,
    windows,
    queues: judged,
    containers: { ...containers, restartsPValue, worse: unwell.map(({ what }) => what) },
    newErrors: errors?.filter(({ searched }) => searched !== false) ?? null,
    queuesUnread,
    unread,
    unfinished,
    gaps: [
      ...gaps,
      ...judged.flatMap(toEarlierGap),
      ...(isPast && windows !== null
        ? ["containers: their restarts are counted until now, which is longer than the window, so they decide nothing"]
        : []),
    ],
  };
}

const unjudgeableWords: Readonly<Record<UnjudgeableReason, string>> = {
  other_service: "this gateway is not responsible for its service (SERVICE): its own gateway judges it",
  failed: "this deploy failed: no container of it went live",
};

/** Says of a queue that fails more than before the deploy why that does not count. */
function toEarlierGap({ queue, after, failsSince }: QueueVerdict): string[] {
  if (failsSince === null || after === null) return [];
  const since = `${formatShare(toShare(after))} of its jobs fail since ${formatDuration(failsSince)} before the deploy`;
  return [`${queue}: ${since}, so that does not count against it`];
}

/** Something that is worse, with the sentence about it. */
interface Worsening<What> {
  readonly what: What;
  readonly reason: string;
}

function findContainerWorsenings(
  containers: ContainerEvidence,
  restartsPValue: number | null,
): readonly Worsening<ContainersWorsening>[] {
  const { restartsBefore, restartsAfter, unhealthySecondsBefore: was, unhealthySecondsAfter: is } = containers;
  const found: Worsening<ContainersWorsening>[] = [];
  if (restartsPValue !== null && restartsPValue < verdictRules.alpha) {
    const [before, after] = [restartsBefore, restartsAfter].map((counted) => formatTimes(counted?.count ?? 0));
    found.push({ what: "restarts", reason: `containers restarted ${after}, ${before} before` });
  }
  if (
    was !== null &&
    is !== null &&
    is >= was * verdictRules.unhealthyFactor &&
    is - was >= verdictRules.unhealthySeconds
  ) {
    const reason = `containers were unhealthy for ${formatDuration(is)}, ${formatDuration(was)} before`;
    found.push({ what: "unhealthy_time", reason });
  }
  if (isWorseNow(containers))
    found.push({ what: "unhealthy_now", reason: `unhealthy now: ${containers.unhealthyNow.join(", ")}` });
  return found;
}

/** Unhealthy now counts within the window, unless containers were as long unhealthy before. */
function isWorseNow({
  untilNow,
  unhealthyNow,
  unhealthySecondsBefore: was,
  unhealthySecondsAfter: is,
}: ContainerEvidence): boolean {
  return untilNow && unhealthyNow.length > 0 && (was === null || is === null || is > was);
}

/**
 * Scales a longer span down to these seconds and rounds its count up. The compared spans then have
 * equal length, like the windows.
 */
function toSpan(counted: Counted, seconds: number): Counted {
  return counted.seconds <= seconds
    ? counted
    : { count: Math.ceil((counted.count * seconds) / counted.seconds), seconds };
}

/** Jobs that ended in the queues of an error; null where unknown. */
interface EndedJobs {
  readonly before: number | null;
  readonly after: Counted | null;
}

/**
 * Of the hour before and the time since, and else of the windows: whatever has more before, all of
 * them were seen.
 */
function toJobs(
  { queues: names, sources, endedBefore = null, endedAfter = null }: NewError,
  queues: readonly QueueEvidence[],
  windows: Windows | null,
): EndedJobs {
  const own = queues.filter(({ queue, source }) => names.includes(queue) && sources.includes(source));
  const before = addUp(own.map((one) => one.endedBefore));
  const after = addUp(own.map((one) => one.endedAfter));
  return {
    before: before === null || endedBefore === null ? (before ?? endedBefore) : Math.max(before, endedBefore),
    after: endedAfter ?? (after === null || windows === null ? null : { count: after, seconds: windows.seconds }),
  };
}

/** Null without a number, and where one is unknown. */
export function addUp(counts: readonly (number | null)[]): number | null {
  if (counts.length === 0 || counts.includes(null)) return null;
  return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

/**
 * An error that no job had before is compared with the jobs that ended before without it, as a
 * share: more jobs have more failures. Only jobs that were counted are expected to show it: how
 * many ran at other times is unknown. Without such jobs, nothing shows that it is of this release.
 */
function judgeError(error: NewError, jobs: EndedJobs, alpha: number): JudgedError {
  const { after, beforeSeconds, minutes } = error;
  const byTime = rateIncrease({ count: 0, seconds: beforeSeconds }, { count: minutes, seconds: after.seconds });
  const comparable = (jobs.before ?? 0) > 0;
  // Failures are not counted over the same time as jobs, so the share could exceed 1.
  const share = jobs.after?.count
    ? Math.min(1, after.count / after.seconds / (jobs.after.count / jobs.after.seconds))
    : null;
  const ended = jobs.after?.count ?? after.count;
  const failed = Math.round((share ?? 1) * ended);
  const byShare = fisherIncrease({ failed: 0, succeeded: jobs.before ?? 0 }, { failed, succeeded: ended - failed });
  const pValue = comparable ? Math.max(byTime, byShare) : byTime;
  const judged = { ...error, share, pValue, comparable };
  return { ...judged, regressed: canRegress(judged) && matters(judged, alpha) };
}

/** Whether it is known that an error is new, and what to compare it with. */
function canRegress({ comparable, searched = true }: Pick<JudgedError, "comparable" | "searched">): boolean {
  return comparable && searched;
}

/** Whether an error is too frequent for chance, lasts, and is a large share. */
function matters(error: Omit<JudgedError, "regressed">, alpha: number): boolean {
  const { after, minutes, firstAgo, lastAgo, share, pValue } = error;
  const { leastErrors, leastErrorMinutes, errorLastsUntil, leastRatioGrowth } = verdictRules;
  const isSpread = minutes >= leastErrorMinutes && lastAgo <= firstAgo * errorLastsUntil;
  return pValue < alpha && isSpread && after.count >= leastErrors && (share ?? 1) >= leastRatioGrowth;
}

/** Says where jobs of its service may be that nobody has seen. */
export function toUnread(sources: readonly string[]): string {
  return `its jobs may be in what could not be read: ${sources.join(", ")}`;
}

function toMissing(
  { windows, queues, unfinished = null, unread = [] }: Evidence,
  lost: readonly QueueVerdict[],
  [unjudged]: readonly JudgedError[],
): string {
  if (windows === null) return "there is less than a minute between this deploy and now, or the deploys around it";
  if (unfinished !== null) return `not everything was read: ${unfinished}`;
  if (unjudged?.searched === false) {
    return `an error occurred ${formatTimes(unjudged.after.count)}, but whether it is new is not known: ${cut(unjudged.error)}`;
  }
  if (unjudged) {
    const where = unjudged.queues.join(", ");
    return `a new error occurred ${formatTimes(unjudged.after.count)}, but no job of ${where} is known to have ended before the deploy, nor at its hour a day or a week before: ${cut(unjudged.error)}`;
  }
  if (queues.length === 0 && unread.length === 0) return "no queue of its service has a history";
  const [first] = lost;
  if (first) {
    const others = lost.length > 1 ? ` (and ${lost.length - 1} more)` : "";
    return `${first.queue}${others}: ${first.reasons[0]}, but enough ended before it`;
  }
  if (unread.length > 0) return toUnread(unread);
  return `no queue had ${verdictRules.leastJobs} ended jobs in each of the two windows of ${windows.seconds} s`;
}

function formatTimes(count: number): string {
  return formatCount(count, "time");
}

function cut(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119).toWellFormed()}…` : text;
}

/** Whether a queue had enough jobs in both windows. */
function isMeasured({ before, after }: QueueEvidence): boolean {
  return hasEnough(before) && hasEnough(after);
}

/** Whether enough jobs ended in a window to compare it. */
export function hasEnough(window: QueueWindow | null): window is QueueWindow {
  return window !== null && countEnded(window) >= verdictRules.leastJobs;
}

function countEnded({ succeeded, failed }: Ended): number {
  return succeeded + failed;
}

/**
 * Whether a queue had enough jobs before the deploy, but not after it: the release may have stopped
 * it.
 */
export function hasLostJobs({ before, after }: QueueEvidence): boolean {
  return hasEnough(before) && !hasEnough(after);
}

/**
 * Tests one queue. If other services work on it too, only the service's part is tested. Jobs of
 * unknown workers may belong to any service: the queue is worse, or clean, only if that holds
 * whichever service ran them.
 */
function judgeShare(evidence: QueueEvidence, alpha: number, stateCounts: boolean): QueueVerdict {
  const { before, after } = evidence;
  const judge = (was: Partial<Ended>, is: Partial<Ended>) => ({
    ...judgeQueue({ ...evidence, before: addJobs(before, was), after: addJobs(after, is) }, alpha, stateCounts),
    before,
    after,
  });
  const own = judge({}, {});
  if (evidence.isUnattributed) {
    return {
      ...own,
      worse: [],
      reasons: ["other services work on it too, and its ended jobs do not name their workers"],
    };
  }
  const [was, is] = [before?.unattributed ?? none, after?.unattributed ?? none];
  const count = countEnded(was) + countEnded(is);
  if (count === 0) return own;
  const best = judge({ failed: was.failed }, { succeeded: is.succeeded });
  if (best.outcome === "regressed") return best;
  const worst = judge({ succeeded: was.succeeded }, { failed: is.failed });
  if (own.outcome === "clean" && worst.outcome !== "regressed") return own;
  if (own.outcome === "not_enough_data" && worst.outcome === "not_enough_data") return own;
  const reason = `other services work on it too, and the workers of ${formatCount(count, "ended job")} are not known`;
  return { ...own, outcome: "not_enough_data", worse: [], reasons: [reason] };
}

const none: Ended = { succeeded: 0, failed: 0 };

function addJobs(window: QueueWindow | null, { succeeded = 0, failed = 0 }: Partial<Ended>): QueueWindow | null {
  return window && { ...window, succeeded: window.succeeded + succeeded, failed: window.failed + failed };
}

/**
 * Tests one queue (`verdictRules`).
 *
 * @param alpha accepted chance of a false alarm in each test
 * @param stateCounts whether its state now belongs to the window after the deploy
 */
function judgeQueue(evidence: QueueEvidence, alpha: number, stateCounts: boolean): QueueVerdict {
  const { before, after } = evidence;
  const when = baselineWords[evidence.baseline ?? "before"];
  const untested = { pValue: null, waitPValue: null, runPValue: null, failsSince: null };
  if (before && after && hasLostJobs(evidence) && hasStopped(before, after, evidence.stateNow ?? null, stateCounts)) {
    const waiting = after.depth === null ? "jobs wait" : formatCount(after.depth, "job waits", "jobs wait");
    const reason = `${formatCount(countEnded(after), "job")} ended, ${formatNumber(countEnded(before))} did ${when}; ${waiting}`;
    return { ...evidence, ...untested, outcome: "regressed", worse: ["stopped"], reasons: [reason] };
  }
  if (!hasEnough(before) || !hasEnough(after)) {
    const which =
      before === null || after === null ? "its jobs are unknown" : `fewer than ${verdictRules.leastJobs} jobs ended`;
    return {
      ...evidence,
      ...untested,
      outcome: "not_enough_data",
      worse: [],
      reasons: [`${which} ${hasEnough(before) ? "after" : "before"} the deploy`],
    };
  }
  const { pValue, isWorse } = compareShares(before, after, alpha);
  const failsSince = isWorse ? findStart(evidence, after, alpha) : null;
  const wait = compareP95(toWait(before), toWait(after), alpha / 2);
  const run = compareP95(toRun(before), toRun(after), alpha / 2);
  const found: Worsening<QueueWorsening>[] = [];
  if (isWorse && failsSince === null) {
    const reason = `${formatShare(toShare(after))} of its jobs fail, ${formatShare(toShare(before))} did ${when}`;
    found.push({ what: "failures", reason });
  }
  if (wait.isWorse) found.push({ what: "waiting_time", reason: toLonger("wait", toWait(before), toWait(after), when) });
  if (run.isWorse) found.push({ what: "running_time", reason: toLonger("run", toRun(before), toRun(after), when) });
  return {
    ...evidence,
    outcome: found.length > 0 ? "regressed" : "clean",
    worse: found.map(({ what }) => what),
    reasons: found.map(({ reason }) => reason),
    pValue,
    waitPValue: wait.pValue,
    runPValue: run.pValue,
    failsSince,
  };
}

function compareShares(before: QueueWindow, after: QueueWindow, alpha: number) {
  const pValue = fisherIncrease(before, after);
  const growth = toShare(after) - toShare(before);
  return { pValue, isWorse: pValue < alpha && growth >= verdictRules.leastRatioGrowth };
}

/** Whether a queue fails more than right before the deploy: then it matters when that began. */
export function failsMore({ baseline = "before", before, after }: QueueEvidence): boolean {
  return (
    baseline === "before" &&
    hasEnough(before) &&
    hasEnough(after) &&
    compareShares(before, after, verdictRules.alpha).isWorse
  );
}

/**
 * How long before the deploy a queue began to fail as it does after it, seconds; null where it did
 * not.
 */
function findStart({ stepsBefore }: QueueEvidence, after: QueueWindow, alpha: number): number | null {
  if (!stepsBefore) return null;
  const { ended, seconds } = stepsBefore;
  const at = findEarlierGrowth(ended, after, alpha);
  return at === null ? null : (ended.length - at) * seconds;
}

/**
 * Whether a queue that has lost its jobs has stopped: by its state, if that belongs to the window;
 * or because hardly any job ended in the window while more and more wait. A paused queue was
 * stopped on purpose.
 */
function hasStopped(
  before: QueueWindow,
  after: QueueWindow,
  stateNow: QueueState | null,
  stateCounts: boolean,
): boolean {
  const { stoppedShare, stoppedSeconds } = verdictRules;
  if (stateNow === "paused") return false;
  if (stateCounts && (stateNow === "stalled" || stateNow === "no_workers")) return true;
  return (
    countEnded(after) <= countEnded(before) * stoppedShare &&
    (after.depth ?? 0) > (before.depth ?? Number.POSITIVE_INFINITY) &&
    (after.oldestAgeSeconds ?? 0) >= stoppedSeconds
  );
}

/** Ended jobs: started ones are not counted, but about as many. */
function toWait(window: QueueWindow): Timing {
  return { seconds: window.waitP95Seconds, jobs: countEnded(window) };
}

function toRun({ runP95Seconds, succeeded }: QueueWindow): Timing {
  return { seconds: runP95Seconds, jobs: succeeded };
}

const baselineWords: Readonly<Record<Baseline, string>> = {
  before: "before",
  day: "a day before",
  week: "a week before",
};

function toLonger(what: "wait" | "run", { seconds: was }: Timing, { seconds: is }: Timing, when: string): string {
  return `95 of 100 jobs ${what} up to ${formatDuration(is ?? 0)}, ${formatDuration(was ?? 0)} ${when}`;
}
