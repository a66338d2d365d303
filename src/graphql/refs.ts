import type { Container, ContainerStats, EngineStatus, HealthProbe, LogLine, LogPage } from "../domain/container.ts";
import type { DeployInfo } from "../domain/deploy.ts";
import type { Host, Thresholds } from "../domain/host.ts";
import type { JobErrorGroup, QueueMetrics } from "../domain/queue.ts";
import type { Builder } from "./builder.ts";
import type { QueueSourceStatus } from "./loaders/queues.ts";

/** A container with what its last health probe said. */
export interface HealthCheck {
  readonly container: Container;
  readonly probe: HealthProbe | null;
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
    healthCheck: builder.objectRef<HealthCheck>("HealthCheck"),
    logPage: builder.objectRef<LogPage>("LogPage"),
    logLine: builder.objectRef<LogLine>("LogLine"),
    engine: builder.objectRef<EngineStatus>("Engine"),
    queue: builder.objectRef<QueueMetrics>("Queue"),
    queueSource: builder.objectRef<QueueSourceStatus>("QueueSource"),
    jobError: builder.objectRef<JobErrorGroup>("JobError"),
    host: builder.objectRef<Host>("Host"),
    thresholds: builder.objectRef<Thresholds>("Thresholds"),
    deployInfo: builder.objectRef<DeployInfo>("DeployInfo"),
    deployField: builder.objectRef<DeployInfo["extra"][number]>("DeployField"),
    problem: builder.objectRef<Problem>("Problem"),
  };
}

export type Refs = ReturnType<typeof createRefs>;
