import { setTimeout as sleep } from "node:timers/promises";
import type { Container } from "../../containers/container.ts";
import { createContainerOf, createReleaseOf, type ReleaseOf } from "../../releases/worker.ts";
import type { ContainerLoaders } from "../containers/loader.ts";

/** Finds by the host name of a worker. */
export interface Workers {
  readonly releaseOf: ReleaseOf;
  readonly containerOf: (host: string | null) => Container | null;
}

export const noWorkers: Workers = { releaseOf: () => null, containerOf: () => null };

/** How long queue numbers wait for an engine without contact so far, ms: after that its containers are unknown. */
const patienceMs = 1000;

/** From the containers that the caller may see, including retired ones. Never rejects. */
export async function findWorkers(containers: ContainerLoaders): Promise<Workers> {
  const find = async (): Promise<Workers> => {
    const [known, retired] = await Promise.all([containers.known(true), containers.listRetired(true)]);
    const all = [...known.containers, ...retired];
    return { releaseOf: createReleaseOf(all), containerOf: createContainerOf(all) };
  };
  const done = new AbortController();
  const late = sleep(patienceMs, noWorkers, { ref: false, signal: done.signal }).catch(() => noWorkers);
  return Promise.race([find().catch(() => noWorkers), late]).finally(() => done.abort());
}
