import { hostNumbers } from "../facts/host.ts";
import type { MetricsQuery } from "../generated/metrics.ts";
import { toAgeSeconds } from "../lib/time.ts";
import { type Table, toLabels, toNumberColumns } from "./exposition.ts";

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
    ...toNumberColumns<Host>("ops_host", hostNumbers),
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
