/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Whether a container is part of the product. */
export type ContainerKind =
  /** Deployed beside the product: redis, prometheus, grafana, rabbitmq, the proxy ... */
  | 'ACCESSORY'
  /** A role of a configured service (web, runner, worker), or a container that the configuration selects. */
  | 'CORE'
  /** Not part of the product: it belongs to another service, or to none. Only tokens for every environment see it. */
  | 'OTHER';

/** What records a deploy. Best source first: HISTORY, INFO, KAMAL_AUDIT, CONTAINERS, IMAGES. */
export type DeployOrigin =
  /** When the containers of a release were created, including stopped ones that Kamal keeps. */
  | 'CONTAINERS'
  /** deploy_history.jsonl, which the hook in deploy/kamal appends to. */
  | 'HISTORY'
  /** For a release without containers: when its image was last tagged on an engine, as Kamal does, else when it was built. */
  | 'IMAGES'
  /** deploy_info.json, which holds the last deploy. */
  | 'INFO'
  /** Kamal's audit log: what was booted, and by whom. */
  | 'KAMAL_AUDIT';

/** State of a deploy at its service's destination. */
export type DeployState =
  /** The newest deploy, if every live container runs it. If no container runs the newest, the deploy that runs. */
  | 'CURRENT'
  /** It never went live. Kamal's audit log or its containers say so. Other deploys are judged as if it did not exist. Without evidence the state is UNKNOWN. */
  | 'FAILED'
  /** The newest deploy, but not every live container runs it. */
  | 'INCOMPLETE'
  /** The target of a rollback: the good one before the deploy that runs. A good deploy is of another release and was not rolled back. The recorded `previousTag` decides. Without it, the deploy that is known to have served decides. Without either, no deploy is PREVIOUS. */
  | 'PREVIOUS'
  /** The next deploy was a rollback or returned to an earlier release, or an earlier container was started again in its place. */
  | 'ROLLED_BACK'
  /** A later deploy replaced it. None of the other states applies. */
  | 'SUPERSEDED'
  /** Unknown whether it runs or ever served. The newest deploy, when an engine does not answer, containers do not show their release, or its service is not the product's. Also an older deploy without evidence that it ever served. Also a deploy that could belong to several services or destinations. */
  | 'UNKNOWN';

/** Kind of a difference from the last deploy. */
export type DriftKind =
  /** An engine does not answer. What it runs is unknown and appears in no other row. */
  | 'ENGINE_UNKNOWN'
  /** A replaced container is still live on the engine of its replacement. Not reported when it is unclear which of the two replaced the other. */
  | 'LEFTOVER'
  /** An engine runs the service at its destination, but no container of its last deploy, which another engine runs. */
  | 'MISSING_ON_ENGINE'
  /** Replicas of one role, at one destination of a service, run several releases. */
  | 'MIXED_RELEASES'
  /** Containers run another release than the last recorded deploy. */
  | 'UNEXPECTED_RELEASE';

/** Where something belongs. Kamal destinations are mapped to it by the configuration. */
export type Environment =
  /** What customers use. */
  | 'PRODUCTION'
  /** Where releases are tested first. */
  | 'STAGING';

/** Docker's health status. */
export type Health =
  /** Its last check succeeded. */
  | 'HEALTHY'
  /** It has no health check, or is not running. */
  | 'NONE'
  /** It started recently, and no check has succeeded yet. */
  | 'STARTING'
  /** Its last checks failed, as many as its `retries` setting. */
  | 'UNHEALTHY';

/** Whether the node-exporter of a host answers Prometheus. */
export type HostStatus =
  /** It does not answer: the last two scrapes failed. */
  | 'DOWN'
  /** It answers. */
  | 'UP';

/** State of a job, the same for all job systems. */
export type JobState =
  /** It waits for a worker, and may run now. */
  | 'AVAILABLE'
  /** It waits for something else: another job, a limit, or its release. */
  | 'BLOCKED'
  /** It was given up before it ended. */
  | 'CANCELLED'
  /** It succeeded. */
  | 'COMPLETED'
  /** It failed for good: dead, discarded, expired. */
  | 'FAILED'
  /** It failed, and waits for another attempt. */
  | 'RETRYING'
  /** A worker runs it. */
  | 'RUNNING'
  /** It waits for its time. */
  | 'SCHEDULED';

/** Severity that a log line states (JSON logs, logfmt, common prefixes). */
export type LogLevel =
  /** For developers: debug, fine. */
  | 'DEBUG'
  /** Something failed: err, error, severe. */
  | 'ERROR'
  /** Most severe: crit, alert, emerg, fatal, panic. */
  | 'FATAL'
  /** Normal operation: info, notice, log, success. */
  | 'INFO'
  /** The finest detail: trace, verbose, finest. */
  | 'TRACE'
  /** May need attention: warn, warning. */
  | 'WARN';

/** What happened to a followed log. */
export type LogNotice =
  /** Its engine does not answer. The gateway retries, and no line will be missing. */
  | 'ENGINE_LOST'
  /** It runs again. The lines continue where they ended. */
  | 'RESUMED'
  /** The container is not running. Lines continue at its next start. */
  | 'STOPPED'
  /** Since `since` it wrote more than is sent at once (20,000 lines, 5 MB). The oldest of these lines are missing, and `dropped` counts them. Beyond 32 MB, or 5 seconds of counting, `dropped` is a lower bound. */
  | 'TRUNCATED';

/** Where a log line was written. */
export type LogStream =
  /** Standard error. */
  | 'STDERR'
  /** Standard output; for a container with a terminal, all its output. */
  | 'STDOUT';

/** What is wrong, with its rule. Worst first: the order of `CurrentProblems.problems` within a severity. */
export type ProblemKind =
  /** The clock of a container engine or of a database differs from the gateway's by more than 2 s: their times cannot be compared. */
  | 'CLOCK_SKEWED'
  /** Memory at or above 90 % of the container's limit (of its host's memory without one) for 60 s. Detected only while clients request its statistics. */
  | 'CONTAINER_MEMORY_HIGH'
  /** The kernel killed one of its processes for lack of memory in the last 15 min. */
  | 'CONTAINER_OOM_KILLED'
  /** At least 3 restarts by the restart policy in 15 min; it lasts until there is none in this time. */
  | 'CONTAINER_RESTART_LOOP'
  /** A core container of the release that its role runs elsewhere has stopped, and no newer release of the role runs on its engine. */
  | 'CONTAINER_STOPPED'
  /** The container's health check fails. */
  | 'CONTAINER_UNHEALTHY'
  /** The newest deploy of the service at its destination never went live, at most 24 h ago. */
  | 'DEPLOY_FAILED'
  /** Some or all live containers do not run the newest deploy, 5 min after it ended, and no drift or missing role explains it. */
  | 'DEPLOY_INCOMPLETE'
  /** deploy_info.json exists, but cannot be read. */
  | 'DEPLOY_INFO_UNREADABLE'
  /** The verdict on the newest deploy is REGRESSED, at most 1 h after it. */
  | 'DEPLOY_REGRESSED'
  /** The container engine has not answered for 10 s, or never did: what it runs is unknown. */
  | 'ENGINE_UNREACHABLE'
  /** A real file system of the host is more than 90 % full. */
  | 'HOST_DISK_FULL'
  /** The host's node-exporter does not answer Prometheus: its last two scrapes failed. */
  | 'HOST_DOWN'
  /** CPU or memory of the host at or above its threshold (WALLET_CORE_OPS_CPU_THRESHOLD, WALLET_CORE_OPS_MEM_THRESHOLD). */
  | 'HOST_HOT'
  /** A replaced container is still live on the engine of its replacement. Nothing of the role was created or started in the last 5 min. */
  | 'LEFTOVER'
  /** An engine runs the service at its destination, but no container of its last deploy, which another engine runs. Nothing of the role was created or started in the last 5 min. */
  | 'MISSING_ON_ENGINE'
  /** Replicas of one role, at one destination of a service, run several releases. Nothing of the role was created or started in the last 5 min. */
  | 'MIXED_RELEASES'
  /** A runnable job has waited longer than 60 s, or the waiting jobs take more than 600 s to clear. */
  | 'QUEUE_BACKLOG'
  /** At least 5 failures in the last hour, and at least 50 % of what ended in the last 5 minutes failed. Successes that counted when the latest failure was read count as long as that failure, so a batch is not failing because its failures ended last. */
  | 'QUEUE_FAILING'
  /** Jobs could run, and the system reports no workers. */
  | 'QUEUE_NO_WORKERS'
  /** Jobs count as running, but their worker is in no live container, or restarted since. */
  | 'QUEUE_ORPHANS'
  /** The numbers of the source cannot be read, while others in the same database or broker can. */
  | 'QUEUE_SOURCE_DOWN'
  /** The oldest runnable job has waited longer than 300 s, and nothing ended in the last 5 minutes. While a job runs, the limit is 5 times the p95 of the queue's run times, at least 120 s and at most 1800 s. While no run time is known, it is 1800 s. Where the rate is unknown, nothing ended if for 5 minutes of reads the oldest job stayed the same, no fewer waited, and the rows show none that was taken. Where it is sampled, 5 minutes of samples show no success. */
  | 'QUEUE_STALLED'
  /** A role that should run has containers, but none of them runs or restarts, and no engine that does not answer is known to run it. */
  | 'ROLE_DOWN'
  /** Containers run another release than the last recorded deploy. Nothing of the role was created or started in the last 5 min. */
  | 'UNEXPECTED_RELEASE'
  /** Nothing can be read from a database, a broker or Prometheus: its state is unknown. */
  | 'UPSTREAM_DOWN';

