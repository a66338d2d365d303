import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { explain, toCost, toPlan } from "../../src/queues/postgres/planner.ts";
import { heavyCost } from "../../src/queues/postgres/reads.ts";
import type { RecommendedIndex } from "../../src/queues/postgres/kind.ts";
import { groupFailures, pickRunning, pickWorkers } from "../../src/queues/postgres/sql.ts";
import { type Measure, type Reading, uniteReadings } from "../../src/queues/postgres/statements.ts";
import { goodJobIndexes, goodJobStatements } from "../../src/queues/systems/good-job.ts";
import { obanIndexes, obanStatements } from "../../src/queues/systems/oban.ts";
import { pgmqFigures } from "../../src/queues/systems/pgmq.ts";
import { queIndexes, queStatements } from "../../src/queues/systems/que.ts";
import { solidQueueStatements } from "../../src/queues/systems/solid-queue.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createSchema } from "../support/preset-jobs.ts";

const rows = 100_000;
let database: TestDatabase;

// 2 % waiting, 3 % failed, the rest done over a day, 20 queues.
const ages = `from generate_series(1, ${rows}) as n, lateral (select n * 86400.0 / ${rows} as ago, 'queue_' || (n / 7) % 20 as queue,
  case when n % 50 = 0 then 'waiting' when n % 33 = 0 then 'failed' else 'done' end as state) as t`;
const at = "timezone('utc', now()) - ago * interval '1 second'";

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "preset_plans");
  for (const system of ["oban", "solid-queue", "good-job", "que", "pgmq"]) await createSchema(database, system);
});
afterAll(() => database.drop());

/**
 * The scans of a statement's plan as executed, of tables that are large or not: "Index Only Scan
 * using x".
 */
async function scans(statement: string): Promise<string[]> {
  const { rows: lines } = await database.query(`explain (analyze, format text) ${statement}`);
  const plan = lines.map((line) => String(line["QUERY PLAN"])).join("\n");
  const found = plan.matchAll(
    /(?:Seq Scan|Index Scan|Index Only Scan|Bitmap Index Scan)(?: Backward)?(?: using| on) \S+/g,
  );
  return [...new Set([...found].map(String))].toSorted();
}

async function costOf(readings: readonly Reading[]): Promise<number> {
  return toCost(toPlan((await database.query(explain(uniteReadings(readings)))).rows as { "QUERY PLAN": string }[]));
}

/** The numbers whose statements scan a large table. */
async function scanning(readings: readonly Reading[], table: string): Promise<Measure[]> {
  const found: Measure[] = [];
  for (const reading of readings) {
    if ((await scans(uniteReadings([reading]))).includes(`Seq Scan on ${table}`))
      found.push(...reading.measures.slice(0, 1));
  }
  return found;
}

/** The indexes that the system lacks, as we advise them. */
async function create(lacks: readonly RecommendedIndex[]): Promise<void> {
  for (const { table, definition } of lacks) {
    await database.query(`create index on ${table} ${definition}`);
    await database.query(`vacuum analyze ${table}`);
  }
}

