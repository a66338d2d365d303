/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** Which number a series has. */
export type ContainerSeriesKind =
  /** CPU use of each container, per cent of one CPU; may exceed 100. */
  | 'cpu_pct'
  /** Used memory of each container, per cent of its limit. */
  | 'mem_pct';

/** What records a deploy. Best source first: HISTORY, INFO, KAMAL_AUDIT, CONTAINERS, IMAGES. */
export type DeployOrigin =
  /** When the containers of a release were created, including stopped ones that Kamal keeps. */
  | 'containers'
  /** deploy_history.jsonl, which the hook in deploy/kamal appends to. */
  | 'history'
  /** For a release without containers: when its image was last tagged on an engine, as Kamal does, else when it was built. */
  | 'images'
  /** deploy_info.json, which holds the last deploy. */
  | 'info'
  /** Kamal's audit log: what was booted, and by whom. */
  | 'kamal_audit';

/** State of a deploy at its service's destination. */
export type DeployState =
  /** The newest deploy, if every live container runs it. If no container runs the newest, the deploy that runs. */
  | 'current'
  /** It never went live. Kamal's audit log or its containers say so. Other deploys are judged as if it did not exist. Without evidence the state is UNKNOWN. */
  | 'failed'
  /** The newest deploy, but not every live container runs it. */
  | 'incomplete'
  /** The target of a rollback: the good one before the deploy that runs. A good deploy is of another release and was not rolled back. The recorded `previousTag` decides. Without it, the deploy that is known to have served decides. Without either, no deploy is PREVIOUS. */
  | 'previous'
  /** The next deploy was a rollback or returned to an earlier release, or an earlier container was started again in its place. */
  | 'rolled_back'
  /** A later deploy replaced it. None of the other states applies. */
  | 'superseded'
  /** Unknown whether it runs or ever served. The newest deploy, when an engine does not answer, containers do not show their release, or its service is not the product's. Also an older deploy without evidence that it ever served. Also a deploy that could belong to several services or destinations. */
  | 'unknown';

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

/** Which number a series has. */
export type HostSeriesKind =
  /** Busy share of all CPUs of each host, 0..1, averaged over at least 5 minutes. */
  | 'cpu_util'
  /** Used share of the fullest real file system of each host, 0..1. */
  | 'disk_util'
  /** Load average over one minute of each host. */
  | 'load'
  /** Used share of memory of each host, 0..1. */
  | 'mem_util';

/** Whether the node-exporter of a host answers Prometheus. */
export type HostStatus =
  /** It does not answer: the last two scrapes failed. */
  | 'down'
  /** It answers. */
  | 'up';

/** Which number a series has. */
export type QueueSeriesKind =
  /** Runnable jobs that no worker had taken, for each queue. */
  | 'depth'
  /** Failures in the step that ends at `time`, for each queue. */
  | 'failures'
  /** How long the oldest runnable job had been waiting, seconds, for each queue; null also without one. */
  | 'oldest_age_seconds'
  /** Successes a second in the step that ends at `time`, for each queue. */
  | 'processed_per_sec';

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

/** What happened. */
export type TimelineKind =
  /** A container ended, by itself or because it was stopped. */
  | 'container_death'
  /** A deploy ended. */
  | 'deploy'
  /** An engine was out of contact. Events of its containers may be missing before this. */
  | 'gap'
  /** The health of a container changed. */
  | 'health'
  /** A host crossed an alert threshold, went down, or recovered. */
  | 'host_alert'
  /** A container ran out of memory. */
  | 'oom_kill'
  /** The state of a queue changed; IDLE counts as OK. */
  | 'queue_state'
  /** Somebody restarted a container. */
  | 'restart';

/** What is counted, and when it is up. */
export type UpKind =
  /** Core containers. Up when running, not unhealthy, and their engine answers. */
  | 'container'
  /** Configured container engines. Up when they answer. */
  | 'engine'
  /** Hosts that Prometheus knows. Up when their exporter answers Prometheus. */
  | 'host'
  /** Queue sources. Up when their numbers could be read. */
  | 'queue_source';

