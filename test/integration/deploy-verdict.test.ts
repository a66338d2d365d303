import { appendFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, inject, it } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { createDeploySource } from "../../src/deploys/files/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { toEnv } from "../support/deploys.ts";
import { removeContainers, startContainer, stopContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";

const socketPath = inject("dockerSocket");
const hosts = { v1: "10.0.0.9-aaaaaaaaaaa1", v2: "10.0.0.9-aaaaaaaaaaa2" };
const toClient = (host: string) => `${host.replaceAll(".", "_")}_2026_11_25T02_03_04`;
const ids: string[] = [];
const closers: (() => Promise<void>)[] = [];
let database: TestDatabase;
let started: number;
let runner: QueueSourceConfig;

async function start(version: "v1" | "v2"): Promise<string> {
  const id = await startContainer(socketPath, {
    name: `verdicts-worker-staging-${version}`,
    labels: { service: "verdicts", role: "worker", destination: "staging" },
    env: [`KAMAL_VERSION=${version}`],
    hostname: hosts[version],
  });
  ids.push(id);
  return id;
}

/**
 * As after a restart of the gateway: nothing is known but what the files, the rows and the engine
 * tell.
 */
async function openGateway(folder: string, sources: readonly QueueSourceConfig[] = []) {
  const engine = { name: "web-1", env: null, address: { kind: "unix", socketPath } } as const;
  const containers = createContainerSource({ engines: [engine], rules: rulesOf("verdicts"), logger: silentLogger });
  const queues = createQueueSources({
    databaseUrl: database.url,
    sources,
    env: "staging",
    logger: silentLogger,
    ttlMs: 0,
  });
  const deploy = createDeploySource({ path: join(folder, "deploy_info.json"), toEnv, logger: silentLogger });
  const gateway = await startGateway({ ...createMemorySources().sources, containers, queues, deploy });
  closers.push(
    async () => gateway[Symbol.asyncDispose](),
    () => containers.close(),
    () => queues.close(),
  );
  return gateway;
}

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "verdicts");
  await createRiverJobs(database);
  // Its rows name no worker, and other tests have their containers on the same engine.
  runner = { ...(await createRunnerJobs(database)).config, service: "verdicts" };
  started = Date.now();
  const old = await start("v1");
  await stopContainer(socketPath, old);
  // Engines tell when a container was made by the second.
  await sleep(1100);
  await start("v2");
});
afterAll(async () => {
  for (const close of closers) await close();
  await removeContainers(socketPath, ids);
  await database.drop();
});
beforeEach(async () => {
  await database.query("truncate river_job, runner_jobs");
  // So far back go the rows.
  await database.query(
    "insert into river_job (kind, state, finalized_at, scheduled_at) values ('mail', 'completed', now() - interval '3 hours', now() - interval '3 hours')",
  );
});

/**
 * When these tests began, as SQL: deploys and rows keep their order, however long the tests take.
 */
const begun = () => `to_timestamp(${started / 1000})`;

/**
 * Jobs of River that ended between so many minutes ago, at an even pace, by the worker of a
 * release; every n-th fails with its own ids.
 */
async function work(
  version: "v1" | "v2",
  from: number,
  to: number,
  count: number,
  failEvery: number | null,
  error = "timeout",
  runSeconds = 1,
): Promise<void> {
  await database.query(
    `insert into river_job (kind, state, scheduled_at, attempted_at, finalized_at, attempted_by, attempt, errors)
     select 'mail', (case when failed then 'discarded' else 'completed' end)::river_job_state, ended - interval '1 second' - ran, ended - ran, ended, array[$1], 1,
            case when failed then array[jsonb_build_object('at', ended, 'attempt', 1, 'error', format('%s for job %s', $6::text, n), 'trace', '')] end
     from (select n, coalesce(n % $5::int = 0, false) as failed, $7::float8 * interval '1 second' as ran,
                  ${begun()} - ($2::float8 + ($3::float8 - $2::float8) * n / $4::int) * interval '1 minute' as ended
           from generate_series(1, $4::int) as n) as job`,
    [toClient(hosts[version]), from, to, count, failEvery, error, runSeconds],
  );
}

/**
 * v1 was deployed 29.5 minutes ago, v2 14: the window after it lasts until now for another minute.
 */
function writeHistory(): string {
  const folder = mkdtempSync(join(inject("runFolder"), "verdicts-"));
  const line = (tag: string, minutes: number) =>
    JSON.stringify({
      current_tag: tag,
      commit_sha: "",
      deployed_by: "kim",
      deployed_at: new Date(started - minutes * 60_000).toISOString(),
      destination: "staging",
      runtime_seconds: "30",
    });
  writeFileSync(join(folder, "deploy_history.jsonl"), `${line("v1", 29.5)}\n${line("v2", 14)}\n`);
  return folder;
}

