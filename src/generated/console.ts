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

/** What of the containers is worse after a deploy. */
export type ContainersWorsening =
  /** They restart more often. */
  | 'RESTARTS'
  /** They are unhealthy now. */
  | 'UNHEALTHY_NOW'
  /** They were unhealthy for longer. */
  | 'UNHEALTHY_TIME';

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

/** Where the history of a container comes from. */
export type HistoryOrigin =
  /** The gateway's own samples of the last 10 minutes, taken while clients request them. */
  | 'MEMORY'
  /** Prometheus, which scrapes the gateway's /metrics. */
  | 'PROMETHEUS';

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

/** The window that a queue's jobs after a deploy are compared with. */
export type QueueBaseline =
  /** The one right before the deploy. */
  | 'BEFORE'
  /** The one at the same hour a day before. */
  | 'DAY'
  /** The one at the same hour a week before. */
  | 'WEEK';

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

/** What of a queue is worse after a deploy. */
export type QueueWorsening =
  /** A larger share of its jobs fails. */
  | 'FAILURES'
  /** Its jobs run longer. */
  | 'RUNNING_TIME'
  /** It has stopped. */
  | 'STOPPED'
  /** Its jobs wait longer. */
  | 'WAITING_TIME';

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

export type ConsoleAuditQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type ConsoleAuditQuery = { auditLog: { edges: Array<{ cursor: string, node: { seq: number, at: string, outcome: string, action: string, intent: number | null, subject: string, agent: string | null, kid: string, auth: string | null, ip: string | null, requestId: string, clientRequestId: string | null, engine: string, containerName: string, env: string | null, reason: string | null, detail: string | null, code: string | null, dockerStatus: number | null, durationMs: number | null, jobSource: string | null, jobQueue: string | null, jobIds: Array<string>, fingerprint: string | null } }>, pageInfo: { hasNextPage: boolean } } | null };

export type AuditRowFragment = { seq: number, at: string, outcome: string, action: string, intent: number | null, subject: string, agent: string | null, kid: string, auth: string | null, ip: string | null, requestId: string, clientRequestId: string | null, engine: string, containerName: string, env: string | null, reason: string | null, detail: string | null, code: string | null, dockerStatus: number | null, durationMs: number | null, jobSource: string | null, jobQueue: string | null, jobIds: Array<string>, fingerprint: string | null };

export type ConsoleAuditChainQueryVariables = Exact<{ [key: string]: never; }>;


export type ConsoleAuditChainQuery = { auditChain: { ok: boolean | null, firstSeq: number | null, lastSeq: number | null, checkedAt: string | null, problem: string | null } | null };

export type ConsoleContainerQueryVariables = Exact<{
  name: string;
  engine?: string | null | undefined;
}>;


export type ConsoleContainerQuery = { container: { shortId: string, commitSha: string, image: string, createdAt: string, ports: Array<string>, observedAt: string, id: string, name: string, engine: string, host: string, kind: ContainerKind, service: string | null, role: string, env: Environment | null, destination: string | null, version: string, status: string, health: Health, restarts: number | null, startedAt: string | null, stale: boolean, hostMetrics: { name: string } | null, stats: { cpuPct: number | null, cpuPeriods: number | null, cpuThrottledPeriods: number | null, memUsedBytes: number | null, memLimitBytes: number | null, memPct: number | null, networkReceiveBytes: number | null, networkTransmitBytes: number | null, blockReadBytes: number | null, blockWriteBytes: number | null, pids: number | null, sampledAt: string } | null, healthCheck: { status: string, health: Health, healthy: boolean | null, failingStreak: number | null, checkedAt: string | null, output: string | null, exitCode: number | null, timedOut: boolean | null, durationMs: number | null } } | null };

export type HealthResultFragment = { status: string, health: Health, healthy: boolean | null, failingStreak: number | null, checkedAt: string | null, output: string | null, exitCode: number | null, timedOut: boolean | null, durationMs: number | null };

export type ConsoleProbeQueryVariables = Exact<{
  name: string;
  engine?: string | null | undefined;
}>;


export type ConsoleProbeQuery = { container: { healthCheck: { status: string, health: Health, healthy: boolean | null, failingStreak: number | null, checkedAt: string | null, output: string | null, exitCode: number | null, timedOut: boolean | null, durationMs: number | null } } | null };

export type ConsoleContainerHistoryQueryVariables = Exact<{
  name: string;
  engine?: string | null | undefined;
  from: string;
  to: string;
}>;


export type ConsoleContainerHistoryQuery = { container: { history: { since: string | null, source: HistoryOrigin, stepSeconds: number, points: Array<{ time: string, cpuPct: number | null, memPct: number | null, restarts: number | null }>, problem: { code: string, message: string } | null } | null } | null };

export type ConsoleContainerTailSubscriptionVariables = Exact<{
  name: string;
  engine?: string | null | undefined;
  tail: number;
}>;


export type ConsoleContainerTailSubscription = { containerLogs: { notice: LogNotice | null, lines: Array<{ timestamp: string, stream: LogStream, level: LogLevel | null, message: string }> } | null };

export type TailLineFragment = { timestamp: string, stream: LogStream, level: LogLevel | null, message: string };

export type ConsoleContainerTimelineQueryVariables = Exact<{
  env?: Environment | null | undefined;
  from: string;
  first: number;
}>;


export type ConsoleContainerTimelineQuery = { timeline: { truncated: boolean, nodes: Array<{ time: string, kind: TimelineKind, message: string, container: string | null, engine: string | null, from: string | null, to: string | null, who: string | null, exitCode: number | null, requested: boolean, version: string | null }>, coverage: Array<{ kind: TimelineKind, known: boolean, since: string | null, note: string | null }> } | null };

export type ConsoleContainerAuditQueryVariables = Exact<{
  first: number;
}>;


export type ConsoleContainerAuditQuery = { auditLog: { nodes: Array<{ seq: number, at: string, action: string, outcome: string, intent: number | null, subject: string, reason: string | null, detail: string | null, code: string | null, durationMs: number | null, engine: string, containerName: string }>, pageInfo: { hasNextPage: boolean } } | null };

export type ContainerRecordFragment = { seq: number, at: string, action: string, outcome: string, intent: number | null, subject: string, reason: string | null, detail: string | null, code: string | null, durationMs: number | null, engine: string, containerName: string };

export type ConsoleRestartPreviewMutationVariables = Exact<{
  name: string;
  engine: string;
  includeAccessories: boolean;
}>;


export type ConsoleRestartPreviewMutation = { restartContainer: { status: string, health: Health, preview: { healthyPeers: number | null, lastHealthy: boolean | null, refusal: { code: string, message: string } | null, work: { total: number | null, jobs: Array<{ jobId: string, kind: string | null, queue: string, source: string, startedAt: string | null }> | null, gaps: Array<{ source: string | null, reason: string }> } | null } | null } | null };

export type ConsoleRestartMutationVariables = Exact<{
  name: string;
  engine: string;
  includeAccessories: boolean;
  reason: string;
  idempotencyKey: string;
  waitSeconds: number;
}>;


export type ConsoleRestartMutation = { restartContainer: { status: string, health: Health, healthy: boolean | null, startedAt: string | null } | null };

export type ConsoleContainersSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type ConsoleContainersSubscription = { containers: { snapshot: boolean, ended: string | null, changed: Array<{ id: string, name: string, engine: string, host: string, kind: ContainerKind, service: string | null, role: string, env: Environment | null, destination: string | null, version: string, status: string, health: Health, restarts: number | null, startedAt: string | null, stale: boolean }>, removed: Array<{ id: string }>, engines: Array<{ name: string, ok: boolean, ageSeconds: number | null, error: { code: string, message: string } | null }> } | null };

export type ConsoleContainerListQueryVariables = Exact<{ [key: string]: never; }>;


export type ConsoleContainerListQuery = { containers: Array<{ id: string, name: string, engine: string, host: string, kind: ContainerKind, service: string | null, role: string, env: Environment | null, destination: string | null, version: string, status: string, health: Health, restarts: number | null, startedAt: string | null, stale: boolean }> | null, engines: Array<{ name: string, ok: boolean, ageSeconds: number | null, error: { code: string, message: string } | null }> | null };

export type ConsoleUsageQueryVariables = Exact<{
  env?: Environment | null | undefined;
}>;


export type ConsoleUsageQuery = { containers: Array<{ engine: string, name: string, cpuPct: number | null, memPct: number | null }> | null };

