import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { describeQueueSource } from "../contracts/queue-source.ts";
import { createSqlBackend } from "../support/job-backend.ts";
import { type TestDatabase, createTestDatabase } from "../support/postgres-database.ts";
import { createGoodJobs, createSchema } from "../support/preset-jobs.ts";
import { openSources, readQueue } from "../support/queue-source.ts";

describeQueueSource("good-job", () => createSqlBackend("good_job", createGoodJobs));

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

describe("good job", () => {
  const signal = AbortSignal.timeout(60_000);
  const config = { name: "g", kind: "good-job" as const, schema: "public", names: ["idle"] };
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "good_job");
    await database.query(`alter database ${new URL(database.url).pathname.slice(1)} set timezone = 'America/New_York'`);
    await createSchema(database, "good-job");
    await database.query(`
      set timezone = 'America/New_York';
      create function ago(seconds float8) returns timestamp language sql as $$ select timezone('utc', now()) - seconds * interval '1 second' $$;
      create function id(n int) returns uuid language sql as $$ select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
      insert into good_job_processes (id, created_at, updated_at, state) values
        (id(101), ago(500), ago(5), '{"hostname": "web-1", "pid": 17, "preserve_job_records": true}'),
        (id(102), ago(500), ago(5), '{"hostname": "web-2", "pid": 17, "preserve_job_records": true}');
      insert into good_jobs (id, active_job_id, queue_name, job_class, created_at, updated_at, scheduled_at, performed_at, finished_at, error, locked_by_id)
      select id(n), id(n), 'mail', 'MailJob', ago(created), ago(created), ago(scheduled), ago(performed), ago(finished), error, id(locked)
      from (values
        (1, 90, null, null, null, null, null), (2, 500, 5, null, null, null, null), (3, 5, -3600, null, null, null, null),
        (4, 500, -60, null, null, 'E: again', null), (5, 500, 3, null, null, 'E: again', null),
        (6, 500, 9, 7, null, null, 101), (7, 500, 5, 4, null, 'E: before', 102), (8, 500, 5, 4, null, null, 199),
        (9, 500, 40, 36, 34, null, null), (10, 500, 5, 4, 400, null, null), (11, 500, 40, 36, 34, 'E: gave up', null), (12, 9000, 9000, 8000, 7300, 'E: gave up', null)
      ) as t (n, created, scheduled, performed, finished, error, locked);
      insert into good_job_executions (active_job_id, queue_name, serialized_params, created_at, updated_at, finished_at, error, process_id)
      select id(n), 'mail', jsonb_build_object('executions', executions), ago(7), ago(7), ago(finished), error, id(process)
      from (values (9, 0, 50, 'E: again', 101), (9, 1, 34, null, 101), (4, 0, 20, 'E: again', 101), (5, 1, 30, 'E: again', 101), (5, 0, 40, 'E: again', 199),
                   (11, 4, 34, 'E: gave up', 102), (12, 4, 7300, 'E: gave up', 102), (6, 0, null, null, 101)) as t (n, executions, finished, error, process)`);
  });
  afterAll(() => database.drop());

  it("counts each state once, in UTC, and every failed attempt", async () => {
    const [source] = await openSources(database, config);
    const mail = await readQueue(source, "mail");
    expect(mail).toMatchObject({
      depth: 3,
      deferred: 1,
      retrying: 2,
      active: 3,
      dead: 2,
      processedPerSec: 1 / 300,
      exact: true,
    });
    expect(mail).toMatchObject({
      failuresLastHour: 5,
      waitSeconds: { p50: 4, p95: 4 },
      runSeconds: { p50: 2, p95: 2 },
      workers: null,
    });
    expect(Math.abs((mail?.oldestAgeSeconds ?? 0) - 90)).toBeLessThan(10);
    expect(await readQueue(source, "idle")).toMatchObject({ depth: 0, processedPerSec: 0, failuresLastHour: 0 });
  });

  it("names the host of each failed attempt's live process, and its number", async () => {
    const [source] = await openSources(database, config);
    const failures = (await source?.failures(signal)) ?? [];
    expect(
      failures.map(({ error, worker, count, attempts, jobIds }) => [error, worker, count, attempts, jobIds]),
    ).toEqual([
      ["E: again", "web-1", 3, 2, [id(4), id(5), id(9)]],
      ["E: gave up", "web-2", 1, 5, [id(11)]],
      ["E: again", null, 1, 1, [id(5)]],
    ]);
  });

  it("finds the running jobs on a host", async () => {
    const [source] = await openSources(database, config);
    expect(await source?.running?.(["web-1"], signal)).toMatchObject({
      total: 1,
      unnamed: 1,
      jobs: [{ queue: "mail", jobId: id(6), kind: "MailJob", startedAt: expect.stringMatching(/Z$/) }],
    });
    const workers = (await source?.workerJobs?.(signal)) ?? [];
    expect(workers.map(({ host, count }) => `${host} ${count}`).toSorted()).toEqual(["null 1", "web-1 1", "web-2 1"]);
  });

  it("counts the live processes by the queues of their schedulers", async () => {
    const [source] = await openSources(database, config);
    const workers = async (...schedulers: (string | null)[]) => {
      const state = JSON.stringify({
        schedulers: schedulers.map((queues) => ({ name: "GoodJob::Scheduler", queues, max_threads: 5 })),
      });
      await database.query("update good_job_processes set state = state || $1::jsonb where id = id(101)", [state]);
      return (await readQueue(source, "mail"))?.workers;
    };
    await database.query(
      `update good_job_processes set state = state || '{"schedulers": [{"queues": "*"}]}' where id = id(102)`,
    );
    expect(await workers("*", "mail")).toBe(2);
    expect([await workers("sms, mail"), await workers("+mail,sms"), await workers("-sms, x-mail")]).toEqual([2, 2, 2]);
    expect([await workers("sms"), await workers("-x-y, mail"), await workers()]).toEqual([1, 1, 1]);
    expect(await workers(null)).toBeNull();
    await database.query("update good_job_processes set updated_at = ago(400)");
    expect(await workers("*")).toBe(0);
  });

  it("lists paused queues by name", async () => {
    const [source] = await openSources(database, config);
    expect(await readQueue(source, "mail")).toMatchObject({ paused: false });
    await database.query(`
      insert into good_job_settings (created_at, updated_at, key, value) values
        (ago(1), ago(1), 'cron_keys_disabled', '["mail"]'), (ago(1), ago(1), 'pauses', '{"queues": ["mail", "later"], "job_classes": ["X"], "labels": []}')`);
    expect(await readQueue(source, "mail")).toMatchObject({ paused: true });
    expect(await readQueue(source, "later")).toMatchObject({ paused: true, depth: 0 });
    await database.query(`update good_job_settings set value = '{"job_classes": ["MailJob"]}' where key = 'pauses'`);
    expect(await readQueue(source, "mail")).toMatchObject({ paused: false });
  });

  it("has unknown rates while a process does not keep all ended jobs", async () => {
    const [source] = await openSources(database, config);
    for (const setting of ["false", '"on_unhandled_error"']) {
      await database.query(
        `update good_job_processes set state = state || '{"preserve_job_records": ${setting}}' where id = id(102)`,
      );
      const mail = await readQueue(source, "mail");
      expect(mail).toMatchObject({
        processedPerSec: null,
        failuresLastHour: null,
        waitSeconds: null,
        runSeconds: null,
        dead: 2,
      });
      expect(await readQueue(source, "idle")).toMatchObject({ processedPerSec: null, failuresLastHour: null });
    }
    await database.query("delete from good_job_processes");
    expect(await readQueue(source, "mail")).toMatchObject({ processedPerSec: 1 / 300, failuresLastHour: 5 });
    await database.query("delete from good_jobs where finished_at is not null and error is null");
    expect(await readQueue(source, "mail")).toMatchObject({ processedPerSec: null, failuresLastHour: null });
  });

  it("is detected", async () => {
    expect((await openSources(database, null)).map(({ name, kind }) => [name, kind])).toEqual([
      ["good-job", "good-job"],
    ]);
  });
});
