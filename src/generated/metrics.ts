/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** Where something belongs. Kamal destinations are mapped to it by the configuration. */
export type Environment =
  /** What customers use. */
  | 'production'
  /** Where releases are tested first. */
  | 'staging';

/** Docker's health status. */
export type Health =
  /** Its last check succeeded. */
  | 'healthy'
  /** It has no health check, or is not running. */
  | 'none'
  /** It started recently, and no check has succeeded yet. */
  | 'starting'
  /** Its last checks failed, as many as its `retries` setting. */
  | 'unhealthy';

/** Whether the node-exporter of a host answers Prometheus. */
export type HostStatus =
  /** It does not answer: the last two scrapes failed. */
  | 'down'
  /** It answers. */
  | 'up';

/** What is wrong, with its rule. Worst first: the order of `CurrentProblems.problems` within a severity. */
export type ProblemKind =
  /** The clock of a container engine or of a database differs from the gateway's by more than 2 s: their times cannot be compared. */
  | 'clock_skewed'
  /** Memory at or above 90 % of the container's limit (of its host's memory without one) for 60 s. Detected only while clients request its statistics. */
  | 'container_memory_high'
  /** The kernel killed one of its processes for lack of memory in the last 15 min. */
  | 'container_oom_killed'
  /** At least 3 restarts by the restart policy in 15 min; it lasts until there is none in this time. */
  | 'container_restart_loop'
  /** A core container of the release that its role runs elsewhere has stopped, and no newer release of the role runs on its engine. */
  | 'container_stopped'
  /** The container's health check fails. */
  | 'container_unhealthy'
  /** The newest deploy of the service at its destination never went live, at most 24 h ago. */
  | 'deploy_failed'
  /** Some or all live containers do not run the newest deploy, 5 min after it ended, and no drift or missing role explains it. */
  | 'deploy_incomplete'
  /** deploy_info.json exists, but cannot be read. */
  | 'deploy_info_unreadable'
  /** The verdict on the newest deploy is REGRESSED, at most 1 h after it. */
  | 'deploy_regressed'
  /** The container engine has not answered for 10 s, or never did: what it runs is unknown. */
  | 'engine_unreachable'
  /** A real file system of the host is more than 90 % full. */
  | 'host_disk_full'
  /** The host's node-exporter does not answer Prometheus: its last two scrapes failed. */
  | 'host_down'
  /** CPU or memory of the host at or above its threshold (WALLET_CORE_OPS_CPU_THRESHOLD, WALLET_CORE_OPS_MEM_THRESHOLD). */
  | 'host_hot'
  /** A replaced container is still live on the engine of its replacement. Nothing of the role was created or started in the last 5 min. */
  | 'leftover'
  /** An engine runs the service at its destination, but no container of its last deploy, which another engine runs. Nothing of the role was created or started in the last 5 min. */
  | 'missing_on_engine'
  /** Replicas of one role, at one destination of a service, run several releases. Nothing of the role was created or started in the last 5 min. */
  | 'mixed_releases'
  /** A runnable job has waited longer than 60 s, or the waiting jobs take more than 600 s to clear. */
  | 'queue_backlog'
  /** At least 5 failures in the last hour, and at least 50 % of what ended in the last 5 minutes failed. Successes that counted when the latest failure was read count as long as that failure, so a batch is not failing because its failures ended last. */
  | 'queue_failing'
  /** Jobs could run, and the system reports no workers. */
  | 'queue_no_workers'
  /** Jobs count as running, but their worker is in no live container, or restarted since. */
  | 'queue_orphans'
  /** The numbers of the source cannot be read, while others in the same database or broker can. */
  | 'queue_source_down'
  /** The oldest runnable job has waited longer than 300 s, and nothing ended in the last 5 minutes. While a job runs, the limit is 5 times the p95 of the queue's run times, at least 120 s and at most 1800 s. While no run time is known, it is 1800 s. Where the rate is unknown, nothing ended if for 5 minutes of reads the oldest job stayed the same, no fewer waited, and the rows show none that was taken. Where it is sampled, 5 minutes of samples show no success. */
  | 'queue_stalled'
  /** A role that should run has containers, but none of them runs or restarts, and no engine that does not answer is known to run it. */
  | 'role_down'
  /** Containers run another release than the last recorded deploy. Nothing of the role was created or started in the last 5 min. */
  | 'unexpected_release'
  /** Nothing can be read from a database, a broker or Prometheus: its state is unknown. */
  | 'upstream_down';