const query = `{ deploys { nodes { tag state origin containers { version status } } }
  last: deploys(first: 1) { nodes { tag verdict { outcome reasons windowSeconds gaps
    queues { queue source outcome pValue runPValue before { succeeded failed runP95Seconds } after { succeeded failed runP95Seconds } }
    newErrors { error count regressed } containers { restartsFrom restartsAfter unhealthyNow } } } } }`;

async function judge() {
  const { body } = await (await openGateway(writeHistory())).query(query);
  expect(body.errors).toBeUndefined();
  expect(body.data.deploys.nodes).toEqual([
    { tag: "v2", state: "CURRENT", origin: "HISTORY", containers: [{ version: "v2", status: "running" }] },
    { tag: "v1", state: "PREVIOUS", origin: "HISTORY", containers: [{ version: "v1", status: "exited" }] },
  ]);
  expect(body.data.last.nodes[0].tag).toBe("v2");
  return body.data.last.nodes[0].verdict;
}

it("a bad release in River fails more, runs longer and has new errors", async () => {
  await work("v1", 28, 14.6, 300, 100);
  await work("v2", 13.9, 0.5, 300, 4, "column recipient does not exist", 9);
  await work("v2", 13.9, 0.5, 5, 1, "timeout");
  const verdict = await judge();
  expect(verdict).toMatchObject({
    outcome: "REGRESSED",
    windowSeconds: expect.closeTo(840, -2),
    queues: [
      {
        queue: "mail",
        outcome: "REGRESSED",
        before: { runP95Seconds: expect.closeTo(1, 3) },
        after: { runP95Seconds: expect.closeTo(9, 3) },
      },
    ],
    newErrors: [{ error: expect.stringContaining("column recipient does not exist"), count: 75, regressed: true }],
    containers: { restartsFrom: "counters", restartsAfter: 0, unhealthyNow: [] },
    gaps: [],
  });
  expect(verdict.queues[0].pValue).toBeLessThan(1e-9);
  expect(verdict.queues[0].runPValue).toBeLessThan(1e-9);
  expect(verdict.reasons).toHaveLength(3);
});

it("a good release is clean, with the same failures as before", async () => {
  await work("v1", 28, 14.6, 300, 50);
  await work("v2", 13.9, 0.5, 300, 50);
  const verdict = await judge();
  expect(verdict).toMatchObject({
    outcome: "CLEAN",
    reasons: [],
    newErrors: [],
    queues: [{ queue: "mail", outcome: "CLEAN" }],
  });
  const [{ before, after }] = verdict.queues;
  // Of 300 on either side the windows, which are a little shorter, have nearly all.
  for (const { succeeded, failed } of [before, after]) expect(succeeded + failed).toBeGreaterThan(270);
});

it("a release is not blamed for failures that began before it", async () => {
  const outage = async (failEvery: number, failEveryAfter: number) => {
    await work("v1", 28, 16, 250, null);
    await work("v1", 16, 14.6, 60, failEvery);
    await work("v2", 13.9, 0.5, 300, failEveryAfter);
  };
  await outage(2, 2);
  const verdict = await judge();
  expect(verdict).toMatchObject({ outcome: "CLEAN", reasons: [], newErrors: [], queues: [{ outcome: "CLEAN" }] });
  expect(verdict.gaps).toEqual([
    expect.stringMatching(
      /^mail: 5\d % of its jobs fail since .+ before the deploy, so that does not count against it$/,
    ),
  ]);
  await database.query("delete from river_job where finalized_at > now() - interval '2 hours'");
  await outage(3, 1);
  expect((await judge()).outcome).toBe("REGRESSED");
});

it("a few jobs are not enough data, however bad they are", async () => {
  await work("v1", 28, 14.6, 300, 50);
  await work("v2", 13.9, 0.5, 6, 2);
  expect(await judge()).toMatchObject({ outcome: "NOT_ENOUGH_DATA", queues: [{ outcome: "NOT_ENOUGH_DATA" }] });
});

