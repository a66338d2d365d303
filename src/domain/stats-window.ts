import type { StatsSample } from "./stats.ts";

/** A sample with the moment it was asked for, milliseconds of a clock that never goes back. */
export interface TimedSample {
  readonly at: number;
  readonly sample: StatsSample;
}

/** The newest sample, and the earlier one that its CPU figure is counted from; null while there is none. */
export interface StatsWindow {
  readonly previous: TimedSample | null;
  readonly current: TimedSample;
}

/** A longer window is an average of what nobody asked about, ms. */
const longestMs = 10_000;

/**
 * The window after one more sample. It is never shorter than `shortestMs`, as host CPU time counts in steps of 10 ms: a sample that
 * comes too soon replaces the newest and leaves the earlier one. Samples of another life, or too far apart, never meet.
 */
export function toWindow(before: StatsWindow | null, next: TimedSample, shortestMs: number): StatsWindow {
  const earlier = [before?.current, before?.previous].find((timed) => timed && next.at - timed.at >= shortestMs);
  if (!earlier || earlier.sample.life !== next.sample.life || next.at - earlier.at > longestMs) {
    return { previous: null, current: next };
  }
  return { previous: earlier, current: next };
}
