import type { Caller, Sources } from "./context.ts";
import { type ContainerLoaders, createContainerLoaders } from "./loaders/containers.ts";
import { type DeployLoader, createDeployLoader } from "./loaders/deploy.ts";
import { type HostLoaders, createHostLoaders } from "./loaders/hosts.ts";
import { type QueueLoaders, createQueueLoaders } from "./loaders/queues.ts";

export interface Loaders {
  readonly containers: ContainerLoaders;
  readonly queues: QueueLoaders;
  readonly hosts: HostLoaders;
  readonly deploy: DeployLoader;
}

/** The loaders of one request, each made when it is first used. They show only what the caller's token may see. */
export function createLoaders(sources: Sources, caller: Caller): Loaders {
  const loaders: Loaders = {
    get containers() {
      return remember(
        this,
        "containers",
        createContainerLoaders(sources, caller, () => loaders.deploy),
      );
    },
    get queues() {
      return remember(this, "queues", createQueueLoaders(sources, caller));
    },
    get hosts() {
      return remember(this, "hosts", createHostLoaders(sources, caller));
    },
    get deploy() {
      return remember(this, "deploy", createDeployLoader(sources, caller));
    },
  };
  return loaders;
}

function remember<T>(owner: object, name: keyof Loaders, value: T): T {
  Object.defineProperty(owner, name, { value });
  return value;
}
