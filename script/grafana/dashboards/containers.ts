import { problemThresholds } from "../../../src/problems/rules.ts";
import { dashboard } from "../dashboard.ts";
import * as is from "../fields.ts";
import type { Dashboard } from "../model.ts";
import { graph, table } from "../panels.ts";
import { by, chosenRows, chosenSeries, graphql, promql } from "../targets.ts";
import { container, engine, host, role } from "../variables.ts";
import { badContainers, badHosts, silent } from "./figures.ts";
import { containerCpu, containerMemory, hostGraphs } from "./graphs.ts";
import { containerUse, hosts, timeline } from "./tables.ts";

const graphs = hostGraphs([by.hosts]);
const chosen = { role: "role", container: "container", engine: "engine" };
const ofMetrics = { env: "env", destination: "destination", role: "role", name: "container", engine: "engine" };

const engines = table({
  title: "Container engines",
  description: "Whether each answers, why not, and how old the known state of its containers is.",
  target: chosenRows(
    graphql({
      query: `{ engines(${by.env}) { name ok ageSeconds error { message } } }`,
      root: "data.engines",
      columns: { name: "string", ok: "boolean", ageSeconds: "number", "error.message": "string" },
      computed: { badness: "(ok == false ? 1 : 0)" },
    }),
    { name: "engine" },
  ),
  worstFirst: "badness",
  columns: [
    { field: "name", name: "Engine", width: 130 },
    { field: "ok", name: "Answers", states: is.engineAnswers, width: 80 },
    {
      field: "ageSeconds",
      name: "Heard of",
      unit: "s",
      decimals: 0,
      thresholds: is.silence,
      absent: "never",
      width: 85,
    },
    { field: "error.message", name: "Why not" },
  ],
});

const restarts = graph({
  title: "Restarts by the policy",
  description: `Restarts by the restart policy, in 15 minutes. ${problemThresholds.loopRestarts} or more are a restart loop. From Prometheus, since it scrapes the gateway.`,
  targets: [
    promql(
      `sum by (name, engine) (increase(ops_container_restarts_total[15m]) and on (name, engine) ${chosenSeries("ops_container_up", ofMetrics)})`,
      "{{name}} · {{engine}}",
    ),
  ],
  thresholds: is.restarts,
});

const rate = (metric: string) => `rate(${metric}[$__rate_interval])`;

const throttled = graph({
  title: "Held back by a CPU limit",
  description:
    "Share of the CPU limit's periods in which a container was throttled. A container without a limit is not there. From Prometheus, if it scrapes with stats=1.",
  targets: [
    promql(
      `sum by (name, engine) (${rate("ops_container_cpu_throttled_periods_total")}) / sum by (name, engine) (${rate("ops_container_cpu_periods_total")} > 0) and on (name, engine) ${chosenSeries("ops_container_up", ofMetrics)}`,
      "{{name}} · {{engine}}",
    ),
  ],
  unit: "percentunit",
  max: 1,
  noValue: "No container has a CPU limit, or Prometheus does not scrape with stats=1",
});

const events = timeline(
  "Ends, health and restarts",
  "Of the chosen containers, the newest first. Events from before the gateway started are missing.",
  ["RESTART", "CONTAINER_DEATH", "OOM_KILL", "HEALTH"],
);

/** Containers, and the hosts and engines under them; all but the first row show what is chosen. */
export const containers: Dashboard = dashboard({
  uid: "ops-containers",
  title: "Containers",
  description: "The containers that run, their use, and their hosts.",
  variables: [role, container, engine, host],
  lines: [
    {
      height: 4,
      panels: [
        [10, badContainers],
        [6, badHosts],
        [8, silent],
      ],
    },
    { height: 10, panels: [[24, table(containerUse)]] },
    {
      height: 10,
      panels: [
        [12, containerCpu],
        [12, containerMemory],
      ],
    },
    {
      height: 10,
      panels: [
        [12, restarts],
        [12, throttled],
      ],
    },
    { height: 10, panels: [[24, table({ ...events, target: chosenRows(events.target, chosen) })]] },
    "Hosts and engines",
    {
      height: 8,
      panels: [
        [14, table({ ...hosts, target: chosenRows(hosts.target, { name: "host" }) })],
        [10, engines],
      ],
    },
    {
      height: 9,
      panels: [
        [12, graphs.cpu],
        [12, graphs.memory],
      ],
    },
    {
      height: 9,
      panels: [
        [12, graphs.disk],
        [12, graphs.load],
      ],
    },
  ],
});
