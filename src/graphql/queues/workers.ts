import { setTimeout as sleep } from "node:timers/promises";
import { toOwnerEnv } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import { listGroups, type ServiceGroup, toGroup } from "../../releases/service-group.ts";
import { createContainerOf, createGroupOf, createReleaseOf, listHosts, type ReleaseOf } from "../../releases/worker.ts";
import { createSharedBudget } from "../../lib/budget/budget.ts";
import { takeSteps } from "../../lib/budget/steps.ts";
import type { ContainerLoaders, KnownContainers } from "../containers/loader.ts";

/** Finds by the host name of a worker. */
export interface Workers {
  readonly releaseOf: ReleaseOf;
  readonly containerOf: (host: string | null) => Container | null;
  /** The containers that are not retired; null when unknown. */
  readonly known: KnownContainers | null;
}

export const noWorkers: Workers = {
  releaseOf: () => null,
  containerOf: () => null,
  known: null,
};

/** How long queue numbers wait for an engine without contact so far, ms: after that its containers are unknown. */
const patienceMs = 1000;

/** From the containers that the caller may see, including retired ones. Never rejects. */
export async function findWorkers(containers: ContainerLoaders): Promise<Workers> {
  const find = async (): Promise<Workers> => {
    const [known, retired] = await Promise.all([containers.known(true), containers.listRetired(true)]);
    const all = [...known.containers, ...retired];
    return { releaseOf: createReleaseOf(all), containerOf: createContainerOf(all), known };
  };
  return inPatience(find, noWorkers);
}

/** Whose workers are, by their host names, also of containers that the caller may not see. */
export interface WorkerGroups {
  /** The environment is null where only tokens of every environment may see the container. */
  readonly groupOf: (host: string | null) => ServiceGroup | null;
  /** The host names of the groups in each class. */
  readonly hostsOf: <Class extends string>(
    toClass: (group: ServiceGroup) => Class | null,
  ) => Promise<ReadonlyMap<Class, readonly string[]>>;
  /** Every group that has a service. */
  readonly groups: readonly ServiceGroup[];
}

/** For all who ask, so it ends with none of them. */
const shared = createSharedBudget(new AbortController().signal);

const noGroups: WorkerGroups = { groupOf: () => null, hostsOf: async () => new Map(), groups: [] };

/**
 * Verdicts depend on the services of all workers, so every caller gets the same verdict. The names
 * of hidden services are never shown. Never rejects.
 */
export async function findWorkerGroups(containers: ContainerLoaders): Promise<WorkerGroups> {
  const find = async (): Promise<WorkerGroups> => {
    const every = await containers.everyWorker();
    const groups = await takeSteps(listGroups(every.filter(({ service }) => service !== null)), shared);
    const indexGroups = () => createGroupOf(every.map(toWorker));
    let groupOf: WorkerGroups["groupOf"] | undefined;
    return {
      groupOf: (host) => (groupOf ??= indexGroups())(host),
      hostsOf: (toClass) => takeSteps(listHosts(every, toClass), shared),
      groups: groups.map(toGroup),
    };
  };
  return inPatience(find, noGroups);
}

/** No copy of the whole container: they are thousands. */
function toWorker(container: Container) {
  const { id, host, version, service, destination } = container;
  return { id, host, version, service, destination, env: toOwnerEnv(container) };
}

async function inPatience<T>(find: () => Promise<T>, none: T): Promise<T> {
  const done = new AbortController();
  const late = sleep(patienceMs, none, { ref: false, signal: done.signal }).catch(() => none);
  return Promise.race([find().catch(() => none), late]).finally(() => done.abort());
}
