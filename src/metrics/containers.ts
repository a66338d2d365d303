import { containerNumbers } from "../facts/container.ts";
import type { MetricsQuery } from "../generated/metrics.ts";
import { toUnixSeconds } from "../lib/time.ts";
import {
  type Column,
  readValue,
  type Table,
  toLabels,
  toNumberColumns,
  type WrittenRow,
  writeRow,
} from "./exposition.ts";

type Engine = NonNullable<MetricsQuery["engines"]>[number];
type Container = NonNullable<MetricsQuery["containers"]>[number];
type Stats = NonNullable<Container["stats"]>;

export const engineTable: Table<Engine> = {
  prefix: "ops_engine",
  maxRows: 200,
  labels: ({ name }) => toLabels({ engine: name }),
  columns: [
    ["ops_engine_up", "Whether the container engine answers.", "ok"],
    [
      "ops_engine_age_seconds",
      "Since the engine last answered or sent an event: the age of what is known of its containers.",
      "ageSeconds",
    ],
  ],
};

/** Docker's words. */
const states = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];
const healths = ["healthy", "unhealthy", "starting", "none"];

const { restarts, ...numbers } = containerNumbers;

/** The columns of a container's stats sample; absent without one. */
const stats: readonly Column<Stats>[] = [
  ["ops_container_cpu_util_ratio", "CPU in use; 1 is one whole CPU.", ({ cpuPct }) => toRatio(cpuPct)],
  [
    "ops_container_mem_util_ratio",
    "Memory in use, of its limit or the host's memory, 0 to 1.",
    ({ memPct }) => toRatio(memPct),
  ],
  ...toNumberColumns<Stats>("ops_container", numbers),
  // Old names (docs/upgrades.md).
  ["ops_container_cpu_percent", "Old name: use ops_container_cpu_util_ratio.", "cpuPct"],
  ["ops_container_memory_percent", "Old name: use ops_container_mem_util_ratio.", "memPct"],
];

/** Without the digits that a division adds. */
function toRatio(percent: number | null): number | null {
  return percent === null ? null : Math.round(percent * 1e4) / 1e6;
}

export const containerTable: Table<Container> = {
  prefix: "ops_container",
  maxRows: 1000,
  labels: ({ name, engine, role, env, service, destination, version }) =>
    toLabels({ name, engine, role, env, service, destination, version }),
  columns: [
    ["ops_container_up", "Whether the container is running.", ({ status }) => status === "running"],
    ["ops_container_state", "Docker's state of the container.", "status", states],
    ["ops_container_health", "What its health check says.", "health", healths],
    ...toNumberColumns<Container>("ops_container", { restarts }),
    [
      "ops_container_start_time_seconds",
      "When the container last started, unix time.",
      ({ startedAt }) => startedAt && toUnixSeconds(startedAt),
    ],
    ...stats.map(([name, help, value, kind]): Column<Container> => [
      name,
      help,
      ({ stats: sample }) => sample && readValue(sample, value),
      kind,
    ]),
  ],
};

/**
 * The lines of a container; null for one whose data is not current: the last state before an engine
 * was lost is no measurement.
 */
export function writeContainer(container: Container): WrittenRow | null {
  return container.stale ? null : writeRow(containerTable, container);
}
