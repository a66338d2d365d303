import type { Ledger } from "../audit/ledger.ts";
import type { RequestOrigin, Principal } from "../auth/principal.ts";
import type { OpenStream } from "../auth/stream-lease.ts";
import type { HealthProbes } from "../containers/health-probes.ts";
import type { LogHistory } from "../containers/logs/history/log-history.ts";
import type { Restarts } from "../containers/restart/restart.ts";
import type { ContainerSource } from "../containers/source.ts";
import type { ContainerHistorySource } from "../containers/stats/history.ts";
import type { DeploySource } from "../deploys/deploy.ts";
import type { DeployMemory } from "../deploys/fate.ts";
import type { HostSource, Thresholds } from "../hosts/host.ts";
import type { Budget } from "../lib/budget/budget.ts";
import type { DatabaseClock } from "../lib/clock-skew.ts";
import type { Environment } from "../lib/environment.ts";
import type { JobOperations } from "../queues/jobs/operations.ts";
import type { OwnerMemory } from "../queues/owner-memory.ts";
import type { QueueSources } from "../queues/queue.ts";
import type { TimelineMemory } from "../timeline/memory.ts";

/**
 * What the schema reads from: one port for each upstream, and the configuration that answers depend
 * on.
 */
export interface Sources {
  readonly containers: ContainerSource;
  /** Logs older than the engines'; null when not configured. */
  readonly logHistory: LogHistory | null;
  readonly queues: QueueSources;
  readonly hosts: HostSource;
  readonly containerHistory: ContainerHistorySource;
  readonly deploy: DeploySource;
  /** The fates of deploys' containers, as far as this process saw them. */
  readonly deployMemory: DeployMemory;
  /** Which services' workers were seen at which queue. */
  readonly queueOwners: OwnerMemory;
  /** Events of this process's lifetime that no record holds. */
  readonly timeline: TimelineMemory;
  readonly audit: Pick<Ledger, "read" | "verify">;
  readonly restarts: Restarts;
  readonly jobs: JobOperations;
  readonly probes: HealthProbes;
  /** The clocks of the databases that the gateway uses. */
  readonly databaseClocks: () => readonly DatabaseClock[];
  readonly thresholds: Thresholds;
  /** For queues and hosts without an environment of their own. */
  readonly env: Environment | null;
  /** The configured services of the product. */
  readonly services: readonly string[];
  /** Whether the configuration says what the product is (SERVICE or CORE). */
  readonly isProductConfigured: boolean;
  /** Whether a Kamal service may belong to the product. */
  readonly isOwnService: (service: string) => boolean;
  readonly restartEnabled: boolean;
  /** Whether jobs may be retried and discarded. */
  readonly jobsEnabled: boolean;
  /** Whether health checks may be run on demand. */
  readonly healthExecEnabled: boolean;
}

/** The caller of one request, with its deadline. */
export interface Caller {
  readonly principal: Principal;
  /** Computed on demand, because it is rarely needed. */
  origin(): RequestOrigin;
  readonly requestId: string;
  /** The budget's signal: aborts when the caller is gone or the time is up. */
  readonly signal: AbortSignal;
  /** What the request may consume. */
  readonly budget: Budget;
  /** For subscriptions; absent where they are not possible. */
  readonly openStream?: OpenStream;
}
