import { mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { freePort, startProcess } from "../../script/services/process.ts";
import { startPrometheus } from "../../script/services/prometheus.ts";
import { removeContainers, startContainer, stopContainer } from "./docker-containers.ts";
import { Client } from "pg";
import { untilSamples } from "./prometheus.ts";
import { createStage, deployInfo } from "./stage.ts";
import { createTokens } from "./tokens.ts";
import { until } from "./until.ts";

interface Options {
  readonly dockerSocket: string;
  readonly postgresUrl: string;
  readonly prometheusUrl: string;
  readonly runFolder: string;
}

/**
 * The stage three minutes after a deploy, which left a worker of the release before, on a hot host:
 * behind the gateway as it is run, with a Prometheus that scrapes it, and a token for Grafana that
 * may only read.
 */
export async function createGrafanaStage(options: Options) {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(options.runFolder, "dashboards-"));
  const stage = stack.use(await createStage({ ...options, runFolder: folder }));
  await addStuckJob(stage.env.WALLET_CORE_OPS_DATABASE_URL);
  writeDeploys(stage.env.WALLET_CORE_OPS_DEPLOY_INFO_PATH);
  const worker = await startOldWorker(options.dockerSocket, stage.service);
  stack.defer(() => removeContainers(options.dockerSocket, [worker]));
  const tokens = stack.use(createTokens({ grafana: { scopes: ["ops:read"] } }));
  // Every host is above this threshold.
  const own = { WALLET_CORE_OPS_TOKENS_FILE: tokens.file, WALLET_CORE_OPS_MEM_THRESHOLD: "0.0001" };
  const { url, metricsAddress } = await startGateway({ ...stage.env, ...own }, folder, stack);
  const headers = { authorization: `Bearer ${stage.env.WALLET_CORE_OPS_TOKEN}` };
  // Containers are watched from the first question on; then one ends, and one is restarted.
  await fetch(`${url}/api/v1/admin/ops/containers`, { headers });
  await stopContainer(options.dockerSocket, worker);
  const web = `${url}/api/v1/admin/ops/containers/${stage.service}-web-latest`;
  const restarted = await fetch(`${web}/restart?reason=dashboards`, { method: "POST", headers });
  if (restarted.status !== 200) throw new Error(await restarted.text());
  const unwell = await startOldWorker(options.dockerSocket, stage.service, "unwell", "false");
  stack.defer(() => removeContainers(options.dockerSocket, [unwell]));
  const healthOf = async (path: string) =>
    ((await (await fetch(path, { headers })).json()) as { health: string }).health;
  await until(async () => (await healthOf(web)) === "healthy");
  await until(
    async () => (await healthOf(web.replace(/-web-.*/, `-worker-${deployInfo.previous_tag}-unwell`))) === "unhealthy",
  );
  const prometheus = await startPrometheus(join(folder, "prometheus"), {
    targets: [{ job: "wallet-core-ops", targets: [metricsAddress] }],
    ruleFiles: [resolve("deploy/prometheus/rules/*.yml")],
  });
  stack.defer(() => prometheus.stop());
  // Rates need two scrapes.
  await untilSamples(prometheus.url, "count_over_time(ops_upstream_up[1m]) > 2 and on () job:ops_gateway_up:max == 1");
  const owned = stack.move();
  return {
    place: { url, token: tokens.of("grafana"), prometheusUrl: prometheus.url },
    service: stage.service,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A queue whose one job has waited for ten minutes, and nothing is done. */
async function addStuckJob(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    "insert into runner_jobs values ('stuck', 'stuck.process', 'pending', now() - interval '10 minutes')",
  );
  await client.end();
}

/** The release of before twenty minutes ago, and the one of now. */
function writeDeploys(path: string): void {
  const { previous_tag } = deployInfo;
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  const now = { ...deployInfo, deployed_at: ago(180), destination: "staging" };
  const before = { ...now, current_tag: previous_tag, previous_tag: "", deployed_at: ago(1200) };
  writeFileSync(path, JSON.stringify(now));
  writeFileSync(join(dirname(path), "deploy_history.jsonl"), `${JSON.stringify(before)}\n${JSON.stringify(now)}\n`);
}

function startOldWorker(socket: string, service: string, name = "a", healthCmd?: string): Promise<string> {
  const version = deployInfo.previous_tag;
  return startContainer(socket, {
    ...(healthCmd !== undefined && { healthCmd }),
    name: `${service}-worker-${version}-${name}`,
    labels: { service, role: "worker", destination: "" },
    image: "ghcr.io/schoolable/wallet-core:latest",
    env: [`KAMAL_CONTAINER_NAME=${service}-worker-${version}-${name}`, `KAMAL_VERSION=${version}`],
  });
}

async function startGateway(env: Readonly<Record<string, string>>, folder: string, stack: AsyncDisposableStack) {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const [url, metricsAddress] = [`http://127.0.0.1:${port}`, `127.0.0.1:${metricsPort}`];
  const running = await startProcess({
    command: process.execPath,
    args: ["src/cli.ts", "serve"],
    env: {
      ...env,
      WALLET_CORE_OPS_PORT: String(port),
      WALLET_CORE_OPS_METRICS_ADDRESS: metricsAddress,
    },
    logFile: join(folder, `gateway-${port}.log`),
    ready: async () => (await fetch(`${url}/healthz`)).ok,
  });
  stack.defer(() => running.stop());
  return { url, metricsAddress };
}
