import { setTimeout as sleep } from "node:timers/promises";
import { createReleaseOf, type ReleaseOf } from "../../releases/worker.ts";
import type { ContainerLoaders } from "../containers/loader.ts";

/** How long queue numbers wait for an engine without contact so far, ms: after that its releases are unknown. */
const patienceMs = 1000;

/** Releases by the host names of workers, from the containers that the caller may see, including retired ones. Never rejects. */
export async function findReleases(containers: ContainerLoaders): Promise<ReleaseOf> {
  const find = async (): Promise<ReleaseOf> => {
    const [known, retired] = await Promise.all([containers.known(true), containers.listRetired(true)]);
    return createReleaseOf([...known.containers, ...retired]);
  };
  const done = new AbortController();
  const late = sleep(patienceMs, noRelease, { ref: false, signal: done.signal }).catch(() => noRelease);
  return Promise.race([find().catch(() => noRelease), late]).finally(() => done.abort());
}

export const noRelease: ReleaseOf = () => null;
