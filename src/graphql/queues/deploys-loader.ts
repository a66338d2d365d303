import { type Deploy, findLatest } from "../../deploys/state.ts";
import { once } from "../../lib/cache.ts";
import { isOwnedBy } from "../../queues/owners.ts";
import type { QueueMetrics } from "../../queues/queue.ts";
import type { DeployLoaders } from "../deploys/loader.ts";
import type { Sources } from "../sources.ts";
import type { QueueLoaders } from "./loader.ts";
import type { OwnerLoader } from "./owners-loader.ts";

/** Finds the newest deploy of a service that works on a queue; null when unknown. Never rejects. */
export type QueueDeployLoader = (queue: QueueMetrics) => Promise<Deploy | null>;

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
  return async ({ source, name }) => {
    const [deploys, ownersOf] = await Promise.all([latest(), siblings.owners(source)]);
    const env = (await envs()).get(source) ?? null;
    const isNear = (deploy: Deploy) =>
      env === null || deploy.env === env || (deploy.env === null && deploy.destination === null);
    const own = deploys.filter((deploy) => isNear(deploy) && isOwnedBy(ownersOf(name), deploy) === true);
    return own.reduce<Deploy | null>(
      (newest, deploy) =>
        newest === null || Date.parse(deploy.deployedAt) > Date.parse(newest.deployedAt) ? deploy : newest,
      null,
    );
  };
}
