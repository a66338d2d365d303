import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import type { Job, JobReader } from "../../src/queues/job.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { openOperator } from "../support/job-operator.ts";
import { addJob, createGraphileJobs, runGraphileWorker } from "../support/graphile-jobs.ts";
import { startBoss } from "../support/pgboss-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { createGoodJobs, createObanJobs, createSolidQueueJobs } from "../support/preset-jobs.ts";

const signal = AbortSignal.timeout(120_000);
const closers: (() => Promise<void>)[] = [];
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "jobsrows");
});
afterAll(async () => {
  for (const close of closers.toReversed()) await close();
  await database.drop();
});

async function open(config: QueueSourceConfig): Promise<JobReader> {
  const sources = createQueueSources({
    databaseUrl: database.url,
    sources: [config],
    detect: false,
    env: "staging",
    logger: silentLogger,
  });
  closers.push(() => sources.close());
  return (await sources.all(signal))[0]?.jobs as JobReader;
}

/** A job and its failed attempts. */
async function read(jobs: JobReader, jobId: string) {
  const [job] = (await jobs.find([{ jobId, queue: null }], signal)) as [Job];
  const [attempts = []] = await jobs.attempts([job], signal);
  return { job, attempts };
}

describe("the row of a job", () => {
  it("of River has every attempt, each with its client and host", async () => {
    await createRiverJobs(database, "river");
    const client = (host: string) => `${host}_2026_11_27T09_00_00_123456`;
    await database.query(
      `insert into river.river_job (id, kind, queue, state, attempt, max_attempts, priority, args, attempted_at, scheduled_at, created_at, attempted_by, errors)
       values (389, 'payout', 'bulk', 'retryable', 3, 5, 2, '{"to": "lee"}', '2026-01-13T09:41:00Z', '2026-01-13T10:00:00Z', '2026-01-13T09:00:00Z', $1,
               (select array_agg(jsonb_build_object('at', '2026-01-13T09:4' || n || ':10.5Z', 'attempt', n, 'error', 'boom ' || n, 'trace', 'main.go:' || n) order by n)
                from generate_series(1, 3) as n))`,
      [["vm-1", "vm-2", "vm-5670"].map(client)],
    );
    const { job, attempts } = await read(
      await open({ name: "river", kind: "river", schema: "river", by: "kind" }),
      "389",
    );
    expect(job).toEqual({
      source: "river",
      queue: "payout",
      jobId: "389",
      kind: "payout",
      state: "retrying",
      systemState: "retryable",
      priority: 2,
      createdAt: "2026-01-13T09:00:00Z",
      scheduledAt: "2026-01-13T10:00:00Z",
      startedAt: "2026-01-13T09:41:00Z",
      finishedAt: null,
      attempt: 3,
      maxAttempts: 5,
      worker: client("vm-5670"),
      host: "vm-5670",
    });
    expect(attempts.map(({ number, at, error, trace, host }) => [number, at, error, trace, host])).toEqual([
      [3, "2026-01-13T09:43:10Z", "boom 3", "main.go:3", "vm-5670"],
      [2, "2026-01-13T09:42:10Z", "boom 2", "main.go:2", "vm-2"],
      [1, "2026-01-13T09:41:10Z", "boom 1", "main.go:1", "vm-1"],
    ]);
  });

  it("of a table has what the mapping names, and states by its words", async () => {
    await database.query(`
      create table pay (id uuid primary key, type text, state int, due timestamp, ended timestamp, began timestamp, made timestamp, error text, by text, tries int,
                        most int, prio int, body text);
      insert into pay (id, type, state, due, ended, began, made, error, by, tries, most, prio, body) values
        ('00000000-0000-4000-8000-00000000000a', 'wire', 3, now(), '2026-01-13 09:41:10', '2026-01-13 09:41:00', '2026-01-13 09:00:00', 'boom', 'vm-1/7', 3, 5, 9, '{}'),
        ('00000000-0000-4000-8000-00000000000b', 'wire', 0, now() + interval '1 day', null, null, now(), null, null, 0, 5, 0, 'x'),
        ('00000000-0000-4000-8000-00000000000c', 'wire', 4, now(), null, null, now(), 'boom', null, 1, 5, 0, null),
        ('00000000-0000-4000-8000-00000000000d', 'wire', 9, now(), now(), null, now(), null, null, 1, 5, 0, null),
        ('00000000-0000-4000-8000-00000000000e', 'wire', 77, now(), now(), null, now(), null, null, 1, 5, 0, null)`);
    const jobs = await open({
      name: "pay",
      kind: "table",
      table: "public.pay",
      queue: { name: "payouts" },
      id: "id",
      status: "state",
      waiting: [0],
      active: [1],
      done: [2],
      failed: [3, 9],
      retrying: [4],
      run_at: "due",
      finished_at: "ended",
      started_at: "began",
      created_at: "made",
      error: "error",
      worker: { column: "by", form: "{host}/{n}" },
      attempts: "tries",
      max_attempts: "most",
      priority: "prio",
      type: "type",
      args: "body",
      control: { discard: { status: 9 } },
    });
    const id = (end: string) => `00000000-0000-4000-8000-00000000000${end}`;
    const { job, attempts } = await read(jobs, id("A"));
    expect(job).toMatchObject({
      queue: "payouts",
      jobId: id("a"),
      kind: "wire",
      state: "failed",
      systemState: "3",
      priority: 9,
      attempt: 3,
      maxAttempts: 5,
    });
    expect(job).toMatchObject({
      createdAt: "2026-01-13T09:00:00Z",
      startedAt: "2026-01-13T09:41:00Z",
      finishedAt: "2026-01-13T09:41:10Z",
      worker: "vm-1/7",
      host: "vm-1",
    });
    expect(attempts).toMatchObject([
      { number: 3, at: "2026-01-13T09:41:10Z", startedAt: "2026-01-13T09:41:00Z", error: "boom", host: "vm-1" },
    ]);
    const others = (await jobs.find(
      ["b", "c", "d", "e"].map((end) => ({ jobId: id(end), queue: null })),
      signal,
    )) as Job[];
    expect(others.map(({ state }) => state)).toEqual(["scheduled", "retrying", "cancelled", null]);
    expect(
      (await jobs.attempts(others, signal)).map((own) => own.map(({ number, at, error }) => [number, at, error])),
    ).toEqual([[], [[1, null, "boom"]], [], []]);
    expect(await jobs.args?.(others.slice(0, 2), signal)).toEqual([{ text: "x", truncated: false }, null]);
    expect(
      await jobs.find(
        [
          { jobId: "7", queue: null },
          { jobId: id("b"), queue: null },
        ],
        signal,
      ),
    ).toMatchObject([{ code: "invalid_request" }, { jobId: id("b") }]);
  });

  it("of Oban names the node of the last attempt alone", async () => {
    await createObanJobs(database, "oban");
    await database.query(`
      insert into oban.oban_jobs (id, queue, worker, state, attempt, attempted_at, attempted_by, errors) values
        (7, 'mail', 'Mailer', 'retryable', 2, '2026-01-13 09:41:00', '{app@vm-1,x}',
         array['{"at": "2026-01-13T09:40:10.1Z", "attempt": 1, "error": "one"}', '{"at": "2026-01-13T09:41:10.1Z", "attempt": 2, "error": "two"}']::jsonb[]),
        (8, 'mail', 'Mailer', 'suspended', 0, null, null, '{}')`);
    const jobs = await open({ name: "oban", kind: "oban", schema: "oban" });
    const { job, attempts } = await read(jobs, "7");
    expect(job).toMatchObject({
      kind: "Mailer",
      state: "retrying",
      worker: "app@vm-1",
      host: "vm-1",
      startedAt: "2026-01-13T09:41:00Z",
    });
    expect(attempts.map(({ number, at, error, host }) => [number, at, error, host])).toEqual([
      [2, "2026-01-13T09:41:10Z", "two", "vm-1"],
      [1, "2026-01-13T09:40:10Z", "one", null],
    ]);
    expect((await read(jobs, "8")).job).toMatchObject({ state: "blocked", systemState: "suspended", host: null });
  });

  it("of GoodJob has its executions, with times, host and backtrace", async () => {
    await createGoodJobs(database, "good");
    await database.query(`
      insert into good.good_jobs (id, active_job_id, queue_name, job_class, created_at, updated_at, scheduled_at, executions_count, error)
      values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001', 'mail', 'J', now(), now(), now() + interval '1 hour', 2, 'Late: two');
      insert into good.good_job_executions (active_job_id, queue_name, serialized_params, created_at, updated_at, finished_at, error, error_backtrace, process_id)
      select '00000000-0000-4000-8000-000000000001', 'mail', jsonb_build_object('executions', n), timestamp '2026-01-13 09:40:00' + n * interval '1 minute', now(),
             timestamp '2026-01-13 09:40:10' + n * interval '1 minute', 'Late: ' || n, array['a.rb:1', 'b.rb:' || n],
             case when n = 1 then (select id from good.good_job_processes limit 1) end
      from generate_series(0, 1) as n`);
    const { job, attempts } = await read(
      await open({ name: "good", kind: "good-job", schema: "good" }),
      "00000000-0000-4000-8000-000000000001",
    );
    expect(job).toMatchObject({ state: "retrying", systemState: "retried", attempt: 2, kind: "J" });
    expect(attempts.map(({ number, at, startedAt, trace, host }) => [number, at, startedAt, trace, host])).toEqual([
      [2, "2026-01-13T09:41:10Z", "2026-01-13T09:41:00Z", "a.rb:1\nb.rb:1", "worker-1"],
      [1, "2026-01-13T09:40:10Z", "2026-01-13T09:40:00Z", "a.rb:1\nb.rb:0", null],
    ]);
  });

  it("of Solid Queue has its backtrace, and is blocked without an execution", async () => {
    await createSolidQueueJobs(database, "solid");
    await database.query(`
      insert into solid.solid_queue_jobs (id, queue_name, class_name, arguments, created_at, updated_at) values
        (701, 'mail', 'J', '{"executions": 2}', now(), now()), (702, 'mail', 'J', '{}', now(), now());
      insert into solid.solid_queue_failed_executions (job_id, error, created_at)
      values (701, '{"exception_class": "Late", "message": "boom", "backtrace": ["a.rb:1", "b.rb:2"]}', '2026-01-13 09:41:10')`);
    const jobs = await open({ name: "solid", kind: "solid-queue", schema: "solid" });
    const { job, attempts } = await read(jobs, "701");
    expect(job).toMatchObject({ state: "failed", finishedAt: "2026-01-13T09:41:10Z" });
    expect(attempts).toMatchObject([
      { number: 3, at: "2026-01-13T09:41:10Z", error: "Late: boom", trace: "a.rb:1\nb.rb:2" },
    ]);
    expect((await read(jobs, "702")).job).toMatchObject({ state: "blocked", systemState: "blocked" });
  });

  it("of pg-boss itself, after a failure", async () => {
    const boss = await startBoss(12, database.url);
    closers.push(() => boss.stop());
    await boss.createQueue("mail");
    const id = await boss.send("mail", { to: "lee" }, { retryLimit: 0 });
    await boss.work("mail", async () => Promise.reject(new Error("boom")));
    const jobs = await open({ name: "boss", kind: "pgboss", schema: "pgboss" });
    await expect.poll(async () => (await read(jobs, id)).job.state, { timeout: 20_000 }).toBe("failed");
    const { job, attempts } = await read(jobs, id);
    expect(job).toMatchObject({ queue: "mail", attempt: 1, maxAttempts: 1, systemState: "failed" });
    expect(attempts).toMatchObject([{ number: 1, error: "boom", trace: expect.stringContaining("Error: boom") }]);
    expect(await jobs.args?.([job], signal)).toEqual([{ text: '{"to": "lee"}', truncated: false }]);
  });

  it("of graphile-worker itself, after a failure", async () => {
    await createGraphileJobs(database);
    await addJob(database, "mail", "x", ", max_attempts := 1");
    const runner = await runGraphileWorker(database.url, { mail: async () => Promise.reject(new Error("boom")) });
    closers.push(() => runner.stop());
    const jobs = await open({ name: "graphile", kind: "graphile-worker", schema: "graphile_worker" });
    const list = () =>
      jobs.page({ queue: "mail", state: "failed", after: null, before: null, inverted: false, limit: 2 }, signal);
    await expect.poll(async () => (await list()).length, { timeout: 20_000 }).toBe(1);
    const [job] = (await list()) as unknown as [Job];
    expect(job).toMatchObject({ systemState: "permanently failed", attempt: 1, maxAttempts: 1, worker: null });
    expect(await jobs.attempts([job], signal)).toMatchObject([[{ number: 1, error: "boom" }]]);
    expect(jobs).not.toHaveProperty("args");
  });
});

