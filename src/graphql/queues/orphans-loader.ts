import { explainSilentEngine } from "../../facts/engine.ts";
import { isOfOthers, maySeeContainer, type Principal } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import type { ContainerListing, KnownEngines } from "../../containers/source.ts";
import { type Steps, takeSteps } from "../../lib/budget/steps.ts";
import type { Environment } from "../../lib/environment.ts";
import { OpsError, toProblem } from "../../lib/errors.ts";
import {
  type QueueMetrics,
  type QueueSource,
  type RunningJob,
  runningJobsLimit,
  type WorkerJobs,
  workerJobsLimit,
} from "../../queues/queue.ts";
import { selectEngines } from "../containers/loader.ts";
import type { WorkGap } from "../containers/running-work.ts";
import type { Caller, Sources } from "../sources.ts";
import { oncePerEnv, type QueueLoaders } from "./loader.ts";
import { createJudge, type Judged } from "./lost-jobs.ts";

/** Running jobs whose worker is in no live container, or whose container started after them. */
export interface Orphans {
  /** Oldest first, at most `runningJobsLimit` of a source. Null when unknown. */
  readonly jobs: readonly RunningJob[] | null;
  readonly total: number | null;
  /** Why there may be more. */
  readonly gaps: readonly WorkGap[];
}

export interface OrphanLoaders {
  /**
   * Those of every source of an environment (null for all) that knows its workers. Rejects when the
   * caller may see no source.
   */
  all(env?: Environment | null): Promise<Orphans>;
  /** How many a queue has, at least; null when unknown, never 0 where one may be an orphan. */
  count(queue: QueueMetrics): Promise<number | null>;
  /** The same by the host of the worker. */
  byHost(queue: QueueMetrics): Promise<readonly WorkerJobs[] | null>;
}

interface SourceResult {
  readonly source: QueueSource;
  /** Null when the source does not know; the gap says why. */
  readonly jobs: readonly WorkerJobs[] | null;
  readonly gap: WorkGap | null;
}

const nothing: ContainerListing = { containers: [], engines: [] };

/**
 * Lists the live hosts of all engines, including those that the caller may not see: the caller
 * learns only that a job is no orphan.
 */
export function createOrphanLoaders(
  sources: Sources,
  { principal, signal, budget }: Caller,
  siblings: { readonly queues: QueueLoaders; settle(listing: ContainerListing): ContainerListing },
): OrphanLoaders {
  const search = oncePerEnv(async (env) => {
    const shown = await siblings.queues.visibleOf(env);
    if (shown.length === 0 && env === null) throw new OpsError("queues_unavailable", "No queue source is configured");
    const results = await Promise.all(shown.map((source) => askWorkers(source, signal)));
    // Not earlier: the list must include every worker that existed when the jobs were read.
    const isNeeded = results.some(({ jobs }) => jobs?.some(({ host }) => host !== null));
    const live = siblings.settle(isNeeded ? await sources.containers.listRunning(signal) : nothing);
    const found = await takeSteps(judgeAll(results, live), budget);
    const isAny = found.some(({ judged }) => countLost(judged ?? []) > 0);
    const blindSpot = isAny ? findBlindSpot(live.containers, selectEngines(principal, live.engines), principal) : null;
    return { found, blindSpot };
  });
  const listJobs = oncePerEnv(async (env): Promise<Orphans> => {
    const { found, blindSpot } = await search(env);
    const gaps = found.flatMap((one) => one.gaps);
    if (blindSpot !== null) return { jobs: null, total: null, gaps: [{ source: null, reason: blindSpot }, ...gaps] };
    const all = found.flatMap(({ judged }) => judged ?? []);
    const total = found.length > 0 && found.every(({ judged }) => judged === null) ? null : toNumber(all);
    if (total === null) return { jobs: null, total, gaps };
    const lists = await Promise.all(found.map(({ source, judged }) => listOf(source, judged ?? [], signal)));
    return {
      jobs: lists.flatMap(({ jobs }) => jobs),
      total,
      gaps: [...gaps, ...lists.flatMap(({ gap }) => gap ?? [])],
    };
  });
  const byHost: OrphanLoaders["byHost"] = async (queue) => {
    const { found, blindSpot } = await search();
    const own = found.find(({ source }) => source.name === queue.source);
    const judged = own?.byQueue && (own.byQueue.get(queue.name) ?? []);
    if (!judged || toNumber(judged) === null || (countLost(judged) > 0 && blindSpot !== null)) return null;
    return judged.flatMap(({ jobs, lost }) => (lost > 0 ? { ...jobs, count: lost } : []));
  };
  return {
    all: listJobs,
    byHost,
    async count(queue) {
      const orphans = await byHost(queue);
      return orphans && orphans.reduce((sum, { count }) => sum + count, 0);
    },
  };
}

interface SourceJudgement {
  readonly source: QueueSource;
  readonly gaps: readonly WorkGap[];
  /** Null when the source does not know. */
  readonly judged: readonly Judged[] | null;
  readonly byQueue: ReadonlyMap<string, readonly Judged[]> | null;
}

