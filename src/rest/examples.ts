/**
 * Bodies of answers as OpenAPI shows them, by operationId: the examples of the contract, with the
 * fields that came later.
 */
const web = {
  id: "abc123",
  name: "wallet-core-staging-web-latest",
  role: "web",
  status: "running",
  health: "healthy",
  version: "deploy-20260110-130322-prod",
  commit_sha: "abc123",
  restarts: 0,
  host: "37.27.91.235-56703216100c",
  created_at: "2026-01-13T09:40:00Z",
  started_at: "2026-01-13T09:40:10Z",
  image: "ghcr.io/schoolable/wallet-core:latest",
  ports: ["0.0.0.0:8080"],
  cpu_pct: 12.4,
  mem_pct: 34.1,
  destination: null,
};

const redis = {
  id: "def456",
  name: "wallet-core-staging-redis",
  role: "redis",
  status: "running",
  health: "none",
  version: "7-alpine",
  commit_sha: "",
  restarts: 0,
  host: "wallet-core-staging-redis",
  created_at: "2026-01-13T09:10:00Z",
  started_at: "2026-01-13T09:10:05Z",
  image: "redis:7-alpine",
  ports: ["0.0.0.0:6379"],
  destination: null,
};

const line = {
  timestamp: "2026-01-13T09:46:00.000000001Z",
  stream: "stdout",
  level: "info",
  message: "GET /up 200",
};

const health = { status: "running", health: "healthy" };

const queue = (name: string, depth: number, processedPerSec: number, failuresLastHour: number) => ({
  name,
  depth,
  processed_per_sec: processedPerSec,
  failures_last_hour: failuresLastHour,
  source: "runner",
  state: "ok",
  active: 1,
  deferred: 0,
  retrying: 0,
  dead: null,
  oldest_age_seconds: 2.5,
  wait_p50_seconds: 0.4,
  wait_p95_seconds: 1.8,
  run_p50_seconds: 0.2,
  run_p95_seconds: 0.9,
  drain_seconds: Math.round((depth / processedPerSec) * 10) / 10,
  paused: null,
  workers: null,
  exact: true,
  window_seconds: 300,
  observed_at: "2026-01-13T09:46:00Z",
});

const jobError = {
  queue: "pos_settlement",
  job_id: "job_123",
  error: "pq: serialization failure",
  timestamp: "2026-01-13T09:45:12Z",
  count: 2,
  fingerprint: "6f1d2c3b4a59",
  first_seen: "2026-01-13T09:41:10Z",
  attempts: 1,
  job_ids: ["job_123", "job_122"],
  releases: [{ version: "deploy-20260110-130322-prod", service: "wallet-core", destination: "staging", count: 2 }],
  complete: true,
};

const host = (name: string, cpuUtil: number, memUtil: number, alert: boolean) => ({
  name,
  cpu_util: cpuUtil,
  mem_util: memUtil,
  alert,
  status: "up",
  disk_util: 0.5,
  load1: 1.2,
  network_receive_bytes_per_sec: 1000,
  network_transmit_bytes_per_sec: 2000,
  reason: null,
});

const restarted = {
  name: web.name,
  restarted: true,
  status: "running",
  health: "starting",
  started_at: "2026-01-13T09:46:00Z",
};

export const examples: Readonly<Record<string, unknown>> = {
  listContainers: [web, redis],
  getContainer: web,
  getContainerLogs: { name: web.name, lines: [line], truncated: false },
  getContainerHealthCheck: {
    name: web.name,
    ...health,
    healthy: true,
    failing_streak: 0,
    checked_at: "2026-01-13T09:45:58Z",
    age_seconds: 2,
    output: "ok",
  },
  restartContainer: restarted,
  restartContainerByGet: restarted,
  getQueues: {
    queues: [
      queue("payouts", 4, 1.2, 0),
      queue("pos_settlement", 12, 0.6, 1),
      queue("webhook.aella.process", 2, 0.4, 0),
    ],
    errors: [jobError],
    sources: [{ name: "runner", ok: true, error: null }],
  },
  getHosts: {
    thresholds: { cpu: 0.85, mem: 0.85 },
    hosts: [host("staging-host-1", 0.72, 0.64, false), host("staging-host-2", 0.91, 0.88, true)],
    updated_at: "2026-01-13T09:46:00Z",
  },
  getDeployInfo: {
    current_tag: "deploy-20260110-130322-prod",
    previous_tag: "deploy-20260109-101500-prod",
    commit_sha: "abc123",
    deployed_by: "ops-user",
    deployed_at: "2026-01-10T13:15:00Z",
  },
};

/** The same log line as text, and as the first event of a followed log. */
export const textExamples = {
  lines: `${line.message}\n`,
  events: `retry: 1000\n\nid: ${line.timestamp}\nevent: lines\ndata: ${JSON.stringify([line])}\n\n`,
};

const message = "No such container";

/** An error as every endpoint returns it. */
export const errorExample = {
  message,
  error: { code: "container_not_found", message, request_id: "0b0a7f0e-3c1c-4b8e-9d54-5a1f5a7d2a10" },
};
