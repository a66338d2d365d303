import { overview } from "../grafana/dashboards/overview.ts";
import { queues } from "../grafana/dashboards/queues.ts";
import { containers } from "../grafana/dashboards/containers.ts";
import { counts, promqlNow } from "../grafana/targets.ts";
import { type RuleGroup, type Time, whileFound, worst } from "./model.ts";

const notScraped = 'up{job="wallet-core-ops"} == 0 or absent(up{job="wallet-core-ops"})';

/** The gateway and its upstreams. While these fire, other rules have less data or none. */
export function toGatewayAlerts(time: Time): RuleGroup {
  return {
    name: "wallet-core-ops-gateway",
    rules: [
      {
        alert: "OpsGatewayDown",
        severity: "critical",
        for: 120,
        why: "Also where the job is missing from the configuration of Prometheus.",
        expr: notScraped,
        summary: "The ops gateway{{ with $labels.instance }} at {{ . }}{{ end }} cannot be scraped",
        description:
          "Nothing is known of containers, queues and deploys, and no other rule can fire. Look at its log, and at the token of the scrape.",
        panel: [overview, "Cannot be asked"],
        grafana: {
          // Grafana's access to the gateway, with its own token, may fail too.
          queries: [
            promqlNow(`max(up{job="wallet-core-ops"} == bool 0) or absent(up{job="wallet-core-ops"})`, "A"),
            counts("{ engines { name } }", { gateway: "data.engines" }, "B"),
          ],
          math: "$A + 0 * $B",
          summary: "The ops gateway cannot be scraped, or does not answer Grafana",
        },
      },
      {
        alert: "OpsProblemsUnknown",
        severity: "critical",
        for: 300,
        why: "The rules below fire on what the gateway finds. Where it can look for nothing, they are silent.",
        expr: `
up{job="wallet-core-ops"} == 1
unless on (instance) ops_problems_unchecked`,
        summary: "The ops gateway at {{ $labels.instance }} cannot say what is wrong",
        description: "No rule about containers, queues, hosts and deploys can fire. The query `problems` says why.",
        panel: [overview, "Cannot be asked"],
      },
      {
        ...whileFound("OpsUpstreamDown", ["upstream", "place"]),
        summary: "The ops gateway gets nothing from {{ $labels.upstream }}{{ with $labels.place }} ({{ . }}){{ end }}",
        description: "Its state is unknown, and no other rule can report it. `wallet-core-ops check` says why.",
        panel: [overview, "Cannot be asked"],
      },
      {
        ...whileFound("OpsEngineDown", ["engine"]),
        summary: "Engine {{ $labels.engine }} does not answer",
        description: "The state of its containers is unknown.",
        panel: [containers, "Container engines"],
      },
      {
        ...whileFound("OpsQueueSourceDown", ["source", "env", "upstream", "place", "service", "destination"]),
        why: "One source, while others in the same database or broker can be read: else OpsUpstreamDown reports it.",
        summary: "The queues of {{ $labels.source }} cannot be read",
        description: "Their numbers are unknown, not zero. Other queues in {{ $labels.upstream }} can be read.",
        panel: [queues, "Sources"],
      },
      {
        ...whileFound("OpsDeployInfoUnreadable", ["service", "destination", "env"]),
        summary: "The gateway cannot read deploy_info.json",
        description:
          "The last deploy is shown as it was read before, and no rule can compare before and after a new one.",
        panel: [overview, "Last deploy"],
      },
      {
        alert: "OpsUpstreamErrors",
        severity: "warning",
        for: 600,
        why: "For upstreams that answer sometimes. An outage fires earlier and is not reported again.",
        expr: `
upstream:ops_upstream_errors:ratio_rate5m > 0.2
unless on (upstream) (
  ALERTS{alertname=~"OpsUpstreamDown|OpsQueueSourceDown", alertstate="firing"}
  or label_replace(ALERTS{alertname="OpsDeployInfoUnreadable", alertstate="firing"}, "upstream", "deploy", "", "")
  or label_replace(ALERTS{alertname="OpsEngineDown", alertstate="firing"}, "upstream", "docker", "", "")
)`,
        summary: "{{ $value | humanizePercentage }} of the gateway's calls to {{ $labels.upstream }} fail",
        description: "ops_upstream_errors_total has their codes.",
        panel: [overview, "Failed calls of the gateway"],
      },
      {
        alert: "OpsGatewayBusy",
        severity: "warning",
        for: 600,
        expr: worst(["instance"], 'ops_event_loop_delay_seconds{percentile="99"} > 0.2'),
        summary: "The ops gateway at {{ $labels.instance }} is late by {{ $value | humanizeDuration }}",
        description: "Something blocks its event loop.",
        panel: [overview, "How long upstreams take"],
      },
      {
        alert: "OpsSeriesDropped",
        severity: "info",
        for: 900,
        expr: worst(["family"], "ops_metrics_dropped_series > 0"),
        summary: "{{ $value }} series of {{ $labels.family }} are over the gateway's limit",
        description: "No rule watches the series over the limit.",
        panel: [overview, "Failed calls of the gateway"],
      },
      {
        alert: "OpsTokenEnds",
        severity: "warning",
        for: 0,
        expr: worst(["kid", "subject"], `ops_token_expires_timestamp_seconds < time() + ${time.seconds(7 * 86_400)}`),
        summary: "The token {{ $labels.kid }} of {{ $labels.subject }} ends at {{ $value | humanizeTimestamp }}",
        description:
          "Make the next one with `wallet-core-ops token`. An entry that has ended is removed from the tokens file.",
        panel: [overview, "Cannot be asked"],
      },
    ],
  };
}
