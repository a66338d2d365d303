import type { Row } from "../../src/lib/postgres/pool.ts";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { parseQueuesFile } from "../../src/queues/config.ts";
import { type HeavyOptions, toMeasured, toWays, uniteReadings } from "../../src/queues/postgres/statements.ts";
import type { QueueSource } from "../../src/queues/queue.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import type { TableSourceConfig } from "../../src/queues/systems/table/config.ts";
import { tableStatements } from "../../src/queues/systems/table/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

const signal = AbortSignal.timeout(60_000);
let database: TestDatabase;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "table");
});
afterAll(async () => {
  for (const close of closers) await close();
  await database.drop();
});

/** The mapping as an owner writes it in WALLET_CORE_OPS_QUEUES_FILE, with what is the same here. */
function parse(mapping: object): readonly QueueSourceConfig[] {
  const usual = { name: "s", kind: "table", id: "id", status: "status", finished_at: "finished_at" };
  const lists = { waiting: ["pending"], done: ["done"], failed: ["failed"] };
  const parsed = parseQueuesFile(JSON.stringify({ sources: [{ ...usual, ...lists, ...mapping }] }));
  if (!parsed.ok) throw new Error(parsed.issues.join("\n"));
  return parsed.sources;
}

/** A source of the given mapping. */
async function open(mapping: object, heavy: HeavyOptions = {}): Promise<QueueSource> {
  const sources = createQueueSources({
    ttlMs: 0,
    databaseUrl: database.url,
    sources: parse(mapping),
    detect: false,
    env: null,
    logger: silentLogger,
    heavy,
  });
  closers.push(() => sources.close());
  return (await sources.all(signal))[0] as QueueSource;
}

it("a table of one queue: no queue column, run_at or error, uuid ids", async () => {
  await database.query(`
    create table payouts (id uuid primary key default gen_random_uuid(), status varchar(20), finished_at timestamptz);
    insert into payouts (status, finished_at) values ('pending', null), ('pending', null), ('done', now()), ('odd', now());
    insert into payouts values ('00000000-0000-0000-0000-00000000000a', 'failed', now() - interval '1 minute')`);
  const source = await open({ table: "payouts", queue: { name: "it's payouts" } });
  const numbers = { depth: 2, processedPerSec: 1 / 300, failuresLastHour: 1 };
  expect(await source.metrics(signal)).toMatchObject([
    { name: "it's payouts", source: "s", ...numbers, deferred: null, oldestAgeSeconds: null },
  ]);
  expect(await source.failures(signal)).toMatchObject([
    { queue: "it's payouts", jobIds: ["00000000-0000-0000-0000-00000000000a"], error: "no error text", count: 1 },
  ]);
  await database.query("truncate payouts");
  expect(await source.metrics(signal)).toMatchObject([{ name: "it's payouts", depth: 0 }]);
});

it("enum statuses, several statuses in a list and unlisted ones work", async () => {
  await database.query(`
    create type job_state as enum ('pending', 'retry', 'paid', 'settled', 'rejected', 'on_hold');
    create type job_type as enum ('zeta', 'alpha');
    create table typed (id int, type job_type, status job_state, run_at timestamptz, finished_at timestamptz, message jsonb);
    insert into typed values
      (1, 'zeta', 'pending', now(), null, null), (2, 'zeta', 'retry', now(), null, null), (3, 'alpha', 'on_hold', now(), null, null),
      (4, 'alpha', 'paid', now(), now(), null), (5, 'alpha', 'settled', now(), now(), null),
      (6, 'alpha', 'rejected', now(), now(), '{"code": 7}')`);
  const source = await open({
    table: "public.typed",
    queue: { column: "type" },
    waiting: ["pending", "retry"],
    done: ["paid", "settled"],
    failed: ["rejected"],
    run_at: "run_at",
    error: "message",
  });
  expect(await source.metrics(signal)).toMatchObject([
    { name: "alpha", depth: 0, processedPerSec: 2 / 300, failuresLastHour: 1 },
    { name: "zeta", depth: 2, processedPerSec: 0 },
  ]);
  expect(await source.failures(signal)).toMatchObject([{ queue: "alpha", error: '{"code": 7}' }]);
});

it("integer statuses work, and times without a zone are UTC", async () => {
  const name = new URL(database.url).pathname.slice(1);
  await database.query(`alter database ${name} set timezone = 'America/New_York'`);
  await database.query(`
    create table numbered (id bigint, type varchar(30), status smallint, run_at timestamp, finished_at timestamp);
    insert into numbered select n, 'a', status, timezone('utc', now()) - ago * interval '1 second', timezone('utc', now()) - ago * interval '1 second'
    from (values (1, 0, 5), (2, 0, -60), (3, 1, 5), (4, 2, 5), (5, 2, 3700), (6, -1, 5)) as t (n, status, ago)`);
  const lists = { waiting: [0], done: [1], failed: [2, -1] };
  const source = await open({ table: "public.numbered", queue: { column: "type" }, ...lists, run_at: "run_at" });
  const numbers = { depth: 1, processedPerSec: 1 / 300, failuresLastHour: 2 };
  expect(await source.metrics(signal)).toMatchObject([{ name: "a", ...numbers }]);
  const age = Date.now() - Date.parse((await source.failures(signal))[0]?.lastAt ?? "");
  expect(age).toBeGreaterThan(3000);
  expect(age).toBeLessThan(10_000);
  await database.query(`alter database ${name} reset timezone`);
});