/** How urgent a problem is, as its alert. */
export type ProblemSeverity =
  /** Act now. */
  | 'critical'
  /** Act today. */
  | 'warning';

/** State of a queue: the first that holds, in this order: PAUSED, NO_WORKERS, STALLED, FAILING, BACKLOG, UNKNOWN, IDLE, OK. */
export type QueueState =
  /** A runnable job has waited longer than 60 s, or the waiting jobs take more than 600 s to clear. */
  | 'backlog'
  /** At least 5 failures in the last hour, and at least 50 % of what ended in the last 5 minutes failed. Successes that counted when the latest failure was read count as long as that failure, so a batch is not failing because its failures ended last. */
  | 'failing'
  /** No job is runnable or running, and none succeeded in the last 5 minutes. Never where the rate is unknown. */
  | 'idle'
  /** Jobs could run, and the system reports no workers. */
  | 'no_workers'
  /** None of the others. */
  | 'ok'
  /** It is paused. */
  | 'paused'
  /** The oldest runnable job has waited longer than 300 s, and nothing ended in the last 5 minutes. While a job runs, the limit is 5 times the p95 of the queue's run times, at least 120 s and at most 1800 s. While no run time is known, it is 1800 s. Where the rate is unknown, nothing ended if for 5 minutes of reads the oldest job stayed the same, no fewer waited, and the rows show none that was taken. Where it is sampled, 5 minutes of samples show no success. */
  | 'stalled'
  /** It may be failing: at least 5 failures in the last hour, one of them in the last 5 minutes, and how many jobs succeeded is unknown. */
  | 'unknown';

export type MetricsQueryVariables = Exact<{
  stats: boolean;
}>;


export type MetricsQuery = { hostsUpdatedAt: string | null, engines: Array<{ name: string, ok: boolean, ageSeconds: number | null, clockSkewSeconds: number | null }> | null, containers: Array<{ name: string, engine: string, role: string, env: Environment | null, service: string | null, destination: string | null, version: string, status: string, health: Health, restarts: number | null, startedAt: string | null, stale: boolean, stats?: { cpuPct: number | null, cpuPeriods: number | null, cpuThrottledPeriods: number | null, cpuThrottledSeconds: number | null, memPct: number | null, memUsedBytes: number | null, memLimitBytes: number | null, pids: number | null, networkReceiveBytes: number | null, networkTransmitBytes: number | null, blockReadBytes: number | null, blockWriteBytes: number | null } | null }> | null, queueSources: Array<{ name: string, kind: string, env: Environment | null, place: string | null, numbersOk: boolean | null }> | null, queues: Array<{ name: string, source: string, depth: number, oldestAgeSeconds: number | null, active: number | null, workers: number | null, processedPerSec: number | null, failuresLastHour: number | null, drainSeconds: number | null, retrying: number | null, deferred: number | null, dead: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP50Seconds: number | null, runP95Seconds: number | null, orphans: number | null, state: QueueState, observedAt: string }> | null, hosts: Array<{ name: string, status: HostStatus, cpuUtil: number | null, memUtil: number | null, diskUtil: number | null, load1: number | null, networkReceiveBytesPerSec: number | null, networkTransmitBytesPerSec: number | null, alert: boolean }> | null, deployInfo: { currentTag: string, commitSha: string, deployedAt: string, service: string | null, destination: string | null, env: Environment | null, stale: boolean } | null, problems: { gaps: Array<string>, problems: Array<{ kind: ProblemKind, severity: ProblemSeverity, role: string | null, service: string | null, destination: string | null, env: Environment | null, source: string | null, upstream: string | null, place: string | null, container: { name: string, engine: string, version: string } | null, engine: { name: string } | null, queue: { name: string } | null, host: { name: string } | null, deploy: { tag: string } | null }> } | null };


