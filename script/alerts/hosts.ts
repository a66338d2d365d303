import { containers } from "../grafana/dashboards/containers.ts";
import { type RuleGroup, whileFound } from "./model.ts";

export function toHostAlerts(): RuleGroup {
  return {
    name: "wallet-core-ops-hosts",
    rules: [
      {
        ...whileFound("OpsHostDown", ["host"]),
        summary: "The host {{ $labels.host }} is down",
        description: "Its node-exporter does not answer. Its containers are down too.",
        panel: [containers, "Hosts"],
      },
      {
        ...whileFound("OpsHostHot", ["host"]),
        summary: "The host {{ $labels.host }} is hot",
        description: "Its CPU or its memory is at or above the gateway's threshold (CPU_THRESHOLD, MEM_THRESHOLD).",
        panel: [containers, "Hosts"],
      },
      {
        ...whileFound("OpsHostDiskFull", ["host"]),
        summary: "A file system of {{ $labels.host }} is nearly full",
        description: "The fullest of its real file systems.",
        panel: [containers, "Hosts"],
      },
    ],
  };
}
