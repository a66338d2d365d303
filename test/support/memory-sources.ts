import type { AuditLog, AuditRecord } from "../../src/audit/audit.ts";
import { createLocalLedger } from "../../src/audit/local.ts";
import { toOwnerEnv } from "../../src/auth/principal.ts";
import type { Container, ContainerRef } from "../../src/containers/container.ts";
import { createEventBroadcaster } from "../../src/containers/docker/engine/event-feed.ts";
import { createHealthProbes } from "../../src/containers/health-probes.ts";
import { toBatch, toLogPage } from "../../src/containers/logs/log.ts";
import type { RestartLimitOptions } from "../../src/containers/restart/limits.ts";
import { createRestarts } from "../../src/containers/restart/restart.ts";
import type { ContainerSource, EngineStatus, ReleaseImage } from "../../src/containers/source.ts";
import type { DeployInfo, DeployLog } from "../../src/deploys/deploy.ts";
import { createDeployMemory } from "../../src/deploys/fate.ts";
import type { Sources } from "../../src/graphql/sources.ts";
import { toHostHistory } from "../../src/hosts/history.ts";
import type { Host } from "../../src/hosts/host.ts";
import { createChanges } from "../../src/lib/broadcast.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { createFingerprints, type JobErrorGroup } from "../../src/queues/errors.ts";
import type { JobReader } from "../../src/queues/job.ts";
import type { JobAction, JobControl } from "../../src/queues/jobs/control.ts";
import { createJobOperations } from "../../src/queues/jobs/operations.ts";
import { createOwnerMemory } from "../../src/queues/owner-memory.ts";
import type { ConfiguredOwner } from "../../src/queues/owners.ts";
import type { JobFailures, QueueSource, RunningJobs, WorkerJobs } from "../../src/queues/queue.ts";
import type { KindSource } from "../../src/queues/system.ts";
import { createTimelineMemory } from "../../src/timeline/memory.ts";
import { emptyHead, sampleChain } from "./audit.ts";
import { sampleEngine, sampleMark, sampleStats } from "./containers.ts";
import { sampleDeployInfo } from "./deploys.ts";
import { sampleLine } from "./logs.ts";
import { type QueueFigures, sampleFailures, sampleQueue } from "./queues.ts";

type ErrorFigures = Pick<JobErrorGroup, "queue" | "source" | "jobId" | "error" | "timestamp" | "count"> &
  Partial<JobFailures>;

function toFailures({ jobId, timestamp, ...more }: ErrorFigures): JobFailures {
  return sampleFailures({ jobIds: [jobId], firstAt: timestamp, lastAt: timestamp, ...more });
}

