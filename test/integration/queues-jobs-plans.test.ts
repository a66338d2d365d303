import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import type { JobReader, JobsQuery } from "../../src/queues/job.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { createObanJobs } from "../support/preset-jobs.ts";

const signal = AbortSignal.timeout(120_000);
/** 120,000 jobs take more than 2,000 pages. */
const cost = 1000;
const closers: (() => Promise<void>)[] = [];
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "jobsplans");
  await createRiverJobs(database);
  await createObanJobs(database);
  await database.query(`
    insert into river_job (id, kind, queue, state, finalized_at, scheduled_at)
    select n, 'kind' || n % 3, 'q', 'completed', now() - (120000 - n) / 4 * interval '1 second', now() from generate_series(1, 120000) as n;
    insert into river_job (id, kind, queue, state, finalized_at, attempt, errors)
    select 200000 + n, 'kind1', 'q', 'discarded', now() - (300 - n) * interval '1 second', 1, array[jsonb_build_object('at', now(), 'attempt', 1, 'error', 'boom')]
    from generate_series(1, 300) as n;
    insert into river_job (id, kind, queue, state) select 300000 + n, 'kind1', 'q', 'running' from generate_series(1, 20) as n;
    insert into oban_jobs (id, worker, queue, state, discarded_at) select n + 1000, 'W', 'q' || n % 3, 'discarded', now() - n * interval '1 second'
    from generate_series(1, 60000) as n`);
  await database.query("vacuum analyze river_job");
  await database.query("vacuum analyze oban_jobs");
});
afterAll(async () => {
  for (const close of closers) await close();
  await database.drop();
});

async function open(config: QueueSourceConfig, url = database.url): Promise<JobReader> {
  const sources = createQueueSources({
    databaseUrl: url,
    sources: [config],
    detect: false,
    env: "staging",
    logger: silentLogger,
    heavy: { cost },
  });
  closers.push(() => sources.close());
  return (await sources.all(signal))[0]?.jobs as JobReader;
}
const river = { name: "river", kind: "river", schema: "public", by: "kind" } as const;
const list = async (jobs: JobReader, query: Partial<JobsQuery>) =>
  (
    await jobs.page(
      { queue: null, state: null, after: null, before: null, inverted: false, limit: 51, ...query },
      signal,
    )
  ).map(({ jobId, place }) => ({ jobId, place }));

describe("a page of a huge table", () => {
  it("is read in the order of an index, in both directions", async () => {
    const jobs = await open(river);
    for (const [state, newest] of [
      ["completed", 120_000],
      ["failed", 200_300],
      [null, 300_020],
    ] as const) {
      const first = await list(jobs, { state });
      expect([first.length, first[0]?.jobId]).toEqual([51, String(newest)]);
      const second = await list(jobs, { state, after: first.at(-1)?.place ?? null });
      expect(second.map(({ jobId }) => Number(jobId))).not.toContain(Number(first.at(-1)?.jobId));
      const back = await list(jobs, { state, before: second[0]?.place ?? null, inverted: true });
      expect(back.map(({ jobId }) => jobId)).toEqual(first.map(({ jobId }) => jobId).toReversed());
    }
  });

  it("is read by an index on the state where its jobs are few", async () => {
    const jobs = await open(river);
    expect((await list(jobs, { state: "running" })).map(({ jobId }) => jobId)[0]).toBe("300020");
    expect(await list(jobs, { state: "running", queue: "kind1" })).toHaveLength(20);
    expect(await list(jobs, { state: "failed", queue: "kind1" })).toHaveLength(51);
    expect(await list(jobs, { state: "retrying" })).toEqual([]);
    expect(await jobs.find([{ jobId: "77", queue: null }], signal)).toMatchObject([
      { state: "completed", queue: "kind2" },
    ]);
  });

  it("is refused where no index serves it, until the named one exists", async () => {
    const jobs = await open(river);
    const asked = { state: "completed", queue: "kind1" } as const;
    const message =
      "This would read too much of the huge table public.river_job: an index on public.river_job (kind, state, finalized_at, id) would serve it";
    await expect(list(jobs, asked)).rejects.toMatchObject({ code: "query_refused", message, upstream: "queues:river" });
    await expect(list(jobs, { queue: "kind1" })).rejects.toMatchObject({
      message: expect.stringContaining("name a queue and a state; an index on public.river_job (kind, id)"),
    });
    await database.query("create index on river_job (kind, state, finalized_at, id)");
    expect((await list(jobs, asked)).map(({ jobId }) => Number(jobId) % 3)).toEqual(
      Array.from({ length: 51 }, () => 1),
    );
    await database.query("create index on river_job (kind, id)");
    expect(await list(jobs, { queue: "kind1" })).toHaveLength(51);
  });

  it("is served by the indexes of Oban", async () => {
    const jobs = await open({ name: "oban", kind: "oban", schema: "public" });
    const first = await list(jobs, { state: "failed" });
    expect(first[0]?.jobId).toBe("1001");
    expect((await list(jobs, { state: "failed", after: first.at(-1)?.place ?? null }))[0]?.jobId).toBe("1052");
    expect(await list(jobs, {})).toHaveLength(51);
    expect(await list(jobs, { state: "running" })).toEqual([]);
  });
});

describe("a role that may not read arguments", () => {
  it("reads everything else, and is refused the arguments", async () => {
    const role = await database.createRole();
    const columns = await database.query(
      "select string_agg(column_name, ', ') as names from information_schema.columns where table_name = 'river_job' and column_name <> 'args'",
    );
    await database.query(
      `grant usage on schema public to ${role.name}; grant select (${String(columns.rows[0]?.["names"])}) on river_job to ${role.name}`,
    );
    const jobs = await open(river, role.url);
    const found = await jobs.find([{ jobId: "200001", queue: null }], signal);
    expect(found).toMatchObject([{ state: "failed" }]);
    expect(await jobs.attempts(found as never, signal)).toMatchObject([[{ error: "boom" }]]);
    await expect(jobs.args?.(found as never, signal)).rejects.toMatchObject({
      code: "schema_mismatch",
      message: "The database role may not read the arguments of jobs, column args of table public.river_job",
    });
  });
});
