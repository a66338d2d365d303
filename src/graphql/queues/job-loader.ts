import DataLoader from "dataloader";
import pLimit from "p-limit";
import type { Container } from "../../containers/container.ts";
import { once } from "../../lib/cache.ts";
import { OpsError, toOpsError } from "../../lib/errors.ts";
import { toFingerprint } from "../../queues/fingerprint.ts";
import {
  attemptsLimit,
  findLimit,
  type Job,
  type JobArgs,
  type JobAttempt,
  type JobReader,
  jobsLimit,
  type JobsQuery,
  type PlacedJob,
} from "../../queues/job.ts";
import type { JobRef } from "../../queues/jobs/control.ts";
import { findSource } from "../../queues/queue.ts";
import type { ContainerLoaders } from "../containers/loader.ts";
import type { Caller } from "../sources.ts";
import type { QueueLoaders } from "./loader.ts";
import { findWorkers } from "./workers.ts";

/** A job of a source. */
export interface JobAddress extends JobRef {
  readonly source: string;
}

/** A job that failed with an error. */
export interface FailedJobAddress {
  readonly source: string;
  readonly queue: string;
  readonly jobId: string;
  readonly error: string;
  readonly fingerprint: string;
}

export interface JobLoaders {
  /**
   * Null if there is no such job. Rejects with not_found (the source), operation_not_supported,
   * invalid_request (no id of this source), or as the port does.
   */
  readonly one: DataLoader<JobAddress, Job | null, string>;
  /** Also null if jobs of its source cannot be read one by one. */
  ofFailure(failed: FailedJobAddress): Promise<Job | null>;
  /**
   * The newest attempt that failed with this error, else the newest failed one; null without one.
   */
  attemptOfFailure(failed: FailedJobAddress): Promise<JobAttempt | null>;
  /** Rejects as `one`, and as `JobReader.page`. */
  page(source: string, query: JobsQuery): Promise<readonly PlacedJob[]>;
  readonly attempts: DataLoader<Job, readonly JobAttempt[], string>;
  readonly args: DataLoader<Job, JobArgs | null, string>;
  /**
   * The container that a worker runs, or ran, in, and its release; null where unknown, or where the
   * caller may not see it.
   */
  workerOf(host: string | null): Promise<{ readonly container: Container | null; readonly version: string | null }>;
}

const advice = "ask for fewer jobs (`first`)";

/** Reads all jobs that a request needs together, with one statement for each source. */
export function createJobLoaders(
  { signal, budget }: Caller,
  siblings: { readonly containers: ContainerLoaders; readonly queues: QueueLoaders },
): JobLoaders {
  const workers = once(() => findWorkers(siblings.containers));
  /** Attempts may be large, so this limits those of one statement. */
  const inOrder = pLimit(1);
  const readerOf = async (name: string): Promise<JobReader> => {
    const source = await findSource(await siblings.queues.visible(), name, signal);
    if (!source) throw new OpsError("not_found", "No queue source of this name");
    if (source.jobs) return source.jobs;
    throw notSupported(name, `jobs of the kind ${source.kind} cannot be read one by one`);
  };
  /** Reads the requested jobs from each source; a failing source affects only its own jobs. */
  const bySource = <Key extends { readonly source: string }, T>(
    read: (reader: JobReader, keys: readonly Key[]) => Promise<readonly (T | Error)[]>,
  ) => {
    const readOne = async (source: string, keys: readonly Key[]): Promise<readonly (T | Error)[]> => {
      try {
        return await read(await readerOf(source), keys);
      } catch (error) {
        return keys.map(() => toOpsError(error));
      }
    };
    return async (keys: readonly Key[]): Promise<(T | Error)[]> => {
      const groups = [...Map.groupBy(keys, ({ source }) => source)];
      const answers = await Promise.all(groups.map(([source, own]) => readOne(source, own)));
      const found = new Map(
        groups.flatMap(([, own], group) => own.map((key, index) => [key, answers[group]?.[index]] as const)),
      );
      return keys.map((key) => found.get(key) as T | Error);
    };
  };
  /**
   * Runs after the current work, and after the rows of this request that wait for their turn: on a
   * busy machine, rows proceed one by one, and each would need a separate statement.
   */
  const batchScheduleFn = (dispatch: () => void) => {
    const run = () => {
      const wait = budget.pauseLast();
      if (wait) void wait.then(dispatch);
      else dispatch();
    };
    queueMicrotask(() => process.nextTick(run));
  };
  const options = { maxBatchSize: jobsLimit, cacheKeyFn: toJobKey, batchScheduleFn };
  const one: JobLoaders["one"] = new DataLoader(
    bySource<JobAddress, Job | null>((reader, keys) => reader.find(keys, signal)),
    { ...options, maxBatchSize: findLimit },
  );
  const attempts: JobLoaders["attempts"] = new DataLoader(
    bySource<Job, readonly JobAttempt[]>((reader, jobs) =>
      inOrder(async () => {
        await budget.read(jobs.length * attemptsLimit, advice);
        const found = await reader.attempts(jobs, signal);
        budget.hold(found.flat().reduce((sum, { error, trace }) => sum + error.length + (trace?.length ?? 0), 0));
        return found;
      }),
    ),
    options,
  );
  const args: JobLoaders["args"] = new DataLoader(
    bySource<Job, JobArgs | null>(async (reader, jobs) => {
      if (!reader.args) throw notSupported(jobs[0]?.source ?? "", "it stores no arguments that can be read");
      const found = await reader.args(jobs, signal);
      budget.hold(found.reduce((sum, own) => sum + (own?.text.length ?? 0), 0));
      return found;
    }),
    options,
  );
  const ofFailure: JobLoaders["ofFailure"] = ({ source, queue, jobId }) =>
    one.load({ source, queue, jobId }).catch((error: unknown) => {
      if (toOpsError(error).code === "operation_not_supported") return null;
      throw error;
    });

  return {
    one,
    attempts,
    args,
    ofFailure,
    async attemptOfFailure(failed) {
      const job = await ofFailure(failed);
      const found = job ? await attempts.load(job) : [];
      const same = found.find(({ error }) => error === failed.error);
      if (same || found.length < 2) return same ?? found[0] ?? null;
      for (const attempt of found) {
        const wait = budget.turn();
        if (wait) await wait;
        if (toFingerprint(attempt.error) === failed.fingerprint) return attempt;
      }
      return found[0] ?? null;
    },
    async page(source, query) {
      await budget.read(query.limit, advice);
      return (await readerOf(source)).page(query, signal);
    },
    async workerOf(host) {
      if (host === null) return { container: null, version: null };
      const { containerOf, releaseOf } = await workers();
      return { container: containerOf(host), version: releaseOf(host)?.version ?? null };
    },
  };
}

/** A text that only this job has. */
export function toJobKey({ source, queue, jobId }: JobAddress): string {
  return JSON.stringify([source, queue, jobId]);
}

function notSupported(source: string, why: string): OpsError {
  return new OpsError("operation_not_supported", `Not supported by the source ${source}: ${why}`, {
    upstream: `queues:${source}`,
  });
}
