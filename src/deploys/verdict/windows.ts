import { toUnixSeconds } from "../../lib/time.ts";
import { type DeployRecord, toStart } from "../deploy.ts";

/** A time span, whole unix seconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Two spans of equal length: one ends when the deploy began, the other begins when it ended. */
export interface Windows {
  readonly seconds: number;
  readonly before: Span;
  readonly after: Span;
}

/** Length of a window where nobody wants another one, seconds. */
export const usualWindowSeconds = 1800;
/** Shorter ones prove nothing, seconds. */
const shortest = 60;

/**
 * As long as wanted, but no longer than the time to the deploys around it, or to now. Null when that is less than a minute.
 *
 * @param around all deploys of its group that have not failed
 */
export function toWindows(
  deploy: DeployRecord,
  around: readonly DeployRecord[],
  now: number,
  wanted: number,
): Windows | null {
  const [start, end] = [Math.floor(toStart(deploy)), Math.ceil(toUnixSeconds(deploy.deployedAt))];
  const others = around.filter(({ tag, deployedAt }) => tag !== deploy.tag || deployedAt !== deploy.deployedAt);
  const earlier = others.map(({ deployedAt }) => toUnixSeconds(deployedAt)).filter((at) => at <= start);
  const later = others.map(toStart).filter((at) => at > end);
  const seconds = Math.floor(Math.min(wanted, start - Math.max(0, ...earlier), Math.min(now, ...later) - end));
  if (seconds < shortest) return null;
  return { seconds, before: { from: start - seconds, to: start }, after: { from: end, to: end + seconds } };
}

/** Whether the second window reaches a time, unix seconds: windows are of whole seconds. */
export function lastsUntil({ after }: Windows, now: number): boolean {
  return now - after.to < 1;
}
