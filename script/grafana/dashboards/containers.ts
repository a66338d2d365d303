import { dashboard } from "../dashboard.ts";
import * as is from "../fields.ts";
import type { Dashboard } from "../model.ts";
import { graph, table } from "../panels.ts";
import { by, metric, promql } from "../targets.ts";
import { container, host, role } from "../variables.ts";
import { badContainers, badHosts, silent } from "./figures.ts";
import { containerCpu, containerMemory, hostGraphs } from "./graphs.ts";
import { containers as containerTable, hosts, timeline } from "./tables.ts";

const graphs = hostGraphs([by.hosts]);

const usage = table({
  title: "Use of the chosen containers",
  description: "The heaviest on memory first. From the JSON datasource.",
  target: metric("containers", { container: "${container:json}", role: "${role:json}" }),
  worstFirst: "mem_pct",
  columns: [
    { field: "container", name: "Container" },
    { field: "cpu_pct", name: "CPU", unit: "percent", decimals: 1, width: 80 },
    { field: "mem_pct", name: "Memory", unit: "percent", decimals: 1, thresholds: is.percentOfLimit, width: 90 },
    { field: "restarts", name: "Restarts", decimals: 0, thresholds: is.anyIsBad, width: 80 },
    { field: "started_at", name: "Started", unit: "dateTimeFromNow", width: 120 },
    { field: "version", name: "Release" },
    { field: "image", name: "Image" },
  ],
});

const engines = table({
  title: "Container engines",
  description: "Whether each answers, and how old the known state of its containers is. From the JSON datasource.",
  target: metric("engines"),
  worstFirst: "age_seconds",
  columns: [
    { field: "engine", name: "Engine" },
    { field: "ok", name: "Answers", states: is.no, width: 80 },
    {
      field: "age_seconds",
      name: "Known for",
      unit: "s",
      decimals: 0,
      thresholds: ["green", [15, "yellow"], [60, "red"]],
      width: 100,
    },
  ],
});

const restarts = graph({
  title: "Restarts by the policy",
  description:
    "Restarts by the restart policy, in 15 minutes. 3 or more are a crash loop. All containers; from Prometheus, since it scrapes the gateway.",
  targets: [promql("sum by (name) (increase(ops_container_restarts_total[15m]))", "{{name}}")],
  thresholds: ["green", [1, "yellow"], [3, "red"]],
});

const throttled = graph({
  title: "Held back by a CPU limit",
  description:
    "Share of the CPU limit's periods in which a container was throttled; none without a limit. From Prometheus, if it scrapes with stats=1.",
  targets: [
    promql(
      "sum by (name) (rate(ops_container_cpu_throttled_periods_total[$__rate_interval])) / sum by (name) (rate(ops_container_cpu_periods_total[$__rate_interval]) > 0) or sum by (name) (ops_container_up * 0)",
      "{{name}}",
    ),
  ],
  unit: "percentunit",
  max: 1,
});

/** Containers, and the hosts and engines under them. */
export const containers: Dashboard = dashboard({
  uid: "ops-containers",
  title: "Containers",
  description: "The containers that run, their use, and their hosts.",
  variables: [role, container, host],
  lines: [
    {
      height: 4,
      panels: [
        [10, badContainers],
        [6, badHosts],
        [8, silent],
      ],
    },
    { height: 9, panels: [[24, containerTable]] },
    {
      height: 8,
      panels: [
        [12, containerCpu],
        [12, containerMemory],
      ],
    },
    {
      height: 8,
      panels: [
        [12, usage],
        [6, restarts],
        [6, throttled],
      ],
    },
    {
      height: 8,
      panels: [
        [
          24,
          timeline(
            "Ends, health and restarts",
            "Of containers, the newest first, with who restarted one. Events from before the gateway started are missing.",
            ["RESTART", "CONTAINER_DEATH", "OOM_KILL", "HEALTH"],
          ),
        ],
      ],
    },
    "Hosts",
    {
      height: 8,
      panels: [
        [16, hosts],
        [8, engines],
      ],
    },
    {
      height: 7,
      panels: [
        [12, graphs.cpu],
        [12, graphs.memory],
      ],
    },
    {
      height: 7,
      panels: [
        [12, graphs.disk],
        [12, graphs.load],
      ],
    },
  ],
});
