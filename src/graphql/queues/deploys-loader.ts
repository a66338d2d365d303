import { type Deploy, findLatest } from "../../deploys/state.ts";
import { once } from "../../lib/cache.ts";
import { type Known, onceKnown } from "../../lib/known.ts";
import { isOwnedBy } from "../../queues/owners.ts";
import type { DeployLoaders } from "../deploys/loader.ts";
import type { Sources } from "../sources.ts";
import type { QueueLoaders } from "./loader.ts";
import type { OwnerLoader } from "./owners-loader.ts";

/** The newest deploy of a service that works on a queue, by the queue's name; null when unknown. */
type DeployOf = (queue: string) => Deploy | null;

/** Finds them for all queues of a source, by the source's name. Never rejects. */
export type QueueDeployLoader = (source: string) => Known<DeployOf>;

interface QueueDeploySiblings {
  readonly deploys: Pick<DeployLoaders, "all">;
  readonly queues: Pick<QueueLoaders, "visible">;
  readonly owners: OwnerLoader;
}

/**
 * Failed deploys do not count. A deploy is of the environment of the queue, or one of the two is not
 * known; but one to a destination that no environment is known of says nothing of a queue of a known one.
 */
export function createQueueDeployLoader(sources: Sources, siblings: QueueDeploySiblings): QueueDeployLoader {
  const latest = once(async () => findLatest(await siblings.deploys.all().catch(() => [])));
  const envs = once(async () => {
    const visible = await siblings.queues.visible().catch(() => []);
    return new Map(visible.map(({ name, env }) => [name, env ?? sources.env]));
  });
  const find = async (source: string): Promise<DeployOf> => {
    const [deploys, ownersOf, known] = await Promise.all([latest(), siblings.owners(source), envs()]);
    const env = known.get(source) ?? null;
    const near = deploys.filter(
      (deploy) => env === null || deploy.env === env || (deploy.env === null && deploy.destination === null),
    );
    return (queue) => {
      const owners = ownersOf(queue);
      return findNewest(near.filter((deploy) => isOwnedBy(owners, deploy) === true));
    };
  };
  const found = new Map<string, () => Known<DeployOf>>();
  return (source) => {
    const finding = found.get(source) ?? onceKnown(() => find(source));
    found.set(source, finding);
    return finding();
  };
}

function findNewest(deploys: readonly Deploy[]): Deploy | null {
  return deploys.reduce<Deploy | null>(
    (newest, deploy) =>
      newest === null || Date.parse(deploy.deployedAt) > Date.parse(newest.deployedAt) ? deploy : newest,
    null,
  );
}
