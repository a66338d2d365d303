import { setTimeout as sleep } from "node:timers/promises";
import { toOwnerEnv } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import { listGroups, type ServiceGroup, toGroup } from "../../releases/service-group.ts";
import {
  createContainerOf,
  createGroupOf,
  createReleaseOf,
  type GroupOf,
  listHosts,
  type ReleaseOf,
} from "../../releases/worker.ts";
import { createSharedBudget } from "../../lib/budget/budget.ts";
import { mapSteps, takeSteps } from "../../lib/budget/steps.ts";
import { once } from "../../lib/cache.ts";
import type { ContainerLoaders, KnownContainers } from "../containers/loader.ts";

/** Finds a worker's container by its host name. */
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

/**
 * How long queue numbers wait for an engine without contact, ms: after that its containers are
 * unknown.
 */
const patienceMs = 1000;

/** From the containers that the caller may see, including retired ones. Never rejects. */
export async function findWorkers(containers: ContainerLoaders): Promise<Workers> {
  const found = await inPatience(async () => Promise.all([containers.known(true), containers.listRetired(true)]));
  if (found === null) return noWorkers;
  const [known, retired] = found;
  const all = [...known.containers, ...retired];
  return {
    releaseOf: await takeSteps(createReleaseOf(all), shared),
    containerOf: await takeSteps(createContainerOf(all), shared),
    known,
  };
}

/**
 * Which services the workers belong to, by their host names, including containers that the caller
 * may not see.
 */
export interface WorkerGroups {
  /** The environment is null if only tokens for every environment may see the container. */
  readonly groupOf: () => Promise<GroupOf>;
  /** The host names of the groups in each class. */
  readonly hostsOf: <Class extends string>(
    toClass: (group: ServiceGroup) => Class | null,
  ) => Promise<ReadonlyMap<Class, readonly string[]>>;
  /** Every group that has a service. */
  readonly groups: readonly ServiceGroup[];
  /** The groups of Kamal's apps outside the product; null when the containers are unknown. */
  readonly foreignApps: readonly ServiceGroup[] | null;
}

/** Runs for all callers, so it does not end with any of them. */
const shared = createSharedBudget(new AbortController().signal);

const noGroups: WorkerGroups = {
  groupOf: async () => () => null,
  hostsOf: async () => new Map(),
  groups: [],
  foreignApps: null,
};

/**
 * Verdicts depend on the services of all workers, so every caller gets the same verdict. The names
 * of hidden services are never shown. Never rejects.
 */
export async function findWorkerGroups(containers: ContainerLoaders): Promise<WorkerGroups> {
  const every = await inPatience(async () => containers.everyWorker());
  if (every === null) return noGroups;
  const groups = await takeSteps(listGroups(every.filter(({ service }) => service !== null)), shared);
  return {
    groupOf: once(async () => {
      const workers = await takeSteps(mapSteps(every, toWorker), shared);
      return takeSteps(createGroupOf(workers), shared);
    }),
    hostsOf: (toClass) => takeSteps(listHosts(every, toClass), shared),
    groups: groups.map(toGroup),
    foreignApps: groups.filter(({ members }) => members.some(isForeignApp)).map(toGroup),
  };
}

/** An accessory carries the name of its service. */
function isForeignApp({ kind, service, name }: Container): boolean {
  return kind === "other" && service !== null && service !== name;
}

/** Does not copy whole containers: there are thousands. */
function toWorker(container: Container) {
  const { id, host, version, service, destination } = container;
  return { id, host, version, service, destination, env: toOwnerEnv(container) };
}

/** Null if the containers are not known in time. */
async function inPatience<T>(find: () => Promise<T>): Promise<T | null> {
  const done = new AbortController();
  const late = sleep(patienceMs, null, { ref: false, signal: done.signal }).catch(() => null);
  return Promise.race([find().catch(() => null), late]).finally(() => done.abort());
}