function* judgeAll(
  results: readonly SourceResult[],
  { containers, engines }: ContainerListing,
): Steps<readonly SourceJudgement[]> {
  const judge = yield* createJudge(containers, engines);
  const found: SourceJudgement[] = [];
  for (const { source, jobs, gap } of results) {
    const judged = jobs && (yield* judge(jobs, source.clockOffset?.()));
    yield;
    const gaps = [gap ?? [], ...toGaps(source.name, judged ?? [])].flat();
    found.push({ source, gaps, judged, byQueue: judged && Map.groupBy(judged, (one) => one.jobs.queue) });
  }
  return found;
}

async function askWorkers(source: QueueSource, signal: AbortSignal): Promise<SourceResult> {
  const { name } = source;
  try {
    const jobs = (await source.workerJobs?.(signal)) ?? null;
    if (jobs === null) return { source, jobs, gap: { source: name, reason: "its rows do not name the host of a job" } };
    return { source, jobs, gap: findGap(name, jobs) };
  } catch (error) {
    return { source, jobs: null, gap: { source: name, reason: toProblem(error).message } };
  }
}

function findGap(source: string, jobs: readonly WorkerJobs[]): WorkGap | null {
  if (jobs.length < workerJobsLimit) return null;
  return { source, reason: "more workers run its jobs than one read returns" };
}

/** The jobs whose state is unknown, by the reason. */
function toGaps(source: string, judged: readonly Judged[]): readonly WorkGap[] {
  const unknown = judged.filter(({ reason }) => reason !== null);
  return [...Map.groupBy(unknown, ({ reason }) => reason)].map(([reason, own]) => {
    return { source, reason: `${countUnknown(own)} of its running jobs ${reason}` };
  });
}

/** The jobs of orphans, one by one, at most `runningJobsLimit`. */
async function listOf(
  source: QueueSource,
  judged: readonly Judged[],
  signal: AbortSignal,
): Promise<{ readonly jobs: readonly RunningJob[]; readonly gap: WorkGap | null }> {
  const lost = judged.filter((one) => one.lost > 0);
  const hosts = new Map(lost.map(({ jobs, lostBefore }) => [jobs.host ?? "", lostBefore]));
  const gone = [...hosts].flatMap(([host, lostBefore]) => (lostBefore === null ? host : []));
  if (hosts.size === 0 || !source.running) return { jobs: [], gap: null };
  const jobs: RunningJob[] = [];
  try {
    if (gone.length > 0) jobs.push(...(await source.running(gone, signal)).jobs);
    for (const [host, lostBefore] of hosts) {
      if (lostBefore === null || jobs.length >= runningJobsLimit) continue;
      const found = await source.running([host], signal);
      jobs.push(...found.jobs.filter(({ startedAt }) => startedAt && Date.parse(startedAt) / 1000 < lostBefore));
    }
    // A row may name its worker in a form that matches two of the hosts.
    const once = new Map(jobs.map((job) => [JSON.stringify([job.queue, job.jobId]), job]));
    return { jobs: [...once.values()].toSorted(byStart).slice(0, runningJobsLimit), gap: null };
  } catch (error) {
    return { jobs: [], gap: { source: source.name, reason: toProblem(error).message } };
  }
}

function byStart(a: RunningJob, b: RunningJob): number {
  return (a.startedAt ?? "9") < (b.startedAt ?? "9") ? -1 : Number(a.startedAt !== b.startedAt);
}

function countLost(judged: readonly Judged[]): number {
  return judged.reduce((sum, { lost }) => sum + lost, 0);
}

function countUnknown(judged: readonly Judged[]): number {
  return judged.reduce((sum, { unknown }) => sum + unknown, 0);
}

/** The number of orphans, at least; null if none is certain but one is possible. */
function toNumber(judged: readonly Judged[]): number | null {
  const lost = countLost(judged);
  return lost === 0 && countUnknown(judged) > 0 ? null : lost;
}

/**
 * Why a worker may be in a container that is missing from the live ones; null when it cannot be.
 * Workers of environments that the caller may not see have no jobs in the caller's queues, so their
 * containers and engines do not count. A container of unknown environment counts, but is not named.
 */
export function findBlindSpot(
  live: readonly Container[],
  { shown, silent: [silent] }: KnownEngines,
  principal: Principal,
): string | null {
  if (silent) return explainSilentEngine(silent.name, silent.message);
  if (shown.length === 0) return "no configured engine may run them";
  // Before its first inspection its host name is unknown.
  const wedged = live.filter(({ isInspected, env }) => !isInspected && !isOfOthers(principal, env));
  const own = wedged.find((container) => maySeeContainer(principal, container));
  if (own) return `container ${own.id} on engine ${own.engine} cannot be inspected`;
  return wedged.length > 0 ? "a container that this token may not see cannot be inspected" : null;
}