it("an error group leads to a job, its attempts and arguments over GraphQL", async () => {
  await database.query(`
    insert into river.river_job (id, kind, state, attempt, max_attempts, finalized_at, attempted_by, args, errors)
    select 400 + n, 'mail', 'discarded', 2, 2, now(), '{a_2026_11_27T09_00_00, b_2026_11_27T09_00_00}', '{"to": "lee", "token": "hunter2hunter2"}',
           array[jsonb_build_object('at', now(), 'attempt', 1, 'error', 'other'), jsonb_build_object('at', now(), 'attempt', 2, 'error', 'timeout after ' || n)]
    from generate_series(1, 4) as n`);
  const operator = openOperator({
    databaseUrl: database.url,
    controlUrl: database.url,
    queues: [{ name: "river", kind: "river", schema: "river", by: "queue" }],
  });
  closers.push(() => operator.close());
  const reads = () => operator.calls.filter(([upstream]) => upstream === "postgres").length;
  await operator.ask("{ errorGroups { error } }");
  const before = reads();
  const { data, error } = await operator.ask(
    `{ errorGroups { error count jobs { jobId attempt { number error worker } job { state queue kind args(show: true) { text } } } } }`,
  );
  expect(error).toBeNull();
  const group = data.errorGroups.find(({ error: text }: { error: string }) => text.startsWith("timeout"));
  expect(group).toMatchObject({
    count: 4,
    jobs: Array.from({ length: 4 }, () => ({ attempt: { number: 2, worker: "b_2026_11_27T09_00_00" } })),
  });
  const args = { text: '{"to": "lee", "token": "[redacted]"}' };
  expect(group.jobs[0].job).toEqual({ state: "FAILED", queue: "default", kind: "mail", args });
  // The plan and the rows of the jobs, of their attempts, of their arguments; the failures are
  // still in memory, or read again.
  expect(reads() - before).toBeLessThanOrEqual(6 + 2);
  const page = `jobs(source: "river", queue: "default", state: FAILED, first: 3`;
  const first = (await operator.ask(`{ ${page}) { nodes { jobId } pageInfo { endCursor hasNextPage } } }`)).data.jobs;
  expect([first.nodes.length, first.pageInfo.hasNextPage]).toEqual([3, true]);
  const rest = (
    await operator.ask(
      `{ ${page}, after: "${first.pageInfo.endCursor}") { nodes { jobId } pageInfo { hasNextPage } } }`,
    )
  ).data.jobs;
  expect([rest.nodes.length, rest.pageInfo.hasNextPage]).toEqual([1, false]);
  const ids = [...first.nodes, ...rest.nodes].map(({ jobId }: { jobId: string }) => Number(jobId));
  expect(ids.toSorted((a, b) => a - b)).toEqual([401, 402, 403, 404]);
});
