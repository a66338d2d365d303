import { OpsError } from "../lib/errors.ts";
import { type HistoryRange, toTimeTexts } from "../lib/range.ts";

/** A queue at one time, and what happened in the step that ends there. Null where unknown. */
export interface QueuePoint {
  /** RFC 3339 UTC with seconds. */
  readonly time: string;
  /**
   * Jobs that could run at that time and had not been taken. Also null where it is unknown when one
   * of the queue's jobs became runnable.
   */
  readonly depth: number | null;
  /** Successes in the step, divided by its seconds. */
  readonly processedPerSec: number | null;
  /** Failures in the step. */
  readonly failures: number | null;
  /**
   * How long the oldest job of `depth` had been runnable, seconds; also null without such a job.
   */
  readonly oldestAgeSeconds: number | null;
  /** Wait of the jobs taken in the step, from when they became runnable to their start, seconds. */
  readonly waitP50Seconds: number | null;
  readonly waitP95Seconds: number | null;
  /** Run time of the successes in the step, seconds. Null also where starts are not recorded. */
  readonly runP95Seconds: number | null;
}

export interface QueueHistory {
  /** Oldest first, one for each step. */
  readonly points: readonly QueuePoint[];
  /**
   * Whether every number is exact: computed from the jobs' rows, with no job tried more than once.
   * A row has only the times of its last attempt, so depth and waits lack the earlier ones.
   */
  readonly exact: boolean;
  /** Whether the numbers come from samples taken at reads, not from rows. */
  readonly sampled: boolean;
  /**
   * Points before this time are null, because older rows or samples are gone. RFC 3339 UTC with
   * seconds; null when they cover the range, and the end of the range when there are none.
   */
  readonly since: string | null;
}

/**
 * What happened in one step. `step` is 0 for everything before the range, 1 for the step up to the
 * range's first time, and so on.
 */
export interface HistoryStep {
  readonly step: number;
  /** Jobs that became due, and jobs that were taken. */
  readonly due: number;
  readonly taken: number;
  readonly processed: number;
  readonly failures: number;
  readonly waitP50: number | null;
  readonly waitP95: number | null;
  readonly runP95: number | null;
  /** In step 0: jobs for which it is unknown when they became runnable. @default 0 */
  readonly undated?: number;
  /** In step 0: jobs tried more than once, of which only the last attempt is known. @default 0 */
  readonly retried?: number;
  /**
   * When the first of the jobs taken in this step could run, unix seconds. Step `steps` + 1 stands
   * for the jobs not taken by the end of the range.
   */
  readonly oldestDue: number | null;
}

/**
 * Makes the points of a range from its steps. `since` (unix seconds): nothing before it is known.
 */
export function toPoints(range: HistoryRange, happened: readonly HistoryStep[], since: number | null): QueuePoint[] {
  const { from, step, steps } = range;
  const times = toTimeTexts(range);
  const byStep = new Map(happened.map((one) => [one.step, one]));
  const before = byStep.get(0);
  let depth = (before?.due ?? 0) - (before?.taken ?? 0);
  const isDated = (before?.undated ?? 0) === 0;
  const oldest = findOldest(happened, steps);
  const points: QueuePoint[] = [];
  for (let index = 1; index <= steps; index += 1) {
    const own = byStep.get(index);
    depth += (own?.due ?? 0) - (own?.taken ?? 0);
    const at = from + index * step;
    const isKnown = since === null || at - step >= since;
    points.push({
      time: times[index - 1] ?? "",
      depth: isKnown && isDated ? depth : null,
      processedPerSec: isKnown ? (own?.processed ?? 0) / step : null,
      failures: isKnown ? (own?.failures ?? 0) : null,
      oldestAgeSeconds: isKnown && isDated ? toAge(at, oldest[index]) : null,
      waitP50Seconds: isKnown ? (own?.waitP50 ?? null) : null,
      waitP95Seconds: isKnown ? (own?.waitP95 ?? null) : null,
      runP95Seconds: isKnown ? (own?.runP95 ?? null) : null,
    });
  }
  return points;
}

/**
 * For each step, when the first of the jobs taken later became runnable. Includes jobs that were
 * not yet runnable at the end of the step.
 */
function findOldest(happened: readonly HistoryStep[], steps: number): number[] {
  const oldest = Array.from({ length: steps + 2 }, () => Number.POSITIVE_INFINITY);
  for (const { step, oldestDue } of happened) {
    if (step > 0 && oldestDue !== null) oldest[step - 1] = Math.min(oldest[step - 1] ?? 0, oldestDue);
  }
  for (let index = steps; index >= 0; index -= 1) oldest[index] = Math.min(oldest[index] ?? 0, oldest[index + 1] ?? 0);
  return oldest;
}

function toAge(at: number, due: number | undefined): number | null {
  return due === undefined || due > at || due === Number.NEGATIVE_INFINITY ? null : at - due;
}

/** The maximum number of points of one result: making more would delay other requests. */
export const mostPoints = 50_000;

/** Call it before making the points. Throws answer_too_large. */
export function checkPoints(count: number): void {
  if (count <= mostPoints) return;
  const advice = "choose a longer step, fewer points (maxPoints), a shorter range, or fewer queues";
  throw new OpsError("answer_too_large", `A history of more than ${mostPoints} points: ${advice}`);
}
