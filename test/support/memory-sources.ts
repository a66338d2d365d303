import { hash } from "node:crypto";
import type { AuditLog, AuditRecord } from "../../src/audit/audit.ts";
import { toOwnerEnv } from "../../src/auth/principal.ts";
import type { Container, ContainerRef, ContainerStats } from "../../src/containers/container.ts";
import { createEventBroadcaster } from "../../src/containers/docker/engine/event-feed.ts";
import { createHealthProbes } from "../../src/containers/health-probes.ts";
import { toBatch } from "../../src/containers/logs/log.ts";
import type { ReleaseImage } from "../../src/containers/release-image.ts";
import type { RestartLimitOptions } from "../../src/containers/restart/limits.ts";
import { createRestarts } from "../../src/containers/restart/restart.ts";
import type { ContainerSource, EngineStatus } from "../../src/containers/source.ts";
import type { DeployInfo, DeployLog } from "../../src/deploys/deploy.ts";
import { createDeployMemory } from "../../src/deploys/fate.ts";
import type { Sources } from "../../src/graphql/sources.ts";
import { toHostHistory } from "../../src/hosts/history.ts";
import type { Host } from "../../src/hosts/host.ts";
import { createChanges } from "../../src/lib/broadcast.ts";
import { createFingerprints, type JobErrorGroup } from "../../src/queues/errors.ts";
import type { JobControl } from "../../src/queues/jobs/control.ts";
import { createJobOperations } from "../../src/queues/jobs/operations.ts";
import type { JobFailures, QueueMetrics, QueueSource, RunningJobs, WorkerJobs } from "../../src/queues/queue.ts";
import type { KindSource } from "../../src/queues/system.ts";
import { createTimelineMemory } from "../../src/timeline/memory.ts";

/** A running web container; the id is derived from the name. */
export function sampleContainer(overrides: Partial<Container> = {}): Container {
  const name = overrides.name ?? "wallet-core-staging-web-latest";
  const fullId = hash("sha256", name);
  return {
    engine: "local",
    fullId,
    id: fullId.slice(0, 12),
    name,
    kind: "core",
    role: "web",
    service: "wallet-core-staging",
    destination: null,
    env: "staging",
    inferredEnv: null,
    status: "running",
    health: "healthy",
    probe: { failingStreak: 0, checkedAt: "2026-01-13T09:45:00Z", output: "ok" },
    version: "deploy-20260110-130322-prod",
    floating: false,
    replaced: false,
    commitSha: "abc123",
    restarts: 0,
    host: "37.27.91.235-56703216100c",
    createdAt: "2026-01-13T09:40:00Z",
    startedAt: "2026-01-13T09:40:10Z",
    finishedAt: null,
    image: "ghcr.io/schoolable/wallet-core:latest",
    ports: ["0.0.0.0:8080"],
    hostNames: ["37.27.91.235"],
    observedAt: "2026-01-13T09:45:58Z",
    stale: false,
    ...overrides,
  };
}

export function sampleHost(overrides: Partial<Host> = {}): Host {
  return {
    name: "staging-host-1",
    instance: "37.27.91.235:9100",
    status: "up",
    cpuUtil: 0.72,
    memUtil: 0.64,
    diskUtil: 0.5,
    load1: 1.2,
    networkReceiveBytesPerSec: 1000,
    networkTransmitBytesPerSec: 2000,
    alert: false,
    reason: null,
    ...overrides,
  };
}

const sampleStats: ContainerStats = {
  source: "engine",
  cpuPct: 12.4,
  cpuPeriods: 100,
  cpuThrottledPeriods: 10,
  cpuThrottledSeconds: 0.5,
  memPct: 34.1,
  memUsedBytes: 341,
  memLimitBytes: 1000,
  pids: 5,
  networkReceiveBytes: 2000,
  networkTransmitBytes: 1000,
  blockReadBytes: 4096,
  blockWriteBytes: 0,
  sampledAt: "2026-01-13T09:46:00Z",
};

export const sampleDeploy: DeployInfo = {
  currentTag: "deploy-20260110-130322-prod",
  previousTag: "deploy-20260109-101500-prod",
  commitSha: "abc123",
  deployedBy: "ops-user",
  deployedAt: "2026-01-10T13:15:00Z",
  service: null,
  destination: null,
  env: null,
  extra: [],
  stale: false,
  error: null,
};

type QueueFigures = Pick<QueueMetrics, "name"> & Partial<QueueMetrics>;
type ErrorFigures = Pick<JobErrorGroup, "queue" | "source" | "jobId" | "error" | "timestamp" | "count"> & Partial<JobFailures>;

