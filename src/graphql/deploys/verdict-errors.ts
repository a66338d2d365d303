import { isOfSameGroup } from "../../deploys/deploy.ts";
import { type Deploy, withoutFailed } from "../../deploys/state.ts";
import {
  failuresSeconds,
  type FailureOwners,
  findNewErrors,
  mayCountForDeploy,
  toEnded,
} from "../../deploys/verdict/evidence.ts";
import type { NewError } from "../../deploys/verdict/types.ts";
import { addUp } from "../../deploys/verdict/verdict.ts";
import { lastsUntil, toReleaseStart, type Windows } from "../../deploys/verdict/windows.ts";
import { toProblem } from "../../lib/errors.ts";
import { formatCount } from "../../facts/format.ts";
import { toUnixSeconds } from "../../lib/time.ts";
import type { FingerprintedFailures, PastFailure, PastFailures, QueueSource } from "../../queues/queue.ts";
import type { ContainerLoaders } from "../containers/loader.ts";
import { findWorkers } from "../queues/workers.ts";
import { createOwnJobs } from "./own-jobs.ts";
import type { Ownership } from "./ownership.ts";
import type { VerdictReads } from "./verdict-turns.ts";

/** How many errors are looked up in the stored failures at most: the most frequent ones. */
const mostLookedUp = 10;

export interface ErrorReader {
  /** All deploys, newest first. */
  readonly all: () => Promise<readonly Deploy[]>;
  readonly containers: ContainerLoaders;
  /** Unix seconds. */
  readonly now: number;
}

/** A deploy whose new errors are wanted, the sources of its queues, and what could not be read. */
export interface ErrorQuestion {
  readonly deploy: Deploy;
  readonly windows: Windows | null;
  readonly sources: readonly QueueSource[];
  readonly ownership: Ownership;
  readonly reads: VerdictReads;
  readonly gaps: string[];
}

/**
 * Reads the errors that are new with a deploy. Null when unknown, or when it is not the newest of
 * its group. Failures of the last hour show which errors may be new; these few are looked up among
 * all earlier stored failures.
 */
export function createErrorReader({ all, containers, now }: ErrorReader) {
  return async (question: ErrorQuestion): Promise<readonly NewError[] | null> => {
    const { deploy, windows, sources, ownership, gaps } = question;
    const around = withoutFailed(await all()).filter((other) => isOfSameGroup(other, deploy));
    if (sources.length === 0 || around[0]?.deployedAt !== deploy.deployedAt) return null;
    try {
      const failures = await readFailures(question);
      const { releaseOf } = await findWorkers(containers);
      const owners = { releaseOf, isOwn: ownership.countsForDeploy, mayBeOwn: ownership.mayCountForDeploy };
      const releaseStart = toReleaseStart(deploy, around);
      const errors = findNewErrors(deploy, failures, owners, now, releaseStart);
      if (errors === null) gaps.push("errors: stored failures do not reach back far enough before the deploy");
      if (errors === null || errors.length === 0) return errors;
      const [start, end] = [Math.floor(releaseStart), Math.ceil(toUnixSeconds(deploy.deployedAt))];
      const hour = { from: start - failuresSeconds, seconds: failuresSeconds };
      const since = { from: end, seconds: Math.floor(now) - end };
      // The window already counted them.
      const isCounted = windows !== null && lastsUntil(windows, now);
      const found = await lookUp(errors, start, owners, question);
      const judged = found.filter(({ searched }) => searched);
      const countBefore = await countEnded(judged, hour, question);
      const countAfter = isCounted ? () => null : await countEnded(judged, since, question);
      return found.map((error) => {
        const after = countAfter(error);
        return {
          ...error,
          endedBefore: countBefore(error),
          endedAfter: after === null ? null : { count: after, seconds: since.seconds },
        };
      });
    } catch (error) {
      gaps.push(`errors: ${toProblem(error).message}`);
      return null;
    }
  };
}

async function readFailures({ sources, reads, gaps }: ErrorQuestion): Promise<readonly FingerprintedFailures[]> {
  const asked = await Promise.allSettled(sources.map((source) => reads.wait(source.failures(reads.signal))));
  const failed = asked.flatMap((one, index) =>
    one.status === "rejected" ? [{ source: sources[index]?.name, error: one.reason as unknown }] : [],
  );
  if (failed.length === asked.length) throw failed[0]?.error;
  gaps.push(...failed.map(({ source, error }) => `errors of ${source}: ${toProblem(error).message}`));
  return asked.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
}

/** Leaves out the errors that a stored failure from before the release had. */
async function lookUp(
  errors: readonly NewError[],
  until: number,
  owners: FailureOwners,
  { deploy, sources, reads, gaps }: ErrorQuestion,
): Promise<readonly NewError[]> {
  const wanted = errors.toSorted((a, b) => b.after.count - a.after.count).slice(0, mostLookedUp);
  if (wanted.length < errors.length) {
    const others = formatCount(errors.length - wanted.length, "rarer error was", "rarer errors were");
    gaps.push(`errors: ${others} not looked up among earlier failures`);
  }
  const search = async (source: QueueSource) => {
    const none: PastFailures<PastFailure> = { failures: [], isWhole: true };
    const read = async () => (await source.pastFailures?.({ errors: wanted, until }, reads.signal)) ?? none;
    try {
      const found = await reads.read(source, read);
      if (!found.isWhole) gaps.push(`earlier errors of ${source.name}: too many failures are stored to look at all`);
      return found;
    } catch (error) {
      gaps.push(`earlier errors of ${source.name}: ${toProblem(error).message}`);
      return { failures: [], isWhole: false };
    }
  };
  const found = await Promise.all(sources.map(search));
  const isWhole = found.every((one) => one.isWhole);
  const earlier = new Set(
    found
      .flatMap(({ failures }) => failures)
      .filter((failure) => mayCountForDeploy(failure, deploy, owners))
      .map(({ fingerprint }) => fingerprint),
  );
  return errors
    .filter(({ fingerprint }) => !earlier.has(fingerprint))
    .map((error) => ({ ...error, searched: isWhole && wanted.includes(error) }));
}

/**
 * Counts the jobs that ended in the queues of these errors in a time span, with one query for each
 * source.
 */
async function countEnded(
  errors: readonly NewError[],
  { from, seconds }: { readonly from: number; readonly seconds: number },
  { sources, ownership, reads, gaps }: ErrorQuestion,
): Promise<(error: NewError) => number | null> {
  const read = async (source: QueueSource) => {
    const queues = new Set(errors.flatMap((error) => (error.sources.includes(source.name) ? error.queues : [])));
    if (queues.size === 0 || seconds < 1 || !source.history) return [source.name, null] as const;
    try {
      const jobs = createOwnJobs(source, seconds, ownership, reads.signal);
      const [own = null] = await reads.read(source, () => jobs.read([from], [...queues].toSorted()));
      return [source.name, own] as const;
    } catch (error) {
      gaps.push(`jobs of ${source.name} around the deploy: ${toProblem(error).message}`);
      return [source.name, null] as const;
    }
  };
  const histories = new Map(await Promise.all(sources.map(read)));
  return ({ queues, sources: names }) =>
    addUp(
      names.flatMap((name) => {
        const own = histories.get(name);
        return own ? queues.map((queue) => toEnded(own.get(queue), seconds)) : [null];
      }),
    );
}