export type GrafanaContainerSeriesQueryVariables = Exact<{
  kind: ContainerSeriesKind;
  from: string;
  to: string;
  step?: number | null | undefined;
  maxPoints: number;
  env?: Array<Environment> | Environment | null | undefined;
  containers?: Array<string> | string | null | undefined;
  roles?: Array<string> | string | null | undefined;
  destinations?: Array<string> | string | null | undefined;
  includeAccessories: boolean;
}>;


export type GrafanaContainerSeriesQuery = { rows: Array<{ time: string, container: string, engine: string, role: string, destination: string | null, env: Environment | null, value: number | null }> | null, problems: Array<{ code: string, message: string }> | null };

export type GrafanaDeploysQueryVariables = Exact<{
  from: string;
  to: string;
  oneEnv?: Environment | null | undefined;
  oneDestination?: string | null | undefined;
}>;


export type GrafanaDeploysQuery = { rows: { nodes: Array<{ tag: string, state: DeployState, service: string | null, destination: string | null, env: Environment | null, command: string | null, origin: DeployOrigin, time: string, previous_tag: string | null, commit_sha: string, deployed_by: string | null, duration_seconds: number | null }> } | null, parts: Array<{ name: DeployOrigin, error: { code: string, message: string } | null }> | null };

export type GrafanaHostSeriesQueryVariables = Exact<{
  kind: HostSeriesKind;
  from: string;
  to: string;
  step?: number | null | undefined;
  maxPoints: number;
  hosts?: Array<string> | string | null | undefined;
}>;


export type GrafanaHostSeriesQuery = { rows: Array<{ time: string, host: string, instance: string, value: number | null }> | null };

export type GrafanaQueueOptionsQueryVariables = Exact<{
  oneEnv?: Environment | null | undefined;
}>;


export type GrafanaQueueOptionsQuery = { rows: Array<{ source: string, state: QueueState, queue: string }> | null, parts: Array<{ name: string, env: Environment | null }> | null };

export type GrafanaContainerOptionsQueryVariables = Exact<{
  oneEnv?: Environment | null | undefined;
  includeAccessories: boolean;
}>;


export type GrafanaContainerOptionsQuery = { rows: Array<{ engine: string, role: string, destination: string | null, env: Environment | null, status: string, health: Health, version: string, container: string }> | null };

export type GrafanaHostOptionsQueryVariables = Exact<{ [key: string]: never; }>;


export type GrafanaHostOptionsQuery = { rows: Array<{ status: HostStatus, host: string }> | null };

export type GrafanaQueueSeriesQueryVariables = Exact<{
  kind: QueueSeriesKind;
  from: string;
  to: string;
  step?: number | null | undefined;
  maxPoints: number;
  env?: Array<Environment> | Environment | null | undefined;
  queues?: Array<string> | string | null | undefined;
  sources?: Array<string> | string | null | undefined;
}>;


export type GrafanaQueueSeriesQuery = { rows: Array<{ time: string, queue: string, source: string, env: Environment | null, value: number | null }> | null, parts: Array<{ name: string, since: string | null, error: { code: string, message: string } | null }> | null };

export type GrafanaContainersQueryVariables = Exact<{
  oneEnv?: Environment | null | undefined;
  includeAccessories: boolean;
}>;


export type GrafanaContainersQuery = { rows: Array<{ role: string, service: string | null, destination: string | null, env: Environment | null, status: string, health: Health, version: string, restarts: number | null, engine: string, image: string, stale: boolean, container: string, commit_sha: string, started_at: string | null, created_at: string, cpu_pct: number | null, mem_pct: number | null, hostname: string }> | null, parts: Array<{ name: string, error: { code: string, message: string } | null }> | null };

export type GrafanaQueuesQueryVariables = Exact<{
  oneEnv?: Environment | null | undefined;
}>;


