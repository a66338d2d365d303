import type { QueueState } from "../../queues/state.ts";
import type { Ended } from "./own-history.ts";
import type { Windows } from "./windows.ts";

export type VerdictOutcome = "clean" | "regressed" | "not_enough_data";

/** Why a gateway never judges a deploy, however long it waits. */
export type UnjudgeableReason = "other_service" | "failed";

/** Jobs that ended in a window. Quantiles are seconds, null when unknown. */
export interface QueueWindow {
  readonly succeeded: number;
  readonly failed: number;
  readonly waitP95Seconds: number | null;
  readonly runP95Seconds: number | null;
  /**
   * Runnable jobs at its end, and how long the oldest has been runnable, seconds; null when
   * unknown, or without one.
   */
  readonly depth: number | null;
  readonly oldestAgeSeconds: number | null;
  /**
   * In a queue that other services work on too, the numbers above are those of the deploy's own
   * service, and these are of workers that may belong to any service. Absent if the whole queue is
   * the service's.
   */
  readonly unattributed?: Ended;
}

/**
 * How long before the window after the deploy the compared one is: right before the deploy, or at
 * the same hour of an earlier day.
 */
export type Baseline = "before" | "day" | "week";

/** A queue in both windows; a window is null when unknown. */
export interface QueueEvidence {
  readonly queue: string;
  readonly source: string;
  readonly before: QueueWindow | null;
  /** Which window `before` is. @default "before" */
  readonly baseline?: Baseline;
  /** Jobs that ended in both windows, also where only samples count them; null when unknown. */
  readonly endedBefore: number | null;
  readonly endedAfter: number | null;
  readonly after: QueueWindow | null;
  /**
   * The time before the deploy in equal steps, oldest first (`toStepsBefore`). Only read where the
   * queue fails more after it (`failsMore`). @default null
   */
  readonly stepsBefore?: JobSteps | null;
  /** Whether others work on it too, and rows do not say whose the ended jobs are. @default false */
  readonly isUnattributed?: boolean;
  /** State now, looked up if the queue has lost its jobs (`hasLostJobs`). @default null */
  readonly stateNow?: QueueState | null;
}

/** Jobs that ended in consecutive steps of so many seconds each, up to the deploy. */
interface JobSteps {
  readonly seconds: number;
  readonly ended: readonly Ended[];
}

/** A count within so many seconds. */
export interface Counted {
  readonly count: number;
  readonly seconds: number;
}

/** Containers of the deploy's group. Null where unknown. */
export interface ContainerEvidence {
  /**
   * Whether the window after the deploy lasts until now. If not, numbers that are known only for
   * now (health, counters) do not count.
   */
  readonly untilNow: boolean;
  /**
   * Source of the unrequested restarts: engine events in the windows, or else the counters of both
   * releases' containers, over their lives.
   */
  readonly restartsFrom: "events" | "counters" | null;
  readonly restartsBefore: Counted | null;
  readonly restartsAfter: Counted | null;
  /** Over all containers together, in the windows. */
  readonly unhealthySecondsBefore: number | null;
  readonly unhealthySecondsAfter: number | null;
  /** Containers of this release that are unhealthy now, whatever the windows are. */
  readonly unhealthyNow: readonly string[];
}

/** An error that no stored failure before the release, and none of another release, had. */
export interface NewError {
  readonly fingerprint: string;
  readonly error: string;
  readonly queues: readonly string[];
  /** Names of the sources of these queues. */
  readonly sources: readonly string[];
  /**
   * Whether all failures stored from before the release were searched for it. If not, nobody knows
   * that it is new, and it decides nothing. @default true
   */
  readonly searched?: boolean;
  /**
   * Jobs that ended in its queues in the hour before the release, and since the deploy ended.
   * Absent or null when unknown; then those of the windows count.
   */
  readonly endedBefore?: number | null;
  readonly endedAfter?: Counted | null;
  /**
   * How often it occurred, and in how many seconds since the deploy ended, or since the first if
   * earlier; and how many seconds before had none.
   */
  readonly after: Counted;
  readonly beforeSeconds: number;
  /**
   * Upper limit of the different minutes in which it occurred: of failures with one text only the
   * first and last time are known.
   */
  readonly minutes: number;
  /** How long ago the first and the last failure were, seconds. */
  readonly firstAgo: number;
  readonly lastAgo: number;
}

export interface Evidence {
  /** Whether nothing of it went live: there is no release to compare. @default false */
  readonly failed?: boolean;
  /** Whether it is of a service that the gateway does not look after. @default false */
  readonly foreign?: boolean;
  readonly windows: Windows | null;
  readonly queues: readonly QueueEvidence[];
  readonly containers: ContainerEvidence;
  /** Null when unknown. */
  readonly newErrors: readonly NewError[] | null;
  /** Whether there are queue sources, and none was readable. @default false */
  readonly queuesUnread?: boolean;
  /**
   * Why something was not read though it may answer: no time was left, or too many read. @default
   * null
   */
  readonly unfinished?: string | null;
  /**
   * Names of the queue sources that could not be read and may have jobs of its service. @default []
   */
  readonly unread?: readonly string[];
  /** What could not be read, and why. */
  readonly gaps: readonly string[];
}

/** What can be worse of a queue. */
export type QueueWorsening = "failures" | "waiting_time" | "running_time" | "stopped";

/** What can be worse of the containers. */
export type ContainersWorsening = "restarts" | "unhealthy_time" | "unhealthy_now";

export interface QueueVerdict extends QueueEvidence {
  readonly outcome: VerdictOutcome;
  readonly worse: readonly QueueWorsening[];
  /** Fisher's exact test on the failures; null without enough jobs. */
  readonly pValue: number | null;
  /**
   * Test of the 95th percentiles (`verdictRules`); null without enough jobs, or without one of
   * them.
   */
  readonly waitPValue: number | null;
  readonly runPValue: number | null;
  readonly reasons: readonly string[];
  /**
   * How long before the deploy its jobs began to fail as often as after it, seconds; null where
   * they did not.
   */
  readonly failsSince: number | null;
}

export interface JudgedError extends NewError {
  /** Its share of the jobs that ended in its queues after the deploy, 0..1; null when unknown. */
  readonly share: number | null;
  readonly pValue: number;
  /** Whether a job of its queues is known to have ended before: else it decides nothing. */
  readonly comparable: boolean;
  readonly regressed: boolean;
}

export interface DeployVerdict {
  readonly outcome: VerdictOutcome;
  /** Null where something was judged, or may be once there is enough data. */
  readonly unjudgeable: UnjudgeableReason | null;
  /** What is worse, or what is missing. */
  readonly reasons: readonly string[];
  readonly windows: Windows | null;
  readonly queues: readonly QueueVerdict[];
  readonly containers: ContainerEvidence & {
    /** Null when a number is unknown, or decides nothing. */
    readonly restartsPValue: number | null;
    readonly worse: readonly ContainersWorsening[];
  };
  readonly newErrors: readonly JudgedError[] | null;
  readonly queuesUnread: boolean;
  readonly unread: readonly string[];
  readonly unfinished: string | null;
  readonly gaps: readonly string[];
}
