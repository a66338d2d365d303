import { alertRules, problemThresholds } from "../../src/problems/rules.ts";
import { containers } from "../grafana/dashboards/containers.ts";
import { type RuleGroup, worst } from "./model.ts";

export function toHostAlerts(): RuleGroup {
  return {
    name: "wallet-core-ops-hosts",
    rules: [
      {
        alert: "OpsHostDown",
        ...alertRules.OpsHostDown,
        expr: worst(["host"], "ops_host_up == 0"),
        summary: "The host {{ $labels.host }} is down",
        description: "Its node-exporter does not answer. Its containers are down too.",
        panel: [containers, "Hosts"],
      },
      {
        alert: "OpsHostHot",
        ...alertRules.OpsHostHot,
        expr: worst(["host"], "ops_host_alert == 1 and ops_host_up == 1"),
        summary: "The host {{ $labels.host }} is hot",
        description: "Its CPU or its memory is at or above the gateway's threshold (CPU_THRESHOLD, MEM_THRESHOLD).",
        panel: [containers, "Hosts"],
      },
      {
        alert: "OpsHostDiskFull",
        ...alertRules.OpsHostDiskFull,
        expr: worst(["host"], `ops_host_disk_util_ratio > ${problemThresholds.diskRatio}`),
        summary: "A file system of {{ $labels.host }} is {{ $value | humanizePercentage }} full",
        description: "The fullest of its real file systems.",
        panel: [containers, "Hosts"],
      },
    ],
  };
}
