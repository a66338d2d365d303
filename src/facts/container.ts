import { toEngineState } from "./engine.ts";
import { formatEnum, unknownText } from "./format.ts";
import type { NumberFact } from "./number.ts";
import { toToneOf, type States, type Tone } from "./tone.ts";

/** What an engine calls a container that should run, worst first. */
export const containerStatuses = {
  DEAD: "bad",
  EXITED: "bad",
  RESTARTING: "bad",
  PAUSED: "warn",
  REMOVING: "warn",
  CREATED: "warn",
  RUNNING: "ok",
} as const satisfies States;

/** The results of a container's health check, worst first. NONE: it has no check. */
export const healthStates = {
  UNHEALTHY: "bad",
  STARTING: "warn",
  NONE: "neutral",
  HEALTHY: "ok",
} as const satisfies States;

export function toHealthTone(health: string): Tone {
  return toToneOf(healthStates, health);
}

interface Container {
  readonly status: string;
  readonly health: string;
  /** Whether its engine is silent. */
  readonly stale: boolean;
  /** CORE: the product's own. */
  readonly kind: string;
}

/**
 * The tone of the status that an engine reports. Containers outside the product may stop freely.
 */
export function toStatusTone({ status, stale, kind }: Omit<Container, "health">): Tone {
  if (stale) return "neutral";
  const isOver = status === "exited" || status === "dead" || status === "created";
  return isOver && kind.toUpperCase() !== "CORE" ? "neutral" : toToneOf(containerStatuses, status);
}

/** Its status; for a silent engine, the last known one. */
export function formatStatus({ status, stale }: Pick<Container, "status" | "stale">): string {
  return stale ? `was ${status}` : status;
}

/** The worse of its status and its health, in one word. */
export function toContainerState(container: Container): {
  readonly tone: Tone;
  readonly word: string;
  /** Explains the word where it is not enough. */
  readonly title?: string;
} {
  const { status, health, stale } = container;
  if (stale)
    return { tone: "neutral", word: "stale", title: `Its engine ${toEngineState(false).word}. Last known: ${status}` };
  if (status !== "running" || health.toUpperCase() === "NONE") return { tone: toStatusTone(container), word: status };
  return { tone: toHealthTone(health), word: health.toLowerCase() };
}

/** Status and health: "running, healthy". */
export function formatState({
  status,
  health,
  stale = false,
}: Pick<Container, "status" | "health"> & { readonly stale?: boolean }): string {
  const own = formatStatus({ status, stale });
  return health.toUpperCase() === "NONE" ? own : `${own}, ${formatEnum(health)}`;
}

/** The result of a health check beside a status; a dash without a check. */
export function formatHealth(health: string): string {
  return health.toUpperCase() === "NONE" ? unknownText : formatEnum(health);
}

const ofItsLimit = "of the limit; without a limit, of the host's memory";
const onNetworks = "on all its networks since its start";
const withoutNetwork = "when it has no network of its own (networks none and host)";

/** The numbers of a container, in the order in which people read them. */
export const containerNumbers = {
  restarts: {
    label: "restarts",
    unit: "count",
    about: "Restarts by the restart policy since the last manual start.",
    metric: "restarts_total",
    tool: "restarts",
    isTrouble: true,
  },
  cpuPct: {
    label: "CPU",
    unit: "percent",
    about: "CPU use over the last 0.5 to 3 s, of one CPU: more than 100 % when it uses several.",
    tool: "cpu_pct",
  },
  memPct: {
    label: "memory",
    unit: "percent",
    about: `Used memory without inactive file cache, ${ofItsLimit}.`,
    tool: "mem_pct",
  },
  memUsedBytes: {
    label: "memory used",
    unit: "bytes",
    about: "Used memory, without inactive file cache.",
    metric: "memory_usage_bytes",
  },
  memLimitBytes: { label: "memory limit", unit: "bytes", about: "Memory limit.", metric: "memory_limit_bytes" },
  cpuPeriods: {
    label: "CPU periods",
    unit: "count",
    about: "Periods of its CPU limit since its start; 0 without a limit.",
    metric: "cpu_periods_total",
  },
  cpuThrottledPeriods: {
    label: "throttled periods",
    unit: "count",
    about: "Periods of its CPU limit in which it was throttled until the next one.",
    metric: "cpu_throttled_periods_total",
  },
  cpuThrottledSeconds: {
    label: "throttled",
    unit: "seconds",
    about: "How long its threads were throttled since its start.",
    metric: "cpu_throttled_seconds_total",
  },
  pids: { label: "processes", unit: "count", about: "Processes and threads.", metric: "pids" },
  networkReceiveBytes: {
    label: "in",
    unit: "bytes",
    about: `Received ${onNetworks}.`,
    absent: withoutNetwork,
    metric: "network_receive_bytes_total",
  },
  networkTransmitBytes: {
    label: "out",
    unit: "bytes",
    about: `Sent ${onNetworks}.`,
    absent: withoutNetwork,
    metric: "network_transmit_bytes_total",
  },
  blockReadBytes: {
    label: "read",
    unit: "bytes",
    about: "Read from block devices since its start.",
    metric: "block_read_bytes_total",
  },
  blockWriteBytes: {
    label: "written",
    unit: "bytes",
    about: "Written to block devices since its start.",
    metric: "block_write_bytes_total",
  },
} as const satisfies Readonly<Record<string, NumberFact>>;

