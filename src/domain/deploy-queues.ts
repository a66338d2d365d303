import { verdictRules } from "./deploy-rules.ts";
import { fisherIncrease } from "./deploy-statistics.ts";
import { type Timing, compareP95, toSeconds } from "./deploy-timings.ts";
import type { QueueEvidence, QueueVerdict, QueueWindow } from "./deploy-verdict.ts";
import type { QueueState } from "./queue-state.ts";

/** Whether a queue had enough jobs in both windows. */
export function isMeasured({ before, after }: QueueEvidence): boolean {
  return hasEnough(before) && hasEnough(after);
}

function hasEnough(window: QueueWindow | null): window is QueueWindow {
  return window !== null && countEnded(window) >= verdictRules.leastJobs;
}

/** How many jobs ended. */
export function countEnded({ succeeded, failed }: QueueWindow): number {
  return succeeded + failed;
}

/** Whether a queue had enough jobs before the deploy, and has not after it: the release may have stopped it. */
export function hasLostJobs({ before, after }: QueueEvidence): boolean {
  return hasEnough(before) && !hasEnough(after);
}

/**
 * Tests one queue (`verdictRules`).
 *
 * @param alpha chance of a false alarm that is taken in each test
 * @param stateCounts whether its state now is one of the window after the deploy
 */
export function judgeQueue(evidence: QueueEvidence, alpha: number, stateCounts: boolean): QueueVerdict {
  const { before, after } = evidence;
  const untested = { pValue: null, waitPValue: null, runPValue: null };
  if (before && after && hasLostJobs(evidence) && hasStopped(before, after, evidence.stateNow ?? null, stateCounts)) {
    const waiting = after.depth === null ? "jobs wait" : `${after.depth} jobs wait`;
    const reason = `${countEnded(after)} jobs ended, ${countEnded(before)} did before; ${waiting}`;
    return { ...evidence, ...untested, outcome: "regressed", reasons: [reason] };
  }
  if (!hasEnough(before) || !hasEnough(after)) {
    const which =
      before === null || after === null ? "its jobs of then are not known" : `less than ${verdictRules.leastJobs} jobs ended`;
    return {
      ...evidence,
      ...untested,
      outcome: "not_enough_data",
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

/**
 * Whether a queue that has lost its jobs stands still: by its state, where that is one of the window; or because hardly any job ended in the window while more
 * and more wait. One that is paused was stopped by somebody.
 */
function hasStopped(before: QueueWindow, after: QueueWindow, stateNow: QueueState | null, stateCounts: boolean): boolean {
  const { stoppedShare, stoppedSeconds } = verdictRules;
  if (stateNow === "paused") return false;
  if (stateCounts && (stateNow === "stalled" || stateNow === "no_workers")) return true;
  return (
    countEnded(after) <= countEnded(before) * stoppedShare &&
    (after.depth ?? 0) > (before.depth ?? Number.POSITIVE_INFINITY) &&
    (after.oldestAgeSeconds ?? 0) >= stoppedSeconds
  );
}

/** Part of what ended that failed, 0..1; 0 when nothing ended. */
export function toFailureRatio({ succeeded, failed }: QueueWindow): number {
  return succeeded + failed === 0 ? 0 : failed / (succeeded + failed);
}

/** Jobs that were taken are not counted; about as many ended. */
function toWait(window: QueueWindow): Timing {
  return { seconds: window.waitP95Seconds, jobs: countEnded(window) };
}

function toRun({ runP95Seconds, succeeded }: QueueWindow): Timing {
  return { seconds: runP95Seconds, jobs: succeeded };
}

function toLonger(what: "wait" | "run", { seconds: was }: Timing, { seconds: is }: Timing): string {
  return `95 of 100 jobs ${what} up to ${toSeconds(is ?? 0)}, ${toSeconds(was ?? 0)} before`;
}

function toPercent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
