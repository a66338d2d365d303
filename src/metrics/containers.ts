import type { MetricsQuery } from "../generated/metrics.ts";
import { toUnixSeconds } from "../lib/time.ts";
import { type Column, type Table, toLabels } from "./exposition.ts";

type Engine = NonNullable<MetricsQuery["engines"]>[number];
type Container = NonNullable<MetricsQuery["containers"]>[number];
type Stats = NonNullable<Container["stats"]>;

export const engineTable: Table<Engine> = {
  prefix: "ops_engine",
  maxRows: 200,
  labels: ({ name }) => toLabels({ engine: name }),
  columns: [
    { name: "ops_engine_up", help: "Whether the container engine answers.", value: ({ ok }) => ok },
    {
      name: "ops_engine_age_seconds",
      help: "Since the engine last answered or sent an event: the age of what is known of its containers.",
      value: ({ ageSeconds }) => ageSeconds,
    },
  ],
};

/** Docker's words. */
const states = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];
const healths = ["healthy", "unhealthy", "starting", "none"];

/** A value of a container's stats sample; absent without one. */
function fromStats(
  name: string,
  help: string,
  value: (stats: Stats) => number | null,
  type: "gauge" | "counter" = "gauge",
): Column<Container> {
  return { name, help, type, value: ({ stats }) => stats && value(stats) };
}

export const containerTable: Table<Container> = {
  prefix: "ops_container",
  maxRows: 1000,
  labels: ({ name, engine, role, env, service, destination, version }) =>
    toLabels({ name, engine, role, env, service, destination, version }),
  columns: [
    { name: "ops_container_up", help: "Whether the container is running.", value: ({ status }) => status === "running" },
    { name: "ops_container_state", help: "Docker's state of the container.", states, value: ({ status }) => status },
    { name: "ops_container_health", help: "What its health check says.", states: healths, value: ({ health }) => health },
    {
      name: "ops_container_restarts_total",
      help: "Restarts by the restart policy since the container was last started by hand.",
      type: "counter",
      value: ({ restarts }) => restarts,
    },
    {
      name: "ops_container_start_time_seconds",
      help: "When the container last started, unix time.",
      value: ({ startedAt }) => startedAt && toUnixSeconds(startedAt),
    },
    fromStats("ops_container_cpu_percent", "CPU in use; 100 is one whole CPU.", ({ cpuPct }) => cpuPct),
    fromStats("ops_container_cpu_periods_total", "Periods of its CPU limit.", ({ cpuPeriods }) => cpuPeriods, "counter"),
    fromStats(
      "ops_container_cpu_throttled_periods_total",
      "Periods of its CPU limit in which it had to wait.",
      ({ cpuThrottledPeriods }) => cpuThrottledPeriods,
      "counter",
    ),
    fromStats(
      "ops_container_cpu_throttled_seconds_total",
      "How long its threads waited for the next period of its CPU limit.",
      ({ cpuThrottledSeconds }) => cpuThrottledSeconds,
      "counter",
    ),
    fromStats("ops_container_memory_percent", "Memory in use, of its limit or the host's memory.", ({ memPct }) => memPct),
    fromStats(
      "ops_container_memory_usage_bytes",
      "Memory in use, without inactive file cache.",
      ({ memUsedBytes }) => memUsedBytes,
    ),
    fromStats("ops_container_memory_limit_bytes", "Memory limit.", ({ memLimitBytes }) => memLimitBytes),
    fromStats("ops_container_pids", "Processes and threads.", ({ pids }) => pids),
    fromStats(
      "ops_container_network_receive_bytes_total",
      "Received on all its networks.",
      ({ networkReceiveBytes }) => networkReceiveBytes,
      "counter",
    ),
    fromStats(
      "ops_container_network_transmit_bytes_total",
      "Sent on all its networks.",
      ({ networkTransmitBytes }) => networkTransmitBytes,
      "counter",
    ),
    fromStats(
      "ops_container_block_read_bytes_total",
      "Read from block devices.",
      ({ blockReadBytes }) => blockReadBytes,
      "counter",
    ),
    fromStats(
      "ops_container_block_write_bytes_total",
      "Written to block devices.",
      ({ blockWriteBytes }) => blockWriteBytes,
      "counter",
    ),
  ],
};

/** Containers with current data: the last state before an engine was lost is no measurement. */
export function toKnown(containers: readonly Container[] | null): readonly Container[] | null {
  return containers?.filter(({ stale }) => !stale) ?? null;
}
