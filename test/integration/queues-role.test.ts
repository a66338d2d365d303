import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { installGraphileWorker } from "../support/graphile-jobs.ts";
import { startBoss } from "../support/pgboss-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";
import { createSchema } from "../support/preset-jobs.ts";

const signal = AbortSignal.timeout(60_000);
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "role");
  await createRunnerJobs(database);
  await createRiverJobs(database);
  await createSchema(database, "oban", "elixir");
  for (const system of ["good-job", "solid-queue", "que"]) await createSchema(database, system);
  await database.query(readFileSync(new URL("../support/schemas/pgmq.sql", import.meta.url), "utf8"));
  await (await startBoss(12, database.url)).stop();
  await installGraphileWorker(database.url);
});
afterAll(async () => {
  await database.query("drop owned by wallet_core_ops; drop role wallet_core_ops");
  await database.drop();
});

it("the shipped role can read every job system, and write nothing", async () => {
  const password = randomBytes(8).toString("hex");
  await database.query(readFileSync(new URL("../../deploy/postgres/read-only-role.sql", import.meta.url), "utf8"));
  await database.query(`alter role wallet_core_ops password '${password}'`);
  const url = new URL(database.url);
  [url.username, url.password] = ["wallet_core_ops", password];
  const sources = createQueueSources({ databaseUrl: url.href, env: null, logger: silentLogger, ttlMs: 0 });
  const found = await sources.all(signal);
  expect(found.map(({ kind }) => kind).toSorted()).toEqual([
    "good-job",
    "graphile-worker",
    "oban",
    "pgboss",
    "pgmq",
    "que",
    "river",
    "solid-queue",
  ]);
  for (const source of found) {
    await expect(source.metrics(signal), source.name).resolves.toBeInstanceOf(Array);
    await expect(source.failures(signal), source.name).resolves.toEqual([]);
    await expect(Promise.resolve(source.workerJobs?.(signal) ?? []), source.name).resolves.toEqual([]);
  }
  // An idle task, whose rows graphile-worker hides.
  const graphile = found.find(({ kind }) => kind === "graphile-worker");
  await database.query("insert into graphile_worker._private_tasks (identifier) values ('idle')");
  expect(await graphile?.metrics(signal)).toMatchObject([{ name: "idle", depth: 0, dead: 0 }]);
  await sources.close();
  const { rows } = await database.query(`
    select class.oid::regclass::text as name from pg_class as class join pg_namespace as namespace on namespace.oid = class.relnamespace
    where class.relkind in ('r', 'p', 'v') and namespace.nspname not in ('pg_catalog', 'information_schema')
      and has_table_privilege('wallet_core_ops', class.oid, 'insert, update, delete, truncate, references, trigger')`);
  expect(rows).toEqual([]);
});