/** How urgent a problem is, as its alert. */
export type ProblemSeverity =
  /** Act now. */
  | 'CRITICAL'
  /** Act today. */
  | 'WARNING';

/** How it is known that a service works on a queue. */
export type QueueOwnerBasis =
  /** No worker of the queue is known, and the token sees no other service in the environment of the source. */
  | 'ALONE'
  /** WALLET_CORE_OPS_QUEUES_FILE says so. */
  | 'CONFIGURED'
  /** Its containers run, or ran in the last 24 h, jobs of the queue, by the host names in the rows of jobs that run or that failed in the last 60 minutes. */
  | 'WORKERS';

/** State of a queue: the first that holds, in this order: PAUSED, NO_WORKERS, STALLED, FAILING, BACKLOG, UNKNOWN, IDLE, OK. */
export type QueueState =
  /** A runnable job has waited longer than 60 s, or the waiting jobs take more than 600 s to clear. */
  | 'BACKLOG'
  /** At least 5 failures in the last hour, and at least 50 % of what ended in the last 5 minutes failed. Successes that counted when the latest failure was read count as long as that failure, so a batch is not failing because its failures ended last. */
  | 'FAILING'
  /** No job is runnable or running, and none succeeded in the last 5 minutes. Never where the rate is unknown. */
  | 'IDLE'
  /** Jobs could run, and the system reports no workers. */
  | 'NO_WORKERS'
  /** None of the others. */
  | 'OK'
  /** It is paused. */
  | 'PAUSED'
  /** The oldest runnable job has waited longer than 300 s, and nothing ended in the last 5 minutes. While a job runs, the limit is 5 times the p95 of the queue's run times, at least 120 s and at most 1800 s. While no run time is known, it is 1800 s. Where the rate is unknown, nothing ended if for 5 minutes of reads the oldest job stayed the same, no fewer waited, and the rows show none that was taken. Where it is sampled, 5 minutes of samples show no success. */
  | 'STALLED'
  /** It may be failing: at least 5 failures in the last hour, one of them in the last 5 minutes, and how many jobs succeeded is unknown. */
  | 'UNKNOWN';

/** Kind of a line in a role's log. */
export type RoleLogKind =
  /** A line that the container wrote. */
  | 'LINE'
  /** Not a written line: the release of the container begins here. */
  | 'MARKER';

/** What happened to one container of a followed role. A notice is sent at once; lines from before it may follow. */
export type RoleLogNoticeKind =
  /** Its engine does not answer. The gateway retries, and no line will be missing. */
  | 'ENGINE_LOST'
  /** It is followed from now on. */
  | 'JOINED'
  /** It no longer belongs to the role. Everything that it wrote was read. */
  | 'LEFT'
  /** It runs again. The lines continue where they ended. */
  | 'RESUMED'
  /** It is not running. */
  | 'STOPPED'
  /** Since `since`, or before it was detected, it wrote more than is sent at once (20,000 lines, 5 MB; with `since` of all containers together). The oldest of these lines are missing, and `dropped` counts them. Beyond 32 MB, or 5 seconds of counting, `dropped` is a lower bound. */
  | 'TRUNCATED'
  /** Its log cannot be read. The gateway retries. */
  | 'UNREADABLE';

/** Outcome for one container of the role. */
export type RoleRestartOutcome =
  /** Not restarted, or it is unknown whether it was: see `error`. */
  | 'FAILED'
  /** Restarted, and healthy afterwards. */
  | 'RESTARTED'
  /** Not tried, because an earlier one was not healthy, or the gateway is stopping. */
  | 'SKIPPED'
  /** Restarted, but not healthy in time. */
  | 'UNHEALTHY';

/** What happened. */
export type TimelineKind =
  /** A container ended, by itself or because it was stopped. */
  | 'CONTAINER_DEATH'
  /** A deploy ended. */
  | 'DEPLOY'
  /** An engine was out of contact. Events of its containers may be missing before this. */
  | 'GAP'
  /** The health of a container changed. */
  | 'HEALTH'
  /** A host crossed an alert threshold, went down, or recovered. */
  | 'HOST_ALERT'
  /** A container ran out of memory. */
  | 'OOM_KILL'
  /** The state of a queue changed; IDLE counts as OK. */
  | 'QUEUE_STATE'
  /** Somebody restarted a container. */
  | 'RESTART';

/** Why a gateway never judges a deploy. */
export type UnjudgeableReason =
  /** No container of it went live, so there is no release to compare. */
  | 'FAILED'
  /** The gateway is not responsible for its service (SERVICE, CORE). */
  | 'OTHER_SERVICE';

/** Whether a release is worse than the one before it. */
export type VerdictOutcome =
  /** It is not worse than the release before it. */
  | 'CLEAN'
  /** Nothing is known to be worse, but there is not enough data. */
  | 'NOT_ENOUGH_DATA'
  /** It is worse than the release before it. */
  | 'REGRESSED';

export type PreviewRestartMutationVariables = Exact<{
  name: string;
  engine?: string | null | undefined;
  includeAccessories?: boolean;
}>;


export type PreviewRestartMutation = { restartContainer: { name: string, status: string, health: Health, preview: { lastHealthy: boolean | null, healthyPeers: number | null, refusal: { code: string, message: string } | null, work: { total: number | null, jobs: Array<{ jobId: string, queue: string, source: string, kind: string | null, startedAt: string | null }> | null, gaps: Array<{ source: string | null, reason: string }> } | null } | null } | null };

export type RestartContainerMutationVariables = Exact<{
  name: string;
  engine?: string | null | undefined;
  includeAccessories?: boolean;
  reason?: string | null | undefined;
  idempotencyKey?: string | null | undefined;
  waitHealthy?: boolean;
  waitSeconds?: number;
}>;


export type RestartContainerMutation = { restartContainer: { name: string, restarted: boolean, status: string, health: Health, healthy: boolean | null, startedAt: string | null } | null };

export type RestartRoleMutationVariables = Exact<{
  role: string;
  service?: string | null | undefined;
  destination?: string | null | undefined;
  env?: Environment | null | undefined;
  reason: string;
  waitSeconds?: number;
}>;


export type RestartRoleMutation = { restartRole: { complete: boolean, steps: Array<{ outcome: RoleRestartOutcome, error: { code: string, message: string } | null, container: { name: string, engine: string, health: Health } | null }> } | null };

export type RetryJobMutationVariables = Exact<{
  source: string;
  jobId: string;
  queue?: string | null | undefined;
  reason: string;
}>;


export type RetryJobMutation = { retryJob: { source: string, queue: string | null, jobId: string, state: string } | null };

export type DiscardJobMutationVariables = Exact<{
  source: string;
  jobId: string;
  queue?: string | null | undefined;
  reason: string;
}>;


export type DiscardJobMutation = { discardJob: { source: string, queue: string | null, jobId: string, state: string } | null };

export type RetryErrorGroupMutationVariables = Exact<{
  source: string;
  queue: string;
  fingerprint: string;
  limit?: number;
  reason: string;
  dryRun?: boolean;
}>;


export type RetryErrorGroupMutation = { retryErrorGroup: { source: string, queue: string, count: number, jobIds: Array<string> | null, left: number, skipped: Array<{ jobId: string, code: string, message: string }> | null, error: { code: string, message: string } | null } | null };

export type DiscardErrorGroupMutationVariables = Exact<{
  source: string;
  queue: string;
  fingerprint: string;
  limit?: number;
  reason: string;
  dryRun?: boolean;
}>;


export type DiscardErrorGroupMutation = { discardErrorGroup: { source: string, queue: string, count: number, jobIds: Array<string> | null, left: number, skipped: Array<{ jobId: string, code: string, message: string }> | null, error: { code: string, message: string } | null } | null };

export type GroupChangeFieldsFragment = { source: string, queue: string, count: number, jobIds: Array<string> | null, left: number, skipped: Array<{ jobId: string, code: string, message: string }> | null, error: { code: string, message: string } | null };

export type ExplainContainerQueryVariables = Exact<{
  name: string;
  engine?: string | null | undefined;
}>;


export type ExplainContainerQuery = { container: { shortId: string, image: string, ports: Array<string>, createdAt: string, commitSha: string, id: string, name: string, engine: string, host: string, kind: ContainerKind, service: string | null, role: string, env: Environment | null, destination: string | null, version: string, status: string, health: Health, restarts: number | null, startedAt: string | null, stale: boolean, healthCheck: { status: string, failingStreak: number | null, exitCode: number | null, output: string | null }, work: { jobs: Array<{ jobId: string, queue: string, source: string, kind: string | null, startedAt: string | null, worker: string | null }> | null } | null, problems: Array<{ id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, evidence: Array<string>, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, container: { name: string, engine: string } | null, queue: { name: string, source: string } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null }> | null, timeline: Array<{ time: string, kind: TimelineKind, message: string, container: string | null, role: string | null, queue: string | null, source: string | null, host: string | null, engine: string | null, service: string | null, destination: string | null, env: Environment | null, version: string | null, who: string | null }> | null } | null };

