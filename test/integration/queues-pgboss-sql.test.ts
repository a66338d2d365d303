import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { toErrorText } from "../../src/queues/errors.ts";
import { groupFailures } from "../../src/queues/postgres/sql.ts";
import { type SqlStatements, uniteReadings } from "../../src/queues/postgres/statements.ts";
import type { QueueMetrics } from "../../src/queues/queue.ts";
import { pgbossStatements, preparePgboss } from "../../src/queues/systems/pgboss/sql.ts";
import type { JobTable } from "../support/job-backend.ts";
import { openQueues, readQueues } from "../support/open-queues.ts";
import { createBossJobs } from "../support/pgboss-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

let database: TestDatabase;
let jobs: JobTable;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "boss_sql");
  jobs = await createBossJobs(database, 12);
});
afterAll(() => database.drop());
beforeEach(async () => {
  await jobs.clear?.();
  await createQueue("mail");
});

const createQueue = (name: string, options = {}) =>
  database.query("select pgboss.create_queue($1, $2)", [name, JSON.stringify({ policy: "standard", ...options })]);

const minutes = (n: number) => `now() - interval '${n} minutes'`;

async function insert(values: Readonly<Record<string, string>>): Promise<void> {
  const columns = { name: "'mail'", ...values };
  await database.query(
    `insert into pgboss.job (${Object.keys(columns).join(", ")}) values (${Object.values(columns).join(", ")})`,
  );
}

async function read(name = "mail"): Promise<QueueMetrics | undefined> {
  const [source] = await openQueues(database.url, [{ name: "boss", kind: "pgboss", schema: "pgboss" }]);
  return (await readQueues(source))[name];
}

describe("the time of the last failed attempt of a retried job", () => {
  const output = `'{"message": "boom"}'`;

  it("is its next time minus the delay", async () => {
    const retry = { state: "'retry'", output, retry_delay: "7200" };
    await insert({ ...retry, started_on: minutes(70), start_after: `${minutes(59)} + interval '2 hours'` });
    await insert({ ...retry, started_on: minutes(62), start_after: `${minutes(61)} + interval '2 hours'` });
    expect(await read()).toMatchObject({ retrying: 2, depth: 0, failuresLastHour: 1 });
  });

  it("is not before the attempt began, whatever jitter the delay had", async () => {
    const retry = { state: "'retry'", output, retry_delay: "1000", retry_backoff: "true", retry_count: "2" };
    // 4,000 to 8,000 seconds later: this one failed at least 20 minutes ago, that one at least 62.
    await insert({ ...retry, started_on: minutes(50), start_after: `${minutes(20)} + interval '4000 seconds'` });
    await insert({ ...retry, started_on: minutes(90), start_after: `${minutes(62)} + interval '4000 seconds'` });
    await insert({
      ...retry,
      started_on: minutes(10),
      retry_delay_max: "60",
      start_after: `${minutes(5)} + interval '60 seconds'`,
    });
    expect(await read()).toMatchObject({ retrying: 3, failuresLastHour: 2 });
  });

  it("is unchanged when an operator retries a long dead job", async () => {
    await insert({ state: "'retry'", output, started_on: minutes(3000), start_after: "now()", expire_seconds: "900" });
    expect(await read()).toMatchObject({ retrying: 1, depth: 1, failuresLastHour: 0 });
  });

  it("is unknown for a resumed job or a copy in a dead-letter queue", async () => {
    await insert({ state: "'active'", retry_count: "1", created_on: minutes(10), started_on: minutes(1) });
    await insert({ state: "'created'", output, created_on: minutes(10) });
    expect(await read()).toMatchObject({ active: 1, depth: 1, failuresLastHour: 0 });
  });
});

it("a blocked job is neither due nor deferred", async () => {
  await insert({ state: "'created'", blocked: "true" });
  await insert({ state: "'created'", blocked: "true", start_after: minutes(-10) });
  await insert({ state: "'created'", start_after: minutes(-10) });
  expect(await read()).toMatchObject({ depth: 0, deferred: 1, oldestAgeSeconds: null });
});

it("rates are unknown for a queue that deletes jobs within the window", async () => {
  await createQueue("short", { deleteAfterSeconds: 299 });
  await createQueue("middle", { deleteAfterSeconds: 3599 });
  await createQueue("never", { deleteAfterSeconds: 0 });
  expect(await read("short")).toMatchObject({ processedPerSec: null, failuresLastHour: null, dead: 0 });
  expect(await read("middle")).toMatchObject({ processedPerSec: 0, failuresLastHour: null });
  expect(await read("never")).toMatchObject({ processedPerSec: 0, failuresLastHour: 0 });
});

