import type { Caller, Sources } from "./context.ts";
import { type ContainerLoaders, createContainerLoaders } from "./loaders/containers.ts";
import { type ContainerHistoryLoaders, createContainerHistoryLoaders } from "./loaders/container-history.ts";
import { type DeployLoader, createDeployLoader } from "./loaders/deploy.ts";
import { type DeployLoaders, createDeployLoaders } from "./loaders/deploys.ts";
import { type HostLoaders, createHostLoaders } from "./loaders/hosts.ts";
import { type LogLoaders, createLogLoaders } from "./loaders/logs.ts";
import { type OrphanLoaders, createOrphanLoaders } from "./loaders/orphans.ts";
import { type QueueSeriesLoader, createQueueSeriesLoader } from "./loaders/queue-series.ts";
import { type QueueLoaders, createQueueLoaders } from "./loaders/queues.ts";
import { type TimelineLoader, createTimelineLoader } from "./loaders/timeline.ts";

/** The loaders of one request, each made when it is first used. They show only what the caller's token may see. */
export class Loaders {
  readonly #sources: Sources;
  readonly #caller: Caller;
  #nowMs: number | undefined;
  #containers: ContainerLoaders | undefined;
  #containerHistory: ContainerHistoryLoaders | undefined;
  #queues: QueueLoaders | undefined;
  #queueSeries: QueueSeriesLoader | undefined;
  #orphans: OrphanLoaders | undefined;
  #hosts: HostLoaders | undefined;
  #deploy: DeployLoader | undefined;
  #deploys: DeployLoaders | undefined;
  #logs: LogLoaders | undefined;

  constructor(sources: Sources, caller: Caller) {
    this.#sources = sources;
    this.#caller = caller;
  }

  /** For a subscription, before each of its messages: what is asked next is asked anew. */
  forget(): void {
    this.#nowMs = this.#containerHistory = undefined;
    this.#containers = this.#queues = this.#queueSeries = this.#orphans = this.#hosts = this.#deploy = undefined;
    this.#deploys = undefined;
  }

  get containers(): ContainerLoaders {
    return (this.#containers ??= createContainerLoaders(this.#sources, this.#caller, this));
  }

  get containerHistory(): ContainerHistoryLoaders {
    return (this.#containerHistory ??= createContainerHistoryLoaders(this.#sources, this.#caller, this.nowMs));
  }

  /** One now for all ranges of an answer, unix milliseconds of a whole second: those of one `from` are one question, and 2h are 7200 s. */
  get nowMs(): number {
    return (this.#nowMs ??= Math.floor(Date.now() / 1000) * 1000);
  }

  get queues(): QueueLoaders {
    return (this.#queues ??= createQueueLoaders(this.#sources, this.#caller, this));
  }

  get queueSeries(): QueueSeriesLoader {
    return (this.#queueSeries ??= createQueueSeriesLoader(this.#sources, this.#caller, this));
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

  get deploys(): DeployLoaders {
    return (this.#deploys ??= createDeployLoaders(this.#sources, this.#caller, this));
  }

  get logs(): LogLoaders {
    return (this.#logs ??= createLogLoaders(this.#sources, this.#caller));
  }

  get timeline(): TimelineLoader {
    return createTimelineLoader(this.#sources, this.#caller, this);
  }
}
