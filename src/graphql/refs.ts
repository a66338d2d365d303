import { type Container, type ContainerRef, type ContainerStats, toContainerKey } from "../containers/container.ts";
import type { LogLine } from "../containers/logs/log.ts";
import type { RoleLine } from "../containers/logs/role/lines.ts";
import type { StoredPart } from "../containers/logs/role/stored.ts";
import type { EngineStatus } from "../containers/source.ts";
import type { DeployInfo } from "../deploys/deploy.ts";
import type { Deploy } from "../deploys/state.ts";
import type { Host } from "../hosts/host.ts";
import type { ReleaseFailures } from "../queues/errors.ts";
import type { Job, JobAttempt } from "../queues/job.ts";
import type { QueueOwner } from "../queues/owners.ts";
import type { QueueMetrics, RunningJob } from "../queues/queue.ts";
import { type Builder, type Problem, toNodeId } from "./builder.ts";
import type { Role } from "./containers/role-loader.ts";
import type { RestartPreview, WorkGap } from "./containers/running-work.ts";
import type { FailedJobAddress } from "./queues/job-loader.ts";

/**
 * The refs of object types that several functions or files need, so that types can refer to each
 * other in any order.
 */
export function createRefs(builder: Builder) {
  return {
    container: builder.objectRef<Container>("Container"),
    containerStats: builder.objectRef<ContainerStats>("ContainerStats"),
    logLine: builder.objectRef<LogLine>("LogLine"),
    logContainer: builder.objectRef<RoleLine["container"]>("LogContainer"),
    roleLogLine: builder.objectRef<RoleLine>("RoleLogLine"),
    roleLogPart: builder.objectRef<StoredPart>("RoleLogPart"),
    engine: builder.objectRef<EngineStatus>("Engine"),
    role: builder.objectRef<Role>("Role"),
    queue: builder.objectRef<QueueMetrics>("Queue"),
    queueOwner: builder.objectRef<QueueOwner>("QueueOwner"),
    releaseFailures: builder.objectRef<ReleaseFailures>("ReleaseFailures"),
    host: builder.objectRef<Host>("Host"),
    deployInfo: builder.objectRef<DeployInfo>("DeployInfo"),
    deploy: builder.objectRef<Deploy>("Deploy"),
    restartPreview: builder.objectRef<RestartPreview>("RestartPreview"),
    job: builder.objectRef<Job>("Job"),
    jobAttempt: builder.objectRef<JobAttempt>("JobAttempt"),
    failedJob: builder.objectRef<FailedJobAddress>("FailedJob"),
    runningJob: builder.objectRef<RunningJob>("RunningJob"),
    workGap: builder.objectRef<WorkGap>("WorkGap"),
    problem: builder.objectRef<Problem>("Problem"),
  };
}

export type Refs = ReturnType<typeof createRefs>;

/** Container.id, for types that name a container beside it. */
export function toContainerId(container: ContainerRef): string {
  return toNodeId("Container", toContainerKey(container));
}
