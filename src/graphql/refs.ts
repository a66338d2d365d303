import type { AuditRecord } from "../audit/audit.ts";
import {
  type Container,
  type ContainerRef,
  type ContainerStats,
  type HealthProbe,
  type StatsPoint,
  toContainerKey,
} from "../containers/container.ts";
import type { ContainerEvent, EventBatch } from "../containers/events.ts";
import type { LogBatch, LogLine, LogPage } from "../containers/logs/log.ts";
import type { RoleBatch, RoleLine, RoleNotice } from "../containers/logs/role/lines.ts";
import type { HealthOutcome } from "../containers/restart/outcome.ts";
import type { RoleStep } from "../containers/restart/role.ts";
import type { EngineStatus, ProbeRun } from "../containers/source.ts";
import type { ContainerPoint } from "../containers/stats/history.ts";
import type { DeployInfo, DeployLog } from "../deploys/deploy.ts";
import type { Drift } from "../deploys/drift.ts";
import type { Deploy } from "../deploys/state.ts";
import type { DeployVerdict, JudgedError, QueueVerdict, QueueWindow } from "../deploys/verdict/types.ts";
import type { HostHistory, HostPoint } from "../hosts/history.ts";
import type { Host, Thresholds } from "../hosts/host.ts";
import type { ErrorGroup, FailedJob, JobErrorGroup, QueueFailures, ReleaseFailures } from "../queues/errors.ts";
import type { QueueHistory, QueuePoint } from "../queues/history.ts";
import type { QueueMetrics, RunningJob } from "../queues/queue.ts";
import type { TimelineCoverage, TimelineEntry } from "../timeline/timeline.ts";
import { type Builder, type Problem, toNodeId } from "./builder.ts";
import type { FoundHistory } from "./containers/history-loader.ts";
import type { ContainersChange } from "./containers/live-loader.ts";
import type { RestartPreview, RunningWork, WorkGap } from "./containers/running-work.ts";
import type { RoleLogs } from "./logs/role-loader.ts";
import type { GroupRetried, JobChanged } from "./queues/jobs-loader.ts";
import type { QueueSourceStatus } from "./queues/loader.ts";
import type { Orphans } from "./queues/orphans-loader.ts";

/** A container with its last health probe. */
export interface HealthCheck {
  readonly container: Container;
  readonly probe: HealthProbe | null;
  /** The probe that was run on demand. */
  readonly run: ProbeRun | null;
}

/** A container that was restarted, or only previewed. */
interface RestartResult extends HealthOutcome {
  readonly preview: RestartPreview | null;
}

/** The refs of all object types, so that types can refer to each other in any order. */
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

/** Container.id, for what names a container beside it. */
export function toContainerId(container: ContainerRef): string {
  return toNodeId("Container", toContainerKey(container));
}
