import { maySee } from "../../auth/principal.ts";
import { isOwnService } from "../../containers/kamal/origin.ts";
import type { Deploy } from "../../deploys/state.ts";
import { createSharedBudget } from "../../lib/budget/budget.ts";
import { takeSteps } from "../../lib/budget/steps.ts";
import { once } from "../../lib/cache.ts";
import type { Environment } from "../../lib/environment.ts";
import { type Known, onceKnown } from "../../lib/known.ts";
import { isSameService, type QueueOwner, toConfiguredOwner, toOwners } from "../../queues/owners.ts";
import type { QueueSource } from "../../queues/queue.ts";
import { listGroups, type ServiceGroup, toGroup } from "../../releases/service-group.ts";
import type { ContainerLoaders } from "../containers/loader.ts";
import type { Caller, Sources } from "../sources.ts";
import type { QueueLoaders } from "./loader.ts";
import { findWorkerGroups, findWorkers } from "./workers.ts";

/** The owners of a queue of a source, by its name; null when unknown. */
type OwnersOf = (queue: string) => readonly QueueOwner[] | null;

/**
 * Finds the owners of all queues of a source, by the source's name. Reads each source once, and
 * never rejects.
 */
export type OwnerLoader = (source: string) => Known<OwnersOf>;

interface OwnerSiblings {
  readonly containers: ContainerLoaders;
  readonly queues: Pick<QueueLoaders, "visible">;
  readonly deploys: { all(): Promise<readonly Deploy[]> };
}

const unknown: OwnersOf = () => null;
/** A service that the caller may not see. */
const unseen: ServiceGroup = { service: null, destination: null, env: null };

/**
 * As configured. Otherwise by the containers of its workers: those that run a job of the queue or,
 * if there are several services, failed one in the last hour; now or at a read in the last day. A
 * service that the caller may not see has no name. If no worker is known, the only known service in
 * the environment of the source.
 */
export function createOwnerLoader(
  sources: Sources,
  { principal, signal }: Caller,
  siblings: OwnerSiblings,
): OwnerLoader {
  const { queueOwners: memory, services } = sources;
  const workers = once(() => findWorkers(siblings.containers));
  const workerGroups = once(() => findWorkerGroups(siblings.containers));
  /** Like the reads, it ends only with the signal: others may share the answer. */
  const shared = createSharedBudget(signal);
  const visible = once(() => siblings.queues.visible().catch(() => []));

  /** Remembers the services of a source's workers. */
  const learn = async (source: QueueSource, isUnsure: boolean): Promise<void> => {
    const [running, failed] = await Promise.all([
      source.workerJobs?.(signal).catch(() => []) ?? [],
      // They cost more, and add nothing if there is only one service.
      isUnsure ? source.failures(signal).catch(() => []) : [],
    ]);
    const hosts = [
      ...running.map(({ queue, host }) => ({ queue, host })),
      ...failed.map(({ queue, worker: host }) => ({ queue, host })),
    ].filter(({ host }) => host !== null);
    if (hosts.length === 0) return;
    const groupOf = await (await workerGroups()).groupOf();
    for (const [name, own] of Map.groupBy(hosts, ({ queue }) => queue)) {
      const groups = [...new Set(own.map(({ host }) => host))].flatMap((host) => groupOf(host) ?? []);
      const named = groups.filter(({ service }) => service !== null);
      memory.note({ source: source.name, name }, (await takeSteps(listGroups(named), shared)).map(toGroup));
    }
  };

  /**
   * All services: those of the product by its core containers, else by deploys; others by their
   * apps. Null where there may be more.
   */
  const listKnown = once(async (): Promise<readonly ServiceGroup[] | null> => {
    const [{ known }, { foreignApps }] = await Promise.all([workers(), workerGroups()]);
    if (known === null || foreignApps === null) return null;
    const isSilent = known.engines.silent.length > 0;
    if (isSilent && services.length > 1) return null;
    const core = known.containers.filter(({ kind }) => kind === "core");
    const isNamed = core.some(({ service }) => service !== null);
    const deployed = isNamed && !isSilent ? [] : (await siblings.deploys.all()).filter(({ ambiguous }) => !ambiguous);
    const all = (await takeSteps(listGroups<ServiceGroup>([...core, ...deployed]), shared)).map(toGroup);
    const named = all.filter(({ service }) => service !== null);
    // A configured service without any data may run anywhere.
    const isEach = services.every((own) => named.some(({ service }) => isOwnService(service ?? "", [own])));
    if (services.length > 1 && !isEach) return null;
    return [...(named.length > 0 ? named : all), ...foreignApps];
  });
  const findAlone = async (env: Environment | null): Promise<readonly QueueOwner[] | null> => {
    const known = (await listKnown().catch(() => null)) ?? [];
    const near = known.filter((one) => env === null || one.env === null || one.env === env);
    const [group, ...others] = near;
    return group && others.every((other) => isSameService(other, group)) ? toOwners([group], "alone") : null;
  };

  /**
   * Whether there may be services beside these. A token that may not see everything must not learn
   * it.
   */
  const mayBeOthers = async (owners: readonly QueueOwner[]): Promise<boolean> => {
    if (!maySee(principal, null)) return true;
    const { groups } = await workerGroups();
    return owners.some((owner) => groups.some((group) => !isSameService(group, owner)));
  };

  const toVisible = (group: ServiceGroup) => (maySee(principal, group.env) ? group : unseen);

  const find = async (name: string): Promise<OwnersOf> => {
    const source = (await visible()).find((one) => one.name === name);
    if (!source) return unknown;
    const configured = source.owner && [toConfiguredOwner(source.owner)];
    if (configured) return () => configured;
    const alone = await findAlone(source.env ?? sources.env);
    await learn(source, alone === null || (await mayBeOthers(alone)));
    return (queue) => {
      const seen = memory.of({ source: name, name: queue });
      return seen.length > 0 ? toOwners(seen.map(toVisible), "workers") : alone;
    };
  };
  const found = new Map<string, () => Known<OwnersOf>>();
  return (name) => {
    const finding = found.get(name) ?? onceKnown(() => find(name));
    found.set(name, finding);
    return finding();
  };
}
