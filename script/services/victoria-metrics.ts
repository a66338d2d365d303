import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, freePort, startProcess, UnavailableError } from "./process.ts";
import { type Prometheus, type ScrapeJob, toConfig } from "./prometheus.ts";

interface VictoriaMetricsOptions {
  readonly targets: readonly ScrapeJob[];
  /** @default "1s" */
  readonly scrapeInterval?: string;
  /**
   * Port on 127.0.0.1; a free one unless given, which is how a stopped one comes back under the
   * same URL.
   */
  readonly port?: number;
}

/**
 * Debian's VictoriaMetrics on 127.0.0.1 with its data under `dir`, which scrapes the targets and
 * answers as Prometheus does.
 *
 * @throws UnavailableError when it is not installed
 */
export async function startVictoriaMetrics(dir: string, options: VictoriaMetricsOptions): Promise<Prometheus> {
  const command = findProgram("victoria-metrics");
  if (command === null)
    throw new UnavailableError("VictoriaMetrics is not installed (apt-get install victoria-metrics)");
  mkdirSync(dir, { recursive: true });
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const config = join(dir, "victoria-metrics.yml");
  writeFileSync(config, toConfig(options.targets, options.scrapeInterval ?? "1s", []));
  const running = await startProcess({
    command,
    args: [
      `-promscrape.config=${config}`,
      "-promscrape.config.strictParse=false",
      `-storageDataPath=${join(dir, "victoria-metrics")}`,
      `-httpListenAddr=127.0.0.1:${port}`,
    ],
    logFile: join(dir, "victoria-metrics.log"),
    ready: async () => (await fetch(`${url}/-/ready`)).ok,
  });
  return { ...running, url };
}