/** An empty queue. */
export function sampleQueue(overrides: QueueFigures): QueueMetrics {
  return {
    source: "jobs",
    depth: 0,
    processedPerSec: 0,
    failuresLastHour: 0,
    failuresRecent: 0,
    active: null,
    deferred: null,
    retrying: null,
    dead: null,
    oldestAgeSeconds: null,
    waitSeconds: null,
    runSeconds: null,
    paused: null,
    workers: null,
    exact: true,
    windowSeconds: null,
    observedAt: "2026-01-13T09:46:00Z",
    ...overrides,
  };
}

/** No request waits for another. */
const turns = { turn: () => null };

function toFailures({ queue, source, jobId, error, timestamp, count, ...more }: ErrorFigures): JobFailures {
  const times = { firstAt: timestamp, lastAt: timestamp };
  return { queue, source, error, count, worker: null, attempts: null, jobIds: [jobId], ...times, ...more };
}

/** Data in memory behind the ports, and how often each port was asked. Failures are thrown where an Error stands for data. */
export interface Memory {
  containers: readonly Container[];
  kept: readonly Container[];
  /** Live ones that no list shows. */
  hidden: readonly Container[];
  engines: readonly (Pick<EngineStatus, "name" | "ok" | "error"> & Partial<EngineStatus>)[];
  queueSources: readonly {
    name: string;
    env?: "staging" | "production";
    metrics: QueueFigures[] | Error;
    errors: ErrorFigures[] | Error;
    control?: JobControl;
    failedJobs?: KindSource["failedJobs"];
    history?: QueueSource["history"];
    running?: (hosts: readonly string[]) => Promise<RunningJobs>;
    workerJobs?: () => Promise<readonly WorkerJobs[]>;
  }[];
  hosts: readonly Host[] | Error;
  deploy: DeployInfo | Error;
  deployLogs: readonly DeployLog[];
  images: readonly ReleaseImage[];
}

function byKindAndName(a: Container, b: Container): number {
  return `${a.kind === "core" ? 0 : 1}${a.name}` < `${b.kind === "core" ? 0 : 1}${b.name}` ? -1 : 1;
}

async function give<T>(value: T | Error): Promise<T> {
  if (value instanceof Error) throw value;
  return value;
}

