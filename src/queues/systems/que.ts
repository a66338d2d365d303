import { bigintId } from "../jobs/control.ts";
import { type JobQuery, selectAttempts } from "../postgres/job-query.ts";
import { defineSchemaKind, type RecommendedIndex, toIndexAdvices } from "../postgres/kind.ts";
import { quoteLiteral, quoteTable } from "../postgres/names.ts";
import { inLast, readFailures, readFrom, secondsBetween } from "../postgres/sql.ts";
import type { SqlStatements } from "../postgres/statements.ts";

/**
 * Jobs of Que 1 and 2 (Ruby), schema of its migration 5 (2021) or newer. Nothing is exact:
 *
 * - By default a job that succeeds is deleted. Where `finish` left jobs of the last hour in a
 *   queue, its finished jobs are counted; a class that deletes its jobs is not. Else, while it is
 *   the only queue, all deletions from the table are sampled, also by others; else `processed` is
 *   unknown. So a rate of 0 alone does not show that nothing ends: deletions do, and the ids of the
 *   locked jobs.
 * - Failures are the jobs that expired, and those that wait for a retry, by the time of the last
 *   failure. That time is not stored: it is computed from the next attempt and Que's default
 *   interval, and is wrong with a custom interval. Earlier failures, and those of jobs that
 *   succeeded later, are not counted.
 * - Advisory locks of its lockers show which jobs run, as in its own `job_states`; a locker locks a
 *   few jobs ahead (8 by default). Its workers are threads. The worker of a failed job is not
 *   recorded.
 */
export const que = defineSchemaKind({
  kind: "que",
  tables: ["que_jobs", "que_lockers"],
  statements: queStatements,
  jobs: queJobs,
  indexes: (schema) => toIndexAdvices(queIndexes, schema, queStatements(schema)),
});

/**
 * SQL for Que's tables. Its index on (job_schema_version, queue, priority, run_at, id) serves
 * unfinished jobs. Where ended jobs remain, two indexes are missing.
 *
 * Source: Que's migrations, lib/que/job_methods.rb and lib/que/utils/introspection.rb.
 */
export function queStatements(schema: string): SqlStatements {
  const jobs = quoteTable({ schema, table: "que_jobs" });
  const lockers = liveLockers(schema);
  const locks = `(${locksOf(lockers)})`;
  const unfinished = "finished_at is null and expired_at is null";
  // Both read the locks once, also where the planner expects few jobs: for a table without
  // statistics it would read them for each job.
  const isFree = `job.id not in (select lock.id from ${locks} as lock)`;
  const isLocked = `job.id = any (array(select lock.id from ${locks} as lock))`;
  const read = readFrom(`${jobs} as job`, "queue");
  const running = `
    select job.queue, job.id::text as id, job.job_class as kind, null::timestamptz as started_at, lock.ruby_hostname as worker
    from ${jobs} as job join ${locks} as lock on lock.id = job.id where ${unfinished}`;
  const failed = failedJobs(jobs, unfinished);
  const known = `(select queue from ${jobs} where ${unfinished} group by 1 union select unnest(queues) from ${lockers} as locker)`;
  return {
    readings: [
      read(
        ["depth", "oldest_age"],
        `count(*) as depth, ${secondsBetween("min(run_at)", "now()")} as oldest_age`,
        `${unfinished} and run_at <= now() and ${isFree}`,
      ),
      read(["deferred"], "count(*) as deferred", `${unfinished} and run_at > now() and error_count = 0`),
      read(["retrying"], "count(*) as retrying", `${unfinished} and error_count > 0 and ${isFree}`),
      read(
        ["active", "running_ids"],
        "count(*) as active, sum(hashint8(job.id)) as running_ids",
        `${unfinished} and ${isLocked}`,
      ),
      read(["dead"], "count(*) as dead", "expired_at is not null"),
      readFailures(failed),
      {
        ...read(
          ["processed"],
          `count(*) filter (where ${inLast(5, "finished_at")}) as processed`,
          inLast(60, "finished_at"),
        ),
        absent: "null",
      },
      {
        measures: ["processed_total"],
        sql: `
select min(queue) as queue, pg_stat_get_tuples_deleted(${quoteLiteral(jobs)}::regclass) as processed_total
from ${known} as known having count(*) = 1`,
      },
      {
        measures: ["workers"],
        sql: `
select queue, (select coalesce(sum(worker_count), 0) from ${lockers} as locker where known.queue = any (locker.queues)) as workers
from ${known} as known`,
      },
    ],
    failures: failed,
    errorLimit,
    // The start of a job is not stored, but its lock ends with the session of its worker.
    running: { jobs: running, aliveAt: "now()" },
  };
}

