import type { LogFilter, LogLine } from "./container.ts";

export interface FollowOptions extends LogFilter {
  /** How many of the newest matching lines come first, 0 to 5000. */
  readonly tail: number;
  /** Those only from this time on; as in LogOptions. */
  readonly since?: string;
  /** All of those are wanted: when `tail` or a limit of size leaves some out, the first batch tells how many (`cut`). */
  readonly whole?: boolean;
}

/** What happened to the source of a followed log; it goes on by itself after each. */
export type FollowNotice = "stopped" | "resumed" | "engine_lost";

/** Some lines of a followed log, in the order they were written, and what a reader should know beside them. */
export interface LogBatch {
  readonly lines: readonly LogLine[];
  /** So many matching lines were left out just before these: this reader was slower than others of the same log, or see `cut`. */
  readonly dropped: number;
  /** In the first batch of a `whole` log of which the oldest lines were left out: whether `dropped` counts all of these, or at least so many. Else null. */
  readonly cut: "counted" | "at_least" | null;
  readonly notice: FollowNotice | null;
  /** Why nothing comes after this: container_gone, or the reason of the signal (shutdown, unauthorized, slow_consumer ...). Else null. */
  readonly ended: string | null;
}

export function toBatch(change: Partial<LogBatch>): LogBatch {
  return { lines: [], dropped: 0, cut: null, notice: null, ended: null, ...change };
}
