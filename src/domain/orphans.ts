import type { Container, EngineStatus } from "./container.ts";
import type { WorkerJobs } from "./queue.ts";
import { toErlangHost, toRiverHost, toWorkerNames } from "./worker-release.ts";

/**
 * A worker whose oldest job is younger may be in a container that no engine has told of yet, seconds: as long as an engine that tells of no event is
 * not listed again. Where the system does not keep when a job was taken, nothing is young.
 */
export const orphanGraceSeconds = 30;

/** All containers that live, and whether that is all. */
export interface LiveContainers {
  readonly containers: readonly Container[];
  readonly engines: readonly EngineStatus[];
}

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

/** Why a worker may be in a container that is not among them; null when it cannot be. */
export function findBlindSpot({ containers, engines }: LiveContainers): string | null {
  if (engines.length === 0) return "no engine is configured";
  const silent = engines.find(({ ok }) => !ok);
  if (silent) return `engine ${silent.name} does not answer: ${silent.error?.message ?? "no reason"}`;
  // Without an inspection its host name is not known.
  const unknown = containers.find(({ restarts }) => restarts === null);
  return unknown ? `container ${unknown.id} on engine ${unknown.engine} cannot be inspected` : null;
}
