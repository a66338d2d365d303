import type { MetricsQuery } from "../generated/metrics.ts";
import { toAgeSeconds } from "../lib/time.ts";
import { type Table, toLabels } from "./exposition.ts";

type Host = NonNullable<MetricsQuery["hosts"]>[number];

export const hostTable: Table<Host> = {
  prefix: "ops_host",
  maxRows: 500,
  labels: ({ name }) => toLabels({ host: name }),
  columns: [
    ["ops_host_up", "Whether the host's exporter answers Prometheus.", ({ status }) => status === "up"],
    [
      "ops_host_alert",
      "Whether the host is at or above the CPU or the memory threshold of the gateway, or down.",
      "alert",
    ],
    ["ops_host_cpu_util_ratio", "Busy share of all CPUs, 0 to 1.", "cpuUtil"],
    ["ops_host_mem_util_ratio", "Used share of memory, 0 to 1.", "memUtil"],
    ["ops_host_disk_util_ratio", "Used share of the fullest real file system, 0 to 1.", "diskUtil"],
    ["ops_host_load1", "Load average over one minute.", "load1"],
    ["ops_host_network_receive_bytes_per_second", "Received on its real interfaces.", "networkReceiveBytesPerSec"],
    ["ops_host_network_transmit_bytes_per_second", "Sent on its real interfaces.", "networkTransmitBytesPerSec"],
  ],
};

/** One row when the report is known. */
export const hostReportTable: Table<string> = {
  prefix: "ops_host_report",
  maxRows: 1,
  labels: () => "",
  columns: [
    [
      "ops_host_report_age_seconds",
      "Since Prometheus evaluated the numbers of the hosts.",
      (updatedAt) => toAgeSeconds(Date.parse(updatedAt)),
    ],
  ],
};
