import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { groupFailures, pickRunning } from "../../src/queues/postgres/sql.ts";
import { type Measure, type SqlStatements, uniteReadings } from "../../src/queues/postgres/statements.ts";
import { riverStatements } from "../../src/queues/systems/river.ts";
import type { TableSourceConfig } from "../../src/queues/systems/table/config.ts";
import { tableStatements } from "../../src/queues/systems/table/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";

const rows = 200_000;
let database: TestDatabase;
let config: TableSourceConfig;
let table: SqlStatements;

// 2 % waiting, 3 % failed, 95 % done over a day, 20 types.
const ages = (count: number) => `
  from generate_series(1, ${count}) as n, lateral (select n * 86400.0 / ${count} as ago, 'type_' || (n / 7) % 20 as type) as t`;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "plans");
  const jobs = await createRunnerJobs(database);
  config = jobs.config as TableSourceConfig;
  table = tableStatements(config);
  await database.query(`
    insert into runner_jobs (type, status, run_at, finished_at, last_error)
    select type, case when n % 50 = 0 then 'pending' when n % 33 = 0 then 'failed' else 'done' end, now() - ago * interval '1 second',
           case when n % 50 > 0 then now() - ago * interval '1 second' end, case when n % 33 = 0 then 'boom' end ${ages(rows)}`);
  await createRiverJobs(database);
  await database.query(`
    insert into river_job (kind, state, scheduled_at, finalized_at, errors)
    select type, case when n % 50 = 0 then 'available' when n % 33 = 0 then 'discarded' else 'completed' end::river_job_state,
           now() - ago * interval '1 second', case when n % 50 > 0 then now() - ago * interval '1 second' end,
           case when n % 33 = 0 then array[jsonb_build_object('at', now() - ago * interval '1 second', 'error', 'boom')] end ${ages(rows / 2)}`);
  await database.query("vacuum analyze runner_jobs");
  await database.query("vacuum analyze river_job");
});
afterAll(() => database.drop());

/** The scans of a statement's plan as executed: "Index Only Scan runner_jobs_pending". */
async function scans(statement: string): Promise<Set<string>> {
  const { rows: lines } = await database.query(`explain (analyze, format text) ${statement}`);
  const plan = lines.map((line) => String(line["QUERY PLAN"])).join("\n");
  return new Set(
    [
      ...plan.matchAll(/(?:Seq Scan|Index Scan|Index Only Scan|Bitmap Index Scan)(?: Backward)?(?: using| on) \S+/g),
    ].map(String),
  );
}

/** The statement that reads this number. */
function reading({ readings }: SqlStatements, measure: Measure): string {
  return readings.find(({ measures }) => measures.includes(measure))?.sql ?? "";
}

describe("on large tables with the recommended indexes", () => {
  it("a table's depth is counted by loose scans of one index", async () => {
    expect(await scans(reading(table, "depth"))).toStrictEqual(new Set(["Index Only Scan using runner_jobs_pending"]));
    const { rows: depths } = await database.query(reading(table, "depth"));
    expect(depths.reduce((sum, row) => sum + Number(row["depth"]), 0)).toBe(rows / 50);
  });

  it("a table's windows are read from the indexes of ended jobs", async () => {
    expect(await scans(reading(table, "processed"))).toStrictEqual(new Set(["Index Only Scan using runner_jobs_done"]));
    expect(await scans(reading(table, "failures"))).toStrictEqual(
      new Set(["Index Only Scan using runner_jobs_failed"]),
    );
    for (const scan of await scans(groupFailures(table.failures ?? ""))) expect(scan).toContain("runner_jobs_failed");
  });

  it("a table's metrics are one statement with the same scans", async () => {
    const used = await scans(uniteReadings(table.readings));
    expect([...used].toSorted()).toStrictEqual(
      ["runner_jobs_done", "runner_jobs_failed", "runner_jobs_pending", "runner_jobs_running"].map(
        (index) => `Index Only Scan using ${index}`,
      ),
    );
  });

  it("a table's running jobs are found by the index of running jobs", async () => {
    await database.query(`
      alter table runner_jobs add column locked_by text;
      analyze runner_jobs`);
    const { running } = tableStatements({ ...config, worker: { column: "locked_by" } });
    expect([...(await scans(running ? pickRunning(running, ["web-1"]) : ""))].join()).toMatch(
      /^(Bitmap )?Index Scan (using|on) runner_jobs_running$/,
    );
  });

  it("River's own indexes serve every statement", async () => {
    const byQueue = riverStatements("public", "queue").readings.filter(({ measures }) => !measures.includes("paused"));
    const [depth] = byQueue;
    for (const scan of await scans(depth?.sql ?? "")) expect(scan).toContain("Index Only Scan");
    const { running, readings, failures } = riverStatements("public", "kind");
    const all = [
      ...byQueue.map(({ sql }) => sql),
      ...readings.map(({ sql }) => sql),
      uniteReadings(readings),
      groupFailures(failures ?? ""),
      running ? pickRunning(running, ["37.27.91.235-56703216100c"]) : "",
    ];
    for (const statement of all) {
      const used = [...(await scans(statement))];
      expect(used.length).toBeGreaterThan(0);
      expect(used.filter((scan) => scan.startsWith("Seq Scan"))).toStrictEqual([]);
    }
  });
});
