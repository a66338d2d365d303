import { dashboard } from "../dashboard.ts";
import * as is from "../fields.ts";
import type { Dashboard } from "../model.ts";
import { alertList, graph, narrow, table } from "../panels.ts";
import { by, graphql, promql, series, timeRange } from "../targets.ts";
import { badContainers, badHosts, badQueues, drifted, lastDeploy, silent, verdict } from "./figures.ts";
import { hostGraphs, queueGraphs } from "./graphs.ts";
import { containers, errors, hosts, problems, queues, timeline } from "./tables.ts";

const kinds = ["kind"];
const upHosts = graph({
  title: "How many are up",
  description:
    "How many hosts answered Prometheus. Of engines, queue sources and containers only the current number is known, as one point at the end.",
  targets: [series({ field: "upCounts", labels: kinds, filters: [by.env], value: "up" })],
  labels: kinds,
});

const upstreamErrors = graph({
  title: "Failed calls of the gateway",
  description:
    "Calls to each upstream that failed, by error code. Nothing drawn: none failed since the gateway was started.",
  targets: [
    promql(
      "sum by (upstream, code) (rate(ops_upstream_errors_total[$__rate_interval])) or sum by (upstream) (rate(ops_upstream_requests_total[$__rate_interval])) * 0",
      "{{upstream}} {{code}}",
    ),
  ],
  unit: "cps",
});

const upstreamTime = graph({
  title: "How long upstreams take",
  description: "95 of 100 calls to each upstream took no longer. A slow one makes every panel slow.",
  targets: [
    promql(
      "histogram_quantile(0.95, sum by (upstream, le) (rate(ops_upstream_request_duration_seconds_bucket[$__rate_interval])))",
      "{{upstream}}",
    ),
  ],
  unit: "s",
  thresholds: ["green", [1, "yellow"], [2, "red"]],
});

const coverage = table({
  title: "Since when events are known",
  description:
    "By kind, for What happened and the marks on the graphs: earlier events of it are missing, which is not that nothing happened.",
  target: graphql({
    query: `{ timeline(${timeRange}, first: 1, ${by.place}) { coverage { kind known since sampled note } } }`,
    root: "data.timeline.coverage",
    columns: { kind: "string", known: "boolean", since: "timestamp", sampled: "boolean", note: "string" },
    computed: { badness: "(known == false ? 1 : 0)" },
  }),
  worstFirst: "badness",
  columns: [
    { field: "kind", name: "Kind", states: is.timelineKinds, width: 130 },
    { field: "known", name: "Known", states: is.no, width: 80 },
    { field: "since", name: "Since", width: 160 },
    { field: "note", name: "What may be missing" },
  ],
});

const queueGraph = queueGraphs([by.env]);
const hostGraph = hostGraphs([]);

/** Problems, the worst first; then trends, and the gateway itself. */
export const overview: Dashboard = dashboard({
  uid: "ops-overview",
  title: "Overview",
  description: "Current problems, worst first. Red numbers link to the dashboard with the details.",
  lines: [
    {
      height: 4,
      panels: [
        [3, badHosts],
        [7, badContainers],
        [7, badQueues],
        [4, silent],
        [3, drifted],
      ],
    },
    {
      height: 4,
      panels: [
        [4, verdict],
        [10, table(narrow(lastDeploy, "tag", "state", "deployedBy", "deployedAt"))],
        [
          10,
          alertList(
            "Alerts",
            "Alerts of these dashboards that fire or are about to, the worst first. They wait longer than the numbers above, and have no environment chosen.",
          ),
        ],
      ],
    },
    { height: 7, panels: [[24, table(problems)]] },
    "Where",
    {
      height: 9,
      panels: [
        [12, table(narrow(queues, "name", "state", "depth", "oldestAgeSeconds", "failuresLastHour", "source"))],
        [12, table(narrow(containers, "role", "log", "health", "status", "restarts", "stale", "engine", "version"))],
      ],
    },
    {
      height: 9,
      panels: [
        [12, table(narrow(hosts, "name", "alert", "cpuUtil", "memUtil", "diskUtil", "reason"))],
        [12, table(narrow(errors, "count", "error", "firstSeen", "lastSeen"))],
      ],
    },
    "Since when",
    {
      height: 10,
      panels: [
        [12, queueGraph.depth],
        [12, queueGraph.failures],
      ],
    },
    {
      height: 10,
      panels: [
        [12, hostGraph.cpu],
        [12, hostGraph.memory],
      ],
    },
    {
      height: 10,
      panels: [
        [
          24,
          table(
            timeline(
              "What happened",
              "Deploys, restarts, ends and health of containers, states of queues and alerts of hosts, the newest first. Deploys and restarts are from records; other events are those since the gateway started.",
            ),
          ),
        ],
      ],
    },
    "The gateway itself",
    {
      height: 9,
      panels: [
        [12, upstreamErrors],
        [12, upstreamTime],
      ],
    },
    {
      height: 9,
      panels: [
        [12, upHosts],
        [12, coverage],
      ],
    },
  ],
});