it("a failing queue of a table is found beside a healthy one", async () => {
  await work("v1", 28, 14.6, 300, null);
  await work("v2", 13.9, 0.5, 300, null);
  await database.query(
    `insert into runner_jobs (type, status, run_at, finished_at, last_error)
     select 'payout', case when failed then 'failed' else 'done' end, ended, ended, case when failed then 'refused' end
     from (select n, ${begun()} - (28 - 27.5 * n / 400.0) * interval '1 minute' as ended,
                  n > 210 and n % 3 = 0 as failed
           from generate_series(1, 400) as n) as job
     union all select 'payout', 'done', now() - interval '3 hours', now() - interval '3 hours', null`,
  );
  const gateway = await openGateway(writeHistory(), [runner]);
  const { body } = await gateway.query(query);
  const { outcome, queues: judged } = body.data.last.nodes[0].verdict;
  expect(outcome).toBe("REGRESSED");
  expect(judged.map((one: { queue: string; outcome: string }) => [one.queue, one.outcome])).toEqual(
    expect.arrayContaining([
      ["mail", "CLEAN"],
      ["payout", "REGRESSED"],
    ]),
  );
});

/**
 * Rows of the runner's table, whose workers nobody knows, between so many minutes ago; those that
 * wait end never.
 */
async function run(
  type: string,
  status: "done" | "failed" | "pending",
  from: number,
  to: number,
  count: number,
  error = "x",
) {
  await database.query(
    `insert into runner_jobs (type, status, run_at, finished_at, last_error)
     select $1, $2, ended, case when $2 <> 'pending' then ended end, case when $2 = 'failed' then $6 end
     from (select ${begun()} - ($3::float8 + ($4::float8 - $3) * n / $5::int) * interval '1 minute' as ended
           from generate_series(1, $5::int) as n) as job`,
    [type, status, from, to, count, error],
  );
}

it("a queue that a release stopped is found beside a healthy one", async () => {
  await run("payout", "done", 180, 14.6, 1000);
  await run("payout", "pending", 13, 0.5, 700);
  await run("kyc", "done", 180, 0.1, 2000);
  const { body } = await (await openGateway(writeHistory(), [runner])).query(query);
  const { outcome, reasons } = body.data.last.nodes[0].verdict;
  expect(outcome).toBe("REGRESSED");
  expect(reasons).toEqual([expect.stringMatching(/^payout: 0 jobs ended, \d+ did before; \d+ jobs wait$/)]);
});

it("a release is clean after interrupted jobs and a short partner outage", async () => {
  await run("payout", "done", 180, 0.1, 9000);
  await run("payout", "failed", 14.4, 14.3, 2, "worker received SIGTERM: job interrupted");
  await run("payout", "failed", 9.1, 9, 5, "the partner is away");
  const { body } = await (await openGateway(writeHistory(), [runner])).query(query);
  expect(body.data.last.nodes[0].verdict).toMatchObject({
    outcome: "CLEAN",
    reasons: [],
    newErrors: [{ error: "the partner is away", count: 5, regressed: false }],
  });
});

it("gaps name an old container that runs and a deploy without containers", async () => {
  const folder = writeHistory();
  const gateway = await openGateway(folder);
  const drift = async () =>
    (await gateway.query("{ drift { kind engine expected found settling containers { version } } }")).body.data.drift;
  expect(await drift()).toEqual([]);
  await callDocker(socketPath, "POST", `/containers/${ids[0]}/start`);
  // Somebody started it after the deploy: that may be a rollback, so it is not called left over.
  const older = { engine: "web-1", expected: "v2", found: ["v1"], settling: true, containers: [{ version: "v1" }] };
  const both = [{ version: "v1" }, { version: "v2" }];
  await expect.poll(drift, { timeout: 10_000 }).toEqual([
    { kind: "MIXED_RELEASES", engine: null, expected: null, found: ["v1", "v2"], settling: true, containers: both },
    { kind: "UNEXPECTED_RELEASE", ...older },
  ]);
  await stopContainer(socketPath, ids[0] ?? "");
  const line = {
    current_tag: "v3",
    commit_sha: "",
    deployed_by: "kim",
    deployed_at: new Date().toISOString(),
    destination: "staging",
  };
  appendFileSync(join(folder, "deploy_history.jsonl"), `${JSON.stringify(line)}\n`);
  await expect
    .poll(drift, { timeout: 10_000 })
    .toMatchObject([{ kind: "UNEXPECTED_RELEASE", expected: "v3", found: ["v2"] }]);
  const { body } = await gateway.query("{ deploys { nodes { tag state } } }");
  expect(body.data.deploys.nodes.map(({ tag, state }: { tag: string; state: string }) => [tag, state])).toEqual([
    ["v3", "INCOMPLETE"],
    ["v2", "CURRENT"],
    ["v1", "PREVIOUS"],
  ]);
});
