import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { freePort, startProcess } from "../../script/services/process.ts";
import { startPrometheus } from "../../script/services/prometheus.ts";
import { removeContainers, startContainer, stopContainer, until } from "./docker-containers.ts";
import { untilSamples } from "./prometheus.ts";
import { createStage, deployInfo } from "./stage.ts";
import { createTokens } from "./tokens.ts";

interface Options {
  readonly dockerSocket: string;
  readonly postgresUrl: string;
  readonly prometheusUrl: string;
  readonly runFolder: string;
}

/**
 * The stage three minutes after a deploy, which left a worker of the release before: behind the gateway as it is run, with a Prometheus that scrapes it, and a
 * token for Grafana that may only read.
 */
export async function createGrafanaStage(options: Options) {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(options.runFolder, "dashboards-"));
  const stage = stack.use(await createStage({ ...options, runFolder: folder }));
  const deployedAt = new Date(Date.now() - 180_000).toISOString().replace(/\.\d+Z$/, "Z");
  writeFileSync(stage.env.WALLET_CORE_OPS_DEPLOY_INFO_PATH, JSON.stringify({ ...deployInfo, deployed_at: deployedAt }));
  const worker = await startOldWorker(options.dockerSocket, stage.service);
  stack.defer(() => removeContainers(options.dockerSocket, [worker]));
  const tokens = stack.use(createTokens({ grafana: { scopes: ["ops:read"] } }));
  const { url, metricsAddress } = await startGateway(stage.env, tokens.file, folder, stack);
  const headers = { authorization: `Bearer ${stage.env.WALLET_CORE_OPS_TOKEN}` };
  // Containers are watched from the first question on; then one ends, and one is restarted.
  await fetch(`${url}/api/v1/admin/ops/containers`, { headers });
  await stopContainer(options.dockerSocket, worker);
  const web = `${url}/api/v1/admin/ops/containers/${stage.service}-web-latest`;
  const restarted = await fetch(`${web}/restart?reason=dashboards`, { method: "POST", headers });
  if (restarted.status !== 200) throw new Error(await restarted.text());
  const worker2 = await startOldWorker(options.dockerSocket, stage.service, "b");
  stack.defer(() => removeContainers(options.dockerSocket, [worker2]));
  await until(async () => ((await (await fetch(web, { headers })).json()) as { health: string }).health === "healthy");
  const prometheus = await startPrometheus(join(folder, "prometheus"), {
    targets: [{ job: "wallet-core-ops", targets: [metricsAddress] }],
  });
  stack.defer(() => prometheus.stop());
  // Rates need two scrapes.
  await untilSamples(prometheus.url, "count_over_time(ops_upstream_up[1m]) > 2");
  const owned = stack.move();
  return {
    place: { url, token: tokens.of("grafana"), prometheusUrl: prometheus.url },
    service: stage.service,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function startOldWorker(socket: string, service: string, name = "a"): Promise<string> {
  const version = `deploy-20260109-101500-prod`;
  return startContainer(socket, {
    name: `${service}-worker-${version}-${name}`,
    labels: { service, role: "worker", destination: "" },
    image: "ghcr.io/schoolable/wallet-core:latest",
    env: [`KAMAL_CONTAINER_NAME=${service}-worker-${version}-${name}`, `KAMAL_VERSION=${version}`],
  });
}

async function startGateway(
  env: Readonly<Record<string, string>>,
  tokensFile: string,
  folder: string,
  stack: AsyncDisposableStack,
) {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const [url, metricsAddress] = [`http://127.0.0.1:${port}`, `127.0.0.1:${metricsPort}`];
  mkdirSync(folder, { recursive: true });
  const running = await startProcess({
    command: process.execPath,
    args: ["src/cli.ts", "serve"],
    env: {
      ...env,
      WALLET_CORE_OPS_PORT: String(port),
      WALLET_CORE_OPS_METRICS_ADDRESS: metricsAddress,
      WALLET_CORE_OPS_TOKENS_FILE: tokensFile,
    },
    logFile: join(folder, "gateway.log"),
    ready: async () => (await fetch(`${url}/healthz`)).ok,
  });
  stack.defer(() => running.stop());
  return { url, metricsAddress };
}