export function createMemorySources(
  memory: Partial<Memory> = {},
  options: Partial<Pick<Sources, "env" | "isOwnService" | "restartEnabled" | "jobsEnabled" | "healthExecEnabled">> & {
    limits?: RestartLimitOptions;
  } = {},
) {
  const data: Memory = {
    containers: [],
    kept: [],
    hidden: [],
    engines: [{ name: "local", ok: true, error: null }],
    queueSources: [],
    hosts: [],
    deploy: sampleDeploy,
    deployLogs: [],
    images: [],
    ...memory,
  };
  const calls: Record<string, number> = {};
  const count = (name: string, by = 1) => (calls[name] = (calls[name] ?? 0) + by);
  const find = ({ engine, fullId }: ContainerRef) =>
    data.containers.find((container) => container.fullId === fullId && container.engine === engine) ?? null;
  const [changes, board] = [createChanges(), createEventBroadcaster()];
  let containers = data.containers.toSorted(byKindAndName);
  const engines = () =>
    data.engines.map((engine): EngineStatus => ({ contactAt: null, env: null, runs: toRuns(engine.name), ...engine }));
  const toRuns = (engine: string) =>
    new Set(containers.flatMap((container) => (container.engine === engine ? (toOwnerEnv(container) ?? []) : [])));
  const source: ContainerSource = {
    list: async () => {
      count("list");
      return { containers, engines: engines() };
    },
    listCached: () => ({ containers, engines: engines() }),
    listRetired: async () => {
      count("kept");
      return data.kept;
    },
    images: async () => {
      count("images");
      return data.images;
    },
    listRunning: async () => {
      count("live");
      return { containers: [...containers, ...data.hidden].filter(({ status }) => status === "running"), engines: engines() };
    },
    changes: (signal) => changes.watch(signal),
    events: (accepts, signal) => board.read(accepts, signal),
    inspect: async (refs) => {
      count("inspect", refs.length);
      return refs.map(find);
    },
    inspectNow: async (ref) => {
      count("fresh");
      return find(ref);
    },
    stats: async (refs) => {
      count("stats", refs.length);
      return refs.map(() => sampleStats);
    },
    statsHistory: () => {
      count("statsHistory");
      return [sampleStats];
    },
    logs: async (ref, { tail }) => {
      count("logs");
      const line = {
        timestamp: "2026-01-13T09:46:00.000000001Z",
        stream: "stdout",
        level: null,
        message: `from ${ref.fullId}`,
      } as const;
      return { lines: Array.from({ length: Math.min(tail, 2) }, () => line), truncated: false };
    },
    follow: async (ref, _, signal) => {
      count("follow");
      return (async function* () {
        const line = {
          timestamp: "2026-01-13T09:46:00.000000001Z",
          stream: "stdout",
          level: null,
          message: `from ${ref.fullId}`,
        } as const;
        yield toBatch({ lines: [line, line] });
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        if (typeof signal.reason === "string") yield toBatch({ ended: signal.reason });
      })();
    },
    restart: async (ref) => {
      count("restart");
      return { container: find(ref) as Container, dockerStatus: 204 };
    },
    probe: async () => {
      count("probe");
      return { exitCode: 1, output: "refused", timedOut: false, durationMs: 20, checkedAt: "2026-01-13T09:46:00Z" };
    },
    inspectForRestart: async (ref) => ({ container: find(ref) as Container, protectedBy: null }),
    restartedSince: async () => false,
    close: async () => {},
  };
  const queueSources = data.queueSources.map((given): QueueSource => ({
    name: given.name,
    kind: "table",
    env: given.env ?? null,
    metrics: async () => {
      count("metrics");
      return (await give(given.metrics)).map((figures) => sampleQueue({ source: given.name, ...figures }));
    },
    failures: async () => {
      count("errors");
      return createFingerprints().addToFailures((await give(given.errors)).map(toFailures), turns);
    },
    ...(given.running && { running: given.running }),
    ...(given.control && { control: given.control }),
    ...(given.history && { history: given.history }),
    ...(given.failedJobs && {
      failedJobs: async (queue: string, caller: AbortSignal) => {
        const jobs = (await given.failedJobs?.(queue, caller)) ?? null;
        return jobs && createFingerprints().addToJobs(jobs, turns);
      },
    }),
    ...(given.workerJobs && { workerJobs: given.workerJobs }),
  }));
  const audited: AuditRecord[] = [];
  const audit: AuditLog = {
    write: async (entry) =>
      audited.push({ ...entry, seq: audited.length + 1, at: "2026-01-13T09:46:00.000Z", hash: "0".repeat(64) }),
    read: async ({ first, before, accepts }) =>
      audited
        .filter((record) => (before === null || record.seq < before) && accepts(record))
        .toReversed()
        .slice(0, first),
    check: async () => {},
    recover: async () => ({ open: [], keyed: [] }),
  };
  const thresholds = { cpu: 0.85, mem: 0.85 };
  const sources: Sources = {
    containers: source,
    queues: { all: async () => queueSources, close: async () => {} },
    hosts: {
      report: async () => {
        count("hosts");
        return { hosts: await give(data.hosts), thresholds, updatedAt: "2026-01-13T09:46:00Z" };
      },
      history: async (range, instances) => {
        count("hostHistory");
        await give(data.hosts);
        return new Map(instances.map((instance) => [instance, toHostHistory(range, [])]));
      },
      close: async () => {},
    },
    containerHistory: {
      containerHistory: async (_range, asked) => {
        count("containerHistory");
        return asked.map(() => null);
      },
    },
    deploy: {
      read: () => {
        count("deploy");
        return give(data.deploy);
      },
      history: async () => {
        count("deployHistory");
        return data.deployLogs;
      },
    },
    deployMemory: createDeployMemory(),
    timeline: createTimelineMemory(),
    audit,
    restarts: createRestarts({ source, audit, limits: options.limits ?? { cooldownMs: 0, budgetPerHour: 1000 }, stableMs: 0 }),
    thresholds,
    env: options.env ?? null,
    jobs: createJobOperations({
      audit,
      find: async (name) => data.queueSources.find((one) => one.name === name)?.control ?? null,
    }),
    probes: createHealthProbes({ source, audit }),
    jobsEnabled: options.jobsEnabled ?? false,
    isOwnService: options.isOwnService ?? (() => true),
    restartEnabled: options.restartEnabled ?? false,
    healthExecEnabled: options.healthExecEnabled ?? false,
  };
  /** What its engines run from now on. */
  const setContainers = (now: readonly Container[]) => {
    data.containers = now;
    containers = now.toSorted(byKindAndName);
    changes.notify();
  };
  return { sources, calls, audited, changes, board, setContainers };
}