export type GrafanaQueuesQuery = { rows: Array<{ source: string, state: QueueState, depth: number, active: number | null, workers: number | null, retrying: number | null, deferred: number | null, dead: number | null, paused: boolean | null, exact: boolean, queue: string, oldest_age_seconds: number | null, processed_per_sec: number | null, failures_last_hour: number | null, drain_seconds: number | null, wait_p50_seconds: number | null, wait_p95_seconds: number | null, run_p50_seconds: number | null, run_p95_seconds: number | null, observed_at: string, owners: Array<{ service: string | null, destination: string | null }> | null }> | null, parts: Array<{ name: string, env: Environment | null, error: { code: string, message: string } | null }> | null };

export type GrafanaQueueErrorsQueryVariables = Exact<{
  oneEnv?: Environment | null | undefined;
}>;


export type GrafanaQueueErrorsQuery = { rows: Array<{ queue: string, source: string, error: string, count: number, fingerprint: string, attempts: number | null, complete: boolean, time: string, job_id: string, first_seen: string }> | null, parts: Array<{ name: string, env: Environment | null, error: { code: string, message: string } | null }> | null };

export type GrafanaHostsQueryVariables = Exact<{ [key: string]: never; }>;


export type GrafanaHostsQuery = { rows: Array<{ status: HostStatus, load1: number | null, alert: boolean, instance: string, reason: string | null, host: string, cpu_util: number | null, mem_util: number | null, disk_util: number | null, network_receive: number | null, network_transmit: number | null }> | null };

export type GrafanaEnginesQueryVariables = Exact<{
  oneEnv?: Environment | null | undefined;
}>;


export type GrafanaEnginesQuery = { rows: Array<{ ok: boolean, engine: string, age_seconds: number | null, error: { code: string, message: string } | null }> | null };

export type GrafanaRestartsQueryVariables = Exact<{
  from: string;
  to: string;
  oneEnv?: Environment | null | undefined;
  oneDestination?: string | null | undefined;
}>;


export type GrafanaRestartsQuery = { rows: { truncated: boolean, entries: Array<{ time: string, kind: TimelineKind, message: string, service: string | null, destination: string | null, env: Environment | null, who: string | null, container: string | null, role: string | null, engine: string | null, version: string | null, outcome: string | null }>, coverage: Array<{ kind: TimelineKind, known: boolean, since: string | null, sampled: boolean, note: string | null }> } | null };

export type GrafanaAlertsQueryVariables = Exact<{
  from: string;
  to: string;
  oneEnv?: Environment | null | undefined;
  oneDestination?: string | null | undefined;
  alerts?: Array<TimelineKind> | TimelineKind | null | undefined;
}>;


export type GrafanaAlertsQuery = { rows: { truncated: boolean, entries: Array<{ time: string, kind: TimelineKind, message: string, service: string | null, destination: string | null, env: Environment | null, from: string | null, to: string | null, container: string | null, role: string | null, engine: string | null, version: string | null, queue: string | null, source: string | null, host: string | null, requested: boolean, exit_code: number | null }>, coverage: Array<{ kind: TimelineKind, known: boolean, since: string | null, sampled: boolean, note: string | null }> } | null };

export type GrafanaUpQueryVariables = Exact<{
  from: string;
  to: string;
  step?: number | null | undefined;
  maxPoints: number;
  oneEnv?: Environment | null | undefined;
  kinds?: Array<UpKind> | UpKind | null | undefined;
}>;


export type GrafanaUpQuery = { rows: Array<{ time: string, kind: UpKind, up: number | null, total: number | null }> | null, parts: Array<{ name: UpKind, error: { code: string, message: string } | null }> | null };


