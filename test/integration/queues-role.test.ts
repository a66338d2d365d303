import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { readRoleSql } from "../../script/sandbox/role-sql.ts";
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
  await database.drop();
});
afterEach(() => dropRole(database));

/** The role belongs to the whole server. */
async function dropRole(from: TestDatabase): Promise<void> {
  await from.query("drop owned by wallet_core_ops; drop role wallet_core_ops");
}

it("the shipped role can read every job system, and write nothing", async () => {
  const password = randomBytes(8).toString("hex");
  await database.query(readRoleSql());
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

describe("with psql", () => {
  const run = promisify(execFile);
  const file = "deploy/postgres/read-only-role.sql";
  let own: TestDatabase;

  beforeAll(async () => {
    own = await createTestDatabase(inject("postgresUrl"), "params");
    await own.query(`
    create schema app; create schema mail; create schema "Odd.one";
    create table public.payouts (id int); create table public.secrets (id int);
    create table app.jobs (id int); create table app.payouts (id int); create table app.secrets (id int);
    create table mail.deliveries (id int); create table "Odd.one"."It's, ""x""" (id int)`);
  });
  afterEach(() => own.query("drop owned by wallet_core_ops"));
  afterAll(() => own.drop());

  /** Runs the file with psql, as an owner does; returns its notices and errors. */
  async function psql(variables: Record<string, string> = {}, url = own.url): Promise<string> {
    const given = Object.entries(variables).flatMap(([name, value]) => ["-v", `${name}=${value}`]);
    const { stdout, stderr } = await run("psql", ["-X", "-q", ...given, "-d", url, "-f", file]);
    expect(stdout).toBe("");
    return stderr;
  }

  /** What the role may read, of all schemas. */
  async function readable(): Promise<unknown[]> {
    const { rows } = await own.query(`
    select class.oid::regclass::text as name from pg_class as class join pg_namespace as namespace on namespace.oid = class.relnamespace
    where class.relkind = 'r' and namespace.nspname not in ('pg_catalog', 'information_schema')
      and has_schema_privilege('wallet_core_ops', namespace.oid, 'usage') and has_table_privilege('wallet_core_ops', class.oid, 'select')
    order by 1`);
    return rows.map(({ name }) => name);
  }

  it("the role reads the tables that the parameters name, and no other", async () => {
    expect(await psql({ schema: "app", tables: "jobs,mail.deliveries" })).toBe("");
    expect(await readable()).toEqual(["app.jobs", "mail.deliveries"]);
  });

  it("a table or schema that does not exist is named in a notice", async () => {
    const notices = await psql({ schema: "nowhere", tables: " app.jobs , gone, mail.gone" });
    expect([...notices.matchAll(/NOTICE: {2}(.+)/g)].map(([, text]) => text)).toEqual([
      "schema nowhere does not exist: skipped",
      "table nowhere.gone does not exist: skipped",
      "table mail.gone does not exist: skipped",
    ]);
    expect(await readable()).toEqual(["app.jobs"]);
  });

  it("names that need quotes work, and hostile values are values", async () => {
    expect(await psql({ schema: '"Odd.one"', tables: `"It's, ""x""",app.jobs` })).toBe("");
    expect(await readable()).toEqual([`"Odd.one"."It's, ""x"""`, "app.jobs"]);
    for (const tables of ["jobs; grant select on app.secrets to public", "jobs'); --", '"jobs', "a.b.c.d"]) {
      await expect(psql({ schema: "app", tables }), tables).rejects.toMatchObject({ code: 3 });
    }
    expect(await readable()).toEqual([`"Odd.one"."It's, ""x"""`, "app.jobs"]);
  });

  it("an owner who may create roles makes it, and needs no such right again", async () => {
    await own.query(`
    create role shop login createrole password 'shop'; create schema shop authorization shop;
    set role shop; create table shop.jobs (id int); create table shop.mails (id int); reset role`);
    const url = new URL(own.url);
    [url.username, url.password] = ["shop", "shop"];
    try {
      expect(await psql({ schema: "shop", tables: "jobs" }, url.href)).toBe("");
      expect(await readable()).toEqual(["shop.jobs"]);
      await own.query("alter role shop nocreaterole");
      expect(await psql({ schema: "shop", tables: "jobs,mails" }, url.href)).toBe("");
      expect(await readable()).toEqual(["shop.jobs", "shop.mails"]);
      await expect(psql({ tables: "app.jobs" }, url.href)).rejects.toMatchObject({
        code: 3,
        stderr: expect.stringContaining("permission denied for schema app"),
      });
      await dropRole(own);
      await expect(psql({ schema: "shop" }, url.href)).rejects.toMatchObject({
        code: 3,
        stderr: expect.stringContaining("permission denied to create role"),
      });
    } finally {
      await own.query("drop owned by shop cascade; drop role shop");
      await psql();
    }
  });

  it("a role that may do more loses it", async () => {
    await psql();
    await own.query(
      "alter role wallet_core_ops superuser createdb bypassrls nologin; alter role wallet_core_ops reset all",
    );
    expect(await psql()).toBe("");
    const { rows } = await own.query(
      "select rolsuper or rolcreatedb or rolbypassrls as more, rolcanlogin, rolconfig from pg_roles where rolname = 'wallet_core_ops'",
    );
    expect(rows).toEqual([
      {
        more: false,
        rolcanlogin: true,
        rolconfig: expect.arrayContaining([
          "default_transaction_read_only=on",
          "statement_timeout=5s",
          "lock_timeout=1s",
        ]),
      },
    ]);
  });

  it("without parameters the role reads the contract's own tables", async () => {
    expect(await psql()).toBe("");
    expect(await readable()).toEqual(["payouts"]);
    await dropRole(own);
    expect(await psql({ schema: "app" })).toBe("");
    expect(await readable()).toEqual(["app.payouts"]);
  });

  it("the compose file's script creates the role with its password", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ops-role-"));
    const secret = join(folder, "password");
    writeFileSync(secret, "it's secret\n");
    const script = readFileSync("deploy/postgres/10-read-only-role.sh", "utf8")
      .replace("/opt/read-only-role.sql", file)
      .replace("/run/secrets/database_password", secret);
    const { hostname, port, username, password, pathname } = new URL(own.url);
    const server = {
      PGHOST: hostname,
      PGPORT: port,
      PGPASSWORD: password,
      POSTGRES_USER: username,
      POSTGRES_DB: pathname.slice(1),
    };
    try {
      await run("bash", ["-c", script], { env: { ...process.env, ...server } });
    } finally {
      rmSync(folder, { recursive: true });
    }
    const url = new URL(own.url);
    [url.username, url.password] = ["wallet_core_ops", "it's secret"];
    const role = new Client({ connectionString: url.href });
    await role.connect();
    await expect(role.query("select from payouts")).resolves.toMatchObject({ rowCount: 0 });
    await role.end();
  });
});