export type ConsoleDeployPageQueryVariables = Exact<{
  env?: Environment | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type ConsoleDeployPageQuery = { deploys: { edges: Array<{ cursor: string, node: { id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState } }>, pageInfo: { hasNextPage: boolean } } | null };

export type ConsoleDriftQueryVariables = Exact<{
  env?: Environment | null | undefined;
}>;


export type ConsoleDriftQuery = { drift: Array<{ kind: DriftKind, service: string | null, destination: string | null, env: Environment | null, role: string | null, engine: string | null, expected: string | null, found: Array<string>, message: string, settling: boolean, containers: Array<{ id: string, name: string, engine: string }> }> | null, deployLogs: Array<{ origin: DeployOrigin, complete: boolean, deploys: number, skipped: number, error: { code: string, message: string } | null }> | null };

export type ConsoleVerdictsQueryVariables = Exact<{ [key: string]: never; }>;


export type ConsoleVerdictsQuery = { latestDeploys: Array<{ id: string, verdict: { outcome: VerdictOutcome, unjudgeable: UnjudgeableReason | null, reasons: Array<string> } | null }> | null };

export type ConsoleDeployQueryVariables = Exact<{
  id: string;
}>;


export type ConsoleDeployQuery = { node:
    | { id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState, containers: Array<{ id: string, name: string, engine: string, role: string, status: string, health: Health, stale: boolean, kind: ContainerKind, version: string, startedAt: string | null }> }
    | Record<PropertyKey, never>
   | null };

export type ConsoleDeployByTagQueryVariables = Exact<{
  tag: string;
}>;


export type ConsoleDeployByTagQuery = { deploys: { nodes: Array<{ id: string, service: string | null, destination: string | null, deployedAt: string }> } | null };

export type ConsoleDeployVerdictQueryVariables = Exact<{
  id: string;
  window: number;
}>;


export type ConsoleDeployVerdictQuery = { node:
    | { id: string, verdict: { outcome: VerdictOutcome, unjudgeable: UnjudgeableReason | null, reasons: Array<string>, gaps: Array<string>, windowSeconds: number | null, beforeFrom: string | null, afterTo: string | null, containers: { restartsBefore: number | null, restartsAfter: number | null, restartsFrom: string | null, restartsPValue: number | null, unhealthyNow: Array<string>, unhealthySecondsBefore: number | null, unhealthySecondsAfter: number | null, worse: Array<ContainersWorsening> }, newErrors: Array<{ error: string, fingerprint: string, count: number, minutes: number, queues: Array<string>, share: number | null, pValue: number, regressed: boolean }> | null, queues: Array<{ queue: string, source: string, outcome: VerdictOutcome, worse: Array<QueueWorsening>, reasons: Array<string>, baseline: QueueBaseline | null, pValue: number | null, waitPValue: number | null, runPValue: number | null, before: { succeeded: number, failed: number, failureRatio: number, waitP95Seconds: number | null, runP95Seconds: number | null, depth: number | null, oldestAgeSeconds: number | null } | null, after: { succeeded: number, failed: number, failureRatio: number, waitP95Seconds: number | null, runP95Seconds: number | null, depth: number | null, oldestAgeSeconds: number | null } | null }> } | null }
    | Record<PropertyKey, never>
   | null };

export type VerdictWindowFragment = { succeeded: number, failed: number, failureRatio: number, waitP95Seconds: number | null, runP95Seconds: number | null, depth: number | null, oldestAgeSeconds: number | null };

export type ConsoleQueueAroundQueryVariables = Exact<{
  name: string;
  source: string;
  from: string;
  to: string;
  step: number;
}>;


export type ConsoleQueueAroundQuery = { queue: { history: { sampled: boolean, exact: boolean, since: string | null, points: Array<{ time: string, processedPerSec: number | null, failures: number | null }> } | null } | null };

export type ConsoleHostContainersQueryVariables = Exact<{ [key: string]: never; }>;


export type ConsoleHostContainersQuery = { containers: Array<{ id: string, hostMetrics: { name: string } | null }> | null };

export type ConsoleHostHistoryQueryVariables = Exact<{
  name: string;
  from: string;
}>;


export type ConsoleHostHistoryQuery = { host: { id: string, history: { stepSeconds: number, points: Array<{ time: string, cpuUtil: number | null, memUtil: number | null, diskUtil: number | null, load1: number | null }> } | null } | null };

export type ConsoleJobQueryVariables = Exact<{
  source: string;
  id: string;
  queue?: string | null | undefined;
}>;


export type ConsoleJobQuery = { job: { priority: number | null, version: string | null, jobId: string, queue: string, source: string, kind: string | null, state: JobState | null, systemState: string, attempt: number | null, maxAttempts: number | null, createdAt: string | null, scheduledAt: string | null, startedAt: string | null, finishedAt: string | null, worker: string | null, container: { name: string, engine: string, role: string, service: string | null, destination: string | null, env: Environment | null } | null, attempts: Array<{ number: number | null, at: string | null, startedAt: string | null, error: string, trace: string | null, worker: string | null, version: string | null, container: { name: string, engine: string, role: string, service: string | null, destination: string | null, env: Environment | null } | null }> | null } | null, queueSources: Array<{ name: string, kind: string }> | null };

export type JobRowFragment = { jobId: string, queue: string, source: string, kind: string | null, state: JobState | null, systemState: string, attempt: number | null, maxAttempts: number | null, createdAt: string | null, scheduledAt: string | null, startedAt: string | null, finishedAt: string | null, worker: string | null };

export type WorkerContainerFragment = { name: string, engine: string, role: string, service: string | null, destination: string | null, env: Environment | null };

export type ConsoleJobArgsQueryVariables = Exact<{
  source: string;
  id: string;
  queue?: string | null | undefined;
}>;


export type ConsoleJobArgsQuery = { job: { args: { text: string, truncated: boolean } | null } | null };

export type ConsoleJobsQueryVariables = Exact<{
  source: string;
  queue: string;
  state?: JobState | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type ConsoleJobsQuery = { jobs: { nodes: Array<{ jobId: string, queue: string, source: string, kind: string | null, state: JobState | null, systemState: string, attempt: number | null, maxAttempts: number | null, createdAt: string | null, scheduledAt: string | null, startedAt: string | null, finishedAt: string | null, worker: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type ConsoleQueueQueryVariables = Exact<{
  name: string;
  source?: string | null | undefined;
}>;


export type ConsoleQueueQuery = { queue: { orphans: number | null, id: string, name: string, source: string, state: QueueState, paused: boolean | null, exact: boolean, windowSeconds: number | null, observedAt: string, depth: number, oldestAgeSeconds: number | null, active: number | null, workers: number | null, processedPerSec: number | null, failuresLastHour: number | null, drainSeconds: number | null, retrying: number | null, deferred: number | null, dead: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP50Seconds: number | null, runP95Seconds: number | null, owners: Array<{ service: string | null, destination: string | null, everyDestination: boolean, basis: QueueOwnerBasis }> | null, errors: Array<{ fingerprint: string, error: string, count: number, complete: boolean, attempts: number | null, firstSeen: string, timestamp: string, jobId: string, jobIds: Array<string>, releases: Array<{ version: string | null, service: string | null, destination: string | null, env: Environment | null, count: number }> }> | null, failuresByRelease: Array<{ version: string | null, service: string | null, destination: string | null, env: Environment | null, count: number }> | null } | null, queueSources: Array<{ name: string, kind: string, env: Environment | null }> | null };

export type ReleaseCountFragment = { version: string | null, service: string | null, destination: string | null, env: Environment | null, count: number };

export type ConsoleQueueHistoryQueryVariables = Exact<{
  name: string;
  source?: string | null | undefined;
  from: string;
  to: string;
}>;


export type ConsoleQueueHistoryQuery = { queue: { id: string, history: { exact: boolean, sampled: boolean, since: string | null, points: Array<{ time: string, depth: number | null, oldestAgeSeconds: number | null, processedPerSec: number | null, failures: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP95Seconds: number | null }> } | null } | null };

export type ConsoleDeployMarksQueryVariables = Exact<{
  env?: Environment | null | undefined;
  from: string;
  to: string;
}>;


export type ConsoleDeployMarksQuery = { deploys: { nodes: Array<{ id: string, tag: string, deployedAt: string, service: string | null, destination: string | null }> } | null };

export type ConsoleOrphansQueryVariables = Exact<{ [key: string]: never; }>;


export type ConsoleOrphansQuery = { orphans: { total: number | null, jobs: Array<{ jobId: string, kind: string | null, queue: string, source: string, startedAt: string | null, worker: string | null }> | null, gaps: Array<{ source: string | null, reason: string }> } | null };

export type ConsoleErrorsQueryVariables = Exact<{
  env?: Environment | null | undefined;
}>;


export type ConsoleErrorsQuery = { errorGroups: Array<{ fingerprint: string, error: string, count: number, complete: boolean, attempts: number | null, firstSeen: string, lastSeen: string, queues: Array<{ name: string, source: string, count: number }>, releases: Array<{ version: string | null, service: string | null, destination: string | null, env: Environment | null, count: number }>, jobs: Array<{ jobId: string, queue: string, source: string }> }> | null };

export type ConsoleErrorDeploysQueryVariables = Exact<{
  env?: Environment | null | undefined;
}>;


export type ConsoleErrorDeploysQuery = { latestDeploys: Array<{ id: string, tag: string, version: string, service: string | null, destination: string | null, deployedAt: string, deployedBy: string | null, verdict: { newErrors: Array<{ fingerprint: string, count: number, regressed: boolean }> | null } | null }> | null, deploys: { nodes: Array<{ id: string, version: string, service: string | null, destination: string | null }> } | null };

export type ConsoleRetryJobMutationVariables = Exact<{
  source: string;
  jobId: string;
  queue?: string | null | undefined;
  reason: string;
}>;


export type ConsoleRetryJobMutation = { retryJob: { state: string } | null };

export type ConsoleDiscardJobMutationVariables = Exact<{
  source: string;
  jobId: string;
  queue?: string | null | undefined;
  reason: string;
}>;


export type ConsoleDiscardJobMutation = { discardJob: { state: string } | null };

export type ConsoleRetryErrorGroupMutationVariables = Exact<{
  source: string;
  queue: string;
  fingerprint: string;
  limit: number;
  reason: string;
  dryRun: boolean;
}>;


export type ConsoleRetryErrorGroupMutation = { change: { count: number, jobIds: Array<string> | null, left: number, skipped: Array<{ jobId: string, code: string, message: string }> | null, error: { code: string, message: string } | null } | null };

export type ConsoleDiscardErrorGroupMutationVariables = Exact<{
  source: string;
  queue: string;
  fingerprint: string;
  limit: number;
  reason: string;
  dryRun: boolean;
}>;


export type ConsoleDiscardErrorGroupMutation = { change: { count: number, jobIds: Array<string> | null, left: number, skipped: Array<{ jobId: string, code: string, message: string }> | null, error: { code: string, message: string } | null } | null };

export type GroupChangeFragment = { count: number, jobIds: Array<string> | null, left: number, skipped: Array<{ jobId: string, code: string, message: string }> | null, error: { code: string, message: string } | null };

export type ConsoleLogPageQueryVariables = Exact<{
  role?: string | null | undefined;
  names?: Array<string> | string | null | undefined;
  engine?: string | null | undefined;
  service?: string | null | undefined;
  destination?: string | null | undefined;
  env?: Environment | null | undefined;
  includeAccessories: boolean;
  level?: LogLevel | null | undefined;
  levelStrict: boolean;
  search?: string | null | undefined;
  searchRegex?: string | null | undefined;
  ignoreCase: boolean;
  tail: number;
  at?: string | null | undefined;
  before?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type ConsoleLogPageQuery = { logs: { hasOlder: boolean, hasNewer: boolean, startCursor: string | null, endCursor: string | null, lines: Array<{ kind: RoleLogKind, timestamp: string, stream: LogStream | null, level: LogLevel | null, message: string, container: { name: string, engine: string, version: string, destination: string | null } }>, containers: Array<{ container: { name: string, engine: string }, error: { code: string, message: string } | null }>, engines: Array<{ name: string, ok: boolean, error: { code: string, message: string } | null }>, historyError: { code: string, message: string } | null } | null };

export type RoleLineFragment = { kind: RoleLogKind, timestamp: string, stream: LogStream | null, level: LogLevel | null, message: string, container: { name: string, engine: string, version: string, destination: string | null } };

export type ConsoleContainerLogSubscriptionVariables = Exact<{
  name: string;
  engine?: string | null | undefined;
  level?: LogLevel | null | undefined;
  levelStrict: boolean;
  search?: string | null | undefined;
  searchRegex?: string | null | undefined;
  ignoreCase: boolean;
  tail: number;
  since?: string | null | undefined;
}>;


export type ConsoleContainerLogSubscription = { containerLogs: { dropped: number, notice: LogNotice | null, ended: string | null, lines: Array<{ timestamp: string, stream: LogStream, level: LogLevel | null, message: string }> } | null };

export type ConsoleRoleLogSubscriptionVariables = Exact<{
  role?: string | null | undefined;
  names?: Array<string> | string | null | undefined;
  engine?: string | null | undefined;
  service?: string | null | undefined;
  destination?: string | null | undefined;
  env?: Environment | null | undefined;
  includeAccessories: boolean;
  level?: LogLevel | null | undefined;
  levelStrict: boolean;
  search?: string | null | undefined;
  searchRegex?: string | null | undefined;
  ignoreCase: boolean;
  tail: number;
  since?: string | null | undefined;
}>;


export type ConsoleRoleLogSubscription = { logs: { dropped: number, ended: string | null, lines: Array<{ kind: RoleLogKind, timestamp: string, stream: LogStream | null, level: LogLevel | null, message: string, container: { name: string, engine: string, version: string, destination: string | null } }>, notices: Array<{ notice: RoleLogNoticeKind, container: { name: string, engine: string, version: string, destination: string | null }, error: { message: string } | null }> } | null };

export type ConsoleNowQueryVariables = Exact<{
  env?: Environment | null | undefined;
}>;


export type ConsoleNowQuery = { problems: { criticalCount: number, warningCount: number, gaps: Array<string>, quietSince: string | null, checkedAt: string, problems: Array<{ id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, at: string | null, evidence: Array<string>, measure: string | null, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, upstream: string | null, container: { name: string, engine: string, kind: ContainerKind, role: string, service: string | null, version: string } | null, queue: { name: string, source: string, failuresLastHour: number | null } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null }> } | null, queues: Array<{ id: string, name: string, source: string, state: QueueState, paused: boolean | null, exact: boolean, windowSeconds: number | null, observedAt: string, depth: number, oldestAgeSeconds: number | null, active: number | null, workers: number | null, processedPerSec: number | null, failuresLastHour: number | null, drainSeconds: number | null, retrying: number | null, deferred: number | null, dead: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP50Seconds: number | null, runP95Seconds: number | null }> | null, queueSources: Array<{ name: string, kind: string, env: Environment | null, ok: boolean, numbersOk: boolean | null, error: { code: string, message: string } | null }> | null, hosts: Array<{ id: string, name: string, instance: string, status: HostStatus, reason: string | null, alert: boolean, diskMountpoint: string | null, diskDevice: string | null, cpuUtil: number | null, memUtil: number | null, diskUtil: number | null, load1: number | null, networkReceiveBytesPerSec: number | null, networkTransmitBytesPerSec: number | null }> | null, thresholds: { cpu: number, mem: number } | null };

export type ConsoleNowMoreQueryVariables = Exact<{
  env?: Environment | null | undefined;
}>;


export type ConsoleNowMoreQuery = { containers: Array<{ engine: string, name: string, cpuPct: number | null, memPct: number | null }> | null, deploys: { nodes: Array<{ id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState }> } | null, latestDeploys: Array<{ id: string, tag: string, env: Environment | null, service: string | null, destination: string | null, deployedAt: string, deployedBy: string | null, state: DeployState }> | null };

export type ConsoleHostsQueryVariables = Exact<{ [key: string]: never; }>;


export type ConsoleHostsQuery = { hostsUpdatedAt: string | null, hosts: Array<{ id: string, name: string, instance: string, status: HostStatus, reason: string | null, alert: boolean, diskMountpoint: string | null, diskDevice: string | null, cpuUtil: number | null, memUtil: number | null, diskUtil: number | null, load1: number | null, networkReceiveBytesPerSec: number | null, networkTransmitBytesPerSec: number | null }> | null, thresholds: { cpu: number, mem: number } | null };

export type HostRowFragment = { id: string, name: string, instance: string, status: HostStatus, reason: string | null, alert: boolean, diskMountpoint: string | null, diskDevice: string | null, cpuUtil: number | null, memUtil: number | null, diskUtil: number | null, load1: number | null, networkReceiveBytesPerSec: number | null, networkTransmitBytesPerSec: number | null };

export type ConsoleDeploysQueryVariables = Exact<{
  env?: Environment | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type ConsoleDeploysQuery = { deploys: { nodes: Array<{ id: string, tag: string, previousTag: string | null, version: string, commitSha: string, service: string | null, env: Environment | null, destination: string | null, deployedAt: string, deployedBy: string | null, durationSeconds: number | null, command: string | null, origin: DeployOrigin, state: DeployState }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type ConsoleProblemsQueryVariables = Exact<{
  env?: Environment | null | undefined;
}>;


export type ConsoleProblemsQuery = { problems: { criticalCount: number, warningCount: number, gaps: Array<string>, quietSince: string | null, checkedAt: string, problems: Array<{ id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, at: string | null, evidence: Array<string>, measure: string | null, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, upstream: string | null, container: { name: string, engine: string, kind: ContainerKind, role: string, service: string | null, version: string } | null, queue: { name: string, source: string, failuresLastHour: number | null } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null }> } | null };

export type ProblemListFragment = { criticalCount: number, warningCount: number, gaps: Array<string>, quietSince: string | null, checkedAt: string, problems: Array<{ id: string, kind: ProblemKind, severity: ProblemSeverity, title: string, since: string | null, at: string | null, evidence: Array<string>, measure: string | null, rule: string, alert: string | null, env: Environment | null, destination: string | null, service: string | null, role: string | null, source: string | null, upstream: string | null, container: { name: string, engine: string, kind: ContainerKind, role: string, service: string | null, version: string } | null, queue: { name: string, source: string, failuresLastHour: number | null } | null, host: { name: string } | null, engine: { name: string } | null, deploy: { id: string, tag: string } | null }> };

export type ConsoleQueuesQueryVariables = Exact<{ [key: string]: never; }>;


export type ConsoleQueuesQuery = { queues: Array<{ id: string, name: string, source: string, state: QueueState, paused: boolean | null, exact: boolean, windowSeconds: number | null, observedAt: string, depth: number, oldestAgeSeconds: number | null, active: number | null, workers: number | null, processedPerSec: number | null, failuresLastHour: number | null, drainSeconds: number | null, retrying: number | null, deferred: number | null, dead: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP50Seconds: number | null, runP95Seconds: number | null }> | null, queueSources: Array<{ name: string, kind: string, env: Environment | null, ok: boolean, numbersOk: boolean | null, error: { code: string, message: string } | null }> | null };

export type ConsoleQueueOwnersQueryVariables = Exact<{ [key: string]: never; }>;


export type ConsoleQueueOwnersQuery = { queues: Array<{ id: string, owners: Array<{ service: string | null, destination: string | null, everyDestination: boolean }> | null }> | null };

export type QueueSourceRowFragment = { name: string, kind: string, env: Environment | null, ok: boolean, numbersOk: boolean | null, error: { code: string, message: string } | null };

export type QueueRowFragment = { id: string, name: string, source: string, state: QueueState, paused: boolean | null, exact: boolean, windowSeconds: number | null, observedAt: string, depth: number, oldestAgeSeconds: number | null, active: number | null, workers: number | null, processedPerSec: number | null, failuresLastHour: number | null, drainSeconds: number | null, retrying: number | null, deferred: number | null, dead: number | null, waitP50Seconds: number | null, waitP95Seconds: number | null, runP50Seconds: number | null, runP95Seconds: number | null };

export type ConsoleContainerSeriesQueryVariables = Exact<{
  containers?: Array<string> | string | null | undefined;
  roles?: Array<string> | string | null | undefined;
  env?: Array<Environment> | Environment | null | undefined;
  from: string;
  to: string;
  maxPoints: number;
}>;


export type ConsoleContainerSeriesQuery = { cpu: Array<{ container: string, engine: string, time: string, value: number | null }> | null, mem: Array<{ container: string, engine: string, time: string, value: number | null }> | null };

export type ContainerValueFragment = { container: string, engine: string, time: string, value: number | null };

export type ConsoleQueueSeriesQueryVariables = Exact<{
  queues?: Array<string> | string | null | undefined;
  from: string;
  to: string;
  maxPoints: number;
}>;


export type ConsoleQueueSeriesQuery = { depth: Array<{ queue: string, source: string, time: string, value: number | null }> | null };

export type ConsoleFailureSeriesQueryVariables = Exact<{
  queues?: Array<string> | string | null | undefined;
  from: string;
  to: string;
  maxPoints: number;
}>;


export type ConsoleFailureSeriesQuery = { failures: Array<{ queue: string, source: string, time: string, value: number | null }> | null };

export type ConsoleHostSeriesQueryVariables = Exact<{
  from: string;
  to: string;
  maxPoints: number;
}>;


export type ConsoleHostSeriesQuery = { cpu: Array<{ host: string, time: string, value: number | null }> | null, mem: Array<{ host: string, time: string, value: number | null }> | null, disk: Array<{ host: string, time: string, value: number | null }> | null };

export type HostValueFragment = { host: string, time: string, value: number | null };

export type ConsoleTimelineQueryVariables = Exact<{
  env?: Environment | null | undefined;
  kinds?: Array<TimelineKind> | TimelineKind | null | undefined;
  from: string;
  to?: string | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type ConsoleTimelineQuery = { timeline: { edges: Array<{ cursor: string, node: { time: string, after: string | null, kind: TimelineKind, message: string, requested: boolean, container: string | null, engine: string | null, role: string | null, version: string | null, queue: string | null, source: string | null, host: string | null, service: string | null, destination: string | null, env: Environment | null, who: string | null, from: string | null, to: string | null, exitCode: number | null } }>, pageInfo: { hasNextPage: boolean }, coverage: Array<{ kind: TimelineKind, known: boolean, sampled: boolean, since: string | null, note: string | null }> } | null };

export type TimelineRowFragment = { time: string, after: string | null, kind: TimelineKind, message: string, requested: boolean, container: string | null, engine: string | null, role: string | null, version: string | null, queue: string | null, source: string | null, host: string | null, service: string | null, destination: string | null, env: Environment | null, who: string | null, from: string | null, to: string | null, exitCode: number | null };

export type ConsoleViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ConsoleViewerQuery = { viewer: { subject: string, kid: string, scopes: Array<string>, environments: Array<Environment>, everyEnvironment: boolean, expiresAt: string | null }, server: { version: string, startedAt: string, services: Array<string>, restartEnabled: boolean, jobsEnabled: boolean, healthExecEnabled: boolean } | null };

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
export const AuditRowFragmentDoc = new TypedDocumentString(`
    fragment AuditRow on AuditRecord {
  seq
  at
  outcome
  action
  intent
  subject
  agent
  kid
  auth
  ip
  requestId
  clientRequestId
  engine
  containerName
  env
  reason
  detail
  code
  dockerStatus
  durationMs
  jobSource
  jobQueue
  jobIds
  fingerprint
}
    `, {"fragmentName":"AuditRow"}) as unknown as TypedDocumentString<AuditRowFragment, unknown>;
export const HealthResultFragmentDoc = new TypedDocumentString(`
    fragment HealthResult on HealthCheck {
  status
  health
  healthy
  failingStreak
  checkedAt
  output
  exitCode
  timedOut
  durationMs
}
    `, {"fragmentName":"HealthResult"}) as unknown as TypedDocumentString<HealthResultFragment, unknown>;
export const TailLineFragmentDoc = new TypedDocumentString(`
    fragment TailLine on LogLine {
  timestamp
  stream
  level
  message
}
    `, {"fragmentName":"TailLine"}) as unknown as TypedDocumentString<TailLineFragment, unknown>;
export const ContainerRecordFragmentDoc = new TypedDocumentString(`
    fragment ContainerRecord on AuditRecord {
  seq
  at
  action
  outcome
  intent
  subject
  reason
  detail
  code
  durationMs
  engine
  containerName
}
    `, {"fragmentName":"ContainerRecord"}) as unknown as TypedDocumentString<ContainerRecordFragment, unknown>;
export const VerdictWindowFragmentDoc = new TypedDocumentString(`
    fragment VerdictWindow on QueueWindow {
  succeeded
  failed
  failureRatio
  waitP95Seconds
  runP95Seconds
  depth
  oldestAgeSeconds
}
    `, {"fragmentName":"VerdictWindow"}) as unknown as TypedDocumentString<VerdictWindowFragment, unknown>;
export const JobRowFragmentDoc = new TypedDocumentString(`
    fragment JobRow on Job {
  jobId
  queue
  source
  kind
  state
  systemState
  attempt
  maxAttempts
  createdAt
  scheduledAt
  startedAt
  finishedAt
  worker
}
    `, {"fragmentName":"JobRow"}) as unknown as TypedDocumentString<JobRowFragment, unknown>;
export const WorkerContainerFragmentDoc = new TypedDocumentString(`
    fragment WorkerContainer on Container {
  name
  engine
  role
  service
  destination
  env
}
    `, {"fragmentName":"WorkerContainer"}) as unknown as TypedDocumentString<WorkerContainerFragment, unknown>;
export const ReleaseCountFragmentDoc = new TypedDocumentString(`
    fragment ReleaseCount on ReleaseFailures {
  version
  service
  destination
  env
  count
}
    `, {"fragmentName":"ReleaseCount"}) as unknown as TypedDocumentString<ReleaseCountFragment, unknown>;
export const GroupChangeFragmentDoc = new TypedDocumentString(`
    fragment GroupChange on ErrorGroupChange {
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
    `, {"fragmentName":"GroupChange"}) as unknown as TypedDocumentString<GroupChangeFragment, unknown>;
export const RoleLineFragmentDoc = new TypedDocumentString(`
    fragment RoleLine on RoleLogLine {
  kind
  timestamp
  stream
  level
  message
  container {
    name
    engine
    version
    destination
  }
}
    `, {"fragmentName":"RoleLine"}) as unknown as TypedDocumentString<RoleLineFragment, unknown>;
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
export const HostRowFragmentDoc = new TypedDocumentString(`
    fragment HostRow on Host {
  id
  name
  instance
  status
  reason
  alert
  ...HostNumbers
  diskMountpoint
  diskDevice
}
    fragment HostNumbers on Host {
  cpuUtil
  memUtil
  diskUtil
  load1
  networkReceiveBytesPerSec
  networkTransmitBytesPerSec
}`, {"fragmentName":"HostRow"}) as unknown as TypedDocumentString<HostRowFragment, unknown>;
export const ProblemListFragmentDoc = new TypedDocumentString(`
    fragment ProblemList on CurrentProblems {
  problems {
    id
    kind
    severity
    title
    since
    at
    evidence
    measure
    rule
    alert
    env
    destination
    service
    role
    source
    upstream
    container {
      name
      engine
      kind
      role
      service
      version
    }
    queue {
      name
      source
      failuresLastHour
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
  criticalCount
  warningCount
  gaps
  quietSince
  checkedAt
}
    `, {"fragmentName":"ProblemList"}) as unknown as TypedDocumentString<ProblemListFragment, unknown>;
export const QueueSourceRowFragmentDoc = new TypedDocumentString(`
    fragment QueueSourceRow on QueueSource {
  name
  kind
  env
  ok
  numbersOk
  error {
    code
    message
  }
}
    `, {"fragmentName":"QueueSourceRow"}) as unknown as TypedDocumentString<QueueSourceRowFragment, unknown>;
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
export const QueueRowFragmentDoc = new TypedDocumentString(`
    fragment QueueRow on Queue {
  id
  name
  source
  state
  paused
  exact
  ...QueueNumbers
  windowSeconds
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
}`, {"fragmentName":"QueueRow"}) as unknown as TypedDocumentString<QueueRowFragment, unknown>;
export const ContainerValueFragmentDoc = new TypedDocumentString(`
    fragment ContainerValue on ContainerSample {
  container
  engine
  time
  value
}
    `, {"fragmentName":"ContainerValue"}) as unknown as TypedDocumentString<ContainerValueFragment, unknown>;
export const HostValueFragmentDoc = new TypedDocumentString(`
    fragment HostValue on HostSample {
  host
  time
  value
}
    `, {"fragmentName":"HostValue"}) as unknown as TypedDocumentString<HostValueFragment, unknown>;
export const TimelineRowFragmentDoc = new TypedDocumentString(`
    fragment TimelineRow on TimelineEntry {
  time
  after
  kind
  message
  requested
  container
  engine
  role
  version
  queue
  source
  host
  service
  destination
  env
  who
  from
  to
  exitCode
}
    `, {"fragmentName":"TimelineRow"}) as unknown as TypedDocumentString<TimelineRowFragment, unknown>;
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
export const ConsoleAuditDocument = new TypedDocumentString(`
    query ConsoleAudit($first: Int!, $after: String) {
  auditLog(first: $first, after: $after) {
    edges {
      cursor
      node {
        ...AuditRow
      }
    }
    pageInfo {
      hasNextPage
    }
  }
}
    fragment AuditRow on AuditRecord {
  seq
  at
  outcome
  action
  intent
  subject
  agent
  kid
  auth
  ip
  requestId
  clientRequestId
  engine
  containerName
  env
  reason
  detail
  code
  dockerStatus
  durationMs
  jobSource
  jobQueue
  jobIds
  fingerprint
}`) as unknown as TypedDocumentString<ConsoleAuditQuery, ConsoleAuditQueryVariables>;
export const ConsoleAuditChainDocument = new TypedDocumentString(`
    query ConsoleAuditChain {
  auditChain {
    ok
    firstSeq
    lastSeq
    checkedAt
    problem
  }
}
    `) as unknown as TypedDocumentString<ConsoleAuditChainQuery, ConsoleAuditChainQueryVariables>;
export const ConsoleContainerDocument = new TypedDocumentString(`
    query ConsoleContainer($name: String!, $engine: String) {
  container(name: $name, engine: $engine, includeAccessories: true) {
    ...ContainerRow
    shortId
    commitSha
    image
    createdAt
    ports
    observedAt
    hostMetrics {
      name
    }
    stats {
      cpuPct
      cpuPeriods
      cpuThrottledPeriods
      memUsedBytes
      memLimitBytes
      memPct
      networkReceiveBytes
      networkTransmitBytes
      blockReadBytes
      blockWriteBytes
      pids
      sampledAt
    }
    healthCheck {
      ...HealthResult
    }
  }
}
    fragment HealthResult on HealthCheck {
  status
  health
  healthy
  failingStreak
  checkedAt
  output
  exitCode
  timedOut
  durationMs
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
}`) as unknown as TypedDocumentString<ConsoleContainerQuery, ConsoleContainerQueryVariables>;
export const ConsoleProbeDocument = new TypedDocumentString(`
    query ConsoleProbe($name: String!, $engine: String) {
  container(name: $name, engine: $engine, includeAccessories: true) {
    healthCheck(probe: true) {
      ...HealthResult
    }
  }
}
    fragment HealthResult on HealthCheck {
  status
  health
  healthy
  failingStreak
  checkedAt
  output
  exitCode
  timedOut
  durationMs
}`) as unknown as TypedDocumentString<ConsoleProbeQuery, ConsoleProbeQueryVariables>;
export const ConsoleContainerHistoryDocument = new TypedDocumentString(`
    query ConsoleContainerHistory($name: String!, $engine: String, $from: String!, $to: String!) {
  container(name: $name, engine: $engine, includeAccessories: true) {
    history(from: $from, to: $to) {
      points {
        time
        cpuPct
        memPct
        restarts
      }
      since
      source
      stepSeconds
      problem {
        code
        message
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleContainerHistoryQuery, ConsoleContainerHistoryQueryVariables>;
export const ConsoleContainerTailDocument = new TypedDocumentString(`
    subscription ConsoleContainerTail($name: String!, $engine: String, $tail: Int!) {
  containerLogs(
    name: $name
    engine: $engine
    includeAccessories: true
    tail: $tail
  ) {
    lines {
      ...TailLine
    }
    notice
  }
}
    fragment TailLine on LogLine {
  timestamp
  stream
  level
  message
}`) as unknown as TypedDocumentString<ConsoleContainerTailSubscription, ConsoleContainerTailSubscriptionVariables>;
export const ConsoleContainerTimelineDocument = new TypedDocumentString(`
    query ConsoleContainerTimeline($env: Environment, $from: String!, $first: Int!) {
  timeline(
    env: $env
    from: $from
    first: $first
    kinds: [CONTAINER_DEATH, OOM_KILL, HEALTH, RESTART, GAP]
  ) {
    nodes {
      time
      kind
      message
      container
      engine
      from
      to
      who
      exitCode
      requested
      version
    }
    coverage {
      kind
      known
      since
      note
    }
    truncated
  }
}
    `) as unknown as TypedDocumentString<ConsoleContainerTimelineQuery, ConsoleContainerTimelineQueryVariables>;
export const ConsoleContainerAuditDocument = new TypedDocumentString(`
    query ConsoleContainerAudit($first: Int!) {
  auditLog(first: $first) {
    nodes {
      ...ContainerRecord
    }
    pageInfo {
      hasNextPage
    }
  }
}
    fragment ContainerRecord on AuditRecord {
  seq
  at
  action
  outcome
  intent
  subject
  reason
  detail
  code
  durationMs
  engine
  containerName
}`) as unknown as TypedDocumentString<ConsoleContainerAuditQuery, ConsoleContainerAuditQueryVariables>;
export const ConsoleRestartPreviewDocument = new TypedDocumentString(`
    mutation ConsoleRestartPreview($name: String!, $engine: String!, $includeAccessories: Boolean!) {
  restartContainer(
    name: $name
    engine: $engine
    includeAccessories: $includeAccessories
    dryRun: true
  ) {
    status
    health
    preview {
      refusal {
        code
        message
      }
      healthyPeers
      lastHealthy
      work {
        total
        jobs {
          jobId
          kind
          queue
          source
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
    `) as unknown as TypedDocumentString<ConsoleRestartPreviewMutation, ConsoleRestartPreviewMutationVariables>;
export const ConsoleRestartDocument = new TypedDocumentString(`
    mutation ConsoleRestart($name: String!, $engine: String!, $includeAccessories: Boolean!, $reason: String!, $idempotencyKey: String!, $waitSeconds: Int!) {
  restartContainer(
    name: $name
    engine: $engine
    includeAccessories: $includeAccessories
    reason: $reason
    idempotencyKey: $idempotencyKey
    waitHealthy: true
    waitSeconds: $waitSeconds
  ) {
    status
    health
    healthy
    startedAt
  }
}
    `) as unknown as TypedDocumentString<ConsoleRestartMutation, ConsoleRestartMutationVariables>;
export const ConsoleContainersDocument = new TypedDocumentString(`
    subscription ConsoleContainers {
  containers(includeAccessories: true) {
    snapshot
    changed {
      ...ContainerRow
    }
    removed {
      id
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
    ended
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
}`) as unknown as TypedDocumentString<ConsoleContainersSubscription, ConsoleContainersSubscriptionVariables>;
export const ConsoleContainerListDocument = new TypedDocumentString(`
    query ConsoleContainerList {
  containers(includeAccessories: true) {
    ...ContainerRow
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
}`) as unknown as TypedDocumentString<ConsoleContainerListQuery, ConsoleContainerListQueryVariables>;
export const ConsoleUsageDocument = new TypedDocumentString(`
    query ConsoleUsage($env: Environment) {
  containers(env: $env, includeAccessories: true) {
    engine
    name
    cpuPct
    memPct
  }
}
    `) as unknown as TypedDocumentString<ConsoleUsageQuery, ConsoleUsageQueryVariables>;
export const ConsoleDeployPageDocument = new TypedDocumentString(`
    query ConsoleDeployPage($env: Environment, $first: Int!, $after: String) {
  deploys(env: $env, first: $first, after: $after) {
    edges {
      cursor
      node {
        ...DeployRow
      }
    }
    pageInfo {
      hasNextPage
    }
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
}`) as unknown as TypedDocumentString<ConsoleDeployPageQuery, ConsoleDeployPageQueryVariables>;
export const ConsoleDriftDocument = new TypedDocumentString(`
    query ConsoleDrift($env: Environment) {
  drift(env: $env) {
    kind
    service
    destination
    env
    role
    engine
    expected
    found
    message
    settling
    containers {
      id
      name
      engine
    }
  }
  deployLogs {
    origin
    complete
    deploys
    skipped
    error {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleDriftQuery, ConsoleDriftQueryVariables>;
export const ConsoleVerdictsDocument = new TypedDocumentString(`
    query ConsoleVerdicts {
  latestDeploys {
    id
    verdict {
      outcome
      unjudgeable
      reasons
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleVerdictsQuery, ConsoleVerdictsQueryVariables>;
export const ConsoleDeployDocument = new TypedDocumentString(`
    query ConsoleDeploy($id: ID!) {
  node(id: $id) {
    ... on Deploy {
      ...DeployRow
      containers {
        id
        name
        engine
        role
        status
        health
        stale
        kind
        version
        startedAt
      }
    }
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
}`) as unknown as TypedDocumentString<ConsoleDeployQuery, ConsoleDeployQueryVariables>;
export const ConsoleDeployByTagDocument = new TypedDocumentString(`
    query ConsoleDeployByTag($tag: String!) {
  deploys(tag: $tag, first: 20) {
    nodes {
      id
      service
      destination
      deployedAt
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleDeployByTagQuery, ConsoleDeployByTagQueryVariables>;
export const ConsoleDeployVerdictDocument = new TypedDocumentString(`
    query ConsoleDeployVerdict($id: ID!, $window: Int!) {
  node(id: $id) {
    ... on Deploy {
      id
      verdict(window: $window) {
        outcome
        unjudgeable
        reasons
        gaps
        windowSeconds
        beforeFrom
        afterTo
        containers {
          restartsBefore
          restartsAfter
          restartsFrom
          restartsPValue
          unhealthyNow
          unhealthySecondsBefore
          unhealthySecondsAfter
          worse
        }
        newErrors {
          error
          fingerprint
          count
          minutes
          queues
          share
          pValue
          regressed
        }
        queues {
          queue
          source
          outcome
          worse
          reasons
          baseline
          pValue
          waitPValue
          runPValue
          before {
            ...VerdictWindow
          }
          after {
            ...VerdictWindow
          }
        }
      }
    }
  }
}
    fragment VerdictWindow on QueueWindow {
  succeeded
  failed
  failureRatio
  waitP95Seconds
  runP95Seconds
  depth
  oldestAgeSeconds
}`) as unknown as TypedDocumentString<ConsoleDeployVerdictQuery, ConsoleDeployVerdictQueryVariables>;
export const ConsoleQueueAroundDocument = new TypedDocumentString(`
    query ConsoleQueueAround($name: String!, $source: String!, $from: String!, $to: String!, $step: Int!) {
  queue(name: $name, source: $source) {
    history(from: $from, to: $to, step: $step) {
      sampled
      exact
      since
      points {
        time
        processedPerSec
        failures
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleQueueAroundQuery, ConsoleQueueAroundQueryVariables>;
export const ConsoleHostContainersDocument = new TypedDocumentString(`
    query ConsoleHostContainers {
  containers(includeAccessories: true) {
    id
    hostMetrics {
      name
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleHostContainersQuery, ConsoleHostContainersQueryVariables>;
export const ConsoleHostHistoryDocument = new TypedDocumentString(`
    query ConsoleHostHistory($name: String!, $from: String!) {
  host(name: $name) {
    id
    history(from: $from) {
      stepSeconds
      points {
        time
        cpuUtil
        memUtil
        diskUtil
        load1
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleHostHistoryQuery, ConsoleHostHistoryQueryVariables>;
export const ConsoleJobDocument = new TypedDocumentString(`
    query ConsoleJob($source: String!, $id: String!, $queue: String) {
  job(source: $source, id: $id, queue: $queue) {
    ...JobRow
    priority
    version
    container {
      ...WorkerContainer
    }
    attempts {
      number
      at
      startedAt
      error
      trace
      worker
      version
      container {
        ...WorkerContainer
      }
    }
  }
  queueSources {
    name
    kind
  }
}
    fragment JobRow on Job {
  jobId
  queue
  source
  kind
  state
  systemState
  attempt
  maxAttempts
  createdAt
  scheduledAt
  startedAt
  finishedAt
  worker
}
fragment WorkerContainer on Container {
  name
  engine
  role
  service
  destination
  env
}`) as unknown as TypedDocumentString<ConsoleJobQuery, ConsoleJobQueryVariables>;
export const ConsoleJobArgsDocument = new TypedDocumentString(`
    query ConsoleJobArgs($source: String!, $id: String!, $queue: String) {
  job(source: $source, id: $id, queue: $queue) {
    args(show: true) {
      text
      truncated
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleJobArgsQuery, ConsoleJobArgsQueryVariables>;
export const ConsoleJobsDocument = new TypedDocumentString(`
    query ConsoleJobs($source: String!, $queue: String!, $state: JobState, $first: Int!, $after: String) {
  jobs(
    source: $source
    queue: $queue
    state: $state
    first: $first
    after: $after
  ) {
    nodes {
      ...JobRow
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment JobRow on Job {
  jobId
  queue
  source
  kind
  state
  systemState
  attempt
  maxAttempts
  createdAt
  scheduledAt
  startedAt
  finishedAt
  worker
}`) as unknown as TypedDocumentString<ConsoleJobsQuery, ConsoleJobsQueryVariables>;
export const ConsoleQueueDocument = new TypedDocumentString(`
    query ConsoleQueue($name: String!, $source: String) {
  queue(name: $name, source: $source) {
    ...QueueRow
    orphans
    owners {
      service
      destination
      everyDestination
      basis
    }
    errors(first: 50) {
      fingerprint
      error
      count
      complete
      attempts
      firstSeen
      timestamp
      jobId
      jobIds
      releases {
        ...ReleaseCount
      }
    }
    failuresByRelease {
      ...ReleaseCount
    }
  }
  queueSources {
    name
    kind
    env
  }
}
    fragment ReleaseCount on ReleaseFailures {
  version
  service
  destination
  env
  count
}
fragment QueueRow on Queue {
  id
  name
  source
  state
  paused
  exact
  ...QueueNumbers
  windowSeconds
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
}`) as unknown as TypedDocumentString<ConsoleQueueQuery, ConsoleQueueQueryVariables>;
export const ConsoleQueueHistoryDocument = new TypedDocumentString(`
    query ConsoleQueueHistory($name: String!, $source: String, $from: String!, $to: String!) {
  queue(name: $name, source: $source) {
    id
    history(from: $from, to: $to) {
      exact
      sampled
      since
      points {
        time
        depth
        oldestAgeSeconds
        processedPerSec
        failures
        waitP50Seconds
        waitP95Seconds
        runP95Seconds
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleQueueHistoryQuery, ConsoleQueueHistoryQueryVariables>;
export const ConsoleDeployMarksDocument = new TypedDocumentString(`
    query ConsoleDeployMarks($env: Environment, $from: DateTime!, $to: DateTime!) {
  deploys(env: $env, from: $from, to: $to, first: 50) {
    nodes {
      id
      tag
      deployedAt
      service
      destination
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleDeployMarksQuery, ConsoleDeployMarksQueryVariables>;
export const ConsoleOrphansDocument = new TypedDocumentString(`
    query ConsoleOrphans {
  orphans {
    total
    jobs {
      jobId
      kind
      queue
      source
      startedAt
      worker
    }
    gaps {
      source
      reason
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleOrphansQuery, ConsoleOrphansQueryVariables>;
export const ConsoleErrorsDocument = new TypedDocumentString(`
    query ConsoleErrors($env: Environment) {
  errorGroups(env: $env, first: 100) {
    fingerprint
    error
    count
    complete
    attempts
    firstSeen
    lastSeen
    queues {
      name
      source
      count
    }
    releases {
      ...ReleaseCount
    }
    jobs {
      jobId
      queue
      source
    }
  }
}
    fragment ReleaseCount on ReleaseFailures {
  version
  service
  destination
  env
  count
}`) as unknown as TypedDocumentString<ConsoleErrorsQuery, ConsoleErrorsQueryVariables>;
export const ConsoleErrorDeploysDocument = new TypedDocumentString(`
    query ConsoleErrorDeploys($env: Environment) {
  latestDeploys {
    id
    tag
    version
    service
    destination
    deployedAt
    deployedBy
    verdict {
      newErrors {
        fingerprint
        count
        regressed
      }
    }
  }
  deploys(env: $env, first: 50) {
    nodes {
      id
      version
      service
      destination
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleErrorDeploysQuery, ConsoleErrorDeploysQueryVariables>;
export const ConsoleRetryJobDocument = new TypedDocumentString(`
    mutation ConsoleRetryJob($source: String!, $jobId: String!, $queue: String, $reason: String!) {
  retryJob(source: $source, jobId: $jobId, queue: $queue, reason: $reason) {
    state
  }
}
    `) as unknown as TypedDocumentString<ConsoleRetryJobMutation, ConsoleRetryJobMutationVariables>;
export const ConsoleDiscardJobDocument = new TypedDocumentString(`
    mutation ConsoleDiscardJob($source: String!, $jobId: String!, $queue: String, $reason: String!) {
  discardJob(source: $source, jobId: $jobId, queue: $queue, reason: $reason) {
    state
  }
}
    `) as unknown as TypedDocumentString<ConsoleDiscardJobMutation, ConsoleDiscardJobMutationVariables>;
export const ConsoleRetryErrorGroupDocument = new TypedDocumentString(`
    mutation ConsoleRetryErrorGroup($source: String!, $queue: String!, $fingerprint: String!, $limit: Int!, $reason: String!, $dryRun: Boolean!) {
  change: retryErrorGroup(
    source: $source
    queue: $queue
    fingerprint: $fingerprint
    limit: $limit
    reason: $reason
    dryRun: $dryRun
  ) {
    ...GroupChange
  }
}
    fragment GroupChange on ErrorGroupChange {
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
}`) as unknown as TypedDocumentString<ConsoleRetryErrorGroupMutation, ConsoleRetryErrorGroupMutationVariables>;
export const ConsoleDiscardErrorGroupDocument = new TypedDocumentString(`
    mutation ConsoleDiscardErrorGroup($source: String!, $queue: String!, $fingerprint: String!, $limit: Int!, $reason: String!, $dryRun: Boolean!) {
  change: discardErrorGroup(
    source: $source
    queue: $queue
    fingerprint: $fingerprint
    limit: $limit
    reason: $reason
    dryRun: $dryRun
  ) {
    ...GroupChange
  }
}
    fragment GroupChange on ErrorGroupChange {
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
}`) as unknown as TypedDocumentString<ConsoleDiscardErrorGroupMutation, ConsoleDiscardErrorGroupMutationVariables>;
export const ConsoleLogPageDocument = new TypedDocumentString(`
    query ConsoleLogPage($role: String, $names: [String!], $engine: String, $service: String, $destination: String, $env: Environment, $includeAccessories: Boolean!, $level: LogLevel, $levelStrict: Boolean!, $search: String, $searchRegex: String, $ignoreCase: Boolean!, $tail: Int!, $at: String, $before: String, $after: String) {
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
    tail: $tail
    at: $at
    before: $before
    after: $after
  ) {
    lines {
      ...RoleLine
    }
    hasOlder
    hasNewer
    startCursor
    endCursor
    containers {
      container {
        name
        engine
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
    fragment RoleLine on RoleLogLine {
  kind
  timestamp
  stream
  level
  message
  container {
    name
    engine
    version
    destination
  }
}`) as unknown as TypedDocumentString<ConsoleLogPageQuery, ConsoleLogPageQueryVariables>;
export const ConsoleContainerLogDocument = new TypedDocumentString(`
    subscription ConsoleContainerLog($name: String!, $engine: String, $level: LogLevel, $levelStrict: Boolean!, $search: String, $searchRegex: String, $ignoreCase: Boolean!, $tail: Int!, $since: String) {
  containerLogs(
    name: $name
    engine: $engine
    includeAccessories: true
    level: $level
    levelStrict: $levelStrict
    search: $search
    searchRegex: $searchRegex
    ignoreCase: $ignoreCase
    tail: $tail
    since: $since
  ) {
    lines {
      timestamp
      stream
      level
      message
    }
    dropped
    notice
    ended
  }
}
    `) as unknown as TypedDocumentString<ConsoleContainerLogSubscription, ConsoleContainerLogSubscriptionVariables>;
export const ConsoleRoleLogDocument = new TypedDocumentString(`
    subscription ConsoleRoleLog($role: String, $names: [String!], $engine: String, $service: String, $destination: String, $env: Environment, $includeAccessories: Boolean!, $level: LogLevel, $levelStrict: Boolean!, $search: String, $searchRegex: String, $ignoreCase: Boolean!, $tail: Int!, $since: String) {
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
    tail: $tail
    since: $since
  ) {
    lines {
      ...RoleLine
    }
    dropped
    notices {
      container {
        name
        engine
        version
        destination
      }
      notice
      error {
        message
      }
    }
    ended
  }
}
    fragment RoleLine on RoleLogLine {
  kind
  timestamp
  stream
  level
  message
  container {
    name
    engine
    version
    destination
  }
}`) as unknown as TypedDocumentString<ConsoleRoleLogSubscription, ConsoleRoleLogSubscriptionVariables>;
export const ConsoleNowDocument = new TypedDocumentString(`
    query ConsoleNow($env: Environment) {
  problems(env: $env) {
    ...ProblemList
  }
  queues {
    ...QueueRow
  }
  queueSources {
    ...QueueSourceRow
  }
  hosts {
    ...HostRow
  }
  thresholds {
    cpu
    mem
  }
}
    fragment HostRow on Host {
  id
  name
  instance
  status
  reason
  alert
  ...HostNumbers
  diskMountpoint
  diskDevice
}
fragment ProblemList on CurrentProblems {
  problems {
    id
    kind
    severity
    title
    since
    at
    evidence
    measure
    rule
    alert
    env
    destination
    service
    role
    source
    upstream
    container {
      name
      engine
      kind
      role
      service
      version
    }
    queue {
      name
      source
      failuresLastHour
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
  criticalCount
  warningCount
  gaps
  quietSince
  checkedAt
}
fragment QueueSourceRow on QueueSource {
  name
  kind
  env
  ok
  numbersOk
  error {
    code
    message
  }
}
fragment QueueRow on Queue {
  id
  name
  source
  state
  paused
  exact
  ...QueueNumbers
  windowSeconds
  observedAt
}
fragment HostNumbers on Host {
  cpuUtil
  memUtil
  diskUtil
  load1
  networkReceiveBytesPerSec
  networkTransmitBytesPerSec
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
}`) as unknown as TypedDocumentString<ConsoleNowQuery, ConsoleNowQueryVariables>;
export const ConsoleNowMoreDocument = new TypedDocumentString(`
    query ConsoleNowMore($env: Environment) {
  containers(env: $env, includeAccessories: true) {
    engine
    name
    cpuPct
    memPct
  }
  deploys(env: $env, first: 5) {
    nodes {
      ...DeployRow
    }
  }
  latestDeploys(maxAgeSeconds: 86400) {
    id
    tag
    env
    service
    destination
    deployedAt
    deployedBy
    state
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
}`) as unknown as TypedDocumentString<ConsoleNowMoreQuery, ConsoleNowMoreQueryVariables>;
export const ConsoleHostsDocument = new TypedDocumentString(`
    query ConsoleHosts {
  hosts {
    ...HostRow
  }
  hostsUpdatedAt
  thresholds {
    cpu
    mem
  }
}
    fragment HostRow on Host {
  id
  name
  instance
  status
  reason
  alert
  ...HostNumbers
  diskMountpoint
  diskDevice
}
fragment HostNumbers on Host {
  cpuUtil
  memUtil
  diskUtil
  load1
  networkReceiveBytesPerSec
  networkTransmitBytesPerSec
}`) as unknown as TypedDocumentString<ConsoleHostsQuery, ConsoleHostsQueryVariables>;
export const ConsoleDeploysDocument = new TypedDocumentString(`
    query ConsoleDeploys($env: Environment, $first: Int!, $after: String) {
  deploys(env: $env, first: $first, after: $after) {
    nodes {
      ...DeployRow
    }
    pageInfo {
      hasNextPage
      endCursor
    }
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
}`) as unknown as TypedDocumentString<ConsoleDeploysQuery, ConsoleDeploysQueryVariables>;
export const ConsoleProblemsDocument = new TypedDocumentString(`
    query ConsoleProblems($env: Environment) {
  problems(env: $env) {
    ...ProblemList
  }
}
    fragment ProblemList on CurrentProblems {
  problems {
    id
    kind
    severity
    title
    since
    at
    evidence
    measure
    rule
    alert
    env
    destination
    service
    role
    source
    upstream
    container {
      name
      engine
      kind
      role
      service
      version
    }
    queue {
      name
      source
      failuresLastHour
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
  criticalCount
  warningCount
  gaps
  quietSince
  checkedAt
}`) as unknown as TypedDocumentString<ConsoleProblemsQuery, ConsoleProblemsQueryVariables>;
export const ConsoleQueuesDocument = new TypedDocumentString(`
    query ConsoleQueues {
  queues {
    ...QueueRow
  }
  queueSources {
    ...QueueSourceRow
  }
}
    fragment QueueSourceRow on QueueSource {
  name
  kind
  env
  ok
  numbersOk
  error {
    code
    message
  }
}
fragment QueueRow on Queue {
  id
  name
  source
  state
  paused
  exact
  ...QueueNumbers
  windowSeconds
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
}`) as unknown as TypedDocumentString<ConsoleQueuesQuery, ConsoleQueuesQueryVariables>;
export const ConsoleQueueOwnersDocument = new TypedDocumentString(`
    query ConsoleQueueOwners {
  queues {
    id
    owners {
      service
      destination
      everyDestination
    }
  }
}
    `) as unknown as TypedDocumentString<ConsoleQueueOwnersQuery, ConsoleQueueOwnersQueryVariables>;
export const ConsoleContainerSeriesDocument = new TypedDocumentString(`
    query ConsoleContainerSeries($containers: [String!], $roles: [String!], $env: [Environment!], $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {
  cpu: containerSeries(
    kind: CPU_PCT
    containers: $containers
    roles: $roles
    env: $env
    includeAccessories: true
    from: $from
    to: $to
    maxPoints: $maxPoints
  ) {
    ...ContainerValue
  }
  mem: containerSeries(
    kind: MEM_PCT
    containers: $containers
    roles: $roles
    env: $env
    includeAccessories: true
    from: $from
    to: $to
    maxPoints: $maxPoints
  ) {
    ...ContainerValue
  }
}
    fragment ContainerValue on ContainerSample {
  container
  engine
  time
  value
}`) as unknown as TypedDocumentString<ConsoleContainerSeriesQuery, ConsoleContainerSeriesQueryVariables>;
export const ConsoleQueueSeriesDocument = new TypedDocumentString(`
    query ConsoleQueueSeries($queues: [String!], $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {
  depth: queueSeries(
    kind: DEPTH
    queues: $queues
    from: $from
    to: $to
    maxPoints: $maxPoints
  ) {
    queue
    source
    time
    value
  }
}
    `) as unknown as TypedDocumentString<ConsoleQueueSeriesQuery, ConsoleQueueSeriesQueryVariables>;
export const ConsoleFailureSeriesDocument = new TypedDocumentString(`
    query ConsoleFailureSeries($queues: [String!], $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {
  failures: queueSeries(
    kind: FAILURES
    queues: $queues
    from: $from
    to: $to
    maxPoints: $maxPoints
  ) {
    queue
    source
    time
    value
  }
}
    `) as unknown as TypedDocumentString<ConsoleFailureSeriesQuery, ConsoleFailureSeriesQueryVariables>;
export const ConsoleHostSeriesDocument = new TypedDocumentString(`
    query ConsoleHostSeries($from: DateTime!, $to: DateTime!, $maxPoints: Int!) {
  cpu: hostSeries(kind: CPU_UTIL, from: $from, to: $to, maxPoints: $maxPoints) {
    ...HostValue
  }
  mem: hostSeries(kind: MEM_UTIL, from: $from, to: $to, maxPoints: $maxPoints) {
    ...HostValue
  }
  disk: hostSeries(kind: DISK_UTIL, from: $from, to: $to, maxPoints: $maxPoints) {
    ...HostValue
  }
}
    fragment HostValue on HostSample {
  host
  time
  value
}`) as unknown as TypedDocumentString<ConsoleHostSeriesQuery, ConsoleHostSeriesQueryVariables>;
export const ConsoleTimelineDocument = new TypedDocumentString(`
    query ConsoleTimeline($env: Environment, $kinds: [TimelineKind!], $from: String!, $to: String, $first: Int!, $after: String) {
  timeline(
    env: $env
    kinds: $kinds
    from: $from
    to: $to
    first: $first
    after: $after
  ) {
    edges {
      cursor
      node {
        ...TimelineRow
      }
    }
    pageInfo {
      hasNextPage
    }
    coverage {
      kind
      known
      sampled
      since
      note
    }
  }
}
    fragment TimelineRow on TimelineEntry {
  time
  after
  kind
  message
  requested
  container
  engine
  role
  version
  queue
  source
  host
  service
  destination
  env
  who
  from
  to
  exitCode
}`) as unknown as TypedDocumentString<ConsoleTimelineQuery, ConsoleTimelineQueryVariables>;
export const ConsoleViewerDocument = new TypedDocumentString(`
    query ConsoleViewer {
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
    healthExecEnabled
  }
}
    `) as unknown as TypedDocumentString<ConsoleViewerQuery, ConsoleViewerQueryVariables>;