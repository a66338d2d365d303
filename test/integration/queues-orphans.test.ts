import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { removeContainers, restartContainer, startContainer, stopContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const own = { name: "web-1", env: null, address: { kind: "unix", socketPath } } as const;
const gone = { name: "gone", env: null, address: { kind: "unix", socketPath: "/nowhere/docker.sock" } } as const;
const made = "_2026_11_25T02_03_04";
const hosts = { v1: "10.0.0.7-aaaaaaaaaaa1", v2: "10.0.0.7-aaaaaaaaaaa2" };
const toClient = (host: string) => `${host.replaceAll(".", "_")}${made}`;
const ids: string[] = [];
const closers: (() => Promise<void>)[] = [];
let database: TestDatabase;

async function start(version: "v1" | "v2"): Promise<string> {
  const id = await startContainer(socketPath, {
    name: `orphans-worker-staging-${version}`,
    labels: { service: "orphans", role: "worker", destination: "staging" },
    env: [`KAMAL_VERSION=${version}`],
    hostname: hosts[version],
  });
  ids.push(id);
  return id;
}

async function open(engines: Parameters<typeof createContainerSource>[0]["engines"]) {
  const containers = createContainerSource({ engines, rules: rulesOf("orphans"), logger: silentLogger });
  const queues = createQueueSources({ databaseUrl: database.url, env: "staging", logger: silentLogger, ttlMs: 0 });
  const gateway = await startGateway({ ...createMemorySources().sources, containers, queues });
  closers.push(
    async () => gateway[Symbol.asyncDispose](),
    () => containers.close(),
    () => queues.close(),
  );
  return async (query: string) => {
    const { body } = await gateway.query(query);
    expect(body.errors).toBeUndefined();
    return body.data;
  };
}

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "orphans");
  await createRiverJobs(database);
});
afterAll(async () => {
  for (const close of closers) await close();
  await removeContainers(socketPath, ids);
  await database.drop();
});

const noStart = "1 of its running jobs have no recorded start, and their worker may have restarted since";
const query =
  "{ orphans { jobs { jobId worker } total gaps { source reason } } queues { name active orphans failuresByRelease { version count } } }";

it("a stopped release's orphans and failures are found in River's rows", async () => {
  const old = await start("v1");
  await start("v2");
  // As `kamal app exec` starts one: no list shows it.
  const exec = await startContainer(socketPath, {
    name: "orphans-worker-staging-exec-v2-4f0c1b",
    labels: { service: "orphans", destination: "staging" },
  });
  ids.push(exec);
  await database.query(`
    insert into river_job (id, kind, state, attempted_at, attempted_by, attempt, errors) values
      (1, 'mail', 'running', null, '{${toClient(hosts.v1)}}', 1, null),
      (2, 'mail', 'running', now() + interval '1 minute', '{${toClient(hosts.v2)}}', 1, null),
      (3, 'mail', 'running', now() + interval '1 minute', '{${exec.slice(0, 12)}${made}}', 1, null),
      (4, 'mail', 'running', now() - interval '1 hour', '{${"b".repeat(12)}${made}}', 1, null),
      (5, 'mail', 'retryable', now(), '{${toClient(hosts.v1)},${hosts.v2},${toClient(hosts.v2)}}', 3,
       array(select jsonb_build_object('at', now(), 'attempt', n, 'error', 'refused', 'trace', '') from generate_series(1, 3) as n))`);
  const ask = await open([own]);
  const failuresByRelease = [
    { version: "v2", count: 2 },
    { version: "v1", count: 1 },
  ];
  const lost = { jobId: "4", worker: `${"b".repeat(12)}${made}` };
  expect(await ask(query)).toEqual({
    orphans: { jobs: [lost], total: 1, gaps: [{ source: "river", reason: noStart }] },
    queues: [{ name: "mail", active: 4, orphans: 1, failuresByRelease }],
  });

  await stopContainer(socketPath, old);
  await until(async () => (await ask(query)).orphans.total === 2);
  expect(await ask(query)).toEqual({
    orphans: { jobs: [lost, { jobId: "1", worker: toClient(hosts.v1) }], total: 2, gaps: [] },
    queues: [{ name: "mail", active: 4, orphans: 2, failuresByRelease }],
  });

  const blind = await open([own, gone]);
  expect(await blind(query)).toMatchObject({
    orphans: {
      jobs: null,
      total: null,
      gaps: [{ source: null, reason: expect.stringContaining("engine gone does not answer") }],
    },
    queues: [{ orphans: null, failuresByRelease }],
  });
});

it("earlier jobs of a restarted container are orphans, its name lives on", async () => {
  const host = "10.0.0.8-aaaaaaaaaaa3";
  const id = await startContainer(socketPath, {
    name: "orphans-worker-staging-v3",
    labels: { service: "orphans", role: "worker", destination: "staging" },
    env: ["KAMAL_VERSION=v3"],
    hostname: host,
  });
  ids.push(id);
  await database.query(`
    insert into river_job (id, kind, state, attempted_at, attempted_by, attempt, errors) values
      (11, 'calls', 'running', now(), '{${toClient(host)}}', 1, null),
      (12, 'calls', 'running', now() + interval '1 hour', '{${toClient(host)}}', 1, null),
      (13, 'calls', 'running', now() + interval '1 hour', '{${toClient(host)}}', 1, null)`);
  const ask = await open([own]);
  const calls = async () => {
    const { orphans, queues } = await ask("{ orphans { jobs { queue jobId } } queues { name active orphans } }");
    return {
      lost: (orphans.jobs ?? []).filter(({ queue }: { queue: string }) => queue === "calls"),
      ...queues.find(({ name }: { name: string }) => name === "calls"),
    };
  };
  expect((await calls()).lost).toEqual([]);
  // The container starts again surely later than the job did: by more than clocks may differ.
  const isOld = "select now() - attempted_at > interval '4 seconds' as old from river_job where id = 11";
  await until(async () => (await database.query(isOld)).rows[0]?.["old"] === true);
  await restartContainer(socketPath, id);
  await expect.poll(async () => (await calls()).orphans, { timeout: 25_000 }).toBe(1);
  expect(await calls()).toEqual({ lost: [{ queue: "calls", jobId: "11" }], name: "calls", active: 3, orphans: 1 });
});
