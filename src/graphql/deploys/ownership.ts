import { maySee, type Principal } from "../../auth/principal.ts";
import type { DeployRecord } from "../../deploys/deploy.ts";
import type { FailureOwners } from "../../deploys/verdict/evidence.ts";
import type { QueueEvidence } from "../../deploys/verdict/types.ts";
import { formatCount } from "../../facts/format.ts";
import { formatFirst } from "../../lib/text.ts";
import { describeOwners, isOwnedBy, isSameService, listOtherOwners } from "../../queues/owners.ts";
import type { QueueSource } from "../../queues/queue.ts";
import type { ServiceGroup } from "../../releases/service-group.ts";
import type { OwnerLoader } from "../queues/owners-loader.ts";
import type { WorkerGroups } from "../queues/workers.ts";

/** A queue of a source. */
interface QueueOfSource {
  readonly queue: string;
  readonly source: string;
}

/** Which queues, jobs and failures belong to a deploy's service. */
export interface Ownership {
  /**
   * Whether its service works on a queue. An unknown service does not count.
   *
   * @param hasEnded whether rows show that its workers ended jobs of the queue, which counts unless
   * the queue is configured for another service. @default false
   */
  readonly isOwn: (queue: QueueOfSource, hasEnded?: boolean) => boolean;
  /**
   * Whether other services, or the same service at other destinations, work or may work on a queue
   * too.
   */
  readonly isShared: (queue: QueueOfSource) => boolean;
  /**
   * Whether failures of a worker in no known container belong to its service: only where no other
   * works on the queue.
   */
  readonly countsForDeploy: FailureOwners["isOwn"];
  /** Whether they may belong to it: unless the queue or the worker is known to be another's. */
  readonly mayCountForDeploy: FailureOwners["mayBeOwn"];
  /** The host names of its service's workers, and those of others. */
  readonly hosts: ReadonlyMap<WorkerClass, readonly string[]>;
  /** Why some of the requested queues decide nothing. */
  readonly toGaps: (evidence: readonly QueueEvidence[]) => readonly string[];
}

type WorkerClass = "own" | "other";

interface OwnershipParts {
  readonly principal: Principal;
  readonly ownersOf: OwnerLoader;
  readonly groups: WorkerGroups;
}

/** How many queues and services a gap names at most. */
const mostNamed = 5;
const unnamed = "another service";

/** Builds it from the owners of the sources' queues and the groups of all workers. */
export async function createOwnership(
  deploy: DeployRecord,
  sources: readonly QueueSource[],
  { principal, ownersOf, groups }: OwnershipParts,
): Promise<Ownership> {
  const owners = new Map(await Promise.all(sources.map(async ({ name }) => [name, await ownersOf(name)] as const)));
  const ownersAt = ({ queue, source }: QueueOfSource) => owners.get(source)?.(queue) ?? null;
  const isNear = ({ env }: ServiceGroup) => env === null || deploy.env === null || env === deploy.env;
  /** Null where the owner is unknown. */
  const toClass = (group: ServiceGroup | null): WorkerClass | null => {
    if (group === null || group.service === null || deploy.service === null) return null;
    return isSameService(group, deploy) && isNear(group) ? "own" : "other";
  };
  /** For a service configured without a destination: all its destinations. */
  const siblings = groups.groups.filter(
    (group) => group.service === deploy.service && !isSameService(group, deploy) && isNear(group),
  );
  const othersAt = (queue: QueueOfSource): readonly string[] => {
    const all = ownersAt(queue) ?? [];
    const isEach = all.some(({ service, everyDestination }) => everyDestination && service === deploy.service);
    const others = [
      ...listOtherOwners(all, deploy),
      ...(isEach ? siblings.map((group) => (maySee(principal, group.env) ? group : null)) : []),
    ];
    const names = others.map((one) => (one === null || one.service === null ? unnamed : describeOwners([one])));
    return [...new Set(names)].toSorted();
  };
  // Only jobs and failures of a source name hosts, and there are thousands of containers to index.
  const [groupOf, hosts] =
    sources.length === 0
      ? [() => null, new Map<WorkerClass, readonly string[]>()]
      : [await groups.groupOf(), await groups.hostsOf(toClass)];
  const unknown = new Map<string, Set<string>>();
  const isOwn = (queue: QueueOfSource, hasEnded = false) => {
    const all = ownersAt(queue);
    const isConfigured = all?.some(({ basis }) => basis === "configured") ?? false;
    const isOwned = (hasEnded && !isConfigured) || isOwnedBy(all, deploy);
    if (isOwned === null) unknown.set(queue.source, (unknown.get(queue.source) ?? new Set()).add(queue.queue));
    return isOwned === true;
  };
  const isShared = (queue: QueueOfSource) => isOwnedBy(ownersAt(queue), deploy) !== true || othersAt(queue).length > 0;
  return {
    isOwn,
    isShared,
    countsForDeploy: (failures) =>
      isOwn(failures) && !isShared(failures) && toClass(groupOf(failures.worker)) !== "other",
    mayCountForDeploy: (failures) =>
      isOwnedBy(ownersAt(failures), deploy) !== false && toClass(groupOf(failures.worker)) !== "other",
    hosts,
    toGaps(evidence) {
      const nameOthers = (queue: QueueOfSource) => {
        const names = othersAt(queue);
        const [only] = names.length > 0 ? names : [unnamed];
        return names.length > 1 ? `${formatFirst(names, mostNamed)} work` : `${only} works`;
      };
      const unattributed = evidence.filter(({ isUnattributed = false }) => isUnattributed);
      const bySharers = Map.groupBy(unattributed, (one) => `${one.source}: ${nameOthers(one)}`);
      const partly = evidence.flatMap((one) => {
        const { before, after, queue, source } = one;
        const count = [before, after].reduce(
          (sum, window) => sum + (window?.unattributed?.succeeded ?? 0) + (window?.unattributed?.failed ?? 0),
          0,
        );
        if (count === 0) return [];
        return (
          `${source}: ${nameOthers(one)} on ${queue} too, and the workers of ` +
          `${formatCount(count, "ended job")} are not known`
        );
      });
      return [
        ...[...unknown].map(
          ([source, queues]) =>
            `${source}: which service works on ${formatFirst([...queues].toSorted(), mostNamed)} is not known`,
        ),
        ...[...bySharers].map(
          ([sharers, queues]) =>
            `${sharers} on ` +
            `${formatFirst(queues.map(({ queue }) => queue).toSorted(), mostNamed)} ` +
            "too, and the rows of ended jobs do not name their workers: only new errors " +
            "of the service's own workers count",
        ),
        ...(partly.length > mostNamed
          ? [...partly.slice(0, mostNamed), `... (and ${partly.length - mostNamed} more)`]
          : partly),
      ];
    },
  };
}