export type ExplainRoleQueryVariables = Exact<{
  name: string;
}>;


export type ExplainRoleQuery = { roles: Array<{ service: string | null, destination: string | null, env: Environment | null, problems: Array<{ id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, evidence: Array<string>, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, container: { name: string, engine: string } | null, queue: { name: string, source: string } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null }> | null, timeline: Array<{ time: string, kind: TimelineKind, message: string, container: string | null, role: string | null, queue: string | null, source: string | null, host: string | null, engine: string | null, service: string | null, destination: string | null, env: Environment | null, version: string | null, who: string | null }> | null }> | null };

export type ExplainQueueQueryVariables = Exact<{
  name: string;
  source?: string | null | undefined;
}>;


export type ExplainQueueQuery = { queue: { name: string, source: string, state: QueueState, orphans: number | null, windowSeconds: number | null, paused: boolean | null, exact: boolean, observedAt: string, depth: number, oldestAgeSeconds: number | null, active: number | null, workers: number | null, processedPerSec: number | null, failuresLastHour: number | null, drainSeconds: number | null, retrying: number | null, deferred: number | null, dead: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP50Seconds: number | null, runP95Seconds: number | null, errors: Array<{ fingerprint: string, error: string, count: number, complete: boolean, timestamp: string, jobId: string }> | null, problems: Array<{ id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, evidence: Array<string>, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, container: { name: string, engine: string } | null, queue: { name: string, source: string } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null }> | null, timeline: Array<{ time: string, kind: TimelineKind, message: string, container: string | null, role: string | null, queue: string | null, source: string | null, host: string | null, engine: string | null, service: string | null, destination: string | null, env: Environment | null, version: string | null, who: string | null }> | null, owners: Array<{ service: string | null, destination: string | null, everyDestination: boolean, basis: QueueOwnerBasis }> | null } | null };

export type ExplainHostQueryVariables = Exact<{
  name: string;
}>;


export type ExplainHostQuery = { host: { problems: Array<{ id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, evidence: Array<string>, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, container: { name: string, engine: string } | null, queue: { name: string, source: string } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null }> | null, timeline: Array<{ time: string, kind: TimelineKind, message: string, container: string | null, role: string | null, queue: string | null, source: string | null, host: string | null, engine: string | null, service: string | null, destination: string | null, env: Environment | null, version: string | null, who: string | null }> | null } | null };

export type ExplainEngineQueryVariables = Exact<{ [key: string]: never; }>;


export type ExplainEngineQuery = { engines: Array<{ name: string, problems: Array<{ id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, evidence: Array<string>, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, container: { name: string, engine: string } | null, queue: { name: string, source: string } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null }> | null, timeline: Array<{ time: string, kind: TimelineKind, message: string, container: string | null, role: string | null, queue: string | null, source: string | null, host: string | null, engine: string | null, service: string | null, destination: string | null, env: Environment | null, version: string | null, who: string | null }> | null }> | null };

export type ExplainDeployQueryVariables = Exact<{
  id: string;
  window?: number;
}>;


export type ExplainDeployQuery = { node:
    | { id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState, verdict: { outcome: VerdictOutcome, unjudgeable: UnjudgeableReason | null, reasons: Array<string>, gaps: Array<string>, windowSeconds: number | null, newErrors: Array<{ fingerprint: string, error: string, count: number, regressed: boolean }> | null, queues: Array<{ queue: string, source: string, outcome: VerdictOutcome, reasons: Array<string> }> } | null, problems: Array<{ id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, evidence: Array<string>, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, container: { name: string, engine: string } | null, queue: { name: string, source: string } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null }> | null, timeline: Array<{ time: string, kind: TimelineKind, message: string, container: string | null, role: string | null, queue: string | null, source: string | null, host: string | null, engine: string | null, service: string | null, destination: string | null, env: Environment | null, version: string | null, who: string | null }> | null }
    | Record<PropertyKey, never>
   | null };

