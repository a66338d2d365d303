import { setTimeout as sleep } from "node:timers/promises";
import { toOwnerEnv } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import type { ServiceGroup } from "../../releases/service-group.ts";
import { createContainerOf, createGroupOf, createReleaseOf, type ReleaseOf } from "../../releases/worker.ts";
import type { ContainerLoaders, KnownContainers } from "../containers/loader.ts";

/** Finds by the host name of a worker. */
export interface Workers {
  readonly releaseOf: ReleaseOf;
  readonly containerOf: (host: string | null) => Container | null;
  /** Its environment is null where only tokens of every environment may see the container. */
  readonly groupOf: (host: string | null) => ServiceGroup | null;
  /** The containers that are not retired; null when unknown. */
  readonly known: KnownContainers | null;
}

export const noWorkers: Workers = {
  releaseOf: () => null,
  containerOf: () => null,
  groupOf: () => null,
  known: null,
};

/** How long queue numbers wait for an engine without contact so far, ms: after that its containers are unknown. */
const patienceMs = 1000;

/** From the containers that the caller may see, including retired ones. Never rejects. */
export async function findWorkers(containers: ContainerLoaders): Promise<Workers> {
  const find = async (): Promise<Workers> => {
    const [known, retired] = await Promise.all([containers.known(true), containers.listRetired(true)]);
    const all = [...known.containers, ...retired];
    const indexGroups = () => createGroupOf(all.map((one) => ({ ...one, env: toOwnerEnv(one) })));
    let groupOf: Workers["groupOf"] | undefined;
    return {
      releaseOf: createReleaseOf(all),
      containerOf: createContainerOf(all),
      groupOf: (host) => (groupOf ??= indexGroups())(host),
      known,
    };
  };
  const done = new AbortController();
  const late = sleep(patienceMs, noWorkers, { ref: false, signal: done.signal }).catch(() => noWorkers);
  return Promise.race([find().catch(() => noWorkers), late]).finally(() => done.abort());
}
