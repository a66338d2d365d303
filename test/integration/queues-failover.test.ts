import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type RunningPostgres, startPostgres } from "../../script/services/postgres.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueSource, QueueSources } from "../../src/queues/queue.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { type CutProxy, startCutProxy } from "../support/cut-proxy.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRunnerJobs } from "../support/postgres-jobs.ts";

const signal = () => AbortSignal.timeout(10_000);
const running: RunningPostgres[] = [];
let primary: RunningPostgres;
let standby: RunningPostgres;
let database: TestDatabase;
let address: CutProxy;
let sources: QueueSources;
let source: QueueSource;

beforeAll(async () => {
  const folder = join(inject("runFolder"), "failover");
  primary = await startPostgres(join(folder, "primary"));
  running.push(primary);
  database = await createTestDatabase(primary.url, "failover");
  const jobs = await createRunnerJobs(database);
  await jobs.insert([
    { queue: "a", state: "waiting" },
    { queue: "a", state: "failed", error: "boom" },
  ]);
  await primary.restart(async () => {
    standby = await startPostgres(join(folder, "standby"), { standbyOf: primary });
  });
  running.push(standby);
  address = await startCutProxy(database.url);
  sources = createQueueSources({
    databaseUrl: address.url,
    sources: [jobs.config],
    detect: false,
    env: null,
    logger: silentLogger,
    ttlMs: 0,
  });
  [source] = (await sources.all(signal())) as [QueueSource];
});
afterAll(async () => {
  await sources?.close();
  await address?.close();
  for (const server of running.toReversed()) await server.stop();
});

const depth = async () => (await source.metrics(signal())).find(({ name }) => name === "a")?.depth;

/** A statement on the standby's own address. */
async function onStandby(sql: string): Promise<unknown[]> {
  const url = new URL(database.url);
  url.port = new URL(standby.url).port;
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}

it("F10: a hot standby is read, and its successor after a failover", async () => {
  expect(await depth()).toBe(1);

  address.moveTo(standby.url);
  expect(await onStandby("select pg_is_in_recovery() as is_standby")).toEqual([{ is_standby: true }]);
  expect(await depth()).toBe(1);
  expect(await source.failures(signal())).toMatchObject([{ error: "boom", count: 1 }]);

  // Replication goes on: what the primary writes is read here.
  const late = new Client({ connectionString: database.url });
  await late.connect();
  await late.query("insert into runner_jobs (type, status, run_at) values ('a', 'pending', now())");
  await late.end();
  await expect.poll(depth, { timeout: 10_000 }).toBe(2);

  address.moveTo(primary.url);
  expect(await depth()).toBe(2);
  process.kill(primary.pid, "SIGQUIT");
  await expect
    .poll(() => source.metrics(signal()).catch((error: { code?: string }) => error.code), { timeout: 10_000 })
    .toBe("postgres_unavailable");
  await onStandby("select pg_promote(true)");
  address.moveTo(standby.url);
  expect(await depth()).toBe(2);
  await onStandby("insert into runner_jobs (type, status, run_at) values ('a', 'pending', now())");
  expect(await depth()).toBe(3);
});
