import { performance } from "node:perf_hooks";
import { afterAll, beforeAll, expect, inject, it, onTestFinished, vi } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { probeQueueSources } from "../../src/queues/probe.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { toBound } from "../support/bound.ts";
import { addJob, createGraphileJobs, readEndsScript, runGraphileWorker } from "../support/graphile-jobs.ts";
import { openQueues, otherConfig, otherJobs, readQueues } from "../support/open-queues.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

const signal = AbortSignal.timeout(80_000);
const config: QueueSourceConfig = { name: "graphile", kind: "graphile-worker", schema: "graphile_worker" };
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "graphile");
  await createGraphileJobs(database);
});
afterAll(() => database.drop());

it("successes of a single task are sampled, of several unknown", async () => {
  const [source] = await openQueues(database.url, [config]);
  const begin = performance.now();
  let elapsed = 0;
  const clock = vi.spyOn(globalThis.performance, "now").mockImplementation(() => begin + elapsed);
  for (const n of [1, 2, 3, 4, 5, 6]) await addJob(database, "mail", String(n));
  expect((await readQueues(source))["mail"]).toMatchObject({
    depth: 6,
    processedPerSec: null,
    windowSeconds: null,
    exact: false,
  });
  const runner = await runGraphileWorker(database.url, { mail: async () => {} });
  await vi.waitFor(async () => {
    const { rows } = await database.query("select count(*)::int as n from graphile_worker.jobs");
    expect(rows[0]?.["n"]).toBe(0);
  });
  // Its sessions tell their statistics when they end.
  await runner.stop();
  elapsed = 120_000;
  await vi.waitFor(async () =>
    expect((await readQueues(source))["mail"]).toMatchObject({
      depth: 0,
      processedPerSec: 6 / 120,
      windowSeconds: 120,
      exact: false,
    }),
  );
  await addJob(database, "other", "1");
  elapsed = 240_000;
  expect(await readQueues(source)).toMatchObject({
    mail: { processedPerSec: null, windowSeconds: null },
    other: { depth: 1, processedPerSec: null },
  });
  clock.mockRestore();
});

it("hidden rows are an error, also when the rights change", async () => {
  const role = await database.createRole("bypassrls");
  await database.query(`
    grant usage on schema graphile_worker to ${role.name};
    grant select on all tables in schema graphile_worker to ${role.name}`);
  const [source] = await openQueues(role.url, [config]);
  await addJob(database, "mail", "hidden?");
  expect((await readQueues(source))["mail"]?.depth).toBe(1);
  await database.query(`alter role ${role.name} nobypassrls`);
  expect((await readQueues(source))["mail"]?.depth).toBe(1);
  await database.query(`revoke select on graphile_worker.jobs from ${role.name}`);
  const denied = { code: "schema_mismatch", message: "The database role may not read table graphile_worker.jobs" };
  await expect(readQueues(source)).rejects.toMatchObject(denied);
  const [probe] = await probeQueueSources(
    { databaseUrl: role.url, sources: [config], detect: false, env: null, logger: silentLogger },
    signal,
  );
  expect(probe).toMatchObject({
    ok: false,
    detail: expect.stringContaining(`grant select on "graphile_worker"."jobs" to "${role.name}";`),
  });
  await database.query(`grant select on graphile_worker.jobs to ${role.name}`);
  expect((await readQueues(source))["mail"]?.depth).toBe(1);
});

it("a task without jobs is listed where a policy shows it, else advised", async () => {
  const role = await database.createRole();
  await database.query(`
    grant usage on schema graphile_worker to ${role.name};
    grant select on graphile_worker.jobs to ${role.name};
    insert into graphile_worker._private_tasks (identifier) values ('never yet')`);
  const options = { databaseUrl: role.url, sources: [config], detect: false, env: null, logger: silentLogger };
  const remedy = async () => {
    const [{ ok, warnings } = { ok: false, warnings: [] }] = await probeQueueSources(options, signal);
    expect(ok).toBe(true);
    return warnings.map((warning) => warning.split("as the owner: ")[1]).join("");
  };
  const isListed = async () => "never yet" in (await readQueues((await openQueues(role.url, [config]))[0]));
  const policy = `create policy wallet_core_ops_read on "graphile_worker"."_private_tasks" for select to "${role.name}" using (true);`;
  const grant = `grant select on "graphile_worker"."_private_tasks" to "${role.name}";`;
  expect([await remedy(), await isListed()]).toEqual([`${grant} ${policy}`, false]);
  await database.query(grant);
  expect([await remedy(), await isListed()]).toEqual([policy, false]);
  await database.query(policy);
  expect([await remedy(), await isListed()]).toEqual(["", true]);
  await database.query(
    `drop owned by ${role.name}; delete from graphile_worker._private_tasks where identifier = 'never yet'`,
  );
});

