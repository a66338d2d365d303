import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startDemo } from "./services/demo.ts";
import { runScript } from "./services/process.ts";
import { startPrometheus } from "./services/prometheus.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= 1440)) {
  process.stderr.write("Usage: script/soak [--minutes=N]   N: above 0, at most 1440; 10 by default\n");
  process.exit(2);
}

interface Alert {
  readonly state: "pending" | "firing";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The shipped configuration, with the demo's gateway. Hosts are scraped by the demo's own Prometheus. */
function writeConfig(folder: string, address: string, token: string): string {
  writeFileSync(join(folder, "token"), token);
  const config = readFileSync("deploy/prometheus/prometheus.yml", "utf8")
    .replace("rules/*.yml", resolve("deploy/prometheus/rules/*.yml"))
    .replace("/run/secrets/token", join(folder, "token"))
    .replace("gateway:4000", new URL(address).host)
    .replace('["node-exporter:9100"]', "[]")
    .replace('["alertmanager:9093"]', "[]");
  writeFileSync(join(folder, "prometheus.yml"), config);
  return join(folder, "prometheus.yml");
}

async function readAlerts(url: string): Promise<readonly Alert[]> {
  return ((await (await fetch(`${url}/api/v1/alerts`)).json()) as { data: { alerts: Alert[] } }).data.alerts;
}

/** Looks every five seconds; resolves with what fired. Reports each alert once when it becomes pending, and once when it fires. */
async function watch(url: string): Promise<readonly string[]> {
  const reported = new Set<string>();
  const fired: string[] = [];
  const end = Date.now() + minutes * 60_000;
  while (Date.now() < end) {
    for (const { state, labels, annotations } of await readAlerts(url)) {
      const text = `${state}: ${labels["alertname"]}: ${annotations["summary"]}`;
      if (reported.has(text)) continue;
      reported.add(text);
      process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
      if (state === "firing") fired.push(text);
    }
    await sleep(5000);
  }
  return fired;
}

async function soak(stack: AsyncDisposableStack): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ops-soak-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const demo = await startDemo(folder);
  stack.defer(() => demo.stop());
  const { url, token } = demo;
  const prometheus = await startPrometheus(join(folder, "prometheus"), { configFile: writeConfig(folder, url, token) });
  stack.defer(() => prometheus.stop());
  process.stdout.write(`== The demo runs at ${url}; alerts at ${prometheus.url}/alerts. Waiting for ${minutes} minutes ...\n`);
  const fired = await watch(prometheus.url);
  const query = encodeURIComponent(`count_over_time(ops_engine_up[${Math.ceil(minutes)}m])`);
  const answer = (await (await fetch(`${prometheus.url}/api/v1/query?query=${query}`)).json()) as {
    data: { result: { value: [number, string] }[] };
  };
  const scrapes = Number(answer.data.result[0]?.value[1] ?? 0);
  process.stdout.write(fired.length === 0 ? `== Nothing fired in ${scrapes} scrapes.\n` : `== ${fired.length} alerts fired.\n`);
  // Without a scrape nothing could have fired.
  process.exitCode = fired.length === 0 && scrapes > 0 ? 0 : 1;
}

await runScript(soak);