/** Data in memory behind the ports. An Error in place of data is thrown. */
export interface Memory {
  containers: readonly Container[];
  retired: readonly Container[];
  /** Live ones that no list shows. */
  hidden: readonly Container[];
  engines: readonly (Pick<EngineStatus, "name" | "ok" | "error"> & Partial<EngineStatus>)[];
  queueSources: readonly {
    name: string;
    env?: "staging" | "production" | null;
    metrics: QueueFigures[] | Error;
    errors: ErrorFigures[] | Error;
    control?: JobControl;
    jobs?: JobReader;
    failedJobs?: KindSource["failedJobs"];
    history?: QueueSource["history"];
    running?: (hosts: readonly string[]) => Promise<RunningJobs>;
    workerJobs?: () => Promise<readonly WorkerJobs[]>;
    owner?: ConfiguredOwner;
    place?: string;
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
  options: Partial<
    Pick<
      Sources,
      "env" | "isProductConfigured" | "isOwnService" | "restartEnabled" | "jobsEnabled" | "healthExecEnabled"
    >
  > & { limits?: RestartLimitOptions } = {},
) {
  const data: Memory = {
    containers: [],
    retired: [],
    hidden: [],
    engines: [{ name: "local", ok: true, error: null }],
    queueSources: [],
    hosts: [],
    deploy: sampleDeployInfo,
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
  const engines = () => data.engines.map((engine) => sampleEngine({ runs: toRuns(engine.name), ...engine }));
  const toRuns = (engine: string) =>
    new Set(containers.flatMap((container) => (container.engine === engine ? (toOwnerEnv(container) ?? []) : [])));
  const lastListed = (engine: string) => {
    const { runs } = engines().find((one) => one.name === engine) ?? { runs: null };
    return runs && containers.filter((container) => container.engine === engine);
  };
  const source: ContainerSource = {
    list: async () => {
      count("list");
      return { containers, engines: engines() };
    },
    listCached: () => ({ containers, engines: engines() }),
    lastListed,
    everSeen: lastListed,
    heard: () => [],
    findByName: async (name, engine) => containers.filter((one) => one.engine === engine && one.name === name),
    listRetired: async () => {
      count("retired");
      return data.retired;
    },
    images: async () => {
      count("images");
      return data.images;
    },
    listRunning: async () => {
      count("live");
      return {
        containers: [...containers, ...data.hidden].filter(({ status }) => status === "running"),
        engines: engines(),
      };
    },
    changes: (signal) => changes.watch(signal),
    events: (accepts, signal) => board.read(accepts, signal),
    inspectNow: async (ref) => {
      const container = find(ref);
      if (!container) throw new OpsError("container_not_found", "No such container");
      return { container, protectedBy: null };
    },
    stats: async (refs) => {
      count("stats", refs.length);
      return refs.map(() => sampleStats);
    },
    statsVersion: () => null,
    statsHistory: () => {
      count("statsHistory");
      return [sampleStats];
    },
    statsHistoryCached: () => [],
    logs: async (ref, { tail }) => {
      count("logs");
      const line = sampleLine(`from ${ref.fullId}`);
      return toLogPage({ lines: Array.from({ length: Math.min(tail, 2) }, () => line) });
    },
    logBeginning: async () => null,
    follow: async (ref, _, signal) => {
      count("follow");
      return (async function* () {
        const line = sampleLine(`from ${ref.fullId}`);
        yield toBatch({ lines: [line, line] });
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        if (typeof signal.reason === "string") yield toBatch({ ended: signal.reason });
      })();
    },
    async *stored(ref) {
      count("stored");
      const line = sampleLine(`from ${ref.fullId}`);
      yield { lines: [line, line], cutAt: null };
    },
    restart: async (ref) => {
      count("restart");
      return { container: find(ref) as Container, dockerStatus: 204 };
    },
    probe: async () => {
      count("probe");
      return { exitCode: 1, output: "refused", timedOut: false, durationMs: 20, checkedAt: "2026-01-13T09:46:00Z" };
    },
    markRestart: async (ref) => ({
      container: find(ref) as Container,
      protectedBy: null,
      mark: sampleMark(),
    }),
    locate: async ({ fullId }) => data.containers.find((container) => container.fullId === fullId)?.engine ?? null,
    restartedSince: async () => false,
    close: async () => {},
  };
  const fingerprints = createFingerprints();
  const queueSources = data.queueSources.map((given): QueueSource => ({
    name: given.name,
    kind: "table",
    env: given.env ?? null,
    metrics: async () => {
      count("metrics");
      return (await give(given.metrics)).map((figures) => sampleQueue({ source: given.name, ...figures }));
    },
    failures: async (signal) => {
      count("errors");
      return fingerprints.addToFailures((await give(given.errors)).map(toFailures), createSharedBudget(signal));
    },
    ...(given.owner && { owner: given.owner }),
    ...(given.place && { place: given.place }),
    ...(given.running && { running: given.running }),
    ...(given.control && { control: given.control }),
    ...(given.jobs && { jobs: given.jobs }),
    ...(given.history && { history: given.history }),
    ...(given.failedJobs && {
      failedJobs: async (queue: string, action: JobAction, caller: AbortSignal) => {
        const jobs = (await given.failedJobs?.(queue, action, caller)) ?? null;
        return jobs && fingerprints.addToJobs(jobs, createSharedBudget(caller));
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
    head: async () => emptyHead,
    verify: async () => sampleChain(audited.length),
    recover: async () => ({ open: [], keyed: [], limiting: [] }),
  };
  const ledger = createLocalLedger({ audit });
  const thresholds = { cpu: 0.85, mem: 0.85 };
  const sources: Sources = {
    containers: source,
    logHistory: null,
    queues: { all: async () => queueSources, close: async () => {} },
    databaseClocks: () => [],
    queueOwners: createOwnerMemory(),
    hosts: {
      report: async () => {
        count("hosts");
        return { hosts: await give(data.hosts), thresholds, updatedAt: "2026-01-13T09:46:00Z" };
      },
      reportCached: () => null,
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
    restarts: createRestarts({
      source,
      ledger,
      limits: options.limits ?? { cooldownMs: 0, budgetPerHour: 1000 },
      stableMs: 0,
    }),
    thresholds,
    env: options.env ?? null,
    jobs: createJobOperations({
      ledger,
      find: async (name) => data.queueSources.find((one) => one.name === name)?.control ?? null,
    }),
    probes: createHealthProbes({ source, ledger }),
    jobsEnabled: options.jobsEnabled ?? false,
    services: ["wallet-core"],
    isProductConfigured: options.isProductConfigured ?? true,
    isOwnService: options.isOwnService ?? (() => true),
    restartEnabled: options.restartEnabled ?? false,
    healthExecEnabled: options.healthExecEnabled ?? false,
  };
  /** Replaces the containers of its engines. */
  const setContainers = (now: readonly Container[]) => {
    data.containers = now;
    containers = now.toSorted(byKindAndName);
    changes.notify();
  };
  return { sources, calls, audit, audited, changes, board, setContainers };
}
