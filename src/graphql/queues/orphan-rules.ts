import { isOfOthers, maySeeContainer, type Principal } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import type { KnownEngines } from "../../containers/known-engines.ts";
import type { WorkerJobs } from "../../queues/queue.ts";
import { toErlangHost, toRiverHost, toWorkerNames } from "../../releases/worker.ts";

/**
 * A worker whose oldest job is younger may be in a container that no engine has told of yet, seconds: as long as an engine that tells of no event is
 * not listed again. Where the system does not keep when a job was taken, nothing is young.
 */
export const orphanGraceSeconds = 30;

/**
 * The running jobs whose worker is in none of the live containers, as known after the jobs were read: a worker may have started in between. One that calls
 * itself as the machine of a live container does, or as the start of its name up to the first dot, may run in that container, and so is no orphan; nor is a worker without a name.
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
 * Why a worker may be in a container that is not among the live ones; null when it cannot be. Workers of another environment than the caller's are in none of
 * its queues, so that their containers and engines do not count; a container of which that is not known counts, without its name.
 */
export function findBlindSpot(
  live: readonly Container[],
  { shown, silent: [silent] }: KnownEngines,
  principal: Principal,
): string | null {
  if (silent) return `${silent.name === null ? "an engine" : `engine ${silent.name}`} does not answer: ${silent.message}`;
  if (shown.length === 0) return "no engine is configured that may run them";
  // Without an inspection its host name is not known.
  const wedged = live.filter(({ restarts, env }) => restarts === null && !isOfOthers(principal, env));
  const own = wedged.find((container) => maySeeContainer(principal, container));
  if (own) return `container ${own.id} on engine ${own.engine} cannot be inspected`;
  return wedged.length > 0 ? "a container that this token may not see cannot be inspected" : null;
}