export type LogsQueryVariables = Exact<{
  role?: string | null | undefined;
  names?: Array<string> | string | null | undefined;
  engine?: string | null | undefined;
  service?: string | null | undefined;
  destination?: string | null | undefined;
  env?: Environment | null | undefined;
  includeAccessories?: boolean;
  level?: LogLevel | null | undefined;
  levelStrict?: boolean;
  search?: string | null | undefined;
  searchRegex?: string | null | undefined;
  ignoreCase?: boolean;
  stream?: LogStream | null | undefined;
  since?: string | null | undefined;
  until?: string | null | undefined;
  tail?: number;
  at?: string | null | undefined;
  before?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type LogsQuery = { logs: { truncated: boolean, hasOlder: boolean, hasNewer: boolean, startCursor: string | null, endCursor: string | null, lines: Array<{ kind: RoleLogKind, timestamp: string, level: LogLevel | null, stream: LogStream | null, message: string, container: { name: string, engine: string, version: string } }>, containers: Array<{ container: { name: string }, error: { code: string, message: string } | null }>, engines: Array<{ name: string, ok: boolean, error: { code: string, message: string } | null }>, historyError: { code: string, message: string } | null } | null };

export type LogLineFieldsFragment = { kind: RoleLogKind, timestamp: string, level: LogLevel | null, stream: LogStream | null, message: string, container: { name: string, engine: string, version: string } };

export type FollowLogsSubscriptionVariables = Exact<{
  role?: string | null | undefined;
  names?: Array<string> | string | null | undefined;
  engine?: string | null | undefined;
  service?: string | null | undefined;
  destination?: string | null | undefined;
  env?: Environment | null | undefined;
  includeAccessories?: boolean;
  level?: LogLevel | null | undefined;
  levelStrict?: boolean;
  search?: string | null | undefined;
  searchRegex?: string | null | undefined;
  ignoreCase?: boolean;
  stream?: LogStream | null | undefined;
  since?: string | null | undefined;
  tail?: number | null | undefined;
}>;


export type FollowLogsSubscription = { logs: { dropped: number, ended: string | null, lines: Array<{ kind: RoleLogKind, timestamp: string, level: LogLevel | null, stream: LogStream | null, message: string, container: { name: string, engine: string, version: string } }>, notices: Array<{ notice: RoleLogNoticeKind, container: { name: string }, error: { code: string, message: string } | null }> } | null };

export type StoredLogsSubscriptionVariables = Exact<{
  role?: string | null | undefined;
  names?: Array<string> | string | null | undefined;
  engine?: string | null | undefined;
  service?: string | null | undefined;
  destination?: string | null | undefined;
  env?: Environment | null | undefined;
  includeAccessories?: boolean;
  level?: LogLevel | null | undefined;
  levelStrict?: boolean;
  search?: string | null | undefined;
  searchRegex?: string | null | undefined;
  ignoreCase?: boolean;
  stream?: LogStream | null | undefined;
  since?: string | null | undefined;
  until?: string | null | undefined;
  newest?: number | null | undefined;
}>;


export type StoredLogsSubscription = { storedLogs: { completeSince: string | null, ended: string | null, lines: Array<{ kind: RoleLogKind, timestamp: string, level: LogLevel | null, stream: LogStream | null, message: string, container: { name: string, engine: string, version: string } }>, containers: Array<{ truncated: boolean, container: { name: string, engine: string }, error: { code: string, message: string } | null }>, engines: Array<{ name: string, ok: boolean, error: { code: string, message: string } | null }>, historyError: { code: string, message: string } | null } | null };

export type FollowContainerLogSubscriptionVariables = Exact<{
  name: string;
  engine?: string | null | undefined;
  level?: LogLevel | null | undefined;
  levelStrict?: boolean;
  search?: string | null | undefined;
  searchRegex?: string | null | undefined;
  ignoreCase?: boolean;
  stream?: LogStream | null | undefined;
  since?: string | null | undefined;
  tail?: number | null | undefined;
}>;


export type FollowContainerLogSubscription = { containerLogs: { dropped: number, notice: LogNotice | null, ended: string | null, lines: Array<{ timestamp: string, level: LogLevel | null, stream: LogStream, message: string }> } | null };

export type FollowContainersSubscriptionVariables = Exact<{
  env?: Environment | null | undefined;
  engine?: string | null | undefined;
  includeAccessories?: boolean;
}>;


export type FollowContainersSubscription = { containers: { snapshot: boolean, ended: string | null, changed: Array<{ commitSha: string, id: string, name: string, engine: string, host: string, kind: ContainerKind, service: string | null, role: string, env: Environment | null, destination: string | null, version: string, status: string, health: Health, restarts: number | null, startedAt: string | null, stale: boolean }>, removed: Array<{ id: string }> } | null };

export type ContainersQueryVariables = Exact<{
  env?: Environment | null | undefined;
  engine?: string | null | undefined;
  includeAccessories?: boolean;
}>;


export type ContainersQuery = { containers: Array<{ commitSha: string, id: string, name: string, engine: string, host: string, kind: ContainerKind, service: string | null, role: string, env: Environment | null, destination: string | null, version: string, status: string, health: Health, restarts: number | null, startedAt: string | null, stale: boolean }> | null, engines: Array<{ name: string, ok: boolean, ageSeconds: number | null, error: { code: string, message: string } | null }> | null };

export type ContainerUsageQueryVariables = Exact<{
  env?: Environment | null | undefined;
  engine?: string | null | undefined;
  includeAccessories?: boolean;
}>;


export type ContainerUsageQuery = { containers: Array<{ id: string, cpuPct: number | null, memPct: number | null }> | null };

export type ContainerQueryVariables = Exact<{
  name: string;
  engine?: string | null | undefined;
}>;


export type ContainerQuery = { container: { shortId: string, image: string, ports: Array<string>, createdAt: string, commitSha: string, id: string, name: string, engine: string, host: string, kind: ContainerKind, service: string | null, role: string, env: Environment | null, destination: string | null, version: string, status: string, health: Health, restarts: number | null, startedAt: string | null, stale: boolean, healthCheck: { status: string, failingStreak: number | null, exitCode: number | null, output: string | null } } | null };

export type ContainerFieldsFragment = { commitSha: string, id: string, name: string, engine: string, host: string, kind: ContainerKind, service: string | null, role: string, env: Environment | null, destination: string | null, version: string, status: string, health: Health, restarts: number | null, startedAt: string | null, stale: boolean };

export type QueuesQueryVariables = Exact<{ [key: string]: never; }>;


export type QueuesQuery = { queues: Array<{ name: string, source: string, state: QueueState, orphans: number | null, windowSeconds: number | null, paused: boolean | null, exact: boolean, observedAt: string, depth: number, oldestAgeSeconds: number | null, active: number | null, workers: number | null, processedPerSec: number | null, failuresLastHour: number | null, drainSeconds: number | null, retrying: number | null, deferred: number | null, dead: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP50Seconds: number | null, runP95Seconds: number | null, owners: Array<{ service: string | null, destination: string | null, everyDestination: boolean, basis: QueueOwnerBasis }> | null }> | null, queueSources: Array<{ name: string, kind: string, env: Environment | null, ok: boolean, owner: { service: string | null, destination: string | null, everyDestination: boolean, basis: QueueOwnerBasis } | null, error: { code: string, message: string } | null }> | null };

export type QueueQueryVariables = Exact<{
  name: string;
  source?: string | null | undefined;
}>;


export type QueueQuery = { queue: { name: string, source: string, state: QueueState, orphans: number | null, windowSeconds: number | null, paused: boolean | null, exact: boolean, observedAt: string, depth: number, oldestAgeSeconds: number | null, active: number | null, workers: number | null, processedPerSec: number | null, failuresLastHour: number | null, drainSeconds: number | null, retrying: number | null, deferred: number | null, dead: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP50Seconds: number | null, runP95Seconds: number | null, errors: Array<{ fingerprint: string, error: string, count: number, complete: boolean, timestamp: string, jobId: string }> | null, owners: Array<{ service: string | null, destination: string | null, everyDestination: boolean, basis: QueueOwnerBasis }> | null } | null };

export type QueueFieldsFragment = { name: string, source: string, state: QueueState, orphans: number | null, windowSeconds: number | null, paused: boolean | null, exact: boolean, observedAt: string, depth: number, oldestAgeSeconds: number | null, active: number | null, workers: number | null, processedPerSec: number | null, failuresLastHour: number | null, drainSeconds: number | null, retrying: number | null, deferred: number | null, dead: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP50Seconds: number | null, runP95Seconds: number | null, owners: Array<{ service: string | null, destination: string | null, everyDestination: boolean, basis: QueueOwnerBasis }> | null };

export type ErrorsQueryVariables = Exact<{
  env?: Environment | null | undefined;
  first?: number;
}>;


export type ErrorsQuery = { errorGroups: Array<{ fingerprint: string, error: string, count: number, complete: boolean, firstSeen: string, lastSeen: string, queues: Array<{ name: string, source: string, count: number }>, releases: Array<{ version: string | null, service: string | null, destination: string | null, count: number }>, jobs: Array<{ source: string, queue: string, jobId: string }> }> | null };

export type JobsQueryVariables = Exact<{
  source: string;
  queue?: string | null | undefined;
  state?: JobState | null | undefined;
  first?: number;
  after?: string | null | undefined;
}>;


export type JobsQuery = { jobs: { nodes: Array<{ jobId: string, queue: string, source: string, kind: string | null, state: JobState | null, systemState: string, attempt: number | null, startedAt: string | null, finishedAt: string | null, worker: string | null, version: string | null, container: { name: string, engine: string, role: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type JobQueryVariables = Exact<{
  source: string;
  jobId: string;
  queue?: string | null | undefined;
}>;


export type JobQuery = { job: { createdAt: string | null, scheduledAt: string | null, finishedAt: string | null, maxAttempts: number | null, jobId: string, queue: string, source: string, kind: string | null, state: JobState | null, systemState: string, attempt: number | null, startedAt: string | null, worker: string | null, version: string | null, attempts: Array<{ number: number | null, at: string | null, error: string, worker: string | null, version: string | null, container: { name: string, engine: string } | null }> | null, container: { name: string, engine: string, role: string } | null } | null };

export type JobFieldsFragment = { jobId: string, queue: string, source: string, kind: string | null, state: JobState | null, systemState: string, attempt: number | null, startedAt: string | null, finishedAt: string | null, worker: string | null, version: string | null, container: { name: string, engine: string, role: string } | null };

export type HostsQueryVariables = Exact<{ [key: string]: never; }>;


export type HostsQuery = { hostsUpdatedAt: string | null, hosts: Array<{ name: string, instance: string, status: HostStatus, alert: boolean, diskMountpoint: string | null, diskDevice: string | null, reason: string | null, cpuUtil: number | null, memUtil: number | null, diskUtil: number | null, load1: number | null, networkReceiveBytesPerSec: number | null, networkTransmitBytesPerSec: number | null }> | null };

export type DeploysQueryVariables = Exact<{
  env?: Environment | null | undefined;
  tag?: string | null | undefined;
  first?: number;
  after?: string | null | undefined;
}>;


export type DeploysQuery = { deploys: { nodes: Array<{ id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type LatestDeploysQueryVariables = Exact<{
  maxAgeSeconds?: number | null | undefined;
}>;


export type LatestDeploysQuery = { latestDeploys: Array<{ id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState }> | null };

export type DeployFieldsFragment = { id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState };

export type LatestVerdictsQueryVariables = Exact<{
  window?: number;
}>;


export type LatestVerdictsQuery = { latestDeploys: Array<{ id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState, verdict: { outcome: VerdictOutcome, unjudgeable: UnjudgeableReason | null, reasons: Array<string>, gaps: Array<string>, windowSeconds: number | null, newErrors: Array<{ fingerprint: string, error: string, count: number, regressed: boolean }> | null, queues: Array<{ queue: string, source: string, outcome: VerdictOutcome, reasons: Array<string> }> } | null }> | null };

export type VerdictQueryVariables = Exact<{
  id: string;
  window?: number;
}>;


export type VerdictQuery = { node:
    | { id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState, verdict: { outcome: VerdictOutcome, unjudgeable: UnjudgeableReason | null, reasons: Array<string>, gaps: Array<string>, windowSeconds: number | null, newErrors: Array<{ fingerprint: string, error: string, count: number, regressed: boolean }> | null, queues: Array<{ queue: string, source: string, outcome: VerdictOutcome, reasons: Array<string> }> } | null }
    | Record<PropertyKey, never>
   | null };

export type VerdictFieldsFragment = { outcome: VerdictOutcome, unjudgeable: UnjudgeableReason | null, reasons: Array<string>, gaps: Array<string>, windowSeconds: number | null, newErrors: Array<{ fingerprint: string, error: string, count: number, regressed: boolean }> | null, queues: Array<{ queue: string, source: string, outcome: VerdictOutcome, reasons: Array<string> }> };

export type DriftQueryVariables = Exact<{
  env?: Environment | null | undefined;
}>;


export type DriftQuery = { drift: Array<{ kind: DriftKind, message: string, role: string | null, service: string | null, destination: string | null, env: Environment | null, engine: string | null, expected: string | null, found: Array<string>, settling: boolean }> | null };

export type TimelineQueryVariables = Exact<{
  env?: Environment | null | undefined;
  kinds?: Array<TimelineKind> | TimelineKind | null | undefined;
  from?: string;
  to?: string | null | undefined;
  first?: number;
  after?: string | null | undefined;
}>;


export type TimelineQuery = { timeline: { nodes: Array<{ time: string, kind: TimelineKind, message: string, container: string | null, role: string | null, queue: string | null, source: string | null, host: string | null, engine: string | null, service: string | null, destination: string | null, env: Environment | null, version: string | null, who: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type EntryFieldsFragment = { time: string, kind: TimelineKind, message: string, container: string | null, role: string | null, queue: string | null, source: string | null, host: string | null, engine: string | null, service: string | null, destination: string | null, env: Environment | null, version: string | null, who: string | null };

export type ProblemsQueryVariables = Exact<{
  env?: Environment | null | undefined;
}>;


export type ProblemsQuery = { problems: { criticalCount: number, warningCount: number, gaps: Array<string>, quietSince: string | null, checkedAt: string, problems: Array<{ id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, evidence: Array<string>, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, container: { name: string, engine: string } | null, queue: { name: string, source: string } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null }> } | null };

export type ProblemFieldsFragment = { id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, evidence: Array<string>, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, container: { name: string, engine: string } | null, queue: { name: string, source: string } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null };

export type AuditLogQueryVariables = Exact<{
  first?: number;
  after?: string | null | undefined;
}>;


export type AuditLogQuery = { auditLog: { nodes: Array<{ seq: number, at: string, action: string, outcome: string, subject: string, agent: string | null, containerName: string, engine: string, jobSource: string | null, jobQueue: string | null, jobIds: Array<string>, env: string | null, reason: string | null, detail: string | null, code: string | null, intent: number | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { subject: string, kid: string, scopes: Array<string>, environments: Array<Environment>, everyEnvironment: boolean, expiresAt: string | null }, server: { version: string, startedAt: string, services: Array<string>, restartEnabled: boolean, jobsEnabled: boolean } | null };

export type UsageSeriesQueryVariables = Exact<{
  env?: Array<Environment> | Environment | null | undefined;
  from: string;
  to: string;
  maxPoints: number;
}>;


export type UsageSeriesQuery = { cpu: Array<{ container: string, engine: string, time: string, value: number | null }> | null, mem: Array<{ container: string, engine: string, time: string, value: number | null }> | null };

export type UsagePointFragment = { container: string, engine: string, time: string, value: number | null };

export type ContainerRowFragment = { id: string, name: string, engine: string, host: string, kind: ContainerKind, service: string | null, role: string, env: Environment | null, destination: string | null, version: string, status: string, health: Health, restarts: number | null, startedAt: string | null, stale: boolean };

export type DeployRowFragment = { id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState };

export type HostNumbersFragment = { cpuUtil: number | null, memUtil: number | null, diskUtil: number | null, load1: number | null, networkReceiveBytesPerSec: number | null, networkTransmitBytesPerSec: number | null };

export type QueueNumbersFragment = { depth: number, oldestAgeSeconds: number | null, active: number | null, workers: number | null, processedPerSec: number | null, failuresLastHour: number | null, drainSeconds: number | null, retrying: number | null, deferred: number | null, dead: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP50Seconds: number | null, runP95Seconds: number | null };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const GroupChangeFieldsFragmentDoc = new TypedDocumentString(`
    fragment GroupChangeFields on ErrorGroupChange {
  source
  queue
  count
  jobIds
  left
  skipped {
    jobId
    code
    message
  }
  error {
    code
    message
  }
}
    `, {"fragmentName":"GroupChangeFields"}) as unknown as TypedDocumentString<GroupChangeFieldsFragment, unknown>;
export const LogLineFieldsFragmentDoc = new TypedDocumentString(`
    fragment LogLineFields on RoleLogLine {
  kind
  timestamp
  level
  stream
  message
  container {
    name
    engine
    version
  }
}
    `, {"fragmentName":"LogLineFields"}) as unknown as TypedDocumentString<LogLineFieldsFragment, unknown>;
export const ContainerRowFragmentDoc = new TypedDocumentString(`
    fragment ContainerRow on Container {
  id
  name
  engine
  host
  kind
  service
  role
  env
  destination
  version
  status
  health
  restarts
  startedAt
  stale
}
    `, {"fragmentName":"ContainerRow"}) as unknown as TypedDocumentString<ContainerRowFragment, unknown>;
export const ContainerFieldsFragmentDoc = new TypedDocumentString(`
    fragment ContainerFields on Container {
  ...ContainerRow
  commitSha
}
    fragment ContainerRow on Container {
  id
  name
  engine
  host
  kind
  service
  role
  env
  destination
  version
  status
  health
  restarts
  startedAt
  stale
}`, {"fragmentName":"ContainerFields"}) as unknown as TypedDocumentString<ContainerFieldsFragment, unknown>;
export const QueueNumbersFragmentDoc = new TypedDocumentString(`
    fragment QueueNumbers on Queue {
  depth
  oldestAgeSeconds
  active
  workers
  processedPerSec
  failuresLastHour
  drainSeconds
  retrying
  deferred
  dead
  waitP50Seconds
  waitP95Seconds
  runP50Seconds
  runP95Seconds
}
    `, {"fragmentName":"QueueNumbers"}) as unknown as TypedDocumentString<QueueNumbersFragment, unknown>;
export const QueueFieldsFragmentDoc = new TypedDocumentString(`
    fragment QueueFields on Queue {
  name
  source
  owners {
    service
    destination
    everyDestination
    basis
  }
  state
  ...QueueNumbers
  orphans
  windowSeconds
  paused
  exact
  observedAt
}
    fragment QueueNumbers on Queue {
  depth
  oldestAgeSeconds
  active
  workers
  processedPerSec
  failuresLastHour
  drainSeconds
  retrying
  deferred
  dead
  waitP50Seconds
  waitP95Seconds
  runP50Seconds
  runP95Seconds
}`, {"fragmentName":"QueueFields"}) as unknown as TypedDocumentString<QueueFieldsFragment, unknown>;
export const JobFieldsFragmentDoc = new TypedDocumentString(`
    fragment JobFields on Job {
  jobId
  queue
  source
  kind
  state
  systemState
  attempt
  startedAt
  finishedAt
  worker
  version
  container {
    name
    engine
    role
  }
}
    `, {"fragmentName":"JobFields"}) as unknown as TypedDocumentString<JobFieldsFragment, unknown>;
export const DeployRowFragmentDoc = new TypedDocumentString(`
    fragment DeployRow on Deploy {
  id
  tag
  previousTag
  version
  commitSha
  service
  env
  destination
  deployedAt
  deployedBy
  durationSeconds
  command
  origin
  state
}
    `, {"fragmentName":"DeployRow"}) as unknown as TypedDocumentString<DeployRowFragment, unknown>;
export const DeployFieldsFragmentDoc = new TypedDocumentString(`
    fragment DeployFields on Deploy {
  ...DeployRow
}
    fragment DeployRow on Deploy {
  id
  tag
  previousTag
  version
  commitSha
  service
  env
  destination
  deployedAt
  deployedBy
  durationSeconds
  command
  origin
  state
}`, {"fragmentName":"DeployFields"}) as unknown as TypedDocumentString<DeployFieldsFragment, unknown>;
export const VerdictFieldsFragmentDoc = new TypedDocumentString(`
    fragment VerdictFields on DeployVerdict {
  outcome
  unjudgeable
  reasons
  gaps
  windowSeconds
  newErrors {
    fingerprint
    error
    count
    regressed
  }
  queues {
    queue
    source
    outcome
    reasons
  }
}
    `, {"fragmentName":"VerdictFields"}) as unknown as TypedDocumentString<VerdictFieldsFragment, unknown>;
export const EntryFieldsFragmentDoc = new TypedDocumentString(`
    fragment EntryFields on TimelineEntry {
  time
  kind
  message
  container
  role
  queue
  source
  host
  engine
  service
  destination
  env
  version
  who
}
    `, {"fragmentName":"EntryFields"}) as unknown as TypedDocumentString<EntryFieldsFragment, unknown>;
export const ProblemFieldsFragmentDoc = new TypedDocumentString(`
    fragment ProblemFields on CurrentProblem {
  id
  kind
  severity
  title
  since
  evidence
  rule
  alert
  env
  destination
  service
  role
  source
  container {
    name
    engine
  }
  queue {
    name
    source
  }
  host {
    name
  }
  engine {
    name
  }
  deploy {
    id
    tag
  }
}
    `, {"fragmentName":"ProblemFields"}) as unknown as TypedDocumentString<ProblemFieldsFragment, unknown>;
export const UsagePointFragmentDoc = new TypedDocumentString(`
    fragment UsagePoint on ContainerSample {
  container
  engine
  time
  value
}
    `, {"fragmentName":"UsagePoint"}) as unknown as TypedDocumentString<UsagePointFragment, unknown>;
export const HostNumbersFragmentDoc = new TypedDocumentString(`
    fragment HostNumbers on Host {
  cpuUtil
  memUtil
  diskUtil
  load1
  networkReceiveBytesPerSec
  networkTransmitBytesPerSec
}
    `, {"fragmentName":"HostNumbers"}) as unknown as TypedDocumentString<HostNumbersFragment, unknown>;
export const PreviewRestart = new TypedDocumentString(`
    mutation PreviewRestart($name: String!, $engine: String, $includeAccessories: Boolean! = false) {
  restartContainer(
    name: $name
    engine: $engine
    includeAccessories: $includeAccessories
    dryRun: true
  ) {
    name
    status
    health
    preview {
      lastHealthy
      healthyPeers
      refusal {
        code
        message
      }
      work {
        total
        jobs {
          jobId
          queue
          source
          kind
          startedAt
        }
        gaps {
          source
          reason
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewRestartMutation, PreviewRestartMutationVariables>;
export const RestartContainer = new TypedDocumentString(`
    mutation RestartContainer($name: String!, $engine: String, $includeAccessories: Boolean! = false, $reason: String, $idempotencyKey: String, $waitHealthy: Boolean! = false, $waitSeconds: Int! = 60) {
  restartContainer(
    name: $name
    engine: $engine
    includeAccessories: $includeAccessories
    reason: $reason
    idempotencyKey: $idempotencyKey
    waitHealthy: $waitHealthy
    waitSeconds: $waitSeconds
  ) {
    name
    restarted
    status
    health
    healthy
    startedAt
  }
}
    `) as unknown as TypedDocumentString<RestartContainerMutation, RestartContainerMutationVariables>;
export const RestartRole = new TypedDocumentString(`
    mutation RestartRole($role: String!, $service: String, $destination: String, $env: Environment, $reason: String!, $waitSeconds: Int! = 60) {
  restartRole(
    role: $role
    service: $service
    destination: $destination
    env: $env
    reason: $reason
    waitSeconds: $waitSeconds
  ) {
    complete
    steps {
      outcome
      error {
        code
        message
      }
      container {
        name
        engine
        health
      }
    }
  }
}
    `) as unknown as TypedDocumentString<RestartRoleMutation, RestartRoleMutationVariables>;
export const RetryJob = new TypedDocumentString(`
    mutation RetryJob($source: String!, $jobId: String!, $queue: String, $reason: String!) {
  retryJob(source: $source, jobId: $jobId, queue: $queue, reason: $reason) {
    source
    queue
    jobId
    state
  }
}
    `) as unknown as TypedDocumentString<RetryJobMutation, RetryJobMutationVariables>;
export const DiscardJob = new TypedDocumentString(`
    mutation DiscardJob($source: String!, $jobId: String!, $queue: String, $reason: String!) {
  discardJob(source: $source, jobId: $jobId, queue: $queue, reason: $reason) {
    source
    queue
    jobId
    state
  }
}
    `) as unknown as TypedDocumentString<DiscardJobMutation, DiscardJobMutationVariables>;
export const RetryErrorGroup = new TypedDocumentString(`
    mutation RetryErrorGroup($source: String!, $queue: String!, $fingerprint: String!, $limit: Int! = 100, $reason: String!, $dryRun: Boolean! = false) {
  retryErrorGroup(
    source: $source
    queue: $queue
    fingerprint: $fingerprint
    limit: $limit
    reason: $reason
    dryRun: $dryRun
  ) {
    ...GroupChangeFields
  }
}
    fragment GroupChangeFields on ErrorGroupChange {
  source
  queue
  count
  jobIds
  left
  skipped {
    jobId
    code
    message
  }
  error {
    code
    message
  }
}`) as unknown as TypedDocumentString<RetryErrorGroupMutation, RetryErrorGroupMutationVariables>;
export const DiscardErrorGroup = new TypedDocumentString(`
    mutation DiscardErrorGroup($source: String!, $queue: String!, $fingerprint: String!, $limit: Int! = 100, $reason: String!, $dryRun: Boolean! = false) {
  discardErrorGroup(
    source: $source
    queue: $queue
    fingerprint: $fingerprint
    limit: $limit
    reason: $reason
    dryRun: $dryRun
  ) {
    ...GroupChangeFields
  }
}
    fragment GroupChangeFields on ErrorGroupChange {
  source
  queue
  count
  jobIds
  left
  skipped {
    jobId
    code
    message
  }
  error {
    code
    message
  }
}`) as unknown as TypedDocumentString<DiscardErrorGroupMutation, DiscardErrorGroupMutationVariables>;
export const ExplainContainer = new TypedDocumentString(`
    query ExplainContainer($name: String!, $engine: String) {
  container(name: $name, engine: $engine, includeAccessories: true) {
    ...ContainerFields
    shortId
    image
    ports
    createdAt
    healthCheck {
      status
      failingStreak
      exitCode
      output
    }
    work {
      jobs {
        jobId
        queue
        source
        kind
        startedAt
        worker
      }
    }
    problems {
      ...ProblemFields
    }
    timeline(first: 5) {
      ...EntryFields
    }
  }
}
    fragment ContainerFields on Container {
  ...ContainerRow
  commitSha
}
fragment EntryFields on TimelineEntry {
  time
  kind
  message
  container
  role
  queue
  source
  host
  engine
  service
  destination
  env
  version
  who
}
fragment ProblemFields on CurrentProblem {
  id
  kind
  severity
  title
  since
  evidence
  rule
  alert
  env
  destination
  service
  role
  source
  container {
    name
    engine
  }
  queue {
    name
    source
  }
  host {
    name
  }
  engine {
    name
  }
  deploy {
    id
    tag
  }
}
fragment ContainerRow on Container {
  id
  name
  engine
  host
  kind
  service
  role
  env
  destination
  version
  status
  health
  restarts
  startedAt
  stale
}`) as unknown as TypedDocumentString<ExplainContainerQuery, ExplainContainerQueryVariables>;
export const ExplainRole = new TypedDocumentString(`
    query ExplainRole($name: String!) {
  roles(name: $name, includeAccessories: true) {
    service
    destination
    env
    problems {
      ...ProblemFields
    }
    timeline(first: 5) {
      ...EntryFields
    }
  }
}
    fragment EntryFields on TimelineEntry {
  time
  kind
  message
  container
  role
  queue
  source
  host
  engine
  service
  destination
  env
  version
  who
}
fragment ProblemFields on CurrentProblem {
  id
  kind
  severity
  title
  since
  evidence
  rule
  alert
  env
  destination
  service
  role
  source
  container {
    name
    engine
  }
  queue {
    name
    source
  }
  host {
    name
  }
  engine {
    name
  }
  deploy {
    id
    tag
  }
}`) as unknown as TypedDocumentString<ExplainRoleQuery, ExplainRoleQueryVariables>;
export const ExplainQueue = new TypedDocumentString(`
    query ExplainQueue($name: String!, $source: String) {
  queue(name: $name, source: $source) {
    ...QueueFields
    errors(first: 10) {
      fingerprint
      error
      count
      complete
      timestamp
      jobId
    }
    problems {
      ...ProblemFields
    }
    timeline(first: 5) {
      ...EntryFields
    }
  }
}
    fragment QueueFields on Queue {
  name
  source
  owners {
    service
    destination
    everyDestination
    basis
  }
  state
  ...QueueNumbers
  orphans
  windowSeconds
  paused
  exact
  observedAt
}
fragment EntryFields on TimelineEntry {
  time
  kind
  message
  container
  role
  queue
  source
  host
  engine
  service
  destination
  env
  version
  who
}
fragment ProblemFields on CurrentProblem {
  id
  kind
  severity
  title
  since
  evidence
  rule
  alert
  env
  destination
  service
  role
  source
  container {
    name
    engine
  }
  queue {
    name
    source
  }
  host {
    name
  }
  engine {
    name
  }
  deploy {
    id
    tag
  }
}
fragment QueueNumbers on Queue {
  depth
  oldestAgeSeconds
  active
  workers
  processedPerSec
  failuresLastHour
  drainSeconds
  retrying
  deferred
  dead
  waitP50Seconds
  waitP95Seconds
  runP50Seconds
  runP95Seconds
}`) as unknown as TypedDocumentString<ExplainQueueQuery, ExplainQueueQueryVariables>;
export const ExplainHost = new TypedDocumentString(`
    query ExplainHost($name: String!) {
  host(name: $name) {
    problems {
      ...ProblemFields
    }
    timeline(first: 5) {
      ...EntryFields
    }
  }
}
    fragment EntryFields on TimelineEntry {
  time
  kind
  message
  container
  role
  queue
  source
  host
  engine
  service
  destination
  env
  version
  who
}
fragment ProblemFields on CurrentProblem {
  id
  kind
  severity
  title
  since
  evidence
  rule
  alert
  env
  destination
  service
  role
  source
  container {
    name
    engine
  }
  queue {
    name
    source
  }
  host {
    name
  }
  engine {
    name
  }
  deploy {
    id
    tag
  }
}`) as unknown as TypedDocumentString<ExplainHostQuery, ExplainHostQueryVariables>;
export const ExplainEngine = new TypedDocumentString(`
    query ExplainEngine {
  engines {
    name
    problems {
      ...ProblemFields
    }
    timeline(first: 5) {
      ...EntryFields
    }
  }
}
    fragment EntryFields on TimelineEntry {
  time
  kind
  message
  container
  role
  queue
  source
  host
  engine
  service
  destination
  env
  version
  who
}
fragment ProblemFields on CurrentProblem {
  id
  kind
  severity
  title
  since
  evidence
  rule
  alert
  env
  destination
  service
  role
  source
  container {
    name
    engine
  }
  queue {
    name
    source
  }
  host {
    name
  }
  engine {
    name
  }
  deploy {
    id
    tag
  }
}`) as unknown as TypedDocumentString<ExplainEngineQuery, ExplainEngineQueryVariables>;
export const ExplainDeploy = new TypedDocumentString(`
    query ExplainDeploy($id: ID!, $window: Int! = 1800) {
  node(id: $id) {
    ... on Deploy {
      ...DeployFields
      verdict(window: $window) {
        ...VerdictFields
      }
      problems {
        ...ProblemFields
      }
      timeline(first: 5) {
        ...EntryFields
      }
    }
  }
}
    fragment DeployFields on Deploy {
  ...DeployRow
}
fragment VerdictFields on DeployVerdict {
  outcome
  unjudgeable
  reasons
  gaps
  windowSeconds
  newErrors {
    fingerprint
    error
    count
    regressed
  }
  queues {
    queue
    source
    outcome
    reasons
  }
}
fragment EntryFields on TimelineEntry {
  time
  kind
  message
  container
  role
  queue
  source
  host
  engine
  service
  destination
  env
  version
  who
}
fragment ProblemFields on CurrentProblem {
  id
  kind
  severity
  title
  since
  evidence
  rule
  alert
  env
  destination
  service
  role
  source
  container {
    name
    engine
  }
  queue {
    name
    source
  }
  host {
    name
  }
  engine {
    name
  }
  deploy {
    id
    tag
  }
}
fragment DeployRow on Deploy {
  id
  tag
  previousTag
  version
  commitSha
  service
  env
  destination
  deployedAt
  deployedBy
  durationSeconds
  command
  origin
  state
}`) as unknown as TypedDocumentString<ExplainDeployQuery, ExplainDeployQueryVariables>;
export const Logs = new TypedDocumentString(`
    query Logs($role: String, $names: [String!], $engine: String, $service: String, $destination: String, $env: Environment, $includeAccessories: Boolean! = false, $level: LogLevel, $levelStrict: Boolean! = false, $search: String, $searchRegex: String, $ignoreCase: Boolean! = false, $stream: LogStream, $since: String, $until: String, $tail: Int! = 200, $at: String, $before: String, $after: String) {
  logs(
    role: $role
    names: $names
    engine: $engine
    service: $service
    destination: $destination
    env: $env
    includeAccessories: $includeAccessories
    level: $level
    levelStrict: $levelStrict
    search: $search
    searchRegex: $searchRegex
    ignoreCase: $ignoreCase
    stream: $stream
    since: $since
    until: $until
    tail: $tail
    at: $at
    before: $before
    after: $after
  ) {
    lines {
      ...LogLineFields
    }
    truncated
    hasOlder
    hasNewer
    startCursor
    endCursor
    containers {
      container {
        name
      }
      error {
        code
        message
      }
    }
    engines {
      name
      ok
      error {
        code
        message
      }
    }
    historyError {
      code
      message
    }
  }
}
    fragment LogLineFields on RoleLogLine {
  kind
  timestamp
  level
  stream
  message
  container {
    name
    engine
    version
  }
}`) as unknown as TypedDocumentString<LogsQuery, LogsQueryVariables>;
export const FollowLogs = new TypedDocumentString(`
    subscription FollowLogs($role: String, $names: [String!], $engine: String, $service: String, $destination: String, $env: Environment, $includeAccessories: Boolean! = false, $level: LogLevel, $levelStrict: Boolean! = false, $search: String, $searchRegex: String, $ignoreCase: Boolean! = false, $stream: LogStream, $since: String, $tail: Int) {
  logs(
    role: $role
    names: $names
    engine: $engine
    service: $service
    destination: $destination
    env: $env
    includeAccessories: $includeAccessories
    level: $level
    levelStrict: $levelStrict
    search: $search
    searchRegex: $searchRegex
    ignoreCase: $ignoreCase
    stream: $stream
    since: $since
    tail: $tail
  ) {
    lines {
      ...LogLineFields
    }
    dropped
    notices {
      container {
        name
      }
      notice
      error {
        code
        message
      }
    }
    ended
  }
}
    fragment LogLineFields on RoleLogLine {
  kind
  timestamp
  level
  stream
  message
  container {
    name
    engine
    version
  }
}`) as unknown as TypedDocumentString<FollowLogsSubscription, FollowLogsSubscriptionVariables>;
export const StoredLogs = new TypedDocumentString(`
    subscription StoredLogs($role: String, $names: [String!], $engine: String, $service: String, $destination: String, $env: Environment, $includeAccessories: Boolean! = false, $level: LogLevel, $levelStrict: Boolean! = false, $search: String, $searchRegex: String, $ignoreCase: Boolean! = false, $stream: LogStream, $since: String, $until: String, $newest: Int) {
  storedLogs(
    role: $role
    names: $names
    engine: $engine
    service: $service
    destination: $destination
    env: $env
    includeAccessories: $includeAccessories
    level: $level
    levelStrict: $levelStrict
    search: $search
    searchRegex: $searchRegex
    ignoreCase: $ignoreCase
    stream: $stream
    since: $since
    until: $until
    newest: $newest
  ) {
    lines {
      ...LogLineFields
    }
    completeSince
    containers {
      container {
        name
        engine
      }
      truncated
      error {
        code
        message
      }
    }
    engines {
      name
      ok
      error {
        code
        message
      }
    }
    historyError {
      code
      message
    }
    ended
  }
}
    fragment LogLineFields on RoleLogLine {
  kind
  timestamp
  level
  stream
  message
  container {
    name
    engine
    version
  }
}`) as unknown as TypedDocumentString<StoredLogsSubscription, StoredLogsSubscriptionVariables>;
export const FollowContainerLog = new TypedDocumentString(`
    subscription FollowContainerLog($name: String!, $engine: String, $level: LogLevel, $levelStrict: Boolean! = false, $search: String, $searchRegex: String, $ignoreCase: Boolean! = false, $stream: LogStream, $since: String, $tail: Int) {
  containerLogs(
    name: $name
    engine: $engine
    includeAccessories: true
    level: $level
    levelStrict: $levelStrict
    search: $search
    searchRegex: $searchRegex
    ignoreCase: $ignoreCase
    stream: $stream
    since: $since
    tail: $tail
  ) {
    lines {
      timestamp
      level
      stream
      message
    }
    dropped
    notice
    ended
  }
}
    `) as unknown as TypedDocumentString<FollowContainerLogSubscription, FollowContainerLogSubscriptionVariables>;
export const FollowContainers = new TypedDocumentString(`
    subscription FollowContainers($env: Environment, $engine: String, $includeAccessories: Boolean! = false) {
  containers(env: $env, engine: $engine, includeAccessories: $includeAccessories) {
    snapshot
    changed {
      ...ContainerFields
    }
    removed {
      id
    }
    ended
  }
}
    fragment ContainerFields on Container {
  ...ContainerRow
  commitSha
}
fragment ContainerRow on Container {
  id
  name
  engine
  host
  kind
  service
  role
  env
  destination
  version
  status
  health
  restarts
  startedAt
  stale
}`) as unknown as TypedDocumentString<FollowContainersSubscription, FollowContainersSubscriptionVariables>;
export const Containers = new TypedDocumentString(`
    query Containers($env: Environment, $engine: String, $includeAccessories: Boolean! = false) {
  containers(env: $env, engine: $engine, includeAccessories: $includeAccessories) {
    ...ContainerFields
  }
  engines {
    name
    ok
    ageSeconds
    error {
      code
      message
    }
  }
}
    fragment ContainerFields on Container {
  ...ContainerRow
  commitSha
}
fragment ContainerRow on Container {
  id
  name
  engine
  host
  kind
  service
  role
  env
  destination
  version
  status
  health
  restarts
  startedAt
  stale
}`) as unknown as TypedDocumentString<ContainersQuery, ContainersQueryVariables>;
export const ContainerUsage = new TypedDocumentString(`
    query ContainerUsage($env: Environment, $engine: String, $includeAccessories: Boolean! = false) {
  containers(env: $env, engine: $engine, includeAccessories: $includeAccessories) {
    id
    cpuPct
    memPct
  }
}
    `) as unknown as TypedDocumentString<ContainerUsageQuery, ContainerUsageQueryVariables>;
export const Container = new TypedDocumentString(`
    query Container($name: String!, $engine: String) {
  container(name: $name, engine: $engine, includeAccessories: true) {
    ...ContainerFields
    shortId
    image
    ports
    createdAt
    healthCheck {
      status
      failingStreak
      exitCode
      output
    }
  }
}
    fragment ContainerFields on Container {
  ...ContainerRow
  commitSha
}
fragment ContainerRow on Container {
  id
  name
  engine
  host
  kind
  service
  role
  env
  destination
  version
  status
  health
  restarts
  startedAt
  stale
}`) as unknown as TypedDocumentString<ContainerQuery, ContainerQueryVariables>;
export const Queues = new TypedDocumentString(`
    query Queues {
  queues {
    ...QueueFields
  }
  queueSources {
    name
    kind
    env
    owner {
      service
      destination
      everyDestination
      basis
    }
    ok
    error {
      code
      message
    }
  }
}
    fragment QueueFields on Queue {
  name
  source
  owners {
    service
    destination
    everyDestination
    basis
  }
  state
  ...QueueNumbers
  orphans
  windowSeconds
  paused
  exact
  observedAt
}
fragment QueueNumbers on Queue {
  depth
  oldestAgeSeconds
  active
  workers
  processedPerSec
  failuresLastHour
  drainSeconds
  retrying
  deferred
  dead
  waitP50Seconds
  waitP95Seconds
  runP50Seconds
  runP95Seconds
}`) as unknown as TypedDocumentString<QueuesQuery, QueuesQueryVariables>;
export const Queue = new TypedDocumentString(`
    query Queue($name: String!, $source: String) {
  queue(name: $name, source: $source) {
    ...QueueFields
    errors(first: 10) {
      fingerprint
      error
      count
      complete
      timestamp
      jobId
    }
  }
}
    fragment QueueFields on Queue {
  name
  source
  owners {
    service
    destination
    everyDestination
    basis
  }
  state
  ...QueueNumbers
  orphans
  windowSeconds
  paused
  exact
  observedAt
}
fragment QueueNumbers on Queue {
  depth
  oldestAgeSeconds
  active
  workers
  processedPerSec
  failuresLastHour
  drainSeconds
  retrying
  deferred
  dead
  waitP50Seconds
  waitP95Seconds
  runP50Seconds
  runP95Seconds
}`) as unknown as TypedDocumentString<QueueQuery, QueueQueryVariables>;
export const Errors = new TypedDocumentString(`
    query Errors($env: Environment, $first: Int! = 50) {
  errorGroups(env: $env, first: $first) {
    fingerprint
    error
    count
    complete
    firstSeen
    lastSeen
    queues {
      name
      source
      count
    }
    releases {
      version
      service
      destination
      count
    }
    jobs {
      source
      queue
      jobId
    }
  }
}
    `) as unknown as TypedDocumentString<ErrorsQuery, ErrorsQueryVariables>;
export const Jobs = new TypedDocumentString(`
    query Jobs($source: String!, $queue: String, $state: JobState, $first: Int! = 50, $after: String) {
  jobs(
    source: $source
    queue: $queue
    state: $state
    first: $first
    after: $after
  ) {
    nodes {
      ...JobFields
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment JobFields on Job {
  jobId
  queue
  source
  kind
  state
  systemState
  attempt
  startedAt
  finishedAt
  worker
  version
  container {
    name
    engine
    role
  }
}`) as unknown as TypedDocumentString<JobsQuery, JobsQueryVariables>;
export const Job = new TypedDocumentString(`
    query Job($source: String!, $jobId: String!, $queue: String) {
  job(source: $source, id: $jobId, queue: $queue) {
    ...JobFields
    createdAt
    scheduledAt
    finishedAt
    maxAttempts
    attempts {
      number
      at
      error
      worker
      version
      container {
        name
        engine
      }
    }
  }
}
    fragment JobFields on Job {
  jobId
  queue
  source
  kind
  state
  systemState
  attempt
  startedAt
  finishedAt
  worker
  version
  container {
    name
    engine
    role
  }
}`) as unknown as TypedDocumentString<JobQuery, JobQueryVariables>;
export const Hosts = new TypedDocumentString(`
    query Hosts {
  hosts {
    name
    instance
    status
    alert
    ...HostNumbers
    diskMountpoint
    diskDevice
    reason
  }
  hostsUpdatedAt
}
    fragment HostNumbers on Host {
  cpuUtil
  memUtil
  diskUtil
  load1
  networkReceiveBytesPerSec
  networkTransmitBytesPerSec
}`) as unknown as TypedDocumentString<HostsQuery, HostsQueryVariables>;
export const Deploys = new TypedDocumentString(`
    query Deploys($env: Environment, $tag: String, $first: Int! = 20, $after: String) {
  deploys(env: $env, tag: $tag, first: $first, after: $after) {
    nodes {
      ...DeployFields
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment DeployFields on Deploy {
  ...DeployRow
}
fragment DeployRow on Deploy {
  id
  tag
  previousTag
  version
  commitSha
  service
  env
  destination
  deployedAt
  deployedBy
  durationSeconds
  command
  origin
  state
}`) as unknown as TypedDocumentString<DeploysQuery, DeploysQueryVariables>;
export const LatestDeploys = new TypedDocumentString(`
    query LatestDeploys($maxAgeSeconds: Int) {
  latestDeploys(maxAgeSeconds: $maxAgeSeconds) {
    ...DeployFields
  }
}
    fragment DeployFields on Deploy {
  ...DeployRow
}
fragment DeployRow on Deploy {
  id
  tag
  previousTag
  version
  commitSha
  service
  env
  destination
  deployedAt
  deployedBy
  durationSeconds
  command
  origin
  state
}`) as unknown as TypedDocumentString<LatestDeploysQuery, LatestDeploysQueryVariables>;
export const LatestVerdicts = new TypedDocumentString(`
    query LatestVerdicts($window: Int! = 1800) {
  latestDeploys {
    ...DeployFields
    verdict(window: $window) {
      ...VerdictFields
    }
  }
}
    fragment DeployFields on Deploy {
  ...DeployRow
}
fragment VerdictFields on DeployVerdict {
  outcome
  unjudgeable
  reasons
  gaps
  windowSeconds
  newErrors {
    fingerprint
    error
    count
    regressed
  }
  queues {
    queue
    source
    outcome
    reasons
  }
}
fragment DeployRow on Deploy {
  id
  tag
  previousTag
  version
  commitSha
  service
  env
  destination
  deployedAt
  deployedBy
  durationSeconds
  command
  origin
  state
}`) as unknown as TypedDocumentString<LatestVerdictsQuery, LatestVerdictsQueryVariables>;
export const Verdict = new TypedDocumentString(`
    query Verdict($id: ID!, $window: Int! = 1800) {
  node(id: $id) {
    ... on Deploy {
      ...DeployFields
      verdict(window: $window) {
        ...VerdictFields
      }
    }
  }
}
    fragment DeployFields on Deploy {
  ...DeployRow
}
fragment VerdictFields on DeployVerdict {
  outcome
  unjudgeable
  reasons
  gaps
  windowSeconds
  newErrors {
    fingerprint
    error
    count
    regressed
  }
  queues {
    queue
    source
    outcome
    reasons
  }
}
fragment DeployRow on Deploy {
  id
  tag
  previousTag
  version
  commitSha
  service
  env
  destination
  deployedAt
  deployedBy
  durationSeconds
  command
  origin
  state
}`) as unknown as TypedDocumentString<VerdictQuery, VerdictQueryVariables>;
export const Drift = new TypedDocumentString(`
    query Drift($env: Environment) {
  drift(env: $env) {
    kind
    message
    role
    service
    destination
    env
    engine
    expected
    found
    settling
  }
}
    `) as unknown as TypedDocumentString<DriftQuery, DriftQueryVariables>;
export const Timeline = new TypedDocumentString(`
    query Timeline($env: Environment, $kinds: [TimelineKind!], $from: String! = "24h", $to: String, $first: Int! = 50, $after: String) {
  timeline(
    env: $env
    kinds: $kinds
    from: $from
    to: $to
    first: $first
    after: $after
  ) {
    nodes {
      ...EntryFields
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment EntryFields on TimelineEntry {
  time
  kind
  message
  container
  role
  queue
  source
  host
  engine
  service
  destination
  env
  version
  who
}`) as unknown as TypedDocumentString<TimelineQuery, TimelineQueryVariables>;
export const Problems = new TypedDocumentString(`
    query Problems($env: Environment) {
  problems(env: $env) {
    problems {
      ...ProblemFields
    }
    criticalCount
    warningCount
    gaps
    quietSince
    checkedAt
  }
}
    fragment ProblemFields on CurrentProblem {
  id
  kind
  severity
  title
  since
  evidence
  rule
  alert
  env
  destination
  service
  role
  source
  container {
    name
    engine
  }
  queue {
    name
    source
  }
  host {
    name
  }
  engine {
    name
  }
  deploy {
    id
    tag
  }
}`) as unknown as TypedDocumentString<ProblemsQuery, ProblemsQueryVariables>;
export const AuditLog = new TypedDocumentString(`
    query AuditLog($first: Int! = 50, $after: String) {
  auditLog(first: $first, after: $after) {
    nodes {
      seq
      at
      action
      outcome
      subject
      agent
      containerName
      engine
      jobSource
      jobQueue
      jobIds
      env
      reason
      detail
      code
      intent
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<AuditLogQuery, AuditLogQueryVariables>;
export const Viewer = new TypedDocumentString(`
    query Viewer {
  viewer {
    subject
    kid
    scopes
    environments
    everyEnvironment
    expiresAt
  }
  server {
    version
    startedAt
    services
    restartEnabled
    jobsEnabled
  }
}
    `) as unknown as TypedDocumentString<ViewerQuery, ViewerQueryVariables>;
export const UsageSeries = new TypedDocumentString(`
    query UsageSeries($env: [Environment!], $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {
  cpu: containerSeries(
    kind: CPU_PCT
    env: $env
    from: $from
    to: $to
    maxPoints: $maxPoints
  ) {
    ...UsagePoint
  }
  mem: containerSeries(
    kind: MEM_PCT
    env: $env
    from: $from
    to: $to
    maxPoints: $maxPoints
  ) {
    ...UsagePoint
  }
}
    fragment UsagePoint on ContainerSample {
  container
  engine
  time
  value
}`) as unknown as TypedDocumentString<UsageSeriesQuery, UsageSeriesQueryVariables>;