import { isFloatingTag } from "../../containers/kamal/version.ts";
import type { HistoryRange } from "../../lib/range.ts";
import { toUnixSeconds } from "../../lib/time.ts";
import { type DeployRecord, toStart } from "../deploy.ts";
import { toNewestFirst } from "../merge.ts";

/** A time span, whole unix seconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Two spans of equal length: one ends when the release of the deploy first began to be deployed,
 * the other begins when the deploy ended.
 */
export interface Windows {
  readonly seconds: number;
  readonly before: Span;
  readonly after: Span;
  /**
   * For how long no other release had been deployed before it, seconds: at least `seconds`, at most
   * half an hour or the wanted length if that is longer.
   */
  readonly reach: number;
}

/** Default length of a window, seconds. */
export const usualWindowSeconds = 1800;
/** Shorter ones prove nothing, seconds. */
const shortest = 60;

/**
 * When the release of a deploy first began to be deployed, unix seconds: of deploys of one release
 * in a row, the first. A release is not compared with itself.
 *
 * @param around all deploys of its group that have not failed
 */
export function toReleaseStart(deploy: DeployRecord, around: readonly DeployRecord[]): number {
  let start = toStart(deploy);
  const earlier = around.filter(({ deployedAt }) => toUnixSeconds(deployedAt) <= start);
  for (const other of toNewestFirst(earlier)) {
    if (!isSameRelease(other, deploy)) break;
    start = Math.min(start, toStart(other));
  }
  return start;
}

/** Each deploy of a moving tag (`latest`) may have brought another release. */
function isSameRelease(a: DeployRecord, b: DeployRecord): boolean {
  return a.tag === b.tag && a.version === b.version && !isFloatingTag(a.version);
}

/**
 * As long as wanted, but no longer than the time to the deploys of other releases before it, to the
 * next deploy, or to now. Null when that is less than a minute.
 *
 * @param around all deploys of its group that have not failed
 */
export function toWindows(
  deploy: DeployRecord,
  around: readonly DeployRecord[],
  now: number,
  wanted: number,
): Windows | null {
  const others = around.filter(({ tag, deployedAt }) => tag !== deploy.tag || deployedAt !== deploy.deployedAt);
  const releaseStart = toReleaseStart(deploy, others);
  const [start, end] = [Math.floor(releaseStart), Math.ceil(toUnixSeconds(deploy.deployedAt))];
  const earlier = others
    .filter((other) => toStart(other) < releaseStart || !isSameRelease(other, deploy))
    .map(({ deployedAt }) => toUnixSeconds(deployedAt))
    .filter((at) => at <= start);
  const later = others.map(toStart).filter((at) => at > end);
  const free = start - Math.max(0, ...earlier);
  const seconds = Math.floor(Math.min(wanted, free, Math.min(now, ...later) - end));
  if (seconds < shortest) return null;
  return {
    seconds,
    before: { from: start - seconds, to: start },
    after: { from: end, to: end + seconds },
    reach: Math.floor(Math.min(Math.max(wanted, usualWindowSeconds), free)),
  };
}

/**
 * The most steps, unless they would be longer than a minute; the shortest and the longest step,
 * seconds.
 */
const [usualSteps, shortestStep, longestStep] = [180, 5, 60];

/**
 * The time before a deploy in steps that end with it, as a range of a history. Right after a deploy
 * its windows are too short to show when something before it began, so the steps reach further
 * back. A remainder at their beginning is not read.
 */
export function toStepsBefore({ before, reach }: Windows): HistoryRange {
  const step = Math.min(longestStep, Math.max(shortestStep, Math.floor(reach / usualSteps)));
  const steps = Math.floor(reach / step);
  return { from: before.to - steps * step, step, steps };
}

/** Whether the second window reaches a time, unix seconds: windows are of whole seconds. */
export function lastsUntil({ after }: Windows, now: number): boolean {
  return now - after.to < 1;
}
