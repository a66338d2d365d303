import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { HistoryRange } from "../../src/domain/queue-history.ts";
import type { QueueSourceConfig } from "../../src/upstreams/queues/kinds.ts";
import { openQueues, readQueues } from "../support/open-queues.ts";
import { type BossVersion, startBoss } from "../support/pgboss-jobs.ts";
import { type TestDatabase, createTestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { createSchema } from "../support/preset-jobs.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

const signal = AbortSignal.timeout(60_000);
/** A whole minute; the range is the six hours before it. */
const now = Math.floor(Date.now() / 60_000) * 60;
const range: HistoryRange = { from: now - 21_600, step: 3600, steps: 6 };
const end = `${new Date(now * 1000).toISOString().slice(0, 19)}Z`;
/** A time as SQL, minutes before `now`. */
const ago = (minutes: number) => `to_timestamp(${now - minutes * 60})`;
const utc = (minutes: number) => `timezone('utc', ${ago(minutes)})`;
const river: QueueSourceConfig = { name: "river", kind: "river", schema: "river", by: "kind" };
const oban: QueueSourceConfig = { name: "oban", kind: "oban", schema: "oban" };
const boss: QueueSourceConfig = { name: "boss", kind: "pgboss", schema: "pgboss" };
const mapping = { ...runnerMapping, started_at: "started_at" };
/** A success of before the range: all rows since then are there. */
const old = `insert into runner_jobs (type, status, run_at, finished_at) values ('old', 'done', ${ago(400)}, ${ago(400)})`;
const nothing = [null, null, null, null, null, null];

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "historygaps");
  await createRiverJobs(database, "river");
  await createSchema(database, "oban", "oban");
  await database.query(`
    create table runner_jobs (id bigserial primary key, type text, status text, run_at timestamptz, started_at timestamptz,
                              finished_at timestamptz, last_error text)`);
});
afterAll(() => database.drop());

async function historyOf(config: QueueSourceConfig, ...queues: string[]) {
  const [source] = await openQueues(database.url, [config]);
  const histories = await source?.history?.(queues, range, signal);
  return queues.map((queue) => {
    const { points = [], since } = histories?.get(queue) ?? {};
    const all = <Name extends keyof (typeof points)[0]>(name: Name) => points.map((point) => point[name]);
    return {
      since,
      depth: all("depth"),
      age: all("oldestAgeSeconds"),
      wait: all("waitP95Seconds"),
      failures: all("failures"),
      all,
    };
  });
}

async function createBossQueues(version: BossVersion, ...queues: string[]): Promise<void> {
  await database.query("drop schema if exists pgboss cascade");
  const started = await startBoss(version, database.url);
  for (const queue of queues) await started.createQueue(queue);
  await started.stop();
}

const insertBoss = (queue: string, state: string, due: number, ended: number | null) =>
  database.query(`insert into pgboss.job (name, state, created_on, start_after, completed_on, policy)
                  values ('${queue}', '${state}', ${ago(400)}, ${ago(due)}, ${ended === null ? "null" : ago(ended)}, 'standard')`);

describe("jobs that ended before they were due", () => {
  const never = { depth: [0, 0, 0, 0, 0, 0], age: nothing, wait: nothing };

  it("never waited: River's that were cancelled or discarded, whose failures count", async () => {
    const errors = `array[jsonb_build_object('at', ${ago(330)}, 'attempt', 1, 'error', 'x')]`;
    await database.query(`
      insert into river.river_job (kind, state, scheduled_at, attempted_at, finalized_at, errors) values
        ('early', 'cancelled', ${ago(90)}, null, ${ago(330)}, null), ('early', 'discarded', ${ago(90)}, ${ago(331)}, ${ago(330)}, ${errors}),
        ('other', 'completed', ${ago(400)}, ${ago(400)}, ${ago(399)}, null)`);
    const [early] = await historyOf(river, "early");
    expect(early).toMatchObject({ ...never, since: null, failures: [1, 0, 0, 0, 0, 0] });
  });

  it("never waited: Oban's", async () => {
    await database.query(`
      insert into oban.oban_jobs (queue, worker, state, scheduled_at, cancelled_at, completed_at) values
        ('early', 'W', 'cancelled', ${utc(90)}, ${utc(330)}, null), ('other', 'W', 'completed', ${utc(400)}, null, ${utc(400)})`);
    expect(await historyOf(oban, "early")).toMatchObject([{ ...never, since: null }]);
  });

  it.each([10, 12] as const)("never waited: those of pg-boss %i", async (version) => {
    await createBossQueues(version, "early");
    await insertBoss("early", "cancelled", 90, 330);
    await insertBoss("early", "completed", 400, 400);
    expect(await historyOf(boss, "early")).toMatchObject([{ ...never, since: null }]);
  });

  it("never waited: those of a table, whose ends count", async () => {
    await database.query(`
      ${old};
      insert into runner_jobs (type, status, run_at, started_at, finished_at) values
        ('early', 'done', ${ago(90)}, ${ago(331)}, ${ago(330)}), ('early', 'failed', ${ago(90)}, ${ago(211)}, ${ago(210)}),
        ('early', 'running', ${ago(90)}, ${ago(100)}, null)`);
    const [early] = await historyOf(mapping, "early");
    expect(early).toMatchObject({ ...never, failures: [0, 0, 1, 0, 0, 0] });
    expect(early?.all("processedPerSec")).toEqual([1 / 3600, 0, 0, 0, 0, 0]);
  });
});

