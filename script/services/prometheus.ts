import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startNodeExporter } from "./node-exporter.ts";
import { findProgram, freePort, type Running, startProcess, UnavailableError } from "./process.ts";

export interface Prometheus extends Running {
  /** Base URL, without a trailing slash. */
  readonly url: string;
}

export interface ScrapeJob {
  readonly job: string;
  /** `host:port` of each. */
  readonly targets: readonly string[];
}

interface PrometheusOptions {
  /**
   * What to scrape. Without it: a node-exporter of our own as job "node", which `stop` ends too.
   */
  readonly targets?: readonly ScrapeJob[];
  /** Path of a configuration of one's own, in place of `targets` and `scrapeInterval`. */
  readonly configFile?: string;
  /** More arguments for Prometheus. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** @default "1s" */
  readonly scrapeInterval?: string;
  /** Rules to evaluate as often as targets are scraped, beside `targets`. */
  readonly ruleFiles?: readonly string[];
  /**
   * Port on 127.0.0.1; a free one unless given, which is how a stopped one comes back under the
   * same URL.
   */
  readonly port?: number;
}

/**
 * Debian's Prometheus on 127.0.0.1 with its own configuration and data under `dir`. Resolves when
 * it serves, and, with our own node-exporter, when that is up and its CPU rates exist (about 7 s,
 * of which Prometheus' discovery spends a fixed 5 before it hands out the first target).
 *
 * @throws UnavailableError when Prometheus or node-exporter is not installed
 */
export async function startPrometheus(dir: string, options: PrometheusOptions = {}): Promise<Prometheus> {
  const command = findProgram("prometheus");
  if (command === null) throw new UnavailableError("prometheus is not installed (apt-get install prometheus)");
  mkdirSync(dir, { recursive: true });
  const exporter = options.targets || options.configFile ? null : await startNodeExporter(dir);
  const jobs = options.targets ?? [{ job: "node", targets: exporter ? [exporter.address] : [] }];
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const config = options.configFile ?? join(dir, "prometheus.yml");
  if (!options.configFile)
    writeFileSync(config, toConfig(jobs, options.scrapeInterval ?? "1s", options.ruleFiles ?? []));
  try {
    const running = await startProcess({
      command,
      args: [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(dir, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--storage.tsdb.retention.time=2h",
        "--log.level=warn",
        ...(options.args ?? []),
      ],
      env: options.env ?? {},
      logFile: join(dir, "prometheus.log"),
      ready: () =>
        exporter ? hasSamples(url, 'rate(node_cpu_seconds_total[1m]) and on (job) up{job="node"} == 1') : isReady(url),
    });
    const stop = async () => {
      await Promise.all([running.stop(), exporter?.stop()]);
    };
    return { pid: running.pid, stop, url };
  } catch (error) {
    await exporter?.stop();
    throw error;
  }
}

/** A configuration of Prometheus. JSON is YAML: no quoting rules of our own. */
export function toConfig(jobs: readonly ScrapeJob[], interval: string, ruleFiles: readonly string[] = []): string {
  return JSON.stringify({
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ruleFiles,
    scrape_configs: jobs.map(({ job, targets }) => ({ job_name: job, static_configs: [{ targets }] })),
  });
}

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/-/ready`)).ok;
}

/**
 * Whether a PromQL expression has a result now; VictoriaMetrics would answer what it had 30 s ago.
 */
export async function hasSamples(url: string, query: string): Promise<boolean> {
  const response = await fetch(`${url}/api/v1/query`, {
    method: "POST",
    body: new URLSearchParams({ query, latency_offset: "1ms" }),
  });
  const answer = (await response.json()) as { data?: { result?: unknown[] } };
  return (answer.data?.result?.length ?? 0) > 0;
}
