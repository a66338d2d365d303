import type { HostReport, HostSource, Thresholds } from "../../domain/host.ts";
import type { ObserveCall } from "../../domain/upstream-call.ts";
import type { Logger } from "../../logger.ts";
import { createPrometheusClient } from "./client.ts";
import { PrometheusError } from "./failure.ts";
import { hostQuery } from "./query.ts";
import { toHostReport } from "./report.ts";
import { createSingleFlight } from "./single-flight.ts";

export interface HostSourceOptions {
  /** http(s) base URL; may carry a path prefix and `user:password@`. */
  readonly url: string;
  /** Shares of 0..1. */
  readonly thresholds: Thresholds;
  readonly logger: Logger;
  /** Total deadline of one query, milliseconds. @default 3000 */
  readonly timeoutMs?: number;
  readonly observe?: ObserveCall;
}

/**
 * The host metrics of Prometheus: one POST for all hosts and metrics, shared by callers that ask at the same time.
 * Rejects with prometheus_unavailable, whose message says why. @throws TypeError when the URL is not http(s)
 */
export function createHostSource(options: HostSourceOptions): HostSource {
  const { logger, thresholds } = options;
  const client = createPrometheusClient({ url: options.url, timeoutMs: options.timeoutMs ?? 3_000, observe: options.observe });
  // One line per change of state, not per request: a dashboard asks every few seconds.
  let noted = "";
  const note = (state: string, log: () => void) => {
    if (state !== noted) log();
    noted = state;
  };
  const load = async (signal: AbortSignal): Promise<HostReport> => {
    try {
      const vector = await client.query(hostQuery, signal);
      const report = toHostReport(vector, thresholds);
      const { warnings } = vector;
      const warned = () => logger.warn({ upstream: "prometheus", warnings }, "Prometheus answered with warnings");
      const fine = () => noted && logger.info({ upstream: "prometheus" }, "Prometheus answers again");
      note(warnings.join("\n"), warnings.length > 0 ? warned : fine);
      return report;
    } catch (error) {
      if (error instanceof PrometheusError && error.kind !== "abandoned") {
        const fields = { upstream: "prometheus", kind: error.kind, cause: causeOf(error) };
        note(error.message, () => logger.warn(fields, error.message));
      }
      throw error;
    }
  };
  return { report: createSingleFlight(load), close: () => client.close() };
}

/** What lies behind a failure, for our log only: it may quote Prometheus. */
function causeOf({ cause }: PrometheusError): string | undefined {
  const text = cause instanceof Error ? cause.message : cause;
  return typeof text === "string" ? text.slice(0, 300) : undefined;
}
