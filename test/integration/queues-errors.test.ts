import { graphql } from "graphql";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { failureGroupsLimit } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

const schema = createSchema();
const signal = AbortSignal.timeout(60_000);
const made = "_2026_11_25T02_03_04";
const old = sampleContainer({ name: "worker-v1", version: "v1", host: "10.0.0.7-aaaaaaaaaaaa", status: "exited" });
const now = sampleContainer({ name: "worker-v2", version: "v2", host: "10.0.0.7-bbbbbbbbbbbb" });
const runner = {
  ...runnerMapping,
  worker: { column: "locked_by", form: "host:{host} pid:{n}" },
  started_at: "locked_at",
  attempts: "tries",
};
const river: QueueSourceConfig = { name: "river", kind: "river", schema: "public", by: "kind" };
let database: TestDatabase;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "errors");
  await createRiverJobs(database);
  await database.query(`
    create table runner_jobs (id bigserial primary key, type text, status text, run_at timestamptz, finished_at timestamptz,
                              last_error text, locked_by text, locked_at timestamptz, tries int)`);
});
afterAll(async () => {
  for (const close of closers) await close();
  await database.drop();
});

function open(sources: readonly QueueSourceConfig[], containers = [now], retired = [old]) {
  const queues = createQueueSources({
    ttlMs: 0,
    databaseUrl: database.url,
    sources,
    detect: false,
    env: "staging",
    logger: silentLogger,
  });
  closers.push(() => queues.close());
  const memory = createMemorySources({ containers, retired });
  const ask = async (source: string) => {
    const result = await graphql({
      schema,
      source,
      contextValue: createContext({ ...memory.sources, queues }, createCaller()),
    });
    expect(result.errors).toBeUndefined();
    return JSON.parse(JSON.stringify(result.data));
  };
  return { queues, ask };
}

it("2,000 failures make three errors with exact counts and releases", async () => {
  await database.query(`
    delete from runner_jobs;
    insert into runner_jobs (type, status, tries, finished_at, locked_by, last_error)
    select (array['payout', 'webhook'])[1 + n % 2], 'failed', n / 100, now() - n * interval '1 second',
           case when n % 4 = 0 then 'host:${old.host} pid:' || n when n % 4 = 1 then 'host:${now.host} pid:' || n when n % 4 = 2 then 'somewhere' end,
           case when n <= 1000 then format('timeout after %s ms contacting provider for payout %s at %s', n % 977, gen_random_uuid(), now() - n * interval '1.001 second')
                when n <= 1600 then format(E'pq: duplicate key value violates unique constraint "users_%s_key"\\nDETAIL: Key (email)=(user%s@example.com), hash %s', n, n, md5(n::text))
                else format('POST https://svc:pw%sx@hooks.example.com/v1/%s: 502, password=hunter%s', n, n, n) end
    from generate_series(1, 2000) as n`);
  const { ask, queues } = open([runner]);
  const [source] = await queues.all(signal);
  const texts = (await source?.failures(signal)) ?? [];
  expect(texts).toHaveLength(2000);
  expect(texts.filter(({ error }) => /hunter|pw\d/.test(error))).toEqual([]);

  const releases = "releases { version count }";
  const { errorGroups, queues: byQueue } = await ask(`{
    errorGroups { error count attempts complete firstSeen lastSeen queues { name count } ${releases} jobs { jobId } }
    queues { name failuresLastHour failuresByRelease { version count } errors { fingerprint count jobIds } } }`);
  expect(errorGroups.map(({ count }: { count: number }) => count)).toEqual([1000, 600, 400]);
  const toSeen = (first: number, last: number, group: { firstSeen: string; lastSeen: string }) =>
    expect((Date.parse(group.lastSeen) - Date.parse(group.firstSeen)) / 1000).toBe(first - last);
  toSeen(1000, 1, errorGroups[0]);
  toSeen(1600, 1001, errorGroups[1]);
  toSeen(2000, 1601, errorGroups[2]);
  expect(errorGroups[0]).toMatchObject({
    error: expect.stringMatching(/^timeout after 1 ms contacting provider for payout [0-9a-f-]{36} at /),
    attempts: 10,
    complete: true,
    queues: [
      { name: "payout", count: 500 },
      { name: "webhook", count: 500 },
    ],
    releases: [
      { version: null, count: 500 },
      { version: "v1", count: 250 },
      { version: "v2", count: 250 },
    ],
    jobs: [{ jobId: "1" }, { jobId: "2" }, { jobId: "3" }, { jobId: "4" }, { jobId: "5" }],
  });
  expect(errorGroups[2].error).toMatch(
    /^POST https:\/\/svc:\[redacted\]@hooks.example.com\/v1\/1601: 502, password=\[redacted\]$/,
  );
  for (const queue of byQueue) {
    expect(queue.errors.map(({ count }: { count: number }) => count)).toEqual([500, 300, 200]);
    expect(queue.failuresLastHour).toBe(1000);
    expect(queue.errors[0].jobIds).toHaveLength(5);
  }
  expect(byQueue[0].failuresByRelease).toEqual([
    { version: "v1", count: 500 },
    { version: null, count: 500 },
  ]);
  expect(byQueue[1].failuresByRelease).toEqual([
    { version: "v2", count: 500 },
    { version: null, count: 500 },
  ]);
});

