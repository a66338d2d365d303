import type { ReadBudget } from "../lib/budget/budget.ts";
import { redactStart, cutMargin } from "../lib/redact/sanitize.ts";
import { type ServiceGroup, toGroupKey, toReleaseKey } from "../releases/service-group.ts";
import type { ReleaseOf } from "../releases/worker.ts";
import { toFingerprint, toWords } from "./fingerprint.ts";
import {
  type FailedJobs,
  failureGroupsLimit,
  type FingerprintedFailures,
  type FingerprintedJobs,
  type FoundFailure,
  type JobFailures,
  jobIdsPerError,
  type PastFailure,
} from "./queue.ts";

/** Longest error text that is shown, characters. */
const errorTextLimit = 2_000;
/**
 * How much of an error text sources read and group by, characters. The margin over `errorTextLimit`
 * keeps secrets at the cut whole, so that they are recognised.
 */
export const errorReadLimit = errorTextLimit + cutMargin;

/**
 * An error text for display: cleaned, then cut, never empty. `isCut`: the system had already cut
 * it.
 */
export function toErrorText(text: string, isCut = false): string {
  return redactStart(text, errorTextLimit, isCut) || noErrorText;
}

const noErrorText = "no error text";

/**
 * The words, in order, that a stored text must have to be the same error as this displayed text.
 */
export function toErrorWords(text: string): readonly string[] {
  return text === noErrorText ? [] : toWords(text);
}

/**
 * Failures whose workers ran one release of one group; all fields are null where the release is
 * unknown.
 */
export interface ReleaseFailures extends ServiceGroup {
  readonly version: string | null;
  readonly count: number;
}

/** Failures of the last 60 minutes with one fingerprint. */
interface ErrorFigures {
  /** 12 hex digits, the same in every queue. */
  readonly fingerprint: string;
  /** The newest text. */
  readonly error: string;
  readonly count: number;
  /**
   * False where the source had more texts than it could return: `count` is then a lower bound, and
   * `firstSeen` may be too late.
   */
  readonly complete: boolean;
  /** The first and the last failure, RFC 3339 UTC with seconds. */
  readonly firstSeen: string;
  readonly timestamp: string;
  /** The highest number of attempts among the jobs; null where no system counts them. */
  readonly attempts: number | null;
  /** Most failures first; their counts add up to `count`. */
  readonly releases: readonly ReleaseFailures[];
}

/** One error of one queue. */
export interface JobErrorGroup extends ErrorFigures {
  readonly queue: string;
  readonly source: string;
  /** Id of the newest failed job. */
  readonly jobId: string;
  /** The newest jobs, newest first, without duplicates, at most `jobIdsPerError`. */
  readonly jobIds: readonly string[];
}

/** One error over all queues. */
export interface ErrorGroup extends ErrorFigures {
  /** Queues where it happened, most failures first. */
  readonly queues: readonly QueueFailures[];
  /** The newest failed jobs, newest first, at most `jobIdsPerError`. */
  readonly jobs: readonly FailedJob[];
}

export interface QueueFailures {
  readonly name: string;
  readonly source: string;
  readonly count: number;
}

interface FailedJob {
  readonly queue: string;
  readonly source: string;
  readonly jobId: string;
}

type Turns = Pick<ReadBudget, "turn">;

/**
 * Adds fingerprints to what one source returns. Yields to other requests in between, because texts
 * are long.
 */
export function createFingerprints() {
  /**
   * The fingerprints of the last call: a source returns the same texts again and again, and folding
   * a text costs far more than finding it here.
   */
  let known = new Map<string, string>();
  const add = async <T extends { readonly error: string }>(items: readonly T[], budget: Turns) => {
    const seen = new Map<string, string>();
    const made = [];
    for (const item of items) {
      const wait = budget.turn();
      if (wait) await wait;
      const fingerprint = seen.get(item.error) ?? known.get(item.error) ?? toFingerprint(item.error);
      seen.set(item.error, fingerprint);
      made.push({ ...item, fingerprint });
    }
    known = seen;
    return made;
  };
  return {
    /**
     * Takes all failures of the source. If there are `failureGroupsLimit` of them, none counts as
     * complete.
     */
    async addToFailures(failures: readonly JobFailures[], budget: Turns): Promise<FingerprintedFailures[]> {
      const complete = failures.length < failureGroupsLimit;
      return (await add(failures, budget)).map((failure) => ({ ...failure, complete }));
    },
    addToJobs: (jobs: readonly FailedJobs[], budget: Turns): Promise<FingerprintedJobs[]> => add(jobs, budget),
    async addToFound(found: readonly FoundFailure[], budget: Turns): Promise<PastFailure[]> {
      return (await add(found, budget)).map(({ queue, source, worker, fingerprint }) => ({
        queue,
        source,
        worker,
        fingerprint,
      }));
    },
  };
}

