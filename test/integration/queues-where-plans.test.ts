import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { adviseIndexes } from "../../src/queues/index-advice.ts";
import type { JobPlace, PlacedJob } from "../../src/queues/job.ts";
import { createQueueSources, type OpenQueueSources, type OpenSource } from "../../src/queues/source.ts";
import { createFormJobs, tableForms } from "../support/form-jobs.ts";
import type { JobTable } from "../support/job-backend.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

const signal = AbortSignal.timeout(120_000);
const rows = 300_000;
let database: TestDatabase;
let table: JobTable;
let sources: OpenQueueSources;
let source: OpenSource;

// A third of the rows are the source's own; 2 % wait, 3 % failed, over ten days.
beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "where_plans");
  const form = tableForms["bigint, milliseconds"];
  table = await createFormJobs(database, form);
  await database.query(`
    drop trigger add_twin on formed; drop index formed_pending; drop index formed_ended;
    insert into formed (tenant, type, state, run_at, finished_at, errors)
    select n / 100 % 3, 'type_' || n % 7, state, at, case when state <> 0 then at end, '[{"message": "boom"}]'
    from generate_series(1, ${rows}) as n,
         lateral (select case when n % 50 = 0 then 0 when n % 33 = 0 then -1 else 2 end as state,
                         ${form.toStored(`now() - n * ${864_000 / rows} * interval '1 second'`)} as at) as t`);
  await database.query("vacuum analyze formed");
  const heavy = { cost: 3_000 };
  const options = {
    databaseUrl: database.url,
    sources: [table.config],
    detect: false,
    env: null,
    logger: silentLogger,
  };
  sources = createQueueSources({ ...options, heavy, ttlMs: 0 });
  [source] = (await sources.all(signal)) as [OpenSource];
});
afterAll(async () => {
  await sources.close();
  await database.drop();
});

const page = (after: JobPlace | null): Promise<readonly PlacedJob[]> =>
  source.jobs?.page({ queue: "type_1", state: "failed", after, before: null, inverted: false, limit: 5 }, signal) ??
  Promise.resolve([]);

it("a list without an index is refused with the index that serves it", async () => {
  await expect(page(null)).rejects.toMatchObject({
    code: "query_refused",
    message: expect.stringContaining(
      'an index on public.formed ("type", "state", "finished_at", "id") where tenant = 1 or tenant is null would serve it',
    ) as string,
  });
  await database.query(
    'create index lists on public.formed ("type", "state", "finished_at", "id") where tenant = 1 or tenant is null; analyze formed',
  );
  const seen: PlacedJob[] = [];
  for (let count = 0; count < 3; count++) seen.push(...(await page(seen.at(-1)?.place ?? null)));
  const { rows: expected } = await database.query(
    "select id::text from formed where tenant = 1 and state = -1 and type = 'type_1' order by finished_at desc, id desc limit 15",
  );
  expect(expected).toHaveLength(15);
  expect(seen.map(({ jobId }) => jobId)).toEqual(expected.map(({ id }) => id));
});

it("the advised indexes have the condition, and serve every number", async () => {
  const options = {
    databaseUrl: database.url,
    sources: [table.config],
    detect: false,
    env: null,
    logger: silentLogger,
  };
  await database.query("drop index lists");
  const [advice] = await adviseIndexes(options, signal);
  expect(advice).toMatchObject({ obstacle: null });
  const statements = advice?.missing.flatMap((index) => index.statements) ?? [];
  expect(statements.length).toBeGreaterThan(0);
  for (const statement of statements) {
    expect(statement).toContain(" and (tenant = 1 or tenant is null)");
    await database.query(statement);
  }
  await database.query("vacuum analyze formed");
  expect((await adviseIndexes(options, signal))[0]?.missing).toEqual([]);
  const metrics = await source.metrics(signal);
  const { rows: counted } = await database.query(
    "select count(*)::int as n from formed where tenant = 1 and state = 0",
  );
  expect(metrics.reduce((sum, { depth }) => sum + depth, 0)).toBe(counted[0]?.["n"]);
  expect(metrics.every(({ exact }) => exact)).toBe(true);
});
