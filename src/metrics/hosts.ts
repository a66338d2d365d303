import type { MetricsQuery } from "../generated/metrics.ts";
import { toAgeSeconds } from "../lib/time.ts";
import { type Table, toLabels } from "./exposition.ts";

type Host = NonNullable<MetricsQuery["hosts"]>[number];

export const hostTable: Table<Host> = {
  prefix: "ops_host",
  maxRows: 500,
  labels: ({ name }) => toLabels({ host: name }),
  columns: [
    { name: "ops_host_up", help: "Whether the host's exporter answers Prometheus.", value: ({ status }) => status === "up" },
    {
      name: "ops_host_alert",
      help: "Whether the host is at or above the CPU or the memory threshold of the gateway, or down.",
      value: ({ alert }) => alert,
    },
    { name: "ops_host_cpu_util_ratio", help: "Busy share of all CPUs, 0 to 1.", value: ({ cpuUtil }) => cpuUtil },
    { name: "ops_host_mem_util_ratio", help: "Used share of memory, 0 to 1.", value: ({ memUtil }) => memUtil },
    {
      name: "ops_host_disk_util_ratio",
      help: "Used share of the fullest real file system, 0 to 1.",
      value: ({ diskUtil }) => diskUtil,
    },
    { name: "ops_host_load1", help: "Load average over one minute.", value: ({ load1 }) => load1 },
    {
      name: "ops_host_network_receive_bytes_per_second",
      help: "Received on its real interfaces.",
      value: ({ networkReceiveBytesPerSec }) => networkReceiveBytesPerSec,
    },
    {
      name: "ops_host_network_transmit_bytes_per_second",
      help: "Sent on its real interfaces.",
      value: ({ networkTransmitBytesPerSec }) => networkTransmitBytesPerSec,
    },
  ],
};

/** One row when the report is known. */
export const hostReportTable: Table<string> = {
  prefix: "ops_host_report",
  maxRows: 1,
  labels: () => "",
  columns: [
    {
      name: "ops_host_report_age_seconds",
      help: "Since Prometheus evaluated the numbers of the hosts.",
      value: (updatedAt) => toAgeSeconds(Date.parse(updatedAt)),
    },
  ],
};
