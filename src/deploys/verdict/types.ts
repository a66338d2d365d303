import type { QueueState } from "../../queues/state.ts";
import type { Windows } from "./windows.ts";

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
export interface Counted {
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