describe("on 100,000 rows", () => {
  it("Oban's own indexes serve every statement", async () => {
    await database.query(`
      insert into oban_jobs (queue, worker, state, attempt, scheduled_at, attempted_at, completed_at, discarded_at, errors)
      select queue, 'W', case state when 'waiting' then 'available' when 'failed' then 'discarded' else 'completed' end::oban_job_state, 1, ${at}, ${at},
             case when state = 'done' then ${at} end, case when state = 'failed' then ${at} end,
             case when state = 'failed' then array[jsonb_build_object('at', ${at}, 'attempt', 1, 'error', 'boom')] else '{}' end ${ages}`);
    await database.query("vacuum analyze oban_jobs");
    const { readings, failures, running } = obanStatements("public");
    // Completed jobs are 95 % of the table, and are found by their state alone: with them, that is
    // no less than all.
    expect(await scanning(readings, "oban_jobs")).toEqual(["processed", "failures"]);
    for (const statement of running ? [pickRunning(running, ["web-1"]), pickWorkers(running)] : [])
      expect(await scans(statement)).not.toContain("Seq Scan on oban_jobs");
    await create(obanIndexes);
    expect(await scanning(readings, "oban_jobs")).toEqual([]);
    expect(await scans(groupFailures(failures ?? ""))).not.toContain("Seq Scan on oban_jobs");
    expect(await costOf(readings)).toBeLessThan(heavyCost / 2);
  });

  it("Solid Queue's own indexes serve every statement", async () => {
    await database.query(`
      insert into solid_queue_jobs (id, queue_name, class_name, arguments, active_job_id, created_at, updated_at, finished_at)
      select n, queue, 'J', '{"executions": 0}', md5((n - n % 2)::text), ${at}, ${at}, case when state = 'done' then ${at} end ${ages};
      insert into solid_queue_ready_executions (job_id, queue_name, created_at) select n, queue, ${at} ${ages} where state = 'waiting';
      insert into solid_queue_failed_executions (job_id, error, created_at) select n, '{"message": "boom"}', ${at} ${ages} where state = 'failed'`);
    for (const table of ["jobs", "ready_executions", "failed_executions", "claimed_executions"])
      await database.query(`vacuum analyze solid_queue_${table}`);
    const { readings, running } = solidQueueStatements("public");
    // A read of all of the failed ones is joined to all jobs; there are few where somebody looks
    // after them.
    expect(await scanning(readings, "solid_queue_jobs")).toEqual(["dead"]);
    for (const statement of running ? [pickRunning(running, ["web-1"]), pickWorkers(running)] : [])
      expect(await scans(statement)).not.toContain("Seq Scan on solid_queue_jobs");
    expect(await costOf(readings)).toBeLessThan(heavyCost / 2);
  });

  it("GoodJob's own indexes serve all but the failed attempts", async () => {
    await database.query(`
      insert into good_jobs (queue_name, created_at, updated_at, scheduled_at, performed_at, finished_at, error)
      select queue, ${at}, ${at}, ${at}, case when state <> 'waiting' then ${at} end, case when state <> 'waiting' then ${at} end,
             case when state = 'failed' then 'boom' end ${ages};
      insert into good_job_executions (active_job_id, queue_name, created_at, updated_at, finished_at, error)
      select gen_random_uuid(), queue, ${at}, ${at}, ${at}, case when state = 'failed' then 'boom' end ${ages} where state <> 'waiting'`);
    for (const table of ["good_jobs", "good_job_executions"]) await database.query(`vacuum analyze ${table}`);
    const { readings, failures, running } = goodJobStatements("public");
    expect(await scanning(readings, "good_jobs")).toEqual([]);
    expect(await scanning(readings, "good_job_executions")).toEqual(["failures"]);
    for (const statement of running ? [pickRunning(running, ["web-1"]), pickWorkers(running)] : [])
      expect(await scans(statement)).not.toContain("Seq Scan on good_jobs");
    await create(goodJobIndexes);
    expect(await scanning(readings, "good_job_executions")).toEqual([]);
    expect(await scans(groupFailures(failures ?? ""))).not.toContain("Seq Scan on good_job_executions");
    expect(await costOf(readings)).toBeLessThan(heavyCost / 2);
  });

  it("Que's index serves unfinished jobs, two more those that it keeps", async () => {
    await database.query(`
      insert into que_jobs (queue, job_class, job_schema_version, run_at, finished_at, expired_at)
      select queue, 'J', 2, now() - ago * interval '1 second', case when state = 'done' then now() - ago * interval '1 second' end,
             case when state = 'failed' then now() - ago * interval '1 second' end ${ages}`);
    await database.query("vacuum analyze que_jobs");
    const { readings, failures, running } = queStatements("public");
    expect(await scanning(readings, "que_jobs")).toEqual(["dead", "failures", "processed"]);
    for (const statement of running ? [pickRunning(running, ["web-1"]), pickWorkers(running)] : [])
      expect(await scans(statement)).not.toContain("Seq Scan on que_jobs");
    await create(queIndexes);
    expect(await scanning(readings, "que_jobs")).toEqual([]);
    expect(await scans(groupFailures(failures ?? ""))).not.toContain("Seq Scan on que_jobs");
    expect(await costOf(readings)).toBeLessThan(heavyCost / 2);
  });

  it("pgmq's own index serves the numbers of a queue", async () => {
    await database.query(`select pgmq."create"('mail')`);
    await database.query(
      `insert into pgmq.q_mail (vt, read_ct) select now() + (n % 100 - 98) * interval '1 minute', n % 2 ${ages}`,
    );
    await database.query("vacuum analyze pgmq.q_mail");
    const { rows: lines } = await database.query(
      `explain (analyze) ${pgmqFigures("pgmq.q_mail", "'pgmq.q_mail'::regclass")}`,
    );
    const plan = lines.map((line) => String(line["QUERY PLAN"])).join("\n");
    expect(plan).toContain("Index Only Scan using q_mail_vt_idx");
    expect(plan.match(/Seq Scan on q_mail/g) ?? []).toEqual([]);
  });
});
