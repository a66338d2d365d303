import { OpsError } from "../lib/errors.ts";
import { toSocketCode } from "../lib/http-client.ts";

/** Failures of Prometheus: the public message, and the operator's remedy (only `cli check`). */
const kinds = {
  unreachable: [
    "Prometheus is not reachable",
    "start it, or set WALLET_CORE_OPS_PROMETHEUS_URL to its address as seen from here",
  ],
  deadline: ["Prometheus did not answer in time", "check its load, and firewalls between it and here"],
  abandoned: ["The request ended before Prometheus answered", "try again"],
  credentials: ["Prometheus refused the credentials", "put user:password@ into WALLET_CORE_OPS_PROMETHEUS_URL"],
  redirect: [
    "Prometheus answered with a redirect",
    "set WALLET_CORE_OPS_PROMETHEUS_URL to the final address; redirects are not followed",
  ],
  no_api: [
    "There is no Prometheus API at the configured URL",
    "check the path prefix in WALLET_CORE_OPS_PROMETHEUS_URL",
  ],
  server: ["Prometheus answered with a server error", "read its log"],
  too_large: ["The answer of Prometheus is larger than 4 MB", "use the Prometheus of these hosts, not a global view"],
  not_json: [
    "The answer is not from a Prometheus API",
    "check that WALLET_CORE_OPS_PROMETHEUS_URL is not a login page or another service",
  ],
  gave_up: [
    "Prometheus gave up on the query",
    "check its load, query.timeout, query.max-concurrency and query.max-samples",
  ],
  rejected: [
    "Prometheus rejected the query",
    "use Prometheus 2.26 or newer, or a store that speaks its query language",
  ],
  no_metrics: [
    "Prometheus has no node-exporter metrics",
    "add a scrape job named node for the node-exporters, and look at /targets",
  ],
} as const;

export type FailureKind = keyof typeof kinds;

/** The contract's 503 prometheus_unavailable, with a remedy for the operator. */
export class PrometheusError extends OpsError {
  readonly kind: FailureKind;
  readonly remedy: string;

  /**
   * `detail` is public: an error code, a status or a time of ours, never text of the upstream or
   * the URL.
   */
  constructor(kind: FailureKind, detail = "", cause?: unknown) {
    super("prometheus_unavailable", detail ? `${kinds[kind][0]} (${detail})` : kinds[kind][0], {
      cause,
      upstream: "prometheus",
    });
    this.kind = kind;
    this.remedy = kinds[kind][1];
  }
}

/** The PrometheusError for a failed HTTP exchange. `deadline` is our total deadline. */
export function toPrometheusError(error: unknown, deadline: AbortSignal, timeoutMs: number): PrometheusError {
  if (error instanceof PrometheusError) return error;
  if (deadline.aborted) return new PrometheusError("deadline", `${timeoutMs} ms`, error);
  return new PrometheusError("unreachable", toSocketCode(error), error);
}
