import type { RestartMark } from "../../src/audit/audit.ts";
import { hash } from "node:crypto";
import type { Container, ContainerStats } from "../../src/containers/container.ts";
import type { ContainerEvent } from "../../src/containers/events.ts";
import type { EngineStatus } from "../../src/containers/source.ts";
import { at } from "./logs.ts";

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
    probe: { failingStreak: 0, failingSince: null, checkedAt: "2026-01-13T09:45:00Z", output: "ok" },
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
    isInspected: true,
    labelledEnv: "staging",
    ...overrides,
  };
}

/** A container of the role, created `createdSeconds` (whole) after the moment of `at(0)`. */
export function replica(name: string, version = "v1", createdSeconds = -3600): Container {
  const createdAt = at(createdSeconds * 1000).replace(/\.\d+Z$/, "Z");
  return sampleContainer({ name, version, createdAt, startedAt: createdAt });
}

/** One reading of the statistics of a running container. */
export const sampleStats: ContainerStats = {
  source: "engine",
  cpuPct: 12.4,
  memPct: 34.1,
  memUsedBytes: 341,
  memLimitBytes: 1000,
  sampledAt: "2026-01-13T09:46:00Z",
  counters: () => ({
    cpuPeriods: 100,
    cpuThrottledPeriods: 10,
    cpuThrottledSeconds: 0.5,
    pids: 5,
    networkReceiveBytes: 2000,
    networkTransmitBytes: 1000,
    blockReadBytes: 4096,
    blockWriteBytes: 0,
  }),
};

/** An engine that answers, without an environment of its own. */
export function sampleEngine(overrides: Partial<EngineStatus> = {}): EngineStatus {
  const known = {
    runs: null,
    isInspected: true,
    ok: true,
    lostAt: null,
    contactAt: null,
    listedAt: null,
    error: null,
    clockSkew: null,
    clockOffset: { least: 0, most: 0 },
  };
  return { name: "local", env: null, ...known, ...overrides };
}

/** What the engine said right before a restart. */
export function sampleMark(overrides: Partial<RestartMark> = {}): RestartMark {
  return {
    engineId: "e1",
    at: "2026-01-13T10:00:00.000Z",
    startedAt: "2026-01-13T09:40:10Z",
    stopSeconds: 10,
    socket: "boot-1 /var/run/docker.sock",
    ...overrides,
  };
}

/** The start of a container. */
export function sampleEvent(overrides: Partial<ContainerEvent> = {}): ContainerEvent {
  return {
    time: "2026-01-13T09:00:00.000000001Z",
    action: "start",
    exitCode: null,
    signal: null,
    health: null,
    previousName: null,
    container: sampleContainer(),
    ...overrides,
  };
}
