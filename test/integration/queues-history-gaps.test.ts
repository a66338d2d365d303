import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { HistoryRange } from "../../src/lib/range.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { openQueues, readQueues } from "../support/open-queues.ts";
import { type BossVersion, startBoss } from "../support/pgboss-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
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
    const { points = [], since, exact, sampled } = histories?.get(queue) ?? {};
    const all = <Name extends keyof (typeof points)[0]>(name: Name) => points.map((point) => point[name]);
    return {
      since,
      exact,
      sampled,
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

  it("never waited: River's cancelled or discarded jobs, failures counted", async () => {
    const errors = `array[jsonb_build_object('at', ${ago(330)}, 'attempt', 1, 'error', 'x')]`;
    await database.query(`
      insert into river.river_job (kind, state, scheduled_at, attempted_at, finalized_at, errors) values
        ('early', 'cancelled', ${ago(90)}, null, ${ago(330)}, null), ('early', 'discarded', ${ago(90)}, ${ago(331)}, ${ago(330)}, ${errors}),
        ('other', 'completed', ${ago(400)}, ${ago(400)}, ${ago(399)}, null)`);
    const [early] = await historyOf(river, "early");
    expect(early).toMatchObject({ ...never, since: null, failures: [1, 0, 0, 0, 0, 0] });
  });

  it("did not wait for a worker: River's job that was given up later", async () => {
    const errors = `array[jsonb_build_object('at', ${ago(340)}, 'attempt', 1, 'error', 'x')]`;
    await database.query(`
      insert into river.river_job (kind, state, scheduled_at, attempted_at, finalized_at, errors) values
        ('given up', 'cancelled', ${ago(330)}, ${ago(341)}, ${ago(90)}, ${errors}),
        ('other', 'completed', ${ago(400)}, ${ago(400)}, ${ago(399)}, null)`);
    const [job] = await historyOf(river, "given up");
    expect(job?.wait).toEqual(nothing);
    expect(Math.max(...(job?.depth ?? []).map(Number))).toBe(1);
  });

  it("never waited: Oban's", async () => {
    await database.query(`
      insert into oban.oban_jobs (queue, worker, state, scheduled_at, cancelled_at, completed_at) values
        ('early', 'W', 'cancelled', ${utc(90)}, ${utc(330)}, null), ('other', 'W', 'completed', ${utc(400)}, null, ${utc(400)})`);
    expect(await historyOf(oban, "early")).toMatchObject([{ ...never, since: null }]);
  });

  it.each([10, 11, 12] as const)("never waited: those of pg-boss %i", async (version) => {
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

describe("deleted rows", () => {
  it("make the past unknown where the system deletes and has no success", async () => {
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

  it("do not occur in a table", async () => {
    await database.query(
      `truncate runner_jobs; insert into runner_jobs (type, status, run_at) values ('q', 'pending', ${ago(90)})`,
    );
    const [queue] = await historyOf(mapping, "q");
    expect(queue).toMatchObject({ since: null, depth: [0, 0, 0, 0, 1, 1], failures: [0, 0, 0, 0, 0, 0] });
  });

  it("limit pg-boss' past to the shortest retention of its queues", async () => {
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

describe("unrecorded states", () => {
  it("are not depth: blocked jobs of pg-boss", async () => {
    for (const version of [10, 11, 12] as const) {
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

  it("are unknown: depth and age of a table's jobs without a time", async () => {
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

  it("have the age of jobs that could run since -infinity", async () => {
    await database.query(`
      truncate runner_jobs;
      ${old};
      insert into runner_jobs (type, status, run_at, started_at, finished_at) values
        ('ever', 'pending', '-infinity', null, null), ('ever', 'done', '-infinity', ${ago(95)}, ${ago(90)})`);
    const [source] = await openQueues(database.url, [mapping]);
    expect(await readQueues(source)).toMatchObject({ ever: { depth: 1, oldestAgeSeconds: null } });
    expect(await historyOf(mapping, "ever")).toMatchObject([
      { depth: [2, 2, 2, 2, 1, 1], age: nothing, wait: nothing },
    ]);
  });
});

/**
 * Each time two jobs: "once" ran at once; "again" failed after a wait of 200 minutes, and
 * succeeded, or waits, later: its row has the times of its last attempt.
 */
describe("jobs that were tried more than once", () => {
  const told = (queues: Awaited<ReturnType<typeof historyOf>>) => queues.map(({ exact, sampled }) => [exact, sampled]);
  const waited = { exact: false, sampled: false, depth: [0, 0, 0, 0, 0, 0] };

  it("make River's history inexact, of their queue alone", async () => {
    await database.query(`
      delete from river.river_job;
      insert into river.river_job (kind, state, scheduled_at, attempted_at, finalized_at, attempt, errors, metadata) values
        ('old', 'completed', ${ago(400)}, ${ago(400)}, ${ago(399)}, 1, null, '{}'),
        ('once', 'completed', ${ago(90)}, ${ago(90)}, ${ago(89)}, 1, null, '{}'),
        ('again', 'completed', ${ago(90)}, ${ago(90)}, ${ago(89)}, 2, array[jsonb_build_object('at', ${ago(100)}, 'attempt', 1, 'error', 'x')], '{}'),
        ('snoozed', 'completed', ${ago(90)}, ${ago(90)}, ${ago(89)}, 1, null, '{"snoozes": 1}'),
        ('waits', 'retryable', ${ago(-90)}, ${ago(90)}, null, 1, array[jsonb_build_object('at', ${ago(90)}, 'attempt', 1, 'error', 'x')], '{}'),
        ('runs', 'running', ${ago(90)}, ${ago(90)}, null, 1, null, '{}')`);
    const queues = await historyOf(river, "once", "again", "snoozed", "waits", "runs");
    expect(told(queues)).toEqual([
      [true, false],
      [false, false],
      [false, false],
      [false, false],
      [true, false],
    ]);
    expect(queues[1]).toMatchObject({ ...waited, failures: [0, 0, 0, 0, 1, 0] });
  });

  it("make Oban's history inexact", async () => {
    await database.query(`
      delete from oban.oban_jobs;
      insert into oban.oban_jobs (queue, worker, state, scheduled_at, attempted_at, completed_at, attempt, meta) values
        ('old', 'W', 'completed', ${utc(400)}, ${utc(400)}, ${utc(399)}, 1, '{}'), ('once', 'W', 'completed', ${utc(90)}, ${utc(90)}, ${utc(89)}, 1, null),
        ('again', 'W', 'completed', ${utc(90)}, ${utc(90)}, ${utc(89)}, 2, '{}'), ('snoozed', 'W', 'completed', ${utc(90)}, ${utc(90)}, ${utc(89)}, 1, '{"snoozed": 2}'),
        ('waits', 'W', 'available', ${utc(-90)}, ${utc(90)}, null, 1, '{}'), ('runs', 'W', 'executing', ${utc(90)}, ${utc(90)}, null, 1, '{}')`);
    const queues = await historyOf(oban, "once", "again", "snoozed", "waits", "runs");
    expect(told(queues)).toEqual([
      [true, false],
      [false, false],
      [false, false],
      [false, false],
      [true, false],
    ]);
  });

  it.each([10, 11, 12] as const)("make the history of pg-boss %i inexact", async (version) => {
    await createBossQueues(version, "once", "again", "waits");
    for (const queue of ["once", "again"]) await insertBoss(queue, "completed", 90, 80);
    await insertBoss("waits", "retry", -90, null);
    await database.query("update pgboss.job set retry_count = 1 where name = 'again'");
    expect(told(await historyOf(boss, "once", "again", "waits"))).toEqual([
      [true, false],
      [false, false],
      [false, false],
    ]);
  });

  it("make a table's history inexact, by attempts or a remaining error", async () => {
    await database.query(`
      truncate runner_jobs;
      alter table runner_jobs add attempts int;
      ${old};
      insert into runner_jobs (type, status, run_at, started_at, finished_at, last_error, attempts) values
        ('once', 'done', ${ago(90)}, ${ago(90)}, ${ago(89)}, '', 1), ('failed', 'failed', ${ago(90)}, ${ago(90)}, ${ago(89)}, 'x', 1),
        ('again', 'done', ${ago(90)}, ${ago(90)}, ${ago(89)}, null, 2), ('left', 'done', ${ago(90)}, ${ago(90)}, ${ago(89)}, 'x', null),
        ('waits', 'pending', ${ago(90)}, null, null, null, 1)`);
    const queues = ["once", "failed", "again", "left", "waits"] as const;
    const counted = await historyOf({ ...mapping, attempts: "attempts" }, ...queues);
    expect(told(counted)).toEqual([
      [true, false],
      [true, false],
      [false, false],
      [false, false],
      [false, false],
    ]);
    expect(told(await historyOf(mapping, ...queues))).toEqual([
      [true, false],
      [true, false],
      [true, false],
      [false, false],
      [true, false],
    ]);
  });

  it("leave GoodJob's exact, whose executions have the times of attempts", async () => {
    await createSchema(database, "good-job", "good");
    const id = "00000000-0000-0000-0000-00000000000";
    await database.query(`
      insert into good.good_jobs (active_job_id, queue_name, created_at, updated_at, scheduled_at, performed_at, finished_at, error, executions_count) values
        ('${id}1', 'old', ${utc(400)}, ${utc(0)}, ${utc(400)}, ${utc(400)}, ${utc(399)}, null, 1),
        ('${id}2', 'again', ${utc(300)}, ${utc(0)}, ${utc(90)}, ${utc(80)}, ${utc(79)}, null, 2),
        ('${id}3', 'again', ${utc(300)}, ${utc(0)}, ${utc(30)}, null, null, 'x', 1);
      insert into good.good_job_executions (active_job_id, queue_name, created_at, updated_at, scheduled_at, finished_at, error) values
        ('${id}1', 'old', ${utc(400)}, ${utc(0)}, ${utc(400)}, ${utc(399)}, null),
        ('${id}2', 'again', ${utc(200)}, ${utc(0)}, ${utc(300)}, ${utc(199)}, 'x'), ('${id}2', 'again', ${utc(80)}, ${utc(0)}, ${utc(90)}, ${utc(79)}, null),
        ('${id}3', 'again', ${utc(150)}, ${utc(0)}, ${utc(300)}, ${utc(149)}, 'x')`);
    const [again] = await historyOf({ name: "good", kind: "good-job", schema: "good" }, "again");
    expect(again).toMatchObject({
      exact: true,
      depth: [2, 2, 1, 0, 0, 1],
      age: [0, 3600, 7200, null, null, 1800],
      failures: [0, 0, 1, 1, 0, 0],
      wait: [null, null, 6000, 9000, 600, null],
    });
  });
});

describe("a table without the time from which a job could run", () => {
  it("has rate and failures from its rows, and depth from samples", async () => {
    await database.query(`
      truncate runner_jobs;
      ${old};
      insert into runner_jobs (type, status, started_at, finished_at) values
        ('q', 'done', ${ago(91)}, ${ago(90)}), ('q', 'done', ${ago(31)}, ${ago(30)}), ('q', 'failed', ${ago(31)}, ${ago(29)}), ('q', 'pending', null, null)`);
    const { run_at: _, ...bare } = mapping;
    const [queue] = await historyOf(bare, "q");
    expect(queue).toMatchObject({ sampled: false, depth: nothing, failures: [0, 0, 0, 0, 0, 1] });
    expect(queue?.all("processedPerSec")).toEqual([0, 0, 0, 0, 1 / 3600, 1 / 3600]);
    expect(queue?.all("runP95Seconds")).toEqual([null, null, null, null, 60, 60]);

    const [source] = await openQueues(database.url, [bare]);
    await source?.metrics(signal);
    const seen = await source?.history?.(
      ["q"],
      { from: Math.floor(Date.now() / 1000) - 59, step: 30, steps: 2 },
      signal,
    );
    expect(seen?.get("q")).toMatchObject({ exact: false, sampled: false, points: [{ depth: null }, { depth: 1 }] });
  });
});
