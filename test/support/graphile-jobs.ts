import { readFileSync } from "node:fs";
import { Logger, type Runner, type TaskList, makeWorkerUtils, run } from "graphile-worker";
import { Pool } from "pg";
import type { JobTable } from "./job-backend.ts";
import type { TestDatabase } from "./postgres-database.ts";

const logger = new Logger(() => () => {});

/** Installs graphile-worker as it does it itself. */
export async function installGraphileWorker(connectionString: string): Promise<void> {
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  await utils.release();
}

/**
 * A worker that takes jobs as soon as there are some, several at once; not those that are on hold.
 */
export async function runGraphileWorker(
  connectionString: string,
  taskList: TaskList,
  concurrency = 4,
): Promise<Runner> {
  const pgPool = new Pool({ connectionString });
  pgPool.on("error", () => {}); // Tests terminate sessions.
  pgPool.on("connect", (client) => client.on("error", () => {}));
  const options = { pgPool, taskList, logger, concurrency, pollInterval: 100, noHandleSignals: true };
  const runner = await run({ ...options, forbiddenFlags: ["hold"] });
  const stop = async () => {
    await runner.stop();
    await pgPool.end();
  };
  return { ...runner, stop };
}

/**
 * Adds a job whose payload has this name. `options` are further arguments of add_job, as `,
 * max_attempts := 1`.
 */
export async function addJob(database: TestDatabase, task: string, job: string, options = ""): Promise<void> {
  await database.query(`select graphile_worker.add_job($1, json_build_object('job', $2::text)${options})`, [task, job]);
}

/** Nobody takes what waits from now on. */
export async function hold(database: TestDatabase): Promise<void> {
  await database.query(`update graphile_worker._private_jobs set flags = '{"hold": true}' where locked_at is null`);
}

/** What owners may install to know each end of an attempt. */
export function readEndsScript(): string {
  return readFileSync(new URL("../../deploy/postgres/graphile-worker-ends.sql", import.meta.url), "utf8");
}

/** The real schema, filled by SQL. */
export async function createGraphileJobs(database: TestDatabase): Promise<JobTable> {
  await installGraphileWorker(database.url);
  return {
    table: "graphile_worker.jobs",
    rows: "graphile_worker._private_jobs",
    config: { name: "graphile", kind: "graphile-worker", schema: "graphile_worker", names: ["configured"] },
    // Successes are deleted. What failed for good stays, and tells when.
    abilities: { processed: false, done: false, args: false },
    insert: async (jobs) => {
      for (const { id = null, queue, state, dueAgo = 1, endedAgo = 1, error = null } of jobs) {
        if (state === "done") continue;
        await database.query(
          "insert into graphile_worker._private_tasks (identifier) values ($1) on conflict do nothing",
          [queue],
        );
        await database.query(
          `insert into graphile_worker._private_jobs (id, task_id, run_at, attempts, max_attempts, locked_at, locked_by, last_error, created_at, updated_at)
           overriding system value
           select coalesce($1, nextval('graphile_worker.jobs_id_seq1')), task.id, run_at, attempts, 12, case when $4 = 'running' then now() end,
                  case when $4 = 'running' then 'worker-1' end, $5, added, added
           from (select now() - $3 * interval '1 second' + case when $4 = 'failed' then exp(10) else 0 end * interval '1 second' as run_at,
                        now() - ($3 + 2) * interval '1 second' as added,
                        case $4 when 'failed' then 12 when 'running' then 1 else 0 end as attempts) as t
           join graphile_worker._private_tasks as task on task.identifier = $2`,
          [id, queue, state === "failed" ? endedAgo : dueAgo, state, error],
        );
      }
    },
    clear: async () =>
      void (await database.query(
        "delete from graphile_worker._private_jobs; delete from graphile_worker._private_tasks",
      )),
  };
}
