import type { Caller, Sources } from "./context.ts";
import { type ContainerLoaders, createContainerLoaders } from "./loaders/containers.ts";
import { type DeployLoader, createDeployLoader } from "./loaders/deploy.ts";
import { type HostLoaders, createHostLoaders } from "./loaders/hosts.ts";
import { type OrphanLoaders, createOrphanLoaders } from "./loaders/orphans.ts";
import { type QueueLoaders, createQueueLoaders } from "./loaders/queues.ts";

/** The loaders of one request, each made when it is first used. They show only what the caller's token may see. */
export class Loaders {
  readonly #sources: Sources;
  readonly #caller: Caller;
  #containers: ContainerLoaders | undefined;
  #queues: QueueLoaders | undefined;
  #orphans: OrphanLoaders | undefined;
  #hosts: HostLoaders | undefined;
  #deploy: DeployLoader | undefined;

  constructor(sources: Sources, caller: Caller) {
    this.#sources = sources;
    this.#caller = caller;
  }

  /** For a subscription, before each of its messages: what is asked next is asked anew. */
  forget(): void {
    this.#containers = this.#queues = this.#orphans = this.#hosts = this.#deploy = undefined;
  }

  get containers(): ContainerLoaders {
    return (this.#containers ??= createContainerLoaders(this.#sources, this.#caller, this));
  }

  get queues(): QueueLoaders {
    return (this.#queues ??= createQueueLoaders(this.#sources, this.#caller, this));
  }

  get orphans(): OrphanLoaders {
    return (this.#orphans ??= createOrphanLoaders(this.#sources, this.#caller, this));
  }

  get hosts(): HostLoaders {
    return (this.#hosts ??= createHostLoaders(this.#sources, this.#caller));
  }

  get deploy(): DeployLoader {
    return (this.#deploy ??= createDeployLoader(this.#sources, this.#caller));
  }
}