export type ContainerNumberName = keyof typeof containerNumbers;

/** Names a container among those of all engines: a name is unique on one. Far shorter than its id. */
export function toKey({ engine, name }: { readonly engine: string; readonly name: string }): string {
  return `${engine}/${name}`;
}

interface Named {
  readonly name: string;
  readonly service: string | null;
  /** Empty where unknown. */
  readonly version: string;
}

interface NameOptions {
  /** Left out too: all containers on the screen have it. */
  readonly destination?: string | null;
  /** Takes the place of the release. @default none */
  readonly release?: string;
}

/**
 * A name without the parts that appear beside it. Kamal's names are service, role, destination,
 * release and a replica's number, joined by hyphens: `wallet-core-web-staging-<release>-2` becomes
 * `web-staging-2`. Returns the whole name where nothing else would be left. With "_replaced_" after
 * the release, removes the release only if another text takes its place.
 */
export function toShortName(
  { name, service, version }: Named,
  { destination = null, release = "" }: NameOptions = {},
): string {
  const own = service !== null && name.startsWith(`${service}-`) ? name.slice(service.length + 1) : name;
  const ends = release === "" ? ["-"] : ["-", "_"];
  const at = version === "" ? undefined : ends.map((end) => `${own}-`.indexOf(`-${version}${end}`)).find((i) => i >= 0);
  if (at === undefined) return own || name;
  const start = own.slice(0, at);
  const role =
    destination !== null && start.endsWith(`-${destination}`) ? start.slice(0, -destination.length - 1) : start;
  return role + (release && `-${release}`) + own.slice(at + 1 + version.length) || name;
}

interface Grouped {
  readonly name: string;
  readonly role: string;
  readonly service: string | null;
  readonly destination: string | null;
  readonly env: string | null;
}

/** The containers of a role of one service, destination and environment. */
export interface RoleGroup<Row> {
  readonly key: string;
  readonly role: string;
  readonly service: string | null;
  readonly destination: string | null;
  readonly env: string | null;
  /** By name. */
  readonly rows: readonly Row[];
}

/** Containers by their roles; the roles by name, then by service, destination and environment. */
export function groupByRole<Row extends Grouped>(rows: readonly Row[]): readonly RoleGroup<Row>[] {
  const toGroupKey = ({ role, service, destination, env }: Grouped) =>
    JSON.stringify([role, service, destination, env]);
  return [...Map.groupBy(rows, toGroupKey)]
    .map(([key, members]) => {
      const [{ role, service, destination, env }] = members as [Row];
      const ordered = members.toSorted((one, other) => one.name.localeCompare(other.name));
      return { key, role, service, destination, env, rows: ordered };
    })
    .toSorted((one, other) => one.role.localeCompare(other.role) || one.key.localeCompare(other.key));
}

/**
 * The place of a role or a deploy: its destination, else its environment. Kamal uses the same names
 * for both.
 */
function toPlace({ destination, env }: Pick<Grouped, "destination" | "env">): string {
  return destination ?? env?.toLowerCase() ?? "";
}

/** Service and place: "wallet-core staging". */
export function toServicePlace(group: Pick<Grouped, "service" | "destination" | "env">): string {
  return [group.service, toPlace(group)].filter(Boolean).join(" ");
}

/**
 * The mean use of a role's replicas, over those that run and have a value. Null if none has one: a
 * stopped replica uses nothing, and a mean over all would hide that the others are busy.
 */
export function toRoleMean<Row extends Pick<Container, "status">>(
  rows: readonly Row[],
  valueOf: (row: Row) => number | null | undefined,
): number | null {
  return toMean(rows.filter(({ status }) => status === "running").map(valueOf));
}

/** Null if there is no value. */
export function toMean(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
