import type { Budget } from "../budget/budget.ts";
import type { AuditLog } from "../domain/audit.ts";
import type { ContainerSource } from "../domain/container.ts";
import type { ContainerHistorySource } from "../domain/container-history.ts";
import type { DeployMemory } from "../domain/deploy-fate.ts";
import type { DeploySource } from "../domain/deploy.ts";
import type { Environment } from "../domain/environment.ts";
import type { HealthProbes } from "../domain/health-probes.ts";
import type { JobOperations } from "../domain/job-control-operations.ts";
import type { HostSource, Thresholds } from "../domain/host.ts";
import type { Origin, Principal } from "../domain/principal.ts";
import type { QueueSources } from "../domain/queue.ts";
import type { Restarts } from "../domain/restart.ts";
import type { TimelineMemory } from "../domain/timeline-memory.ts";
import type { OpenStream } from "../domain/stream-lease.ts";
import { Loaders } from "./loaders.ts";

/** What the schema reads from: one port for each upstream, and the facts of the configuration that answers depend on. */
export interface Sources {
  readonly containers: ContainerSource;
  readonly queues: QueueSources;
  readonly hosts: HostSource;
  readonly containerHistory: ContainerHistorySource;
  readonly deploy: DeploySource;
  /** What became of containers of deploys, as far as this process saw what shows it. */
  readonly deployMemory: DeployMemory;
  /** What happened while this process ran, and no record tells. */
  readonly timeline: TimelineMemory;
  readonly audit: AuditLog;
  readonly restarts: Restarts;
  readonly jobs: JobOperations;
  readonly probes: HealthProbes;
  readonly thresholds: Thresholds;
  /** Environment of what carries none: queues and hosts. */
  readonly env: Environment | null;
  /** Whether a Kamal service may be one of the product. */
  readonly isOwnService: (service: string) => boolean;
  readonly restartEnabled: boolean;
  /** Whether jobs may be retried and discarded. */
  readonly jobsEnabled: boolean;
  /** Whether health checks may be run on demand. */
  readonly healthExecEnabled: boolean;
}

/** Who asks, and until when: one for each request. */
export interface Caller {
  readonly principal: Principal;
  /** Made when asked for: few ask. */
  origin(): Origin;
  readonly requestId: string;
  /** That of the budget: aborts when the caller is gone, or the time is up. */
  readonly signal: AbortSignal;
  /** What the request may take. */
  readonly budget: Budget;
  /** For subscriptions; absent where an answer cannot be one. */
  readonly openStream?: OpenStream;
}

export interface OpsContext extends Caller {
  /** Whether the execution takes lists that come in parts, so that others are served in between: that of queries at /graphql does, compiled ones do not. */
  readonly inParts?: boolean;
  readonly origin: () => Origin;
  readonly sources: Sources;
  readonly loaders: Loaders;
}

/** The context of one request: its loaders remember what was asked, so that nothing is asked twice. */
export function createContext(sources: Sources, caller: Caller): OpsContext {
  const { principal, requestId, signal, budget } = caller;
  const openStream = caller.openStream && { openStream: caller.openStream.bind(caller) };
  const origin = () => caller.origin();
  return { principal, origin, requestId, signal, budget, ...openStream, sources, loaders: new Loaders(sources, caller) };
}