it("fail() may be given an error, an object, a text or nothing", async () => {
  const outputs = [
    `'{"message": "a", "stack": "x"}'`,
    `'{"value": {"message": "b"}}'`,
    `'{"value": "c"}'`,
    `'{"code": 7}'`,
    "'{}'",
    "null",
  ];
  for (const output of outputs) await insert({ state: "'failed'", completed_on: "now()", started_on: "now()", output });
  const { failures } = await prepare();
  const { rows } = await database.query(groupFailures(failures ?? ""));
  expect(rows.map((row) => `${toErrorText(String(row["error"]))} ${String(row["n"])}`).toSorted()).toStrictEqual([
    "a 1",
    "b 1",
    "c 1",
    "no error text 2",
    '{"code": 7} 1',
  ]);
});

const prepare = () => preparePgboss("pgboss", async (statement) => (await database.query(statement)).rows as never);

describe("with 100,000 jobs", () => {
  beforeEach(async () => {
    await createQueue("own", { partition: true });
    for (const n of [0, 1, 2, 3]) await createQueue(`queue${n}`);
    await database.query(`
      insert into pgboss.job (name, state, blocked, retry_count, retry_delay, retry_backoff, created_on, start_after, started_on, completed_on, output)
      select case when n % 5 = 4 then 'own' else 'queue' || n % 5 end, state, state = 'created' and n % 300 = 0, n % 3, 60, n % 2 = 0, at,
             case when state < 'active' then now() + (n % 7 - 5) * interval '1 minute' else at end,
             case when state <> 'created' then at + n % 5 * interval '1 second' end, case when state > 'active' then at + interval '9 seconds' end,
             case when state in ('failed', 'retry', 'active') then jsonb_build_object('message', 'error ' || n % 4) end
      from (
        select n, now() - n * interval '6 seconds' as at, case when n % 50 = 0 then 'created' when n % 33 = 0 then 'failed' when n % 1000 = 1 then 'active'
               when n % 500 = 2 then 'retry' else 'completed' end::pgboss.job_state as state
        from generate_series(0, 99999) as n) as t`);
    await database.query("analyze");
  });

  const answer = async ({ readings, failures }: SqlStatements) => {
    // One moment for both: now() stands still in a transaction.
    const { rows } = await database.query(uniteReadings(readings));
    const { rows: groups } = await database.query(groupFailures(failures ?? ""));
    const byName = (a: string, b: string) => (a > b ? 1 : -1);
    return [rows, groups].map((list) => list.map((row) => JSON.stringify(row)).toSorted(byName));
  };

  it("are the same with and without 12.38's indexes, and before `blocked`", async () => {
    await database.query("begin");
    try {
      const indexed = await answer(pgbossStatements("pgboss", { indexed: true, archived: false }));
      const scanned = await answer(pgbossStatements("pgboss", { indexed: false, archived: false }));
      expect(indexed[0]?.length).toBe(6 * 13);
      expect(indexed[1]?.length).toBeGreaterThan(10);
      expect(scanned).toStrictEqual(indexed);
      await database.query("delete from pgboss.job where blocked");
      const unblocked = await answer(await prepare());
      expect(unblocked).toStrictEqual(indexed);
      await database.query(`
        alter table pgboss.job drop column blocked cascade, drop column retry_delay_max, drop column expire_seconds;
        alter table pgboss.job add column expire_in interval not null default '15 minutes';
        alter table pgboss.queue drop column deletion_seconds`);
      const older = await prepare();
      expect(older.readings).toHaveLength(1);
      expect(await answer(older)).toStrictEqual(indexed);
    } finally {
      await database.query("rollback");
    }
  });

  it("are served by the indexes of pg-boss 12.38 alone", async () => {
    const { readings, failures } = await prepare();
    for (const statement of [...readings.map(({ sql }) => sql), uniteReadings(readings), failures ?? ""]) {
      const { rows } = await database.query(`explain (analyze, costs off) ${statement}`);
      const scans = rows
        .map((row) => String(row["QUERY PLAN"]))
        .filter((line) => /Scan.* on job_common|Scan using job_common|Scan on j[0-9a-f]{56}/.test(line));
      expect(scans.length).toBeGreaterThan(0);
      expect(scans.filter((line) => line.includes("Seq Scan"))).toStrictEqual([]);
    }
  });
});
