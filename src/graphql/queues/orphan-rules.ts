import { isOfOthers, maySeeContainer, type Principal } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import type { KnownEngines } from "../../containers/source.ts";
import type { WorkerJobs } from "../../queues/queue.ts";
import { toErlangHost, toRiverHost, toWorkerNames } from "../../releases/worker.ts";

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
  if (silent) return `${silent.name === null ? "an engine" : `engine ${silent.name}`} does not answer: ${silent.message}`;
  if (shown.length === 0) return "no engine is configured that may run them";
  // Without an inspection its host name is unknown.
  const wedged = live.filter(({ restarts, env }) => restarts === null && !isOfOthers(principal, env));
  const own = wedged.find((container) => maySeeContainer(principal, container));
  if (own) return `container ${own.id} on engine ${own.engine} cannot be inspected`;
  return wedged.length > 0 ? "a container that this token may not see cannot be inspected" : null;
}
