import type { QueueHistory, QueuePoint } from "../domain/queue-history.ts";
import type {
  Container,
  ContainerStats,
  EngineStatus,
  HealthProbe,
  LogLine,
  LogPage,
  ProbeRun,
  StatsPoint,
} from "../domain/container.ts";
import type { AuditRecord } from "../domain/audit.ts";
import type { JobChanged, GroupRetried } from "./job-changes.ts";
import type { DeployInfo } from "../domain/deploy.ts";
import type { DeployLog } from "../domain/deploy-record.ts";
import type { Deploy } from "../domain/deploy-state.ts";
import type { DeployVerdict, JudgedError, QueueVerdict, QueueWindow } from "../domain/deploy-verdict.ts";
import type { Drift } from "../domain/drift.ts";
import type { Timeline, TimelineCoverage, TimelineEntry } from "../domain/timeline.ts";
import type { ContainerPoint } from "../domain/container-history.ts";
import type { Host, Thresholds } from "../domain/host.ts";
import type { HostHistory, HostPoint } from "../domain/host-history.ts";
import type { ErrorGroup, FailedJob, JobErrorGroup, QueueFailures, ReleaseFailures } from "../domain/job-errors.ts";
import type { QueueMetrics, RunningJob } from "../domain/queue.ts";
import type { RestartPreview, RunningWork, WorkGap } from "../domain/restart-preview.ts";
import type { RoleStep } from "../domain/restart-role.ts";
import type { Wellness } from "../domain/restart-wait.ts";
import type { LogBatch } from "../domain/log-follow.ts";
import type { RoleBatch, RoleNotice } from "../domain/role-batch.ts";
import type { RoleLine } from "../domain/role-line.ts";
import type { ContainerEvent, EventBatch } from "../domain/container-event.ts";
import type { Builder } from "./builder.ts";
import type { ContainersChange } from "./loaders/container-changes.ts";
import type { FoundHistory } from "./loaders/container-history.ts";
import type { Orphans } from "./loaders/orphans.ts";
import type { QueueSourceStatus } from "./loaders/queues.ts";
import type { RoleLogs } from "./loaders/role-logs.ts";

/** A container with what its last health probe said. */
export interface HealthCheck {
  readonly container: Container;
  readonly probe: HealthProbe | null;
  /** The one that was run on demand. */
  readonly run: ProbeRun | null;
}

/** A container that was restarted, or only previewed. */
interface RestartResult extends Wellness {
  readonly preview: RestartPreview | null;
}

export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** The names of all object types, so that types may refer to each other whichever file comes first. */
export function createRefs(builder: Builder) {
  return {
    container: builder.objectRef<Container>("Container"),
    containerStats: builder.objectRef<ContainerStats>("ContainerStats"),
    statsPoint: builder.objectRef<StatsPoint>("StatsPoint"),
    healthCheck: builder.objectRef<HealthCheck>("HealthCheck"),
    logPage: builder.objectRef<LogPage>("LogPage"),
    logLine: builder.objectRef<LogLine>("LogLine"),
    logBatch: builder.objectRef<LogBatch>("LogBatch"),
    logContainer: builder.objectRef<RoleLine["container"]>("LogContainer"),
    roleLogLine: builder.objectRef<RoleLine>("RoleLogLine"),
    roleLogPage: builder.objectRef<RoleLogs>("RoleLogPage"),
    roleLogPart: builder.objectRef<RoleLogs["parts"][number]>("RoleLogPart"),
    roleLogBatch: builder.objectRef<RoleBatch>("RoleLogBatch"),
    roleLogNotice: builder.objectRef<RoleNotice>("RoleLogNotice"),
    containersChange: builder.objectRef<ContainersChange>("ContainersChange"),
    removedContainer: builder.objectRef<ContainersChange["removed"][number]>("RemovedContainer"),
    containerEvent: builder.objectRef<ContainerEvent>("ContainerEvent"),
    eventBatch: builder.objectRef<EventBatch>("ContainerEventBatch"),
    engine: builder.objectRef<EngineStatus>("Engine"),
    queue: builder.objectRef<QueueMetrics>("Queue"),
    queueHistory: builder.objectRef<QueueHistory>("QueueHistory"),
    queuePoint: builder.objectRef<QueuePoint>("QueuePoint"),
    queueSource: builder.objectRef<QueueSourceStatus>("QueueSource"),
    jobError: builder.objectRef<JobErrorGroup>("JobError"),
    errorGroup: builder.objectRef<ErrorGroup>("ErrorGroup"),
    queueFailures: builder.objectRef<QueueFailures>("QueueFailures"),
    releaseFailures: builder.objectRef<ReleaseFailures>("ReleaseFailures"),
    failedJob: builder.objectRef<FailedJob>("FailedJob"),
    orphans: builder.objectRef<Orphans>("Orphans"),
    host: builder.objectRef<Host>("Host"),
    hostHistory: builder.objectRef<HostHistory>("HostHistory"),
    hostPoint: builder.objectRef<HostPoint>("HostPoint"),
    containerHistory: builder.objectRef<FoundHistory>("ContainerHistory"),
    containerPoint: builder.objectRef<ContainerPoint>("ContainerPoint"),
    thresholds: builder.objectRef<Thresholds>("Thresholds"),
    deployInfo: builder.objectRef<DeployInfo>("DeployInfo"),
    deployField: builder.objectRef<DeployInfo["extra"][number]>("DeployField"),
    deploy: builder.objectRef<Deploy>("Deploy"),
    deployLog: builder.objectRef<DeployLog>("DeployLog"),
    deployVerdict: builder.objectRef<DeployVerdict>("DeployVerdict"),
    queueVerdict: builder.objectRef<QueueVerdict>("QueueVerdict"),
    queueWindow: builder.objectRef<QueueWindow>("QueueWindow"),
    newError: builder.objectRef<JudgedError>("NewError"),
    containersVerdict: builder.objectRef<DeployVerdict["containers"]>("ContainersVerdict"),
    drift: builder.objectRef<Drift>("Drift"),
    timeline: builder.objectRef<Timeline>("Timeline"),
    timelineEntry: builder.objectRef<TimelineEntry>("TimelineEntry"),
    timelineCoverage: builder.objectRef<TimelineCoverage>("TimelineCoverage"),
    restartResult: builder.objectRef<RestartResult>("RestartResult"),
    restartPreview: builder.objectRef<RestartPreview>("RestartPreview"),
    runningWork: builder.objectRef<RunningWork>("RunningWork"),
    runningJob: builder.objectRef<RunningJob>("RunningJob"),
    workGap: builder.objectRef<WorkGap>("WorkGap"),
    roleRestart: builder.objectRef<readonly RoleStep[]>("RoleRestart"),
    roleRestartStep: builder.objectRef<RoleStep>("RoleRestartStep"),
    jobChange: builder.objectRef<JobChanged>("JobChange"),
    skippedJob: builder.objectRef<GroupRetried["skipped"][number]>("SkippedJob"),
    errorGroupRetry: builder.objectRef<GroupRetried>("ErrorGroupRetry"),
    auditRecord: builder.objectRef<AuditRecord>("AuditRecord"),
    problem: builder.objectRef<Problem>("Problem"),
  };
}

export type Refs = ReturnType<typeof createRefs>;
