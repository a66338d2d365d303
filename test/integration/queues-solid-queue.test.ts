import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { QueueMetrics } from "../../src/queues/queue.ts";
import { toQueueState } from "../../src/queues/state.ts";
import { describeQueueSource } from "../contracts/queue-source.ts";
import { createSqlBackend } from "../support/job-backend.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createSchema, createSolidQueueJobs } from "../support/preset-jobs.ts";
import { openSources, readQueue } from "../support/queue-source.ts";

describeQueueSource("solid-queue", () => createSqlBackend("solid_queue", createSolidQueueJobs));

describe("solid queue", () => {
  const signal = AbortSignal.timeout(60_000);
  const config = { name: "s", kind: "solid-queue" as const, schema: "public", names: ["idle"] };
  let database: TestDatabase;

  // What Active Job puts into `arguments` before a job runs for the n-th time.
  const serialized = (executions: number) =>
    `{"job_class": "MailJob", "arguments": [{"executions": 9, "nul": "\\u0000"}], "executions": ${executions}}`;

  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "solid_queue");
    await database.query(`alter database ${new URL(database.url).pathname.slice(1)} set timezone = 'America/New_York'`);
    await createSchema(database, "solid-queue");
    await database.query(`
      set timezone = 'America/New_York';
      create function ago(seconds float8) returns timestamp language sql as $$ select timezone('utc', now()) - seconds * interval '1 second' $$;
      insert into solid_queue_jobs (id, queue_name, class_name, arguments, created_at, updated_at, finished_at)
        select n, case when n < 20 then 'mail' else 'sms' end, 'MailJob', '${serialized(2)}', ago(100), ago(100), case when n = 9 then ago(20) when n = 10 then ago(400) end
        from generate_series(1, 20) as n;
      insert into solid_queue_ready_executions (job_id, queue_name, created_at) values (1, 'mail', ago(90)), (20, 'sms', ago(5));
      insert into solid_queue_scheduled_executions (job_id, queue_name, scheduled_at, created_at) values
        (2, 'mail', ago(120), ago(500)), (3, 'mail', ago(-3600), ago(500)), (4, 'mail', ago(-3600), ago(500));
      insert into solid_queue_blocked_executions (job_id, queue_name, concurrency_key, expires_at, created_at) values (5, 'mail', 'k', ago(-60), ago(5));
      insert into solid_queue_processes (id, kind, last_heartbeat_at, pid, hostname, metadata, created_at, name) values
        (1, 'Worker', ago(30), 17, 'web-1', '{"polling_interval": 0.1, "queues": "mail", "thread_pool_size": 3}', ago(5000), 'w-1'),
        (2, 'Worker', ago(30), 18, 'web-2', '{"queues": "sm*, audit", "thread_pool_size": 3}', ago(5000), 'w-2'),
        (3, 'Worker', ago(30), 19, 'web-2', '{"queues": "*"}', ago(5000), 'w-3'),
        (4, 'Worker', ago(400), 20, 'web-3', '{"queues": "*"}', ago(5000), 'w-4'),
        (5, 'Dispatcher', ago(30), 21, 'web-1', '{"batch_size": 500}', ago(5000), 'd-1');
      insert into solid_queue_claimed_executions (job_id, process_id, created_at) values (6, 1, ago(7)), (7, 2, ago(3)), (8, null, ago(3));
      insert into solid_queue_failed_executions (job_id, error, created_at) values
        (11, '{"exception_class": "Net::Timeout", "message": "no answer\\u0000 \\\\u0000", "backtrace": []}', ago(30)),
        (12, '{"exception_class": "Net::Timeout", "message": null}', ago(40)), (13, null, ago(50)), (14, '{"message": "old"}', ago(3700))`);
  });
  afterAll(() => database.drop());

  it("counts each state once, in UTC; blocked is neither due nor deferred", async () => {
    const [source] = await openSources(database, config);
    const mail = await readQueue(source, "mail");
    expect(mail).toMatchObject({ depth: 2, deferred: 2, active: 3, dead: 4, retrying: null, processedPerSec: 1 / 300 });
    expect(mail).toMatchObject({ failuresLastHour: 3, waitSeconds: null, runSeconds: null, exact: true });
    expect(Math.abs((mail?.oldestAgeSeconds ?? 0) - 120)).toBeLessThan(10);
    expect(await readQueue(source, "idle")).toMatchObject({
      depth: 0,
      processedPerSec: 0,
      paused: null,
      workers: null,
    });
  });

  it("learns run times from running jobs, and so finds a hung worker", async () => {
    const [source] = await openSources(database, config);
    const hang = async () => (await readQueue(source, "hang")) as QueueMetrics;
    const claim = (job: number, seconds: number) =>
      database.query("insert into solid_queue_claimed_executions (job_id, created_at) values ($1, ago($2))", [
        job,
        seconds,
      ]);
    await database.query(`
      insert into solid_queue_jobs (id, queue_name, class_name, created_at, updated_at)
        select n, 'hang', 'MailJob', ago(2000), ago(2000) from generate_series(9101, 9103) as n;
      insert into solid_queue_ready_executions (job_id, queue_name, created_at) values (9103, 'hang', ago(1100))`);
    await claim(9101, 5);
    expect(await hang()).toMatchObject({ active: 1, usualRunSeconds: null });
    await sleep(1100);
    await database.query("delete from solid_queue_claimed_executions where job_id = 9101");
    const { usualRunSeconds } = await hang();
    expect(usualRunSeconds).toBeGreaterThan(6);
    expect(usualRunSeconds).toBeLessThan(30);
    await claim(9102, 1200);
    expect(toQueueState(await hang())).toBe("stalled");
    // One that saw no job end does not know.
    const [fresh] = await openSources(database, config);
    expect(toQueueState((await readQueue(fresh, "hang")) as QueueMetrics)).toBe("backlog");
    // Its executions go with them.
    await database.query("delete from solid_queue_jobs where queue_name = 'hang'");
  });

  it("reads errors as Rails writes them, with Active Job's executions", async () => {
    const [source] = await openSources(database, config);
    const failures = (await source?.failures(signal)) ?? [];
    expect(failures.map(({ error, attempts, jobIds, worker }) => [error, attempts, jobIds, worker])).toEqual([
      ["Net::Timeout: no answer\ufffd \\ufffd", 3, ["11"], null],
      ["Net::Timeout", 3, ["12"], null],
      ["no error text", 3, ["13"], null],
    ]);
  });

  it("counts an attempt that retry_on repeats as no success", async () => {
    // As Active Job and Solid Queue write it: each attempt is a row, and the one that failed is
    // finished a moment after the next one was made.
    const attempt = (job: string, ended: number | null, number: number) => `
      insert into solid_queue_jobs (queue_name, class_name, arguments, active_job_id, created_at, updated_at, scheduled_at, finished_at)
      values ('retry', 'MailJob', '${serialized(number - 1)}', '${job}', ago(${300 - number * 60}), ago(0), ago(${300 - number * 60}), ${ended === null ? "null" : `ago(${ended})`})
      returning id`;
    await database.query("select setval('solid_queue_jobs_id_seq', 100)");
    const ids: Record<string, string> = {};
    for (const [job, ended, number] of [
      ["once", 239.9, 1],
      ["third time", 239.8, 1],
      ["third time", 179.8, 2],
      ["third time", 119.8, 3],
      ["waits for its second", 239.7, 1],
      ["never", 239.6, 1],
      ["never", 179.6, 2],
      ["waits for its second", null, 2],
      ["never", null, 3],
    ] as const) {
      const { rows } = await database.query(attempt(job, ended, number));
      ids[`${job} ${number}`] = String(rows[0]?.["id"]);
    }
    await database.query(`
      insert into solid_queue_scheduled_executions (job_id, queue_name, scheduled_at, created_at) values (${ids["waits for its second 2"]}, 'retry', ago(-3600), ago(0));
      insert into solid_queue_failed_executions (job_id, error, created_at) values (${ids["never 3"]}, '{"message": "no"}', ago(119))`);
    const [source] = await openSources(database, config);
    expect(await readQueue(source, "retry")).toMatchObject({
      depth: 0,
      deferred: 1,
      processedPerSec: 2 / 300,
      failuresLastHour: 1,
      exact: true,
    });
    const now = Date.now() / 1000;
    const history = (await source?.history?.(["retry"], { from: now - 270, step: 90, steps: 3 }, signal))?.get("retry");
    const numbers = history?.points.map(({ processedPerSec, failures }) => [
      Math.round((processedPerSec ?? 0) * 90),
      failures,
    ]);
    expect(numbers).toEqual([
      [1, 0],
      [1, 1],
      [0, 0],
    ]);
    expect(history).toMatchObject({ exact: true, sampled: false });
    await database.query("delete from solid_queue_jobs where queue_name = 'retry'");
  });

  it("lists paused queues and live workers by their queues", async () => {
    const [source] = await openSources(database, config);
    await database.query(
      "insert into solid_queue_pauses (queue_name, created_at) values ('sms', ago(1)), ('empty', ago(1))",
    );
    expect(await readQueue(source, "mail")).toMatchObject({ paused: false, workers: 2 });
    expect(await readQueue(source, "sms")).toMatchObject({ paused: true, workers: 2 });
    expect(await readQueue(source, "empty")).toMatchObject({ paused: true, workers: 1, depth: 0 });
    await database.query("update solid_queue_processes set last_heartbeat_at = ago(400) where id in (2, 3)");
    expect(await readQueue(source, "sms")).toMatchObject({ workers: 0 });
    await database.query("update solid_queue_processes set metadata = null where id = 1");
    expect(await readQueue(source, "sms")).toMatchObject({ workers: null });
  });

  it("finds the claimed jobs on a host", async () => {
    const [source] = await openSources(database, config);
    expect(await source?.running?.(["web-1"], signal)).toMatchObject({
      total: 1,
      unnamed: 1,
      jobs: [{ queue: "mail", jobId: "6", kind: "MailJob", startedAt: expect.stringMatching(/Z$/) }],
    });
    const workers = (await source?.workerJobs?.(signal)) ?? [];
    expect(workers.map(({ queue, host, count }) => `${queue} ${host} ${count}`).toSorted()).toEqual([
      "mail null 1",
      "mail web-1 1",
      "mail web-2 1",
    ]);
  });

  it("has unknown rates where finished jobs are deleted", async () => {
    const [source] = await openSources(database, config);
    await database.query("delete from solid_queue_jobs where finished_at is not null");
    expect(await readQueue(source, "mail")).toMatchObject({ processedPerSec: null, failuresLastHour: 3 });
    expect(await readQueue(source, "idle")).toMatchObject({ processedPerSec: null, failuresLastHour: 0 });
  });

  it("names the missing table", async () => {
    const [source] = await openSources(database, config);
    await database.query("alter table solid_queue_pauses rename to elsewhere");
    const missing = { code: "schema_mismatch", message: "Table public.solid_queue_pauses does not exist" };
    await expect(readQueue(source, "mail")).rejects.toMatchObject(missing);
    await database.query("alter table elsewhere rename to solid_queue_pauses");
    expect(await readQueue(source, "mail")).toMatchObject({ depth: 2 });
  });

  it("is detected, and needs all of its tables", async () => {
    expect((await openSources(database, null)).map(({ name, kind }) => [name, kind])).toEqual([
      ["solid-queue", "solid-queue"],
    ]);
    await database.query("drop table solid_queue_pauses");
    expect(await openSources(database, null)).toEqual([]);
  });
});
