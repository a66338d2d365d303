import type { Principal, RequestOrigin } from "../auth/principal.ts";
import type { ContainerListing } from "../containers/source.ts";
import { OpsError } from "../lib/errors.ts";
import type { Known } from "../lib/known.ts";
import { settleListing } from "../problems/settle.ts";
import { type ContainerHistoryLoaders, createContainerHistoryLoaders } from "./containers/history-loader.ts";
import { type ContainerLoaders, createContainerLoaders } from "./containers/loader.ts";
import { createRoleLoader, type RoleLoader } from "./containers/role-loader.ts";
import { createDeployLoader, type DeployLoader } from "./deploys/info-loader.ts";
import { createDeployLoaders, type DeployLoaders } from "./deploys/loader.ts";
import { createHostLoaders, type HostLoaders } from "./hosts/loader.ts";
import { createLogLoaders, type LogLoaders } from "./logs/loader.ts";
import { createProblemLoader, type ProblemLoader } from "./problems/loader.ts";
import { createJobLoaders, type JobLoaders } from "./queues/job-loader.ts";
import { createQueueLoaders, type QueueLoaders } from "./queues/loader.ts";
import { createOrphanLoaders, type OrphanLoaders } from "./queues/orphans-loader.ts";
import { createOwnerLoader, type OwnerLoader } from "./queues/owners-loader.ts";
import { createQueueSeriesLoader, type QueueSeriesLoader } from "./queues/series-loader.ts";
import type { SelectRows } from "./compiled/row-memo.ts";
import type { Caller, Sources } from "./sources.ts";
import { createProblemsOf, createTimelineOf, type ProblemsOf, type TimelineOf } from "./things.ts";
import { askOnce, createTimelineLoader, type TimelineLoader } from "./timeline/loader.ts";

export interface OpsContext extends Caller {
  /**
   * Whether the execution processes lists in parts, so that other requests run in between: true for
   * queries at /graphql, except compiled ones.
   */
  readonly inParts?: boolean;
  /** Selects the containers of a list to execute; all without it. */
  readonly selectRows?: SelectRows | undefined;
  readonly origin: () => RequestOrigin;
  readonly sources: Sources;
  readonly loaders: Loaders;
}

/** The context of one request: its loaders cache, so nothing is read twice. */
export function createContext(sources: Sources, caller: Caller, selectRows?: SelectRows): OpsContext {
  const { principal, requestId, signal, budget } = caller;
  const openStream = caller.openStream && { openStream: caller.openStream.bind(caller) };
  const origin = () => caller.origin();
  const loaders = new Loaders(sources, caller);
  return { principal, origin, requestId, signal, budget, ...openStream, sources, loaders, selectRows };
}

/**
 * The loaders of one request, created on first use. They show only what the caller's token may see.
 */
export class Loaders {
  readonly #sources: Sources;
  readonly #caller: Caller;
  readonly #areOfProblems: boolean;
  #nowMs: number | undefined;
  #containers: ContainerLoaders | undefined;
  #containerHistory: ContainerHistoryLoaders | undefined;
  #queues: QueueLoaders | undefined;
  #jobs: JobLoaders | undefined;
  #queueSeries: QueueSeriesLoader | undefined;
  #orphans: OrphanLoaders | undefined;
  #owners: OwnerLoader | undefined;
  #hosts: HostLoaders | undefined;
  #deploy: DeployLoader | undefined;
  #deploys: DeployLoaders | undefined;
  #logs: LogLoaders | undefined;
  #roles: RoleLoader | undefined;
  #problemsOf: (() => Known<ProblemsOf>) | undefined;
  #timeline: TimelineLoader | undefined;
  #timelineOf: TimelineOf | undefined;

  constructor(sources: Sources, caller: Caller, areOfProblems = false) {
    this.#sources = sources;
    this.#caller = caller;
    this.#areOfProblems = areOfProblems;
  }

  /**
   * What these loaders know of the engines: those of problems disregard a loss that has just begun.
   */
  settle(listing: ContainerListing): ContainerListing {
    return this.#areOfProblems ? settleListing(listing, this.nowMs) : listing;
  }

  /** For subscriptions, before each message: clears the loaders, so that they read again. */
  forget(): void {
    this.#nowMs = this.#containerHistory = undefined;
    this.#containers = this.#queues = this.#queueSeries = this.#orphans = this.#hosts = this.#deploy = undefined;
    this.#deploys = this.#jobs = this.#owners = this.#roles = undefined;
    this.#problemsOf = this.#timeline = this.#timelineOf = undefined;
  }

  get containers(): ContainerLoaders {
    return (this.#containers ??= createContainerLoaders(this.#sources, this.#caller, this));
  }

  get containerHistory(): ContainerHistoryLoaders {
    return (this.#containerHistory ??= createContainerHistoryLoaders(this.#sources, this.#caller, this.nowMs));
  }

  /**
   * One `now` for all ranges of an answer, unix milliseconds of a whole second: equal `from` values
   * share a query, and 2h is 7200 s.
   */
  get nowMs(): number {
    return (this.#nowMs ??= Math.floor(Date.now() / 1000) * 1000);
  }

  get queues(): QueueLoaders {
    return (this.#queues ??= createQueueLoaders(this.#sources, this.#caller, this));
  }

  get jobs(): JobLoaders {
    return (this.#jobs ??= createJobLoaders(this.#caller, this));
  }

  get queueSeries(): QueueSeriesLoader {
    return (this.#queueSeries ??= createQueueSeriesLoader(this.#sources, this.#caller, this));
  }

  get orphans(): OrphanLoaders {
    return (this.#orphans ??= createOrphanLoaders(this.#sources, this.#caller, this));
  }

  get owners(): OwnerLoader {
    return (this.#owners ??= createOwnerLoader(this.#sources, this.#caller, this));
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

  get problems(): ProblemLoader {
    return createProblemLoader(this.#sources, this.#caller, (caller) => new Loaders(this.#sources, caller, true));
  }

  get problemsOf(): () => Known<ProblemsOf> {
    return (this.#problemsOf ??= createProblemsOf(this.#caller, this));
  }

  get timeline(): TimelineLoader {
    return (this.#timeline ??= askOnce(createTimelineLoader(this.#sources, this.#caller, this)));
  }

  get timelineOf(): TimelineOf {
    return (this.#timelineOf ??= createTimelineOf(this.#caller, this));
  }

  get roles(): RoleLoader {
    return (this.#roles ??= createRoleLoader(this.#caller, this));
  }
}

/** Description of the field `ended`: the reasons of StreamEnd that a client may see. */
export const endedDescription =
  "Why this is the last message (expired after an hour, shutdown, " +
  "unauthorized, forbidden, slow_consumer); null while more follow.";

/**
 * Opens a stream for a subscription and returns its end. The stream lasts while `isAllowed` holds
 * for the token. Throws rate_limited.
 */
export function openLease(
  { openStream, budget }: OpsContext,
  isAllowed: (principal: Principal) => boolean,
): AbortSignal {
  if (!openStream) throw new OpsError("invalid_request", "Subscriptions are not possible here");
  const lease = openStream();
  budget.liftDeadline();
  lease.recheck(isAllowed);
  return lease.signal;
}
