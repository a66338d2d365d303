import { formatRfc3339, normalizeRfc3339 } from "../../lib/time.ts";
import {
  type Container,
  type Health,
  type HealthProbe,
  liveStates,
  type PublishedPort,
  type RawContainer,
} from "../container.ts";
import type { ContainerRules, EngineContext } from "./rules.ts";
import { toContainerEnv, toInferredEnv, toLabelledEnv } from "./environment.ts";
import { composeProject, isReplaced, toKind, toOrigin, toRole } from "./origin.ts";
import { toCommitSha, toVersion } from "./version.ts";

/**
 * The whole mapping of Kamal's, compose's and plain containers. `seen`: when it was last observed,
 * by default now.
 */
export function toContainer(
  raw: RawContainer,
  context: EngineContext,
  seen: Pick<Container, "observedAt" | "stale"> = { observedAt: formatRfc3339(Date.now()), stale: false },
): Container {
  return {
    engine: raw.engine,
    fullId: raw.fullId,
    name: raw.name,
    kind: toKind(raw, context.rules, context),
    id: raw.fullId.slice(0, 12),
    role: toRole(raw, context),
    service: toService(raw, context.rules),
    destination: raw.labels["destination"] || raw.variables?.kamalDestination || null,
    env: toContainerEnv(raw, context),
    inferredEnv: toInferredEnv(raw, context),
    status: raw.state,
    health: toHealth(raw),
    probe: toProbe(raw),
    ...toVersion(raw),
    replaced: isReplaced(raw.name),
    commitSha: toCommitSha(raw),
    restarts: raw.restarts,
    host: toHost(raw),
    createdAt: normalizeRfc3339(raw.createdAt) ?? "",
    startedAt: normalizeRfc3339(raw.startedAt),
    finishedAt: liveStates.has(raw.state) ? null : normalizeRfc3339(raw.finishedAt),
    image: raw.image,
    ports: toPorts(raw.ports),
    hostNames: toHostNames(raw, context),
    ...seen,
    isInspected: raw.variables !== null,
    labelledEnv: toLabelledEnv(raw, context),
  };
}

/**
 * A Compose service beside the product may run once and end. With a service it would look like a
 * permanent deployment by Kamal.
 */
function toService(raw: RawContainer, rules: ContainerRules): string | null {
  const origin = toOrigin(raw);
  if (origin === "compose") return toKind(raw, rules) === "core" ? (raw.labels[composeProject] ?? null) : null;
  return origin === "app" || origin === "accessory" ? (raw.labels["service"] ?? null) : null;
}

/** A stopped container retains the last status of its probe: only a running one has a health. */
function toHealth({ state, health }: RawContainer): Health {
  if (state !== "running") return "none";
  return health?.status === "healthy" || health?.status === "unhealthy" || health?.status === "starting"
    ? health.status
    : "none";
}

function toProbe({ health }: RawContainer): HealthProbe | null {
  if (!health || health.output === null) return null;
  const { failingStreak, failingSince, checkedAt, output } = health;
  return {
    failingStreak,
    failingSince: normalizeRfc3339(failingSince),
    checkedAt: normalizeRfc3339(checkedAt),
    output,
  };
}

/**
 * The configured host name; the container's name when Docker derived the host name from the id, as
 * for accessories.
 */
function toHost({ hostname, fullId, name }: RawContainer): string {
  return hostname && !fullId.startsWith(hostname) ? hostname : name;
}

/**
 * KAMAL_HOST; the host in Kamal's host name `<host>-<12 hex>`, unless it was cut at 51 characters;
 * on the host network the host name; the engine's own names.
 */
function toHostNames({ hostname, hostNetwork, variables }: RawContainer, context: EngineContext): string[] {
  const kamalHost = /^(.{1,50})-[0-9a-f]{12}$/.exec(hostname ?? "")?.[1];
  const names = [variables?.kamalHost, kamalHost, hostNetwork ? hostname : null, ...context.hostNames];
  return [...new Set(names.filter((name) => typeof name === "string" && name !== ""))] as string[];
}

/**
 * Published ports as `HostIp:HostPort`, by number, without duplicates. The `::` twin of a port that
 * is also open on 0.0.0.0 is dropped: Docker publishes both for one `-p`.
 */
export function toPorts(published: readonly PublishedPort[]): string[] {
  const ports = published.map((port) => (port.hostIp === "" ? { ...port, hostIp: "0.0.0.0" } : port));
  const anywhere = new Set(ports.filter(({ hostIp }) => hostIp === "0.0.0.0").map(toPlace));
  const isTwin = (port: PublishedPort) => port.hostIp === "::" && anywhere.has(toPlace(port));
  const shown = ports.filter((port) => port.hostPort > 0 && !isTwin(port));
  shown.sort((a, b) => a.hostPort - b.hostPort || (a.hostIp < b.hostIp ? -1 : 1));
  return [...new Set(shown.map(formatPort))];
}

function toPlace({ hostPort, protocol }: PublishedPort): string {
  return `${hostPort}/${protocol}`;
}

function formatPort(port: PublishedPort): string {
  return port.hostIp.includes(":") ? `[${port.hostIp}]:${port.hostPort}` : `${port.hostIp}:${port.hostPort}`;
}
