import type { ServerResponse } from "node:http";
import { startFakeUpstream } from "./fake-upstream.ts";

export interface MetricsServer extends AsyncDisposable {
  /** `127.0.0.1:<port>`, as Prometheus wants it for a target. */
  readonly address: string;
}

/** An exporter for metrics that no real node-exporter has, for a real Prometheus to scrape. */
export async function startMetricsServer(metrics: () => string): Promise<MetricsServer> {
  const answer = (response: ServerResponse) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(metrics());
  };
  const server = await startFakeUpstream(answer);
  return { address: server.url.replace("http://", ""), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/**
 * Metrics of a machine with one CPU that is busy for the given share of the time, since the start
 * of this process.
 */
export function machineMetrics(nodename: string, busy: number): string {
  const seconds = performance.now() / 1000;
  return [
    `node_uname_info{nodename="${nodename}"} 1`,
    `node_cpu_seconds_total{cpu="0",mode="user"} ${seconds * busy}`,
    `node_cpu_seconds_total{cpu="0",mode="idle"} ${seconds * (1 - busy)}`,
    "node_memory_MemTotal_bytes 1000",
    "node_memory_MemAvailable_bytes 250",
    "",
  ].join("\n");
}
