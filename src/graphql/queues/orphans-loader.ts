import { isOfOthers, maySeeContainer, type Principal } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import type { EngineStatus, KnownEngines } from "../../containers/source.ts";
import type { Environment } from "../../lib/environment.ts";
import { OpsError, toProblem } from "../../lib/errors.ts";
import {
  type QueueMetrics,
  type QueueSource,
  type RunningJob,
  type WorkerJobs,
  workerJobsLimit,
} from "../../queues/queue.ts";
import { toErlangHost, toRiverHost, toWorkerNames } from "../../releases/worker.ts";
import { selectEngines } from "../containers/loader.ts";
import type { WorkGap } from "../containers/running-work.ts";
import type { Caller, Sources } from "../sources.ts";
import { oncePerEnv, type QueueLoaders } from "./loader.ts";

/** Running jobs whose worker is in no live container. */
export interface Orphans {
  /** Oldest first, at most `runningJobsLimit` of a source. Null when unknown. */
  readonly jobs: readonly RunningJob[] | null;
  readonly total: number | null;
  /** Why there may be more. */
  readonly gaps: readonly WorkGap[];
}

export interface OrphanLoaders {
  /** Those of every source of an environment, null for all of them, that knows its workers. Rejects when the caller may see no source. */
  all(env?: Environment | null): Promise<Orphans>;
  /** How many a queue has; null when unknown. */
  count(queue: QueueMetrics): Promise<number | null>;
  /** The same by the host of the worker; null when unknown. */
  byHost(queue: QueueMetrics): Promise<readonly WorkerJobs[] | null>;
}

interface SourceResult {
  readonly source: QueueSource;
  /** Null when the source does not know; the gap says why. */
  readonly jobs: readonly WorkerJobs[] | null;
  readonly gap: WorkGap | null;
}

const nothing: { readonly containers: readonly Container[]; readonly engines: readonly EngineStatus[] } = {
  containers: [],
  engines: [],
};

/** Lists the live hosts of all engines, whatever the caller may see: the caller learns only that a job is no orphan. */
export function createOrphanLoaders(
  sources: Sources,
  { principal, signal }: Caller,
  siblings: { readonly queues: QueueLoaders },
): OrphanLoaders {
  const search = oncePerEnv(async (env) => {
    const shown = await siblings.queues.visibleOf(env);
    if (shown.length === 0 && env === null) throw new OpsError("queues_unavailable", "No queue source is configured");
    const results = await Promise.all(shown.map((source) => askWorkers(source, signal)));
    // Only now: the list has every worker that existed when the jobs were read.
    const isNeeded = results.some(({ jobs }) => jobs?.some(({ host }) => host !== null));
    const live = isNeeded ? await sources.containers.listRunning(signal) : nothing;
    const found = results.map(({ source, jobs, gap }) => ({
      source,
      gap,
      orphans: jobs && findOrphans(jobs, live.containers),
    }));
    const isAny = found.some(({ orphans }) => orphans && orphans.length > 0);
    const blindSpot = isAny ? findBlindSpot(live.containers, selectEngines(principal, live.engines), principal) : null;
    return { found, blindSpot };
  });
  const listJobs = oncePerEnv(async (env): Promise<Orphans> => {
    const { found, blindSpot } = await search(env);
    const gaps = found.flatMap(({ gap }) => gap ?? []);
    if (blindSpot !== null) return { jobs: null, total: null, gaps: [{ source: null, reason: blindSpot }, ...gaps] };
    if (found.length > 0 && found.every(({ orphans }) => orphans === null)) return { jobs: null, total: null, gaps };
    const lists = await Promise.all(found.map(({ source, orphans }) => listOf(source, orphans ?? [], signal)));
    const total = found.reduce((sum, { orphans }) => sum + count(orphans ?? []), 0);
    return {
      jobs: lists.flatMap(({ jobs }) => jobs),
      total,
      gaps: [...gaps, ...lists.flatMap(({ gap }) => gap ?? [])],
    };
  });
  const byHost: OrphanLoaders["byHost"] = async (queue) => {
    const { found, blindSpot } = await search();
    const own = found.find(({ source }) => source.name === queue.source);
    const orphans = own?.orphans?.filter((jobs) => jobs.queue === queue.name);
    return !orphans || (orphans.length > 0 && blindSpot !== null) ? null : orphans;
  };
  return {
    all: listJobs,
    byHost,
    async count(queue) {
      const orphans = await byHost(queue);
      return orphans && count(orphans);
    },
  };
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
  const unnamed = count(jobs.filter(({ host }) => host === null));
  if (jobs.length >= workerJobsLimit) return { source, reason: "more workers run its jobs than one read returns" };
  return unnamed > 0 ? { source, reason: `${unnamed} of its running jobs have no known host` } : null;
}

/** The jobs of orphans, one by one. */
async function listOf(
  source: QueueSource,
  orphans: readonly WorkerJobs[],
  signal: AbortSignal,
): Promise<{ readonly jobs: readonly RunningJob[]; readonly gap: WorkGap | null }> {
  const hosts = [...new Set(orphans.flatMap(({ host }) => host ?? []))];
  if (hosts.length === 0 || !source.running) return { jobs: [], gap: null };
  try {
    return { jobs: (await source.running(hosts, signal)).jobs, gap: null };
  } catch (error) {
    return { jobs: [], gap: { source: source.name, reason: toProblem(error).message } };
  }
}

function count(jobs: readonly WorkerJobs[]): number {
  return jobs.reduce((sum, job) => sum + job.count, 0);
}

/**
 * Grace time of a worker, seconds. Its oldest job may be younger than the list of containers: an engine without events is listed again only after this time. A
 * job without a recorded start counts as old.
 */
export const orphanGraceSeconds = 30;

/**
 * The running jobs whose worker is in no live container. The containers are listed after the jobs: a worker may have started in between. A worker with the name
 * of a live container's machine, or with a name as River or Erlang shortens it, may run in that container: it is no orphan. Nor is one without a name.
 */
export function findOrphans(jobs: readonly WorkerJobs[], live: readonly Container[]): WorkerJobs[] {
  const names = new Set<string>();
  for (const container of live) {
    for (const name of [...toWorkerNames(container), ...container.hostNames])
      names.add(name).add(toRiverHost(name)).add(toErlangHost(name));
  }
  const ages = new Map<string, number>();
  for (const { host, oldestAgeSeconds } of jobs) {
    if (host !== null) ages.set(host, Math.max(ages.get(host) ?? 0, oldestAgeSeconds ?? Number.POSITIVE_INFINITY));
  }
  return jobs.filter(({ host }) => host !== null && !names.has(host) && (ages.get(host) ?? 0) >= orphanGraceSeconds);
}

/**
 * Why a worker may be in a container missing from the live ones; null when it cannot be. Workers of environments that the caller may not see have no jobs in
 * the caller's queues, so their containers and engines do not count. A container of unknown environment counts, but is not named.
 */
export function findBlindSpot(
  live: readonly Container[],
  { shown, silent: [silent] }: KnownEngines,
  principal: Principal,
): string | null {
  if (silent)
    return `${silent.name === null ? "an engine" : `engine ${silent.name}`} does not answer: ${silent.message}`;
  if (shown.length === 0) return "no configured engine may run them";
  // Before its first inspection its host name is unknown.
  const wedged = live.filter(({ isInspected, env }) => !isInspected && !isOfOthers(principal, env));
  const own = wedged.find((container) => maySeeContainer(principal, container));
  if (own) return `container ${own.id} on engine ${own.engine} cannot be inspected`;
  return wedged.length > 0 ? "a container that this token may not see cannot be inspected" : null;
}