export const GrafanaContainerSeriesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaContainerSeries"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"kind"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ContainerSeriesKind"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"from"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DateTime"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"to"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DateTime"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"step"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"env"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"containers"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"roles"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"destinations"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"includeAccessories"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"containerSeries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"kind"},"value":{"kind":"Variable","name":{"kind":"Name","value":"kind"}}},{"kind":"Argument","name":{"kind":"Name","value":"from"},"value":{"kind":"Variable","name":{"kind":"Name","value":"from"}}},{"kind":"Argument","name":{"kind":"Name","value":"to"},"value":{"kind":"Variable","name":{"kind":"Name","value":"to"}}},{"kind":"Argument","name":{"kind":"Name","value":"step"},"value":{"kind":"Variable","name":{"kind":"Name","value":"step"}}},{"kind":"Argument","name":{"kind":"Name","value":"maxPoints"},"value":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}}},{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"env"}}},{"kind":"Argument","name":{"kind":"Name","value":"containers"},"value":{"kind":"Variable","name":{"kind":"Name","value":"containers"}}},{"kind":"Argument","name":{"kind":"Name","value":"roles"},"value":{"kind":"Variable","name":{"kind":"Name","value":"roles"}}},{"kind":"Argument","name":{"kind":"Name","value":"destinations"},"value":{"kind":"Variable","name":{"kind":"Name","value":"destinations"}}},{"kind":"Argument","name":{"kind":"Name","value":"includeAccessories"},"value":{"kind":"Variable","name":{"kind":"Name","value":"includeAccessories"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"time"}},{"kind":"Field","name":{"kind":"Name","value":"container"}},{"kind":"Field","name":{"kind":"Name","value":"engine"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"problems"},"name":{"kind":"Name","value":"containerSeriesProblems"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"from"},"value":{"kind":"Variable","name":{"kind":"Name","value":"from"}}},{"kind":"Argument","name":{"kind":"Name","value":"to"},"value":{"kind":"Variable","name":{"kind":"Name","value":"to"}}},{"kind":"Argument","name":{"kind":"Name","value":"step"},"value":{"kind":"Variable","name":{"kind":"Name","value":"step"}}},{"kind":"Argument","name":{"kind":"Name","value":"maxPoints"},"value":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}}},{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"env"}}},{"kind":"Argument","name":{"kind":"Name","value":"containers"},"value":{"kind":"Variable","name":{"kind":"Name","value":"containers"}}},{"kind":"Argument","name":{"kind":"Name","value":"roles"},"value":{"kind":"Variable","name":{"kind":"Name","value":"roles"}}},{"kind":"Argument","name":{"kind":"Name","value":"destinations"},"value":{"kind":"Variable","name":{"kind":"Name","value":"destinations"}}},{"kind":"Argument","name":{"kind":"Name","value":"includeAccessories"},"value":{"kind":"Variable","name":{"kind":"Name","value":"includeAccessories"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]} as unknown as DocumentNode<GrafanaContainerSeriesQuery, GrafanaContainerSeriesQueryVariables>;
export const GrafanaDeploysDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaDeploys"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"from"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DateTime"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"to"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DateTime"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneDestination"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"deploys"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"100"}},{"kind":"Argument","name":{"kind":"Name","value":"from"},"value":{"kind":"Variable","name":{"kind":"Name","value":"from"}}},{"kind":"Argument","name":{"kind":"Name","value":"to"},"value":{"kind":"Variable","name":{"kind":"Name","value":"to"}}},{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}},{"kind":"Argument","name":{"kind":"Name","value":"destination"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneDestination"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"time"},"name":{"kind":"Name","value":"deployedAt"}},{"kind":"Field","name":{"kind":"Name","value":"tag"}},{"kind":"Field","alias":{"kind":"Name","value":"previous_tag"},"name":{"kind":"Name","value":"previousTag"}},{"kind":"Field","alias":{"kind":"Name","value":"commit_sha"},"name":{"kind":"Name","value":"commitSha"}},{"kind":"Field","alias":{"kind":"Name","value":"deployed_by"},"name":{"kind":"Name","value":"deployedBy"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","alias":{"kind":"Name","value":"duration_seconds"},"name":{"kind":"Name","value":"durationSeconds"}},{"kind":"Field","name":{"kind":"Name","value":"command"}},{"kind":"Field","name":{"kind":"Name","value":"origin"}}]}}]}},{"kind":"Field","alias":{"kind":"Name","value":"parts"},"name":{"kind":"Name","value":"deployLogs"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"name"},"name":{"kind":"Name","value":"origin"}},{"kind":"Field","name":{"kind":"Name","value":"error"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<GrafanaDeploysQuery, GrafanaDeploysQueryVariables>;
export const GrafanaHostSeriesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaHostSeries"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"kind"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"HostSeriesKind"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"from"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DateTime"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"to"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DateTime"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"step"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"hosts"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"hostSeries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"kind"},"value":{"kind":"Variable","name":{"kind":"Name","value":"kind"}}},{"kind":"Argument","name":{"kind":"Name","value":"from"},"value":{"kind":"Variable","name":{"kind":"Name","value":"from"}}},{"kind":"Argument","name":{"kind":"Name","value":"to"},"value":{"kind":"Variable","name":{"kind":"Name","value":"to"}}},{"kind":"Argument","name":{"kind":"Name","value":"step"},"value":{"kind":"Variable","name":{"kind":"Name","value":"step"}}},{"kind":"Argument","name":{"kind":"Name","value":"maxPoints"},"value":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}}},{"kind":"Argument","name":{"kind":"Name","value":"hosts"},"value":{"kind":"Variable","name":{"kind":"Name","value":"hosts"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"time"}},{"kind":"Field","name":{"kind":"Name","value":"host"}},{"kind":"Field","name":{"kind":"Name","value":"instance"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}}]}}]} as unknown as DocumentNode<GrafanaHostSeriesQuery, GrafanaHostSeriesQueryVariables>;
export const GrafanaQueueOptionsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaQueueOptions"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"queues"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"queue"},"name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"state"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"parts"},"name":{"kind":"Name","value":"queueSources"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"env"}}]}}]}}]} as unknown as DocumentNode<GrafanaQueueOptionsQuery, GrafanaQueueOptionsQueryVariables>;
export const GrafanaContainerOptionsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaContainerOptions"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"includeAccessories"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"containers"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}},{"kind":"Argument","name":{"kind":"Name","value":"includeAccessories"},"value":{"kind":"Variable","name":{"kind":"Name","value":"includeAccessories"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"container"},"name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"engine"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"health"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}}]}}]} as unknown as DocumentNode<GrafanaContainerOptionsQuery, GrafanaContainerOptionsQueryVariables>;
export const GrafanaHostOptionsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaHostOptions"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"hosts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"host"},"name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]} as unknown as DocumentNode<GrafanaHostOptionsQuery, GrafanaHostOptionsQueryVariables>;
export const GrafanaQueueSeriesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaQueueSeries"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"kind"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"QueueSeriesKind"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"from"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DateTime"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"to"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DateTime"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"step"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"env"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"queues"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"sources"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"queueSeries"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"kind"},"value":{"kind":"Variable","name":{"kind":"Name","value":"kind"}}},{"kind":"Argument","name":{"kind":"Name","value":"from"},"value":{"kind":"Variable","name":{"kind":"Name","value":"from"}}},{"kind":"Argument","name":{"kind":"Name","value":"to"},"value":{"kind":"Variable","name":{"kind":"Name","value":"to"}}},{"kind":"Argument","name":{"kind":"Name","value":"step"},"value":{"kind":"Variable","name":{"kind":"Name","value":"step"}}},{"kind":"Argument","name":{"kind":"Name","value":"maxPoints"},"value":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}}},{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"env"}}},{"kind":"Argument","name":{"kind":"Name","value":"queues"},"value":{"kind":"Variable","name":{"kind":"Name","value":"queues"}}},{"kind":"Argument","name":{"kind":"Name","value":"sources"},"value":{"kind":"Variable","name":{"kind":"Name","value":"sources"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"time"}},{"kind":"Field","name":{"kind":"Name","value":"queue"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"parts"},"name":{"kind":"Name","value":"queueSeriesSources"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"from"},"value":{"kind":"Variable","name":{"kind":"Name","value":"from"}}},{"kind":"Argument","name":{"kind":"Name","value":"to"},"value":{"kind":"Variable","name":{"kind":"Name","value":"to"}}},{"kind":"Argument","name":{"kind":"Name","value":"step"},"value":{"kind":"Variable","name":{"kind":"Name","value":"step"}}},{"kind":"Argument","name":{"kind":"Name","value":"maxPoints"},"value":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}}},{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"env"}}},{"kind":"Argument","name":{"kind":"Name","value":"queues"},"value":{"kind":"Variable","name":{"kind":"Name","value":"queues"}}},{"kind":"Argument","name":{"kind":"Name","value":"sources"},"value":{"kind":"Variable","name":{"kind":"Name","value":"sources"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"since"}},{"kind":"Field","name":{"kind":"Name","value":"error"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<GrafanaQueueSeriesQuery, GrafanaQueueSeriesQueryVariables>;
export const GrafanaContainersDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaContainers"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"includeAccessories"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"containers"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}},{"kind":"Argument","name":{"kind":"Name","value":"includeAccessories"},"value":{"kind":"Variable","name":{"kind":"Name","value":"includeAccessories"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"container"},"name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"health"}},{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","alias":{"kind":"Name","value":"commit_sha"},"name":{"kind":"Name","value":"commitSha"}},{"kind":"Field","name":{"kind":"Name","value":"restarts"}},{"kind":"Field","alias":{"kind":"Name","value":"started_at"},"name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","alias":{"kind":"Name","value":"created_at"},"name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","alias":{"kind":"Name","value":"cpu_pct"},"name":{"kind":"Name","value":"cpuPct"}},{"kind":"Field","alias":{"kind":"Name","value":"mem_pct"},"name":{"kind":"Name","value":"memPct"}},{"kind":"Field","name":{"kind":"Name","value":"engine"}},{"kind":"Field","alias":{"kind":"Name","value":"hostname"},"name":{"kind":"Name","value":"host"}},{"kind":"Field","name":{"kind":"Name","value":"image"}},{"kind":"Field","name":{"kind":"Name","value":"stale"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"parts"},"name":{"kind":"Name","value":"engines"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"error"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<GrafanaContainersQuery, GrafanaContainersQueryVariables>;
export const GrafanaQueuesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaQueues"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"queues"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"queue"},"name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"owners"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}}]}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"depth"}},{"kind":"Field","alias":{"kind":"Name","value":"oldest_age_seconds"},"name":{"kind":"Name","value":"oldestAgeSeconds"}},{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"workers"}},{"kind":"Field","alias":{"kind":"Name","value":"processed_per_sec"},"name":{"kind":"Name","value":"processedPerSec"}},{"kind":"Field","alias":{"kind":"Name","value":"failures_last_hour"},"name":{"kind":"Name","value":"failuresLastHour"}},{"kind":"Field","alias":{"kind":"Name","value":"drain_seconds"},"name":{"kind":"Name","value":"drainSeconds"}},{"kind":"Field","name":{"kind":"Name","value":"retrying"}},{"kind":"Field","name":{"kind":"Name","value":"deferred"}},{"kind":"Field","name":{"kind":"Name","value":"dead"}},{"kind":"Field","alias":{"kind":"Name","value":"wait_p50_seconds"},"name":{"kind":"Name","value":"waitP50Seconds"}},{"kind":"Field","alias":{"kind":"Name","value":"wait_p95_seconds"},"name":{"kind":"Name","value":"waitP95Seconds"}},{"kind":"Field","alias":{"kind":"Name","value":"run_p50_seconds"},"name":{"kind":"Name","value":"runP50Seconds"}},{"kind":"Field","alias":{"kind":"Name","value":"run_p95_seconds"},"name":{"kind":"Name","value":"runP95Seconds"}},{"kind":"Field","name":{"kind":"Name","value":"paused"}},{"kind":"Field","name":{"kind":"Name","value":"exact"}},{"kind":"Field","alias":{"kind":"Name","value":"observed_at"},"name":{"kind":"Name","value":"observedAt"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"parts"},"name":{"kind":"Name","value":"queueSources"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"error"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<GrafanaQueuesQuery, GrafanaQueuesQueryVariables>;
export const GrafanaQueueErrorsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaQueueErrors"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"jobErrors"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"100"}},{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"time"},"name":{"kind":"Name","value":"timestamp"}},{"kind":"Field","name":{"kind":"Name","value":"queue"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"error"}},{"kind":"Field","name":{"kind":"Name","value":"count"}},{"kind":"Field","alias":{"kind":"Name","value":"job_id"},"name":{"kind":"Name","value":"jobId"}},{"kind":"Field","name":{"kind":"Name","value":"fingerprint"}},{"kind":"Field","alias":{"kind":"Name","value":"first_seen"},"name":{"kind":"Name","value":"firstSeen"}},{"kind":"Field","name":{"kind":"Name","value":"attempts"}},{"kind":"Field","name":{"kind":"Name","value":"complete"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"parts"},"name":{"kind":"Name","value":"queueSources"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"error"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<GrafanaQueueErrorsQuery, GrafanaQueueErrorsQueryVariables>;
export const GrafanaHostsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaHosts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"hosts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"host"},"name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","alias":{"kind":"Name","value":"cpu_util"},"name":{"kind":"Name","value":"cpuUtil"}},{"kind":"Field","alias":{"kind":"Name","value":"mem_util"},"name":{"kind":"Name","value":"memUtil"}},{"kind":"Field","alias":{"kind":"Name","value":"disk_util"},"name":{"kind":"Name","value":"diskUtil"}},{"kind":"Field","name":{"kind":"Name","value":"load1"}},{"kind":"Field","alias":{"kind":"Name","value":"network_receive"},"name":{"kind":"Name","value":"networkReceiveBytesPerSec"}},{"kind":"Field","alias":{"kind":"Name","value":"network_transmit"},"name":{"kind":"Name","value":"networkTransmitBytesPerSec"}},{"kind":"Field","name":{"kind":"Name","value":"alert"}},{"kind":"Field","name":{"kind":"Name","value":"instance"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}}]}}]}}]} as unknown as DocumentNode<GrafanaHostsQuery, GrafanaHostsQueryVariables>;
export const GrafanaEnginesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaEngines"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"engines"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"engine"},"name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"ok"}},{"kind":"Field","alias":{"kind":"Name","value":"age_seconds"},"name":{"kind":"Name","value":"ageSeconds"}},{"kind":"Field","name":{"kind":"Name","value":"error"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<GrafanaEnginesQuery, GrafanaEnginesQueryVariables>;
export const GrafanaRestartsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaRestarts"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"from"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"to"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneDestination"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"timeline"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"from"},"value":{"kind":"Variable","name":{"kind":"Name","value":"from"}}},{"kind":"Argument","name":{"kind":"Name","value":"to"},"value":{"kind":"Variable","name":{"kind":"Name","value":"to"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"500"}},{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}},{"kind":"Argument","name":{"kind":"Name","value":"destination"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneDestination"}}},{"kind":"Argument","name":{"kind":"Name","value":"kinds"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"RESTART"}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"entries"},"name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"time"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"who"}},{"kind":"Field","alias":{"kind":"Name","value":"outcome"},"name":{"kind":"Name","value":"to"}},{"kind":"Field","name":{"kind":"Name","value":"container"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"engine"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}},{"kind":"Field","name":{"kind":"Name","value":"truncated"}},{"kind":"Field","name":{"kind":"Name","value":"coverage"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"known"}},{"kind":"Field","name":{"kind":"Name","value":"since"}},{"kind":"Field","name":{"kind":"Name","value":"sampled"}},{"kind":"Field","name":{"kind":"Name","value":"note"}}]}}]}}]}}]} as unknown as DocumentNode<GrafanaRestartsQuery, GrafanaRestartsQueryVariables>;
export const GrafanaAlertsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaAlerts"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"from"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"to"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneDestination"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"alerts"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"TimelineKind"}}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"timeline"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"from"},"value":{"kind":"Variable","name":{"kind":"Name","value":"from"}}},{"kind":"Argument","name":{"kind":"Name","value":"to"},"value":{"kind":"Variable","name":{"kind":"Name","value":"to"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"500"}},{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}},{"kind":"Argument","name":{"kind":"Name","value":"destination"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneDestination"}}},{"kind":"Argument","name":{"kind":"Name","value":"kinds"},"value":{"kind":"Variable","name":{"kind":"Name","value":"alerts"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"entries"},"name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"time"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"env"}},{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}},{"kind":"Field","name":{"kind":"Name","value":"container"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"engine"}},{"kind":"Field","name":{"kind":"Name","value":"version"}},{"kind":"Field","name":{"kind":"Name","value":"queue"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"host"}},{"kind":"Field","alias":{"kind":"Name","value":"exit_code"},"name":{"kind":"Name","value":"exitCode"}},{"kind":"Field","name":{"kind":"Name","value":"requested"}}]}},{"kind":"Field","name":{"kind":"Name","value":"truncated"}},{"kind":"Field","name":{"kind":"Name","value":"coverage"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"known"}},{"kind":"Field","name":{"kind":"Name","value":"since"}},{"kind":"Field","name":{"kind":"Name","value":"sampled"}},{"kind":"Field","name":{"kind":"Name","value":"note"}}]}}]}}]}}]} as unknown as DocumentNode<GrafanaAlertsQuery, GrafanaAlertsQueryVariables>;
export const GrafanaUpDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"GrafanaUp"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"from"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DateTime"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"to"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DateTime"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"step"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Environment"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"kinds"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpKind"}}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"rows"},"name":{"kind":"Name","value":"upCounts"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"from"},"value":{"kind":"Variable","name":{"kind":"Name","value":"from"}}},{"kind":"Argument","name":{"kind":"Name","value":"to"},"value":{"kind":"Variable","name":{"kind":"Name","value":"to"}}},{"kind":"Argument","name":{"kind":"Name","value":"step"},"value":{"kind":"Variable","name":{"kind":"Name","value":"step"}}},{"kind":"Argument","name":{"kind":"Name","value":"maxPoints"},"value":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}}},{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}},{"kind":"Argument","name":{"kind":"Name","value":"kinds"},"value":{"kind":"Variable","name":{"kind":"Name","value":"kinds"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"time"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"up"}},{"kind":"Field","name":{"kind":"Name","value":"total"}}]}},{"kind":"Field","alias":{"kind":"Name","value":"parts"},"name":{"kind":"Name","value":"upCountKinds"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"from"},"value":{"kind":"Variable","name":{"kind":"Name","value":"from"}}},{"kind":"Argument","name":{"kind":"Name","value":"to"},"value":{"kind":"Variable","name":{"kind":"Name","value":"to"}}},{"kind":"Argument","name":{"kind":"Name","value":"step"},"value":{"kind":"Variable","name":{"kind":"Name","value":"step"}}},{"kind":"Argument","name":{"kind":"Name","value":"maxPoints"},"value":{"kind":"Variable","name":{"kind":"Name","value":"maxPoints"}}},{"kind":"Argument","name":{"kind":"Name","value":"env"},"value":{"kind":"Variable","name":{"kind":"Name","value":"oneEnv"}}},{"kind":"Argument","name":{"kind":"Name","value":"kinds"},"value":{"kind":"Variable","name":{"kind":"Name","value":"kinds"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","alias":{"kind":"Name","value":"name"},"name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"error"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<GrafanaUpQuery, GrafanaUpQueryVariables>;