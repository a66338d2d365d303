import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { adviseIndexes } from "../../src/queues/index-advice.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { runnerMapping, toQueueMapping } from "../support/queue-mappings.ts";

const rows = 400_000;
let database: TestDatabase;
let role: { name: string; url: string };

/** 2 % waiting, 3 % failed, some running; over 10 hours. */
const fill = (table: string, [waiting, failed, running, done]: readonly (string | number)[], columns: string) => `
  insert into ${table} (${columns})
  select n, 'type_' || n % 20, case when n % 50 = 0 then ${waiting} when n % 33 = 0 then ${failed} when n % 1000 = 7 then ${running} else ${done} end,
         now() - n * interval '10 hours' / ${rows}, case when n % 50 > 0 then now() - n * interval '10 hours' / ${rows} end, repeat('x', 50)
  from generate_series(1, ${rows}) as n`;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "indexes");
  role = await database.createRole();
});
afterAll(() => database.drop());

async function ask(...configs: readonly object[]) {
  const sources = configs.map((config) => ({ ...runnerMapping, ...config }));
  const options = { databaseUrl: role.url, sources, detect: false, env: null, logger: silentLogger };
  return adviseIndexes(options, AbortSignal.timeout(30_000));
}

/** Without the hashes in names. */
const tidy = (statements: readonly string[]) =>
  statements.map((statement) => statement.replaceAll(/_[0-9a-f]{6}(?=")/g, "_#"));

const statementsOf = (answers: Awaited<ReturnType<typeof ask>>) =>
  answers.flatMap(({ missing }) => missing.flatMap(({ statements }) => statements));

const indexesOf = async (table: string): Promise<string[]> =>
  (await database.query("select indexname from pg_indexes where tablename = $1", [table])).rows.map(({ indexname }) =>
    String(indexname),
  );
const nameOf = async (table: string, suffix: string): Promise<string> =>
  (await indexesOf(table)).find((name) => name.includes(`_ops_${suffix}_`)) ?? "";

/** As the owner does. */
async function run(statements: readonly string[], table: string): Promise<void> {
  for (const statement of statements) await database.query(statement);
  await database.query(`vacuum analyze ${table}`);
}

it("missing indexes are listed with their gain until they exist", async () => {
  await database.query(`
    create table jobs (id bigint primary key, type text, status text, run_at timestamptz, finished_at timestamptz, last_error text);
    ${fill("jobs", ["'pending'", "'failed'", "'running'", "'done'"], "id, type, status, run_at, finished_at, last_error")};
    grant select on jobs to ${role.name}`);
  await database.query("vacuum analyze jobs");
  const config = { table: "public.jobs" };
  const [answer] = await ask(config);
  expect(tidy(statementsOf([answer as never]))).toStrictEqual([
    `create index concurrently if not exists "jobs_ops_waiting_#" on "public"."jobs" ("type", "run_at") where "status" = 'pending';`,
    `create index concurrently if not exists "jobs_ops_processed_#" on "public"."jobs" ("finished_at") include ("type") where "status" = 'done';`,
    `create index concurrently if not exists "jobs_ops_failures_#" on "public"."jobs" ("finished_at") include ("type") where "status" = 'failed';`,
    `create index concurrently if not exists "jobs_ops_active_#" on "public"."jobs" ("type") where "status" = 'running';`,
  ]);
  for (const { cost, costWithIndex, tookMs } of answer?.missing ?? []) {
    expect(cost).toBeGreaterThan(10 * costWithIndex);
    expect(tookMs).toBeGreaterThan(0);
  }
  const [waiting] = answer?.missing ?? [];
  expect(Math.abs((waiting?.rows ?? 0) - rows / 50)).toBeLessThan(rows / 200);
  expect(await indexesOf("jobs")).toStrictEqual(["jobs_pkey"]);
  await run(statementsOf([answer as never]), "jobs");
  expect(await ask(config)).toStrictEqual([{ name: "runner", table: "public.jobs", missing: [], obstacle: null }]);
});

it("only unserved statements need an index, whatever serves the others", async () => {
  await database.query(
    `drop index ${await nameOf("jobs", "failures")}, ${await nameOf("jobs", "active")}; create index other on jobs (finished_at)`,
  );
  await database.query("analyze jobs");
  const statements = statementsOf(await ask({ table: "public.jobs" }));
  expect(statements).toHaveLength(1);
  expect(statements[0]).toContain("jobs_ops_active");
  await database.query("drop index other");
  expect(statementsOf(await ask({ table: "public.jobs" }))).toHaveLength(2);
});

it("an unfinished index is to be dropped first", async () => {
  await run(statementsOf(await ask({ table: "public.jobs" })), "jobs");
  const name = await nameOf("jobs", "failures");
  await database.query(`update pg_index set indisvalid = false where indexrelid = '${name}'::regclass`);
  const [{ missing }] = (await ask({ table: "public.jobs" })) as [Awaited<ReturnType<typeof ask>>[0]];
  expect(missing).toMatchObject([
    { serves: expect.stringContaining("failures"), reason: expect.stringContaining("did not finish") },
  ]);
  const statements = missing.flatMap((one) => one.statements);
  expect(statements[0]).toBe(`drop index concurrently if exists "public"."${name}";`);
  expect(statements[1]).toMatch(`create index concurrently if not exists "${name}"`);
  await run(statements, "jobs");
  expect(statementsOf(await ask({ table: "public.jobs" }))).toStrictEqual([]);
});

it("advice that would not help is not given: indexes fit their statuses", async () => {
  await database.query(`
    create table shared (id bigint primary key, type text, status text, run_at timestamptz, finished_at timestamptz, last_error text);
    ${fill("shared", ["'pending'", "'failed'", "'running'", "'done'"], "id, type, status, run_at, finished_at, last_error")};
    grant select on shared to ${role.name}`);
  await database.query("vacuum analyze shared");
  const one = { table: "public.shared" };
  const other = { ...one, name: "other", waiting: ["queued"], done: ["ok"], failed: ["ko"], active: ["busy"] };
  const counts = [];
  for (const configs of [[one], [{ ...one, retrying: ["retry"] }], [one, other]]) {
    const statements = statementsOf(await ask(...configs));
    counts.push(statements.length);
    await run(statements, "shared");
    expect(statementsOf(await ask(...configs))).toStrictEqual([]);
  }
  expect(counts).toStrictEqual([4, 2, 4]);
});

it("VACUUM is advised where an index waits for it and would help", async () => {
  await database.query(`
    create table late (id bigint primary key, type text, status text, run_at timestamptz, finished_at timestamptz, last_error text) with (autovacuum_enabled = off);
    insert into late select n, 'type_' || n % 20, case when n % 5 < 2 then 'pending' else 'done' end,
           now() - n * interval '10 ms', case when n % 5 >= 2 then now() - n * interval '1 second' end, repeat('x', 100)
    from generate_series(1, ${rows}) as n;
    analyze late; grant select on late to ${role.name}`);
  const config = { table: "public.late" };
  const created = statementsOf(await ask(config));
  for (const statement of created) await database.query(statement);
  const [answer] = await ask(config);
  expect(statementsOf([answer as never])).toStrictEqual(['vacuum (analyze) "public"."late";']);
  expect(answer?.missing[0]?.reason).toContain("only after a vacuum");
  await database.query('vacuum (analyze) "public"."late"');
  expect(statementsOf(await ask(config))).toStrictEqual([]);

  const name = await nameOf("late", "waiting");
  await database.query(`drop index ${name}; create index ${name} on late (id) where false`);
  expect(statementsOf(await ask(config))).toStrictEqual([]);
});

it("names are quoted; statuses of any type and no time or queue work", async () => {
  const table = `"odd ""schema"""."Jobs 'é' of a name that is long, as long as PostgreSQL lets it b"`;
  await database.query(`
    create schema "odd ""schema""";
    create table ${table} ("I D" bigint primary key, "the type" text, "St" int, "due" timestamptz, "Ended" timestamptz, note text);
    ${fill(table, ["0", "-1", "2", "3"], `"I D", "the type", "St", due, "Ended", note`)};
    grant usage on schema "odd ""schema""" to ${role.name}; grant select on ${table} to ${role.name}`);
  await database.query(`vacuum analyze ${table}`);
  const columns = {
    id: "I D",
    status: "St",
    run_at: "due",
    finished_at: "Ended",
    error: "note",
    queue: { column: "the type" },
  };
  const config = { ...columns, table, waiting: [0], retrying: [7], active: [2], done: [3], failed: [-1], dead: [-1] };
  const statements = statementsOf(await ask(config));
  expect(statements).toHaveLength(6);
  expect(statements[0]).toContain(`("the type", "due") where "St" in (0, 7);`);
  await run(statements, table);
  expect(statementsOf(await ask(config))).toStrictEqual([]);

  await database.query(`
    create type state as enum ('queued', 'paid', 'rejected', 'running');
    create table payouts (id bigint primary key, kind text, state state, run_at timestamptz, settled_at timestamptz, failure text);
    ${fill("payouts", ["'queued'::state", "'rejected'::state", "'running'::state", "'paid'::state"], "id, kind, state, run_at, settled_at, failure")};
    grant select on payouts to ${role.name}`);
  await database.query("vacuum analyze payouts");
  const payouts = { ...toQueueMapping("payouts"), active: undefined, run_at: undefined };
  expect(tidy(statementsOf(await ask(payouts)))).toStrictEqual([
    `create index concurrently if not exists "payouts_ops_waiting_#" on "public"."payouts" ("id") where "state" = 'queued';`,
    `create index concurrently if not exists "payouts_ops_processed_#" on "public"."payouts" ("settled_at") where "state" = 'paid';`,
    `create index concurrently if not exists "payouts_ops_failures_#" on "public"."payouts" ("settled_at") where "state" = 'rejected';`,
  ]);
  await run(statementsOf(await ask(payouts)), "payouts");
  expect(statementsOf(await ask(payouts))).toStrictEqual([]);
});

it("each partition has its own advice; views and missing tables have why", async () => {
  const columns = "id bigint, type text, status text, run_at timestamptz, finished_at timestamptz, last_error text";
  await database.query(`
    create table parted (${columns}) partition by hash (id);
    create table parted_0 partition of parted for values with (modulus 2, remainder 0);
    create table parted_1 partition of parted for values with (modulus 2, remainder 1);
    ${fill("parted", ["'pending'", "'failed'", "'running'", "'done'"], "id, type, status, run_at, finished_at, last_error")};
    create view seen as select * from jobs;
    grant select on parted, seen to ${role.name}`);
  await database.query("vacuum analyze parted");
  const statements = statementsOf(await ask({ table: "public.parted" }));
  expect(tidy(statements.filter((statement) => statement.includes("waiting")))).toStrictEqual(
    [0, 1].map(
      (n) =>
        `create index concurrently if not exists "parted_${n}_ops_waiting_#" on "public"."parted_${n}" ("type", "run_at") where "status" = 'pending';`,
    ),
  );
  await run(statements, "parted");
  expect(statementsOf(await ask({ table: "public.parted" }))).toStrictEqual([]);
  expect(await ask({ table: "public.seen" })).toMatchObject([
    { missing: [], obstacle: expect.stringContaining("it is not a table") },
  ]);
  expect(await ask({ table: "public.absent" })).toMatchObject([
    { missing: [], obstacle: expect.stringContaining("no such table") },
  ]);
});

it("the command has exit codes and prints SQL", async () => {
  await database.query(`drop index ${await nameOf("jobs", "waiting")}`);
  const file = join(inject("runFolder"), "indexes-queues.json");
  writeFileSync(file, JSON.stringify({ detect: false, sources: [{ ...runnerMapping, table: "public.jobs" }] }));
  const cli = (args: string[], env: Record<string, string> = {}) =>
    spawnSync(process.execPath, ["src/cli.ts", "indexes", ...args], {
      encoding: "utf8",
      env: {
        PATH: process.env["PATH"] ?? "",
        WALLET_CORE_OPS_TOKEN: "0123456789abcdef-indexes",
        WALLET_CORE_OPS_DATABASE_URL: role.url,
        WALLET_CORE_OPS_QUEUES_FILE: file,
        ...env,
      },
    });
  const missing = cli([]);
  expect(missing.status).toBe(3);
  expect(missing.stdout).toMatch(
    /^-- runner, table public\.jobs:\n-- depth, deferred jobs, oldest age: cost [\d,]+ now, about [\d,]+ with it, for [\d,]+ rows; reading it now took [\d,]+ ms\ncreate index concurrently if not exists "jobs_ops_waiting_[0-9a-f]{6}" .*;\n/,
  );
  await run(
    missing.stdout.split("\n").filter((line) => line !== "" && !line.startsWith("--")),
    "jobs",
  );
  expect(cli([])).toMatchObject({ status: 0, stdout: "-- runner, table public.jobs: nothing is missing\n" });
  expect(cli(["--help"])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("Exit codes: 0 nothing is missing, 3"),
  });
  expect(cli(["--write"]).status).toBe(2);
  expect(cli([], { WALLET_CORE_OPS_DATABASE_URL: "postgres://127.0.0.1:1/none" })).toMatchObject({ status: 1 });
  expect(cli([], { WALLET_CORE_OPS_PORT: "x" }).status).toBe(78);
});
