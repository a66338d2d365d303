import { type DeployRecord, toStart, toUnix } from "../deploy.ts";

/** A time span, unix seconds, whole. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Two spans of the same length: one ends when the deploy began, the other begins when it had ended. */
export interface Windows {
  readonly seconds: number;
  readonly before: Span;
  readonly after: Span;
}

/** Shorter ones say nothing, seconds. */
const shortest = 60;

/**
 * As long as was asked for, or as the time between the deploys around it, and what has passed since, allow. Null when that is less than a minute.
 *
 * @param around all deploys of its group that have not failed
 */
export function toWindows(deploy: DeployRecord, around: readonly DeployRecord[], now: number, wanted: number): Windows | null {
  const [start, end] = [Math.floor(toStart(deploy)), Math.ceil(toUnix(deploy.deployedAt))];
  const others = around.filter((other) => other !== deploy);
  const earlier = others.map(({ deployedAt }) => toUnix(deployedAt)).filter((at) => at <= start);
  const later = others.map(toStart).filter((at) => at > end);
  const seconds = Math.floor(Math.min(wanted, start - Math.max(0, ...earlier), Math.min(now, ...later) - end));
  if (seconds < shortest) return null;
  return { seconds, before: { from: start - seconds, to: start }, after: { from: end, to: end + seconds } };
}

/** Whether the second window ends at a time, unix seconds, and not before: windows are of whole seconds. */
export function lastsUntil({ after }: Windows, now: number): boolean {
  return now - after.to < 1;
}
