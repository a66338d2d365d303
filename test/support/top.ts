import {
  type ContainerRow,
  emptyData,
  firstView,
  type HostRow,
  type ProblemRow,
  type QueueRow,
  type TopData,
  type View,
} from "../../src/terminal/top/state.ts";
import { type QueueNumberName, queueNumberNames } from "../../src/facts/queue.ts";
import type { Screen } from "../../src/terminal/top/layout.ts";

const topNow = Date.parse("2026-01-13T10:00:00Z");

export function sampleRow(overrides: Partial<ContainerRow> = {}): ContainerRow {
  const name = overrides.name ?? "wallet-core-web-staging-v1";
  return {
    id: name,
    name,
    role: "web",
    status: "running",
    health: "HEALTHY",
    version: "v1",
    commitSha: "",
    restarts: 0,
    startedAt: "2026-01-13T09:00:00Z",
    host: "host-1",
    engine: "docker",
    service: "wallet-core",
    destination: "staging",
    env: "STAGING",
    kind: "CORE",
    stale: false,
    ...overrides,
  };
}

export function sampleProblem(overrides: Partial<ProblemRow> = {}): ProblemRow {
  return {
    id: "problem-1",
    kind: "QUEUE_STALLED",
    severity: "CRITICAL",
    title: "payouts is stalled",
    since: "2026-01-13T09:48:00Z",
    evidence: ["12 jobs wait", "0/s succeed"],
    rule: "Jobs wait and none ends.",
    alert: "OpsQueueStalled",
    env: "STAGING",
    destination: null,
    service: null,
    role: null,
    source: null,
    container: null,
    queue: null,
    host: null,
    engine: null,
    deploy: null,
    ...overrides,
  };
}

const unknownQueueNumbers = Object.fromEntries(queueNumberNames.map((name) => [name, null])) as Readonly<
  Record<QueueNumberName, null>
>;

export function sampleQueueRow(overrides: Partial<QueueRow> = {}): QueueRow {
  return {
    name: "payouts",
    source: "river",
    owners: null,
    state: "OK",
    ...unknownQueueNumbers,
    depth: 12,
    oldestAgeSeconds: 30,
    processedPerSec: 1.5,
    failuresLastHour: 2,
    active: 1,
    retrying: 0,
    deferred: 0,
    dead: 0,
    windowSeconds: 300,
    drainSeconds: 8,
    paused: false,
    exact: true,
    observedAt: "2026-01-13T10:00:00Z",
    ...overrides,
  };
}

export function sampleHostRow(overrides: Partial<HostRow> = {}): HostRow {
  return {
    name: "host-1",
    instance: "10.0.0.1:9100",
    status: "UP",
    alert: false,
    cpuUtil: 0.5,
    memUtil: 0.25,
    diskUtil: 0.75,
    diskMountpoint: "/",
    diskDevice: "/dev/sda1",
    load1: 1.2,
    networkReceiveBytesPerSec: 1000,
    networkTransmitBytesPerSec: 2000,
    reason: null,
    ...overrides,
  };
}

interface SampleRows {
  readonly problems?: readonly ProblemRow[];
  readonly gaps?: string[];
  readonly containers?: readonly ContainerRow[];
  readonly queues?: readonly QueueRow[];
  readonly hosts?: readonly HostRow[];
}

/** Everything answered. */
export function sampleData(rows: SampleRows = {}, overrides: Partial<TopData> = {}): TopData {
  const { problems = [sampleProblem()], gaps = [], containers = [sampleRow()], queues = [sampleQueueRow()] } = rows;
  const part = <T>(value: T) => ({ value, error: null });
  const count = (severity: string) => problems.filter((row) => row.severity === severity).length;
  return {
    ...emptyData,
    link: { state: "connected" },
    isStreamed: true,
    answeredAtMs: topNow,
    problems: part({
      problems: [...problems],
      criticalCount: count("CRITICAL"),
      warningCount: count("WARNING"),
      gaps,
      quietSince: problems.length === 0 ? "2026-01-13T09:00:00Z" : null,
      checkedAt: "2026-01-13T10:00:00Z",
    }),
    containers: part(containers),
    usage: part(new Map(containers.map(({ id }) => [id, { cpuPct: 12.4, memPct: 34.1 }]))),
    queues: part(queues),
    hosts: part(rows.hosts ?? [sampleHostRow()]),
    ...overrides,
  };
}

export function sampleScreen(data: TopData = sampleData(), view: Partial<View> = {}): Screen {
  return { data, view: { ...firstView, ...view }, place: "ops.example.com", nowMs: topNow };
}