/** The errors of each queue, newest first. */
export function groupJobErrors(failures: readonly FingerprintedFailures[], releaseOf: ReleaseOf): JobErrorGroup[] {
  const groups = groupBy(failures, ({ source, queue, fingerprint }) => JSON.stringify([source, queue, fingerprint]));
  return groups
    .map((rows): JobErrorGroup => {
      const jobIds = pickJobs(rows).map(({ jobId }) => jobId);
      const { queue, source } = rows[0];
      return { queue, source, jobId: jobIds[0] ?? "", jobIds, ...toFigures(rows, releaseOf) };
    })
    .toSorted(byNewest);
}

/** The errors over all queues, newest first. */
export function groupErrors(failures: readonly FingerprintedFailures[], releaseOf: ReleaseOf): ErrorGroup[] {
  return groupBy(failures, ({ fingerprint }) => fingerprint)
    .map((rows): ErrorGroup => {
      const byQueue = groupBy(rows, ({ source, queue }) => JSON.stringify([source, queue]));
      const queues = byQueue.map((own) => ({ name: own[0].queue, source: own[0].source, count: sum(own) }));
      return { ...toFigures(rows, releaseOf), queues: mostFirst(queues, ({ name }) => name), jobs: pickJobs(rows) };
    })
    .toSorted(byNewest);
}

/**
 * Counts failures by the release of their workers, separately for each group; most failures first.
 */
export function countReleases(
  failures: readonly Pick<JobFailures, "worker" | "count">[],
  releaseOf: ReleaseOf,
): ReleaseFailures[] {
  const counts = new Map<string | null, ReleaseFailures>();
  for (const { worker, count } of failures) {
    const release = releaseOf(worker);
    const key = release && toReleaseKey(release);
    const { version = null, service = null, destination = null, env = null } = release ?? {};
    counts.set(key, { version, service, destination, env, count: (counts.get(key)?.count ?? 0) + count });
  }
  return mostFirst([...counts.values()], ({ version, ...group }) => `${version ?? "\uffff"} ${toGroupKey(group)}`);
}

/**
 * Takes the newest item of each queue, then the second of each, and so on: no queue crowds out
 * another.
 */
export function pickFairly<T>(newestFirst: readonly T[], toQueue: (item: T) => string, limit: number): T[] {
  const seen = new Map<string, number>();
  const placed = newestFirst.map((item) => {
    const place = seen.get(toQueue(item)) ?? 0;
    seen.set(toQueue(item), place + 1);
    return { item, place };
  });
  return placed
    .toSorted((a, b) => a.place - b.place)
    .slice(0, limit)
    .map(({ item }) => item);
}

type Rows = readonly [FingerprintedFailures, ...FingerprintedFailures[]];

function toFigures(rows: Rows, releaseOf: ReleaseOf): ErrorFigures {
  const newest = rows.reduce((best, row) => (row.lastAt > best.lastAt ? row : best));
  const attempts = rows.flatMap((row) => row.attempts ?? []);
  return {
    fingerprint: newest.fingerprint,
    error: newest.error,
    count: sum(rows),
    complete: rows.every(({ complete }) => complete),
    firstSeen: rows.reduce((first, { firstAt }) => (firstAt < first ? firstAt : first), newest.firstAt),
    timestamp: newest.lastAt,
    attempts: attempts.length === 0 ? null : Math.max(...attempts),
    releases: countReleases(rows, releaseOf),
  };
}

/**
 * Takes the newest job of each row, newest row first, then the second of each, and so on, because a
 * row has the time of its newest job only.
 */
function pickJobs(rows: Rows): FailedJob[] {
  const sorted = rows.toSorted((a, b) => compareTimes(a.lastAt, b.lastAt));
  const jobs = new Map<string, FailedJob>();
  for (let place = 0; place < jobIdsPerError; place++) {
    for (const { queue, source, jobIds } of sorted) {
      const jobId = jobIds[place];
      if (jobId !== undefined && jobs.size < jobIdsPerError)
        jobs.set(JSON.stringify([source, queue, jobId]), { queue, source, jobId });
    }
  }
  return [...jobs.values()];
}

function groupBy(
  failures: Rows | readonly FingerprintedFailures[],
  toKey: (failure: FingerprintedFailures) => string,
): Rows[] {
  return [...Map.groupBy(failures, toKey).values()] as unknown as Rows[];
}

function sum(rows: readonly { readonly count: number }[]): number {
  return rows.reduce((total, { count }) => total + count, 0);
}

/** Ties are ordered by name. */
function mostFirst<T extends { readonly count: number }>(items: readonly T[], toName: (item: T) => string): T[] {
  return items.toSorted((a, b) => b.count - a.count || (toName(a) < toName(b) ? -1 : 1));
}

function byNewest(a: ErrorFigures, b: ErrorFigures): number {
  return compareTimes(a.timestamp, b.timestamp);
}

/** Orders the later time first. */
export function compareTimes(a: string, b: string): number {
  return a === b ? 0 : a > b ? -1 : 1;
}