export const MetricsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Metrics"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"stats"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"engines"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"ok"}},{"kind":"Field","name":{"kind":"Name","value":"ageSeconds"}},{"kind":"Field","name":{"kind":"Name","value":"clockSkewSeconds"}}]}},{"kind":"Field","name":{"kind":"Name","value":"containers"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"includeAccessories"},"value":{"kind":"BooleanValue","value":true}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"engine"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"health"}},{"kind":"Field","name":{"kind":"Name","value":"restarts"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"stale"}},{"kind":"Field","name":{"kind":"Name","value":"stats"},"directives":[{"kind":"Directive","name":{"kind":"Name","value":"include"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"if"},"value":{"kind":"Variable","name":{"kind":"Name","value":"stats"}}}]}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cpuPct"}},{"kind":"Field","name":{"kind":"Name","value":"cpuPeriods"}},{"kind":"Field","name":{"kind":"Name","value":"cpuThrottledPeriods"}},{"kind":"Field","name":{"kind":"Name","value":"cpuThrottledSeconds"}},{"kind":"Field","name":{"kind":"Name","value":"memPct"}},{"kind":"Field","name":{"kind":"Name","value":"memUsedBytes"}},{"kind":"Field","name":{"kind":"Name","value":"memLimitBytes"}},{"kind":"Field","name":{"kind":"Name","value":"pids"}},{"kind":"Field","name":{"kind":"Name","value":"networkReceiveBytes"}},{"kind":"Field","name":{"kind":"Name","value":"networkTransmitBytes"}},{"kind":"Field","name":{"kind":"Name","value":"blockReadBytes"}},{"kind":"Field","name":{"kind":"Name","value":"blockWriteBytes"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"queueSources"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"place"}},{"kind":"Field","name":{"kind":"Name","value":"numbersOk"}}]}},{"kind":"Field","name":{"kind":"Name","value":"queues"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"depth"}},{"kind":"Field","name":{"kind":"Name","value":"oldestAgeSeconds"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"workers"}},{"kind":"Field","name":{"kind":"Name","value":"processedPerSec"}},{"kind":"Field","name":{"kind":"Name","value":"failuresLastHour"}},{"kind":"Field","name":{"kind":"Name","value":"drainSeconds"}},{"kind":"Field","name":{"kind":"Name","value":"retrying"}},{"kind":"Field","name":{"kind":"Name","value":"deferred"}},{"kind":"Field","name":{"kind":"Name","value":"dead"}},{"kind":"Field","name":{"kind":"Name","value":"waitP50Seconds"}},{"kind":"Field","name":{"kind":"Name","value":"waitP95Seconds"}},{"kind":"Field","name":{"kind":"Name","value":"runP50Seconds"}},{"kind":"Field","name":{"kind":"Name","value":"runP95Seconds"}},{"kind":"Field","name":{"kind":"Name","value":"orphans"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"observedAt"}}]}},{"kind":"Field","name":{"kind":"Name","value":"hosts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"cpuUtil"}},{"kind":"Field","name":{"kind":"Name","value":"memUtil"}},{"kind":"Field","name":{"kind":"Name","value":"diskUtil"}},{"kind":"Field","name":{"kind":"Name","value":"load1"}},{"kind":"Field","name":{"kind":"Name","value":"networkReceiveBytesPerSec"}},{"kind":"Field","name":{"kind":"Name","value":"networkTransmitBytesPerSec"}},{"kind":"Field","name":{"kind":"Name","value":"alert"}}]}},{"kind":"Field","name":{"kind":"Name","value":"hostsUpdatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"deployInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"currentTag"}},{"kind":"Field","name":{"kind":"Name","value":"commitSha"}},{"kind":"Field","name":{"kind":"Name","value":"deployedAt"}},{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"stale"}}]}},{"kind":"Field","name":{"kind":"Name","value":"problems"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"gaps"}},{"kind":"Field","name":{"kind":"Name","value":"problems"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"severity"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"upstream"}},{"kind":"Field","name":{"kind":"Name","value":"place"}},{"kind":"Field","name":{"kind":"Name","value":"container"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"engine"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}},{"kind":"Field","name":{"kind":"Name","value":"engine"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"queue"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"host"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"deploy"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"tag"}}]}}]}}]}}]}}]} as unknown as DocumentNode<MetricsQuery, MetricsQueryVariables>;