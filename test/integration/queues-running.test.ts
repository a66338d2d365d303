import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { parseQueuesFile } from "../../src/queues/config.ts";
import { type QueueSource, runningJobsLimit } from "../../src/queues/queue.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";

const signal = AbortSignal.timeout(60_000);
/** As Kamal names a container's host. */
const host = "37.27.91.235-56703216100c";
let database: TestDatabase;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "running");
});
afterAll(async () => {
  for (const close of closers) await close();
  await database.drop();
});

async function open(source: object): Promise<QueueSource> {
  const parsed = parseQueuesFile(JSON.stringify({ sources: [{ name: "s", ...source }] }));
  if (!parsed.ok) throw new Error(parsed.issues.join("\n"));
  const sources = createQueueSources({
    ttlMs: 0,
    databaseUrl: database.url,
    sources: parsed.sources,
    detect: false,
    env: null,
    logger: silentLogger,
  });
  closers.push(() => sources.close());
  return (await sources.all(signal))[0] as QueueSource;
}

const table = {
  kind: "table",
  queue: { column: "type" },
  id: "id",
  status: "status",
  waiting: ["pending"],
  done: ["done"],
  failed: ["failed"],
  finished_at: "finished_at",
};
const mapping = { ...table, active: ["running", "stopping"], started_at: "locked_at" };
const idsOf = async (source: QueueSource, hosts: readonly string[]) =>
  (await source.running?.(hosts, signal))?.jobs.map(({ jobId }) => jobId);

it("running jobs of a table are found by the worker's host column", async () => {
  await database.query(`
    create table jobs (id bigint, type text, status text, locked_by text, locked_at timestamptz, finished_at timestamptz);
    insert into jobs values
      (1, 'payout', 'running', '${host}', now() - interval '60 seconds', null),
      (2, 'email', 'stopping', '${host}', now() - interval '90 seconds', null),
      (3, 'email', 'running', '37x27x91x235-56703216100c', now(), null), (4, 'email', 'running', '${host}0', now(), null),
      (5, 'email', 'running', null, now(), null), (6, 'email', 'running', '', now(), null),
      (7, 'email', 'pending', '${host}', now(), null), (8, 'email', 'done', '${host}', now(), now()),
      (9, null, 'running', '56703216100c', null, null)`);
  const source = await open({ ...mapping, table: "jobs", worker: { column: "locked_by" } });
  const found = await source.running?.([host, "56703216100c"], signal);
  expect(found).toMatchObject({
    total: 3,
    unnamed: 2,
    jobs: [
      {
        queue: "email",
        source: "s",
        jobId: "2",
        kind: null,
        startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      },
      { queue: "payout", jobId: "1" },
      { queue: "", jobId: "9", startedAt: null },
    ],
  });
  const age = Date.now() - Date.parse(found?.jobs[0]?.startedAt ?? "");
  expect(Math.abs(age - 90_000)).toBeLessThan(20_000);
  expect(await source.running?.(["nobody"], signal)).toEqual({ jobs: [], total: 0, unnamed: 2 });
});

it("the host is found in a longer text by its form, and in no other", async () => {
  await database.query(`
    create table delayed (id int, type text, status text, locked_by text, finished_at timestamptz);
    insert into delayed values
      (1, 'a', 'running', 'host:${host} pid:17', null), (2, 'a', 'running', 'delayed_job.3 host:${host} pid:17', null),
      (3, 'a', 'running', 'host:${host}-b pid:17', null), (4, 'a', 'running', 'host:${host} pid:x', null),
      (5, 'a', 'running', E'host:${host} pid:17\\n', null)`);
  const worker = { column: "locked_by", form: "host:{host} pid:{n}" };
  const source = await open({ ...table, active: ["running"], table: "delayed", worker });
  expect(await source.running?.([host], signal)).toMatchObject({
    total: 1,
    unnamed: 3,
    jobs: [{ jobId: "1", startedAt: null }],
  });
});

it("hostile names are taken literally", async () => {
  const evil = [`.*`, `a|b`, `it's \\ "x"`, String.raw`\d`, "*", "(", "[a", "{1}", "***=x"];
  await database.query(
    "create table hostile (id int, type text, status text, locked_by text, finished_at timestamptz)",
  );
  for (const [id, name] of evil.entries()) {
    await database.query("insert into hostile values ($1, 'a', 'running', $2, null)", [id, name]);
  }
  const source = await open({ ...table, active: ["running"], table: "hostile", worker: { column: "locked_by" } });
  for (const [id, name] of evil.entries()) expect(await idsOf(source, [name]), name).toEqual([String(id)]);
  const formed = await open({
    ...table,
    active: ["running"],
    table: "hostile",
    worker: { column: "locked_by", form: ".* {host}" },
  });
  expect(await formed.running?.(["x"], signal)).toEqual({ jobs: [], total: 0, unnamed: evil.length });
});

it("the list is truncated, oldest first, with the total", async () => {
  await database.query(`
    create table many (id int, type text, status text, locked_by text, locked_at timestamptz, finished_at timestamptz);
    insert into many select n, 'a', 'running', '${host}', now() - n * interval '1 minute', null from generate_series(1, 120) as n`);
  const source = await open({ ...mapping, table: "many", worker: { column: "locked_by" } });
  const found = await source.running?.([host], signal);
  expect([found?.total, found?.jobs.length, found?.jobs[0]?.jobId]).toEqual([120, runningJobsLimit, "120"]);
});

it("without a column the jobs are unknown; a missing column is named", async () => {
  expect(await open({ ...mapping, table: "jobs" })).not.toHaveProperty("running");
  const wrong = await open({ ...mapping, table: "jobs", worker: { column: "nobody" } });
  const mismatch = { code: "schema_mismatch", message: 'Column "nobody" does not exist in table jobs' };
  await expect(wrong.running?.([host], signal)).rejects.toMatchObject(mismatch);
});

it("River's running jobs are found by client id or host name", async () => {
  await createRiverJobs(database);
  const [mine, made] = ["37_27_91_235-56703216100c", "_2026_11_25T02_03_04"];
  await database.query(`
    insert into river_job (id, kind, queue, state, attempted_at, attempted_by, finalized_at) values
      (1, 'payout', 'default', 'running', now() - interval '2 seconds', '{other${made},${mine}${made}}', null),
      (2, 'email', 'default', 'running', now() - interval '3 seconds', '{${mine}${made}_123456}', null),
      (3, 'email', 'default', 'running', now() - interval '1 seconds', '{${host}}', null),
      (4, 'email', 'default', 'running', now(), '{${mine}${made},other${made}}', null),
      (5, 'email', 'default', 'running', now(), '{${mine}0${made}}', null),
      (6, 'email', 'default', 'running', now(), '{worker-7}', null), (7, 'email', 'default', 'running', now(), null, null),
      (8, 'email', 'default', 'retryable', now(), '{${mine}${made}}', null),
      (9, 'email', 'default', 'completed', now(), '{${mine}${made}}', now())`);
  const source = await open({ kind: "river", schema: "public", by: "queue" });
  expect(await source.running?.([host, "56703216100c"], signal)).toMatchObject({
    total: 3,
    unnamed: 2,
    jobs: [
      { jobId: "2", queue: "default", kind: "email" },
      { jobId: "1", queue: "default", kind: "payout" },
      { jobId: "3", kind: "email" },
    ],
  });
  const long = "x".repeat(70);
  await database.query(`update river_job set attempted_by = '{${long.slice(0, 60)}${made}}' where id = 1`);
  expect(await idsOf(source, [long])).toEqual(["1"]);
});