it("the failure time of a manually rescheduled job is unknown", async () => {
  await addJob(database, "moved", "1");
  await database.query(`
    update graphile_worker._private_jobs set last_error = 'boom', attempts = 3, run_at = now() - interval '3 days' + exp(3) * interval '1 second',
           updated_at = now() - interval '4 days', created_at = now() - interval '4 days'
    where task_id = (select id from graphile_worker._private_tasks where identifier = 'moved');
    select graphile_worker.reschedule_jobs(array(select id from graphile_worker.jobs where task_identifier = 'moved'), run_at := now())`);
  const [source] = await openQueues(database.url, [config]);
  expect((await readQueues(source))["moved"]).toMatchObject({ depth: 1, retrying: 1, failuresLastHour: 0 });
  await database.query(
    "select graphile_worker.reschedule_jobs(array(select id from graphile_worker.jobs where task_identifier = 'moved'), attempts := 0)",
  );
  expect((await readQueues(source))["moved"]).toMatchObject({ depth: 1, retrying: 1, failuresLastHour: 0 });
});

it("a job that runs again is known to have failed before", async () => {
  await addJob(database, "again", "1");
  await database.query(`
    update graphile_worker._private_jobs set last_error = 'boom', attempts = 2, locked_at = now(), locked_by = 'worker-1', created_at = failed_at,
           updated_at = failed_at - interval '1 second', run_at = failed_at + exp(1) * interval '1 second'
    from (select now() - interval '3590 seconds' as failed_at) as t
    where task_id = (select id from graphile_worker._private_tasks where identifier = 'again')`);
  const [source] = await openQueues(database.url, [config]);
  expect((await readQueues(source))["again"]).toMatchObject({ active: 1, retrying: 0, failuresLastHour: 1 });
  const [failure] = (await source?.failures(signal)) ?? [];
  expect(failure).toMatchObject({ queue: "again", error: "boom", attempts: 1 });
  expect(Math.abs(Date.parse(failure?.lastAt ?? "") - (Date.now() - 3_590_000))).toBeLessThan(toBound(2000));
});

it("another version's missing parts are named; other sources go on", async () => {
  await database.query(otherJobs);
  const [own, table] = await openQueues(database.url, [config, otherConfig]);
  await own?.metrics(signal);
  await database.query("alter view graphile_worker.jobs rename column last_error to error");
  const mismatch = { code: "schema_mismatch", upstream: "queues:graphile" };
  await expect(own?.metrics(signal)).rejects.toMatchObject({
    ...mismatch,
    message: 'Column "last_error" does not exist in table graphile_worker.jobs',
  });
  await expect(own?.failures(signal)).rejects.toMatchObject(mismatch);
  expect(await table?.metrics(signal)).toMatchObject([{ name: "other", depth: 0 }]);
  await database.query("alter view graphile_worker.jobs rename column error to last_error");
  expect((await own?.metrics(signal))?.length).toBeGreaterThan(0);
  // Before 0.16 it was a table, and hid its rows itself.
  await database.query(
    "alter view graphile_worker.jobs rename to jobs_view; create table graphile_worker.jobs as select * from graphile_worker.jobs_view",
  );
  const [old] = await openQueues(database.url, [config]);
  await expect(old?.metrics(signal)).rejects.toMatchObject({
    ...mismatch,
    message: "graphile_worker.jobs is a table: graphile-worker 0.16 or newer is needed",
  });
});

it("ends are forgotten after two hours, and unheld jobs not recorded", async () => {
  const recorded = await createTestDatabase(inject("postgresUrl"), "graphile_ends");
  onTestFinished(() => recorded.drop());
  await createGraphileJobs(recorded);
  await recorded.query(readEndsScript());
  const count = async (condition: string) => {
    const { rows } = await recorded.query(`select count(*)::int as n from ops.job_ends where ${condition}`);
    return rows[0]?.["n"];
  };
  await recorded.query(`
    insert into ops.job_ends (source, queue, job_id, failed, attempts, ready_at, ended_at)
    select 'graphile_worker', 'mail', n, false, 1, now(), now() - n * interval '1 hour' from generate_series(1, 5) as n;
    insert into graphile_worker._private_tasks (identifier) values ('mail');
    insert into graphile_worker._private_jobs (task_id, locked_by, locked_at)
    select id, case when n > 10 then 'worker-1' end, case when n > 10 then now() end
    from graphile_worker._private_tasks, generate_series(1, 5010) as n`);
  // One end in a thousand takes the old ones away, by chance: the same chance each time.
  await recorded.query("select setseed(0.5)");
  await recorded.query("delete from graphile_worker._private_jobs");
  expect(await count("ended_at > now() - interval '1 minute'")).toBe(5000);
  expect(await count("ended_at < now() - interval '110 minutes'")).toBe(0);
  expect(await count("true")).toBe(5001);
});