it("a failed job that waits for its time is retrying, not deferred", async () => {
  await database.query(`
    create table retried (id int, type text, status text, run_at timestamptz, finished_at timestamptz);
    insert into retried select n, 'a', status, now() + ahead * interval '1 minute', null
    from (values (1, 'pending', 5), (2, 'pending', 9), (3, 'pending', -1), (4, 'again', 5), (5, 'again', -1), (6, 'pending', null)) as t (n, status, ahead)`);
  const mapping = { table: "retried", retrying: ["again"], run_at: "run_at" };
  for (const queue of [{ column: "type" }, { name: "a" }]) {
    // At once, and part by part.
    for (const heavy of [{}, { cost: 0 }]) {
      const source = await open({ ...mapping, queue }, heavy);
      expect(await source.metrics(signal)).toMatchObject([{ name: "a", depth: 3, deferred: 2, retrying: 2 }]);
    }
    // And by an index, which the planner chooses where there are many rows, and by one scan.
    const [config] = parse({ ...mapping, queue }) as [TableSourceConfig];
    const ways = tableStatements(config).readings.flatMap(toWays);
    const read = ways.filter(({ measures }) => measures.includes("deferred"));
    expect(read).toHaveLength(2);
    for (const reading of read) {
      const { rows } = await database.query(uniteReadings([reading]));
      expect(toMeasured(rows as Row[], [reading]).measured.get("a")).toMatchObject({ depth: 3, deferred: 2 });
    }
  }
});

it("a missing run_at is due; rows without an end or queue do not count", async () => {
  await database.query(`
    create table holes (id int, type text, status text, run_at timestamptz, finished_at timestamptz);
    insert into holes values (1, 'a', 'pending', null, null), (2, 'a', 'failed', null, null), (3, 'a', 'done', null, null),
      (4, null, 'pending', now(), null), (5, null, 'failed', now(), now()), (6, null, 'done', now(), now())`);
  const source = await open({ table: "holes", queue: { column: "type" }, run_at: "run_at" });
  expect(await source.metrics(signal)).toMatchObject([
    { name: "a", source: "s", depth: 1, processedPerSec: 0, failuresLastHour: 0, deferred: 0, oldestAgeSeconds: null },
  ]);
  expect(await source.failures(signal)).toStrictEqual([]);
});

it("names that need quotes work, and hostile values are values", async () => {
  const evil = `it's \\ "x"; drop table holes; --`;
  await database.query(`
    create schema "My.Schema";
    create table "My.Schema"."Jobs ""2""" ("a""b" int, "select" text, "État" text, "Finished At" timestamptz)`);
  await database.query(`insert into "My.Schema"."Jobs ""2""" values (1, 'q', $1, null), (2, 'q', 'failed', now())`, [
    evil,
  ]);
  const source = await open({
    table: `"My.Schema"."Jobs ""2"""`,
    queue: { column: "select" },
    id: 'a"b',
    status: "État",
    waiting: [evil],
    finished_at: "Finished At",
  });
  expect(await source.metrics(signal)).toMatchObject([{ name: "q", depth: 1, failuresLastHour: 1 }]);
  expect(await source.failures(signal)).toMatchObject([{ jobIds: ["2"] }]);
});

it("errors name the column, status or type, and never the SQL", async () => {
  await database.query(`
    create type mood as enum ('done', 'failed');
    create table misfit (id int, type text, status mood, number int, run_at int, finished_at timestamptz)`);
  const column = { column: "type" };
  const cases: [object, string][] = [
    [{ table: "nowhere.jobs", queue: column }, "Table nowhere.jobs does not exist"],
    [{ table: "misfit", queue: { column: "kind" } }, 'Column "kind" does not exist in table misfit'],
    [{ table: "misfit", queue: column }, "Table misfit does not have one of the expected statuses"],
    [
      { table: "misfit", queue: column, status: "number", waiting: [1] },
      'WALLET_CORE_OPS_QUEUES_FILE, sources[0].done: column "number" of table misfit is integer, "done" is not',
    ],
    [
      { table: "misfit", queue: column, status: "type", finished_at: "type" },
      "A column of table misfit has another type than expected (SQLSTATE 42883)",
    ],
  ];
  for (const [mapping, message] of cases) {
    const source = await open(mapping);
    await expect(source.metrics(signal)).rejects.toMatchObject({ code: "schema_mismatch", message });
  }
});
