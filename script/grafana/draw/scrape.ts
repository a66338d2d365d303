import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { hasSamples, startPrometheus, toConfig } from "../../services/prometheus.ts";
import { until } from "../../../test/support/until.ts";

interface Gateway {
  readonly url: string;
  readonly token: string;
}

/** A rate at the end of the last whole step of 15 s needs more than two scrapes. */
const scrapes = 20;
const numbersMs = 60_000;

/**
 * Starts a Prometheus in `folder` that scrapes a gateway every second, with the shipped rules.
 * Resolves to its URL once it has numbers.
 */
export async function startScrape(
  folder: string,
  { url, token }: Gateway,
  stack: AsyncDisposableStack,
): Promise<string> {
  const config = JSON.parse(
    toConfig([{ job: "wallet-core-ops", targets: [new URL(url).host] }], "1s", [
      resolve(import.meta.dirname, "../../../deploy/prometheus/rules/*.yml"),
    ]),
  ) as { scrape_configs: object[] };
  const job = { ...config.scrape_configs[0], params: { stats: ["1"] }, authorization: { credentials: token } };
  const configFile = join(folder, "prometheus.yml");
  writeFileSync(configFile, JSON.stringify({ ...config, scrape_configs: [job] }));
  const prometheus = await startPrometheus(join(folder, "prometheus"), { configFile });
  stack.defer(() => prometheus.stop());
  await until(() => hasSamples(prometheus.url, `count_over_time(ops_upstream_up[1m]) > ${scrapes}`), numbersMs);
  return prometheus.url;
}
