import { dashboard } from "../dashboard.ts";
import type { Dashboard } from "../model.ts";
import { graph } from "../panels.ts";
import { promql, series } from "../targets.ts";
import { badContainers, badHosts, badQueues, drifted, lastDeploy, silent, verdict } from "./figures.ts";
import { hostGraphs, queueGraphs } from "./graphs.ts";
import { containers, errors, hosts, queues, timeline } from "./tables.ts";

const upHosts = graph({
  title: "Hosts that are up",
  description:
    "How many hosts answered Prometheus. Of engines, queue sources and containers only the current number is known, as one point at the end.",
  targets: [series("upCounts", ["kind"], [], "up")],
  legend: "${__field.labels.kind}",
});

const upstreamErrors = graph({
  title: "Failed calls of the gateway",
  description: "Calls to each upstream that failed, by error code. Nothing drawn: none failed since the gateway was started.",
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

const queueGraph = queueGraphs([]);
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
        [5, badContainers],
        [6, badQueues],
        [4, silent],
        [3, drifted],
        [3, verdict],
      ],
    },
    { height: 3, panels: [[24, lastDeploy]] },
    "What is wrong",
    {
      height: 8,
      panels: [
        [12, queues],
        [12, containers],
      ],
    },
    {
      height: 8,
      panels: [
        [12, hosts],
        [12, errors],
      ],
    },
    "Since when",
    {
      height: 8,
      panels: [
        [12, queueGraph.depth],
        [12, queueGraph.failures],
      ],
    },
    {
      height: 8,
      panels: [
        [12, hostGraph.cpu],
        [12, hostGraph.memory],
      ],
    },
    {
      height: 9,
      panels: [
        [
          24,
          timeline(
            "What happened",
            "Deploys, restarts, ends and health of containers, states of queues and alerts of hosts, the newest first. Deploys and restarts are from records; other events are those since the gateway started.",
          ),
        ],
      ],
    },
    "The gateway itself",
    {
      height: 7,
      panels: [
        [8, upHosts],
        [8, upstreamErrors],
        [8, upstreamTime],
      ],
    },
  ],
});