/** The limit of que_jobs.last_error_message, by the constraint error_length. */
const errorLimit = 500;

export const queIndexes: readonly RecommendedIndex[] = [
  {
    table: "que_jobs",
    suffix: "finished",
    definition: "(finished_at) where finished_at is not null",
    serves: "processed in 5 minutes",
    measure: "processed",
    rows: inLast(60, "finished_at"),
  },
  {
    table: "que_jobs",
    suffix: "expired",
    definition: "(expired_at) where expired_at is not null",
    serves: "failures and errors of the last hour, dead jobs",
    measure: "failures",
    rows: inLast(60, "expired_at"),
  },
];

/** The lockers whose session lives. */
function liveLockers(schema: string): string {
  return `(select * from ${quoteTable({ schema, table: "que_lockers" })} where pid in (select pid from pg_catalog.pg_stat_activity))`;
}

/**
 * Ids of the locked jobs, with the host of their locker. A lock on a 64-bit key has its halves in
 * `classid` and `objid`, and `objsubid` 1.
 */
function locksOf(lockers: string): string {
  return `
    select (lock.classid::bigint << 32) | lock.objid::bigint as id, locker.ruby_hostname
    from pg_catalog.pg_locks as lock join ${lockers} as locker on locker.pid = lock.pid
    where lock.locktype = 'advisory' and lock.objsubid = 1 and lock.granted
      and lock.database = (select oid from pg_catalog.pg_database where datname = current_database())`;
}

/**
 * Que's default: a job that failed n times runs again n^4 + 3 seconds after the last failure. After
 * the hundredth that is years ahead.
 */
const failedAt = "run_at - (power(least(error_count, 100), 4) + 3) * interval '1 second'";

/**
 * The last failure of each job that still exists. Reads the text, which is short, untrimmed: its
 * length shows whether Que cut it.
 */
function failedJobs(jobs: string, unfinished: string): string {
  const columns = `queue, id, coalesce(last_error_message, '') as error, null::text as worker, error_count as attempts`;
  return `
    select ${columns}, expired_at as failed_at from ${jobs} where ${inLast(60, "expired_at")}
    union all
    select ${columns}, ${failedAt} from ${jobs} where ${unfinished} and error_count > 0 and ${inLast(60, failedAt)}`;
}

/**
 * The locks are read once for a statement, not once for each row. The worker of a failed job is not
 * recorded.
 */
function queJobs(schema: string): JobQuery {
  const table = { schema, table: "que_jobs" };
  const locks = `(${locksOf(liveLockers(schema))}) as lock`;
  const unfinished = "job.finished_at is null and job.expired_at is null";
  const isLocked = `job.id = any (array(select lock.id from ${locks}))`;
  const waits = `${unfinished} and not ${isLocked}`;
  const states = {
    completed: "job.finished_at is not null",
    failed: "job.expired_at is not null",
    running: `${unfinished} and ${isLocked}`,
    retrying: `${waits} and job.error_count > 0`,
    scheduled: `${waits} and job.error_count = 0 and job.run_at > now()`,
    available: `${waits} and job.error_count = 0 and job.run_at <= now()`,
  };
  const { completed, failed, running, retrying, scheduled } = states;
  const host = `((select jsonb_object_agg(lock.id, lock.ruby_hostname) from ${locks}) ->> job.id::text)`;
  return {
    table,
    from: `${quoteTable(table)} as job`,
    id: "job.id",
    idFormat: bigintId,
    queue: "job.queue",
    // The words of Que's own `job_states`, and of its columns.
    systemState: `case when ${completed} then 'finished' when ${failed} then 'expired' when ${running} then 'running' when ${retrying} then 'errored'
                       when ${scheduled} then 'scheduled' else 'ready' end`,
    states,
    columns: {
      kind: "job.job_class",
      priority: "job.priority",
      scheduled_at: "job.run_at",
      finished_at: "coalesce(job.finished_at, job.expired_at)",
      worker: host,
      host,
    },
    attempts: selectAttempts(
      {
        number: "job.error_count",
        at: `coalesce(job.expired_at, case when job.finished_at is null then ${failedAt} end)`,
        error: "job.last_error_message",
        trace: "job.last_error_backtrace",
      },
      "where job.error_count > 0",
    ),
    errorLimit,
    args: "job.args",
  };
}
