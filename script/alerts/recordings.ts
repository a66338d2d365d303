import { labels, list, type RuleGroup, type Time } from "./model.ts";

const role = list(labels.role);

/** Recordings that several rules and panels read. */
export function toRecordings(time: Time): RuleGroup {
  return {
    name: "wallet-core-ops-recording",
    rules: [
      {
        why: "Whether a gateway is scraped. Without it nothing is known, and Grafana's rules say so.",
        record: "job:ops_gateway_up:max",
        expr: 'max by (job) (up{job="wallet-core-ops"})',
      },
      {
        why: "Containers of a role that run. A role is that of one service at one destination.",
        record: "role:ops_container_up:sum",
        expr: `sum by ${role} (ops_container_up)`,
      },
      {
        why: "Failed part of what ended, 0 to 1: failures of the last hour, at the rate of the last 5 minutes.",
        record: "queue:ops_queue_failures:ratio",
        expr: `
ops_queue_failures_last_hour
/ (ops_queue_failures_last_hour + ops_queue_processed_per_second * 3600 > 0)`,
      },
      {
        why: "The gateway's own cost.",
        record: "upstream:ops_upstream_errors:ratio_rate5m",
        expr: `
sum by (upstream) (rate(ops_upstream_errors_total[${time.span(300)}]))
/ (sum by (upstream) (rate(ops_upstream_requests_total[${time.span(300)}])) > 0)`,
      },
      {
        record: "upstream:ops_upstream_request_duration_seconds:p95_rate5m",
        expr: `histogram_quantile(0.95, sum by (upstream, le) (rate(ops_upstream_request_duration_seconds_bucket[${time.span(300)}])))`,
      },
      {
        record: "route:ops_http_request_duration_seconds:p95_rate5m",
        expr: `histogram_quantile(0.95, sum by (route, le) (rate(ops_http_request_duration_seconds_bucket[${time.span(300)}])))`,
      },
    ],
  };
}
