import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { probeQueueSources } from "../../src/queues/probe.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import type { JobTable } from "../support/job-backend.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";

const signal = AbortSignal.timeout(60_000);
let database: TestDatabase;
let runner: JobTable;
let river: JobTable;
let role: { name: string; url: string };

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "access");
  runner = await createRunnerJobs(database);
  river = await createRiverJobs(database, "jobs");
  await runner.insert([
    { queue: "a", state: "waiting" },
    { queue: "a", state: "failed", error: "boom" },
  ]);
  role = await database.createRole();
});
afterAll(() => database.drop());

const probe = (sources: readonly QueueSourceConfig[] | null, databaseUrl: string | null = role.url) =>
  probeQueueSources(
    { databaseUrl, ...(sources ? { sources, detect: false } : {}), env: null, logger: silentLogger },
    signal,
  );

it("missing grants are named, and are sufficient", async () => {
  const missing = await probe([runner.config, river.config]);
  const grants = missing.map(({ detail }) => detail?.split("as the owner: ")[1] ?? "");
  expect(missing).toStrictEqual([
    {
      name: "runner",
      ok: false,
      detail:
        "The database role may not read table public.runner_jobs: the role has no right to read it; as the owner: " +
        `grant select on "public"."runner_jobs" to "${role.name}";`,
      warnings: [],
    },
    {
      name: "river",
      ok: false,
      detail:
        "The database role may not read table jobs.river_job: the role has no right to read it; as the owner: " +
        `grant usage on schema "jobs" to "${role.name}"; grant select on "jobs"."river_job" to "${role.name}";`,
      warnings: [],
    },
  ]);
  for (const grant of grants) await database.query(grant);
  expect(await probe([runner.config, river.config])).toMatchObject([
    {
      name: "runner",
      ok: true,
      detail: expect.stringMatching(/^2 queues, 1 job waiting, read in \d+ ms$/),
      warnings: [],
    },
    { name: "river", ok: true, warnings: [] },
  ]);
});

it("a role with only SELECT can read, within its own limits", async () => {
  await database.query(
    `alter role ${role.name} connection limit 3; alter role ${role.name} set statement_timeout = '5s'`,
  );
  const sources = createQueueSources({
    ttlMs: 0,
    databaseUrl: role.url,
    sources: [runner.config],
    detect: false,
    env: null,
    logger: silentLogger,
  });
  const [source] = await sources.all(signal);
  const all = await Promise.all([source?.metrics(signal), source?.failures(signal), source?.metrics(signal)]);
  expect(all[0]).toMatchObject([{ name: "a", depth: 1, failuresLastHour: 1 }, {}]);
  expect(all[1]).toMatchObject([{ error: "boom" }]);
  await sources.close();
});

it("a role that may write is warned of, and row-level security too", async () => {
  const superuser = await probe([runner.config], database.url);
  expect(superuser[0]).toMatchObject({
    ok: true,
    warnings: ["role postgres may write to public.runner_jobs: use a role with SELECT only"],
  });
  await database.query("alter table runner_jobs enable row level security");
  expect(await probe([runner.config])).toMatchObject([
    { ok: true, warnings: ["row-level security hides rows of public.runner_jobs: grant BYPASSRLS, or read a view"] },
  ]);
  await database.query("alter table runner_jobs disable row level security");
});

it("columns without a time zone are warned of where it matters", async () => {
  await database.query("alter table runner_jobs alter column finished_at type timestamp");
  expect((await probe([{ ...runner.config, time_zone: "UTC" } as QueueSourceConfig]))[0]?.warnings).toEqual([]);
  await database.query(`alter role ${role.name} set timezone = 'Asia/Kolkata'`);
  const [probed] = await probe([runner.config]);
  expect(probed).toMatchObject({
    ok: true,
    warnings: [
      expect.stringMatching(
        /^columns without a time zone \(finished_at\) of public\.runner_jobs are read as UTC; where now\(\) fills them, they are in Asia\/Kolkata, the time zone of the database/,
      ),
    ],
  });
  await database.query(
    `alter role ${role.name} reset timezone; alter table runner_jobs alter column finished_at type timestamptz using finished_at at time zone 'UTC'`,
  );
});

it("an empty database gets advice on what to do", async () => {
  const absent = { ...runner.config, table: "public.absent" } as QueueSourceConfig;
  const detail =
    "Table public.absent does not exist: there is no table public.absent in this database: correct WALLET_CORE_OPS_QUEUES_FILE";
  expect(await probe([absent])).toMatchObject([{ name: "runner", ok: false, detail }]);
  expect(await probe(null, null)).toMatchObject([
    {
      name: "queues",
      ok: true,
      isConfigured: false,
      detail: expect.stringMatching(/^not configured: .*_DATABASE_URL/),
    },
  ]);
  await database.query("drop table jobs.river_job");
  expect(await probe(null)).toMatchObject([
    { name: "queues", ok: false, detail: expect.stringMatching(/^no job system was found: check that /) },
  ]);
});