it("counts are lower bounds when a source has too many texts", async () => {
  await database.query(`
    delete from runner_jobs;
    insert into runner_jobs (type, status, finished_at, last_error)
    select case when n > 3000 then 'quiet' else 'noisy' end, 'failed', now() - n * interval '1 second', 'order ' || n || ' is gone'
    from generate_series(1, 3005) as n`);
  const { ask } = open([runner]);
  const { queues } = await ask("{ queues { name failuresLastHour errors { count complete } } }");
  expect(queues).toEqual([
    { name: "noisy", failuresLastHour: 3000, errors: [{ count: failureGroupsLimit - 5, complete: false }] },
    { name: "quiet", failuresLastHour: 5, errors: [{ count: 5, complete: false }] },
  ]);
});

it("River's clients lead to releases by attempt, id or host name", async () => {
  const client = (container: typeof now) => `${container.host.replaceAll(".", "_")}${made}`;
  await database.query(`
    delete from river_job;
    insert into river_job (kind, state, attempt, attempted_by, errors, finalized_at)
    select 'mail', 'discarded', 3, '{${client(old)},${client(now)}_123456,${now.host}}',
           array_agg(jsonb_build_object('at', now() - n * interval '1 second', 'attempt', n, 'error', 'refused by ' || n) order by n), now()
    from generate_series(1, 3) as n`);
  const { ask } = open([river]);
  const { jobErrors } = await ask("{ jobErrors { error count attempts jobIds releases { version count } } }");
  expect(jobErrors).toEqual([
    {
      error: "refused by 1",
      count: 3,
      attempts: 3,
      jobIds: [expect.any(String)],
      releases: [
        { version: "v2", count: 2 },
        { version: "v1", count: 1 },
      ],
    },
  ]);
});

it("running jobs are listed by queue and host, the oldest first", async () => {
  await database.query(`
    delete from river_job;
    delete from runner_jobs;
    insert into river_job (kind, state, attempted_at, attempted_by) values
      ('mail', 'running', now() - interval '100 seconds', '{other,10_0_0_7-bbbbbbbbbbbb${made}}'),
      ('mail', 'running', now() - interval '50 seconds', '{10_0_0_7-bbbbbbbbbbbb_2026_11_25T09_09_09_654321}'),
      ('mail', 'running', now() - interval '80 seconds', '{10.0.0.7-aaaaaaaaaaaa}'),
      ('mail', 'running', now(), '{aaaaaaaaaaaa}'), ('mail', 'running', now(), '{worker-7}'), ('mail', 'running', now(), null),
      ('push', 'running', now() - interval '1 second', '{laptop${made}}');
    insert into runner_jobs (type, status, locked_at, locked_by) values
      ('payout', 'running', now() - interval '10 seconds', 'host:a b pid:1'), ('payout', 'running', now(), 'host:a b pid:22'),
      ('payout', 'running', null, 'host:c pid:x'), ('payout', 'pending', now(), 'host:d pid:1')`);
  const [mapped, clients] = await open([runner, river]).queues.all(signal);
  const told = async (source: typeof mapped) =>
    ((await source?.workerJobs?.(signal)) ?? []).map(({ queue, host, count, oldestAgeSeconds: age }) => [
      queue,
      host,
      count,
      age === null ? null : Math.round(age / 10) * 10,
    ]);
  expect(await told(clients)).toEqual([
    ["mail", "10_0_0_7-bbbbbbbbbbbb", 2, 100],
    ["mail", "10.0.0.7-aaaaaaaaaaaa", 1, 80],
    ["push", "laptop", 1, 0],
    ["mail", "aaaaaaaaaaaa", 1, 0],
    ["mail", null, 2, 0],
  ]);
  expect(await told(mapped)).toEqual([
    ["payout", "a b", 2, 10],
    ["payout", null, 1, null],
  ]);
});

it("orphans are those whose client is no live container", async () => {
  await database.query(`
    delete from river_job;
    delete from runner_jobs;
    insert into river_job (kind, state, attempted_at, attempted_by) values
      ('mail', 'running', now() - interval '2 hours', '{10_0_0_7-aaaaaaaaaaaa${made}}'),
      ('mail', 'running', now() - interval '1 hour', '{10.0.0.7-aaaaaaaaaaaa}'),
      ('mail', 'running', now() - interval '1 hour', '{10_0_0_7-bbbbbbbbbbbb${made}}'),
      ('mail', 'running', now() - interval '5 seconds', '{10_0_0_7-cccccccccccc${made}}');
    insert into runner_jobs (type, status, locked_at, locked_by)
    select 'payout', 'running', now() - n * interval '1 minute', 'host:10.0.0.7-dddddddddddd pid:' || n from generate_series(1, 60) as n`);
  const { ask } = open([runner, river]);
  const { orphans, queues } = await ask(`{
    orphans { jobs { queue source jobId worker } total gaps { reason } } queues { name active orphans } }`);
  expect(queues).toEqual([
    { name: "mail", active: 4, orphans: 2 },
    { name: "payout", active: 60, orphans: 60 },
  ]);
  expect([orphans.total, orphans.jobs.length, orphans.gaps]).toEqual([62, 52, []]);
  expect(orphans.jobs[0]).toMatchObject({
    queue: "payout",
    source: "runner",
    worker: "host:10.0.0.7-dddddddddddd pid:60",
  });
  expect(orphans.jobs.slice(50)).toMatchObject([
    { queue: "mail", source: "river", worker: `10_0_0_7-aaaaaaaaaaaa${made}` },
    { worker: "10.0.0.7-aaaaaaaaaaaa" },
  ]);
});
