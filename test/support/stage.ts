import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { callDocker } from "../../script/services/docker-api.ts";
import { parseConfig } from "../../src/config/config.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createSources } from "../../src/sources.ts";
import { createContainer, removeContainers, startContainer, stopContainer, tagImage } from "./docker-containers.ts";
import { createTestDatabase, type TestDatabase } from "./postgres-database.ts";
import { runnerMapping, toQueueMapping } from "./queue-mappings.ts";
import { until } from "./until.ts";

interface StageOptions {
  readonly dockerSocket: string;
  readonly postgresUrl: string;
  readonly prometheusUrl: string;
  readonly runFolder: string;
}

export const deployInfo = {
  current_tag: "deploy-20260110-130322-prod",
  previous_tag: "deploy-20260109-101500-prod",
  commit_sha: "abc123",
  deployed_by: "ops-user",
  deployed_at: "2026-01-10T13:15:00Z",
};

/** Of this stage's service: tests of other services have their containers on the same engine. */
const toQueuesFile = (service: string) => ({
  sources: [runnerMapping, ...["payouts", "pos_settlement"].map(toQueueMapping)].map((one) => ({ ...one, service })),
});

/** The seed's two containers as Kamal runs them, beside hidden ones. Names have a unique suffix. */
async function stageContainers(socket: string, suffix: string, host: string): Promise<string[]> {
  await tagImage(socket, "ghcr.io/schoolable/wallet-core", "latest");
  await tagImage(socket, "redis", "7-alpine");
  const service = `wallet-core-${suffix}-staging`;
  const image = "ghcr.io/schoolable/wallet-core:latest";
  const labels = { service, role: "web", destination: "" };
  const web = await startContainer(socket, {
    name: `${service}-web-latest`,
    labels,
    image,
    hostname: host,
    env: [`KAMAL_CONTAINER_NAME=${service}-web-latest`, "KAMAL_VERSION=latest", "DATABASE_PASSWORD=canary-secret"],
    healthCmd: "true",
    publish: "0.0.0.0:0:80",
    cmd: ["sh", "-c", "trap 'exit 0' TERM; echo out-1; echo err-1 >&2; echo out-2; while :; do sleep 0.1; done"],
  });
  const redis = await startContainer(socket, {
    name: `${service}-redis`,
    labels: { service: `${service}-redis` },
    image: "redis:7-alpine",
    publish: "0.0.0.0:0:6379",
  });
  const old = await startContainer(socket, { name: `${service}-web-latest_replaced_0123456789abcdef`, labels, image });
  await stopContainer(socket, old);
  const exec = await createContainer(socket, { name: `${service}-web-exec-latest-a1b2c3`, labels: { service }, image });
  await until(async () => {
    const { State } = (await callDocker(socket, "GET", `/containers/${web}/json`)) as {
      State: { Health: { Status: string } };
    };
    return State.Health.Status === "healthy";
  });
  return [web, redis, old, exec];
}

/**
 * The seed's queues: depths, completions in five minutes and failures in the last hour, as rows.
 */
async function stageJobs(database: TestDatabase): Promise<void> {
  await database.query(`
    create table runner_jobs (id text primary key, type text not null, status text not null, run_at timestamptz,
                              finished_at timestamptz, last_error text);
    create table payouts (id text primary key, state text not null, settled_at timestamptz, failure text);
    create table pos_settlement (like payouts including all);
    insert into runner_jobs select 'w' || n, 'webhook.aella.process', 'pending', now() from generate_series(1, 2) n;
    insert into runner_jobs select 'd' || n, 'webhook.aella.process', 'done', now(), now() from generate_series(1, 120) n;
    insert into payouts select 'q' || n, 'queued' from generate_series(1, 4) n;
    insert into payouts select 'p' || n, 'paid', now() from generate_series(1, 360) n;
    insert into payouts values ('job_456', 'rejected', now() - interval '4 minutes', 'timeout contacting provider');
    insert into pos_settlement select 'q' || n, 'queued' from generate_series(1, 12) n;
    insert into pos_settlement select 'p' || n, 'paid', now() from generate_series(1, 180) n;
    insert into pos_settlement values ('job_122', 'rejected', now() - interval '50 minutes', 'pq: serialization failure'),
                                      ('job_123', 'rejected', now() - interval '1 minute', 'pq: serialization failure')`);
}

/**
 * Real upstreams with the seed's examples, and the gateway's sources over them with a user's
 * configuration.
 */
export async function createStage({ dockerSocket, postgresUrl, prometheusUrl, runFolder }: StageOptions) {
  const folder = mkdtempSync(join(runFolder, "stage-"));
  const suffix = folder.slice(-6).toLowerCase();
  const host = `37.27.91.235-${randomBytes(6).toString("hex")}`;
  const [containers, database] = await Promise.all([
    stageContainers(dockerSocket, suffix, host),
    createTestDatabase(postgresUrl, "stage").then(async (created) => {
      await stageJobs(created);
      return created;
    }),
  ]);
  const deployPath = join(folder, "deploy_info.json");
  writeFileSync(deployPath, JSON.stringify(deployInfo));
  const service = `wallet-core-${suffix}-staging`;
  const queuesFile = JSON.stringify(toQueuesFile(service));
  writeFileSync(join(folder, "queues.json"), queuesFile);
  const env = {
    WALLET_CORE_OPS_TOKEN: "stage-token-0123456789",
    WALLET_CORE_OPS_SERVICE: `wallet-core-${suffix}`,
    WALLET_CORE_OPS_DOCKER_HOSTS: `local=unix://${dockerSocket}`,
    WALLET_CORE_OPS_DATABASE_URL: database.url,
    WALLET_CORE_OPS_QUEUES_FILE: join(folder, "queues.json"),
    WALLET_CORE_OPS_PROMETHEUS_URL: prometheusUrl,
    WALLET_CORE_OPS_DEPLOY_INFO_PATH: deployPath,
    WALLET_CORE_OPS_AUDIT_FILE: join(folder, "audit.jsonl"),
    WALLET_CORE_OPS_RESTART: "on",
    WALLET_CORE_OPS_RESTART_COOLDOWN: "0",
  };
  const config = parseConfig(env, (path) => (path.endsWith("queues.json") ? queuesFile : ""));
  const sources = createSources(config, silentLogger);
  return {
    folder,
    env,
    sources,
    service,
    /**
     * Host name of the web container, of this stage alone: a job whose worker is of two containers
     * is of none.
     */
    host,
    containers,
    [Symbol.asyncDispose]: async () => {
      await sources.close();
      await removeContainers(dockerSocket, containers);
      await database.drop();
    },
  };
}