describe("rows that are gone", () => {
  it("leave nothing known where the system deletes what ended, and no success is left", async () => {
    await createBossQueues(12, "empty");
    await database.query("delete from river.river_job; delete from oban.oban_jobs");
    await database.query(`
      insert into oban.oban_jobs (queue, worker, state, scheduled_at) values ('q', 'W', 'available', ${utc(100)});
      insert into river.river_job (kind, state, scheduled_at, finalized_at) values ('q', 'discarded', ${ago(100)}, ${ago(90)})`);
    for (const config of [oban, river, boss]) {
      const [queue] = await historyOf(config, "q");
      expect(queue).toMatchObject({ since: end, depth: nothing, age: nothing, failures: nothing });
      expect(queue?.all("processedPerSec")).toEqual(nothing);
    }
  });

  it("are none in a table, whose rows stay", async () => {
    await database.query(
      `truncate runner_jobs; insert into runner_jobs (type, status, run_at) values ('q', 'pending', ${ago(90)})`,
    );
    const [queue] = await historyOf(mapping, "q");
    expect(queue).toMatchObject({ since: null, depth: [0, 0, 0, 0, 1, 1], failures: [0, 0, 0, 0, 0, 0] });
  });

  it("are known of pg-boss' queues for as long as the one with the shortest retention keeps them", async () => {
    await createBossQueues(12, "kept", "short");
    await database.query("update pgboss.queue set deletion_seconds = case name when 'short' then 7200 else 0 end");
    for (const queue of ["kept", "short"]) await insertBoss(queue, "completed", 400, 400);
    const [kept] = await historyOf(boss, "kept");
    expect(kept).toMatchObject({ since: null, depth: [0, 0, 0, 0, 0, 0] });
    for (const queue of await historyOf(boss, "kept", "short")) {
      expect(Math.abs(Date.parse(queue.since ?? "") / 1000 - (Date.now() / 1000 - 7200))).toBeLessThan(10);
      expect(queue.depth).toEqual([null, null, null, null, null, 0]);
    }
  });
});

describe("what nothing tells", () => {
  it("is no depth: jobs of pg-boss that are blocked, where the version has such", async () => {
    for (const version of [10, 12] as const) {
      await createBossQueues(version, "q");
      await insertBoss("q", "completed", 400, 400);
      for (let job = 0; job < 3; job += 1) await insertBoss("q", "created", 90, null);
      if (version === 12)
        await database.query(
          "update pgboss.job set blocked = true where state = 'created' and id in (select id from pgboss.job where state = 'created' limit 2)",
        );
      const depth = version === 12 ? 1 : 3;
      expect(await historyOf(boss, "q")).toMatchObject([{ depth: [0, 0, 0, 0, depth, depth] }]);
      const [source] = await openQueues(database.url, [boss]);
      expect(await readQueues(source)).toMatchObject({ q: { depth } });
    }
  });

  it("is not known: depth and age where jobs of a table have no time, of their queue alone", async () => {
    await database.query(`
      truncate runner_jobs;
      ${old};
      insert into runner_jobs (type, status, run_at, started_at, finished_at) values
        ('undated', 'pending', null, null, null), ('undated', 'pending', ${ago(90)}, null, null), ('undated', 'done', ${ago(100)}, ${ago(95)}, ${ago(90)}),
        ('dated', 'pending', ${ago(90)}, null, null)`);
    const [undated, dated] = await historyOf(mapping, "undated", "dated");
    expect(undated).toMatchObject({
      depth: nothing,
      age: nothing,
      failures: [0, 0, 0, 0, 0, 0],
      wait: [null, null, null, null, 300, null],
    });
    expect(undated?.all("processedPerSec")).toEqual([0, 0, 0, 0, 1 / 3600, 0]);
    expect(dated).toMatchObject({ depth: [0, 0, 0, 0, 1, 1], age: [null, null, null, null, 1800, 5400] });
  });

  it("is the age of jobs that could run since before all time", async () => {
    await database.query(`
      truncate runner_jobs;
      ${old};
      insert into runner_jobs (type, status, run_at, started_at, finished_at) values
        ('ever', 'pending', '-infinity', null, null), ('ever', 'done', '-infinity', ${ago(95)}, ${ago(90)})`);
    const [source] = await openQueues(database.url, [mapping]);
    expect(await readQueues(source)).toMatchObject({ ever: { depth: 1, oldestAgeSeconds: null } });
    expect(await historyOf(mapping, "ever")).toMatchObject([{ depth: [2, 2, 2, 2, 1, 1], age: nothing, wait: nothing }]);
  });
});
