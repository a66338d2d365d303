import { bigintId } from "../jobs/control.ts";
import type { ToHistoryRows } from "../postgres/history.ts";
import { type JobQuery, selectAttempts } from "../postgres/job-query.ts";
import { defineSchemaKind } from "../postgres/kind.ts";
import { quoteLiteral, quoteTable } from "../postgres/names.ts";
import { countFailures, inLast, readErrorText, readFrom, secondsBetween, utcNow } from "../postgres/sql.ts";
import type { Reading, SqlStatements } from "../postgres/statements.ts";

/**
 * The planner assumes that each look-up by `active_job_id` reads pages from disk. They are in
 * memory, because Solid Queue itself adds to all parts of that index: 28 ms for 85,000 units, the
 * 6000 jobs of five minutes among 2 M.
 */
const lookUpCorrection = 6;

/**
 * The condition that a finished `job` is done. `retry_on` finishes the failed job and makes a new
 * row of the same Active Job for the next attempt. The index on `active_job_id` serves it. Source:
 * `retry_job` of Active Job, ClaimedExecution#perform of Solid Queue.
 */
function isDone(jobs: string): string {
  return `not exists (select from ${jobs} as later where later.active_job_id = job.active_job_id and later.id > job.id)`;
}

/**
 * The history of a queue from Solid Queue's rows, one for each attempt, which it retains for a day
 * by default. The start of an ended job is not stored: it appears to wait until it ended. Blocked
 * jobs do not wait, because they could not run.
 */
function solidQueueHistory(schema: string): ToHistoryRows {
  const table = (name: string) => quoteTable({ schema, table: `solid_queue_${name}` });
  const dueAt = "coalesce(job.scheduled_at, job.created_at)";
  return (isAsked, from) => {
    const since = `timezone('utc', ${from})`;
    const own = isAsked("job.queue_name");
    const executionOf = (name: string) => `join ${table(name)} as execution on execution.job_id = job.id`;
    const failed = `from ${table("jobs")} as job ${executionOf("failed_executions")} where execution.created_at >= ${since} and ${own}`;
    const open = (name: string, taken: string) => `
    select job.queue_name, ${dueAt}, ${taken}, null, false, false from ${table("jobs")} as job ${executionOf(name)} where ${own}`;
    return {
      jobs: [
        `
    select job.queue_name as queue, ${dueAt} as due, job.finished_at as taken, job.finished_at as ended, ${isDone(table("jobs"))} as succeeded,
           false as retried
    from ${table("jobs")} as job where job.finished_at >= ${since} and ${own}`,
        `
    select job.queue_name, ${dueAt}, execution.created_at, execution.created_at, false, false ${failed}`,
        open("claimed_executions", "execution.created_at"),
        open("ready_executions", "null"),
        open("scheduled_executions", "null"),
      ].join("\n    union all"),
      failures: `select job.queue_name as queue, execution.created_at as failed_at ${failed}`,
      oldest: `select min(finished_at) from ${table("jobs")} where finished_at is not null`,
      hidesStarts: true,
      costCorrection: lookUpCorrection,
    };
  };
}

/**
 * Jobs of Solid Queue (Rails), schema of its version 1.0 (2024) or newer.
 *
 * - Blocked jobs wait for a concurrency limit: they are neither due nor deferred.
 * - `retry_on` makes a new job, and the failed one counts as finished. Such an attempt is not a
 *   success; its error is not stored, so it is not a failure either. Failures are unhandled errors,
 *   `retrying` is unknown, and retries that wait for their time are among the deferred.
 * - With `preserve_finished_jobs = false` finished jobs are deleted: without any, `processed` is
 *   unknown. Old ones from before that setting hide this.
 * - The start of an ended job is not stored: `wait` and `run` are unknown, and usual run times come
 *   from jobs seen running.
 */
export const solidQueue = defineSchemaKind({
  kind: "solid-queue",
  tables: [
    "solid_queue_jobs",
    "solid_queue_ready_executions",
    "solid_queue_scheduled_executions",
    "solid_queue_claimed_executions",
    "solid_queue_failed_executions",
    "solid_queue_pauses",
    "solid_queue_processes",
  ],
  statements: solidQueueStatements,
  history: solidQueueHistory,
  jobs: solidQueueJobs,
});

/**
 * SQL for Solid Queue's tables. Source: its db/queue_schema.rb. Its indexes serve all but the
 * failed executions, which it does not index by time. These stay until somebody discards them, and
 * are all read.
 */
export function solidQueueStatements(schema: string): SqlStatements {
  const table = (name: string) => quoteTable({ schema, table: `solid_queue_${name}` });
  const jobs = table("jobs");
  const [ready, scheduled] = [table("ready_executions"), table("scheduled_executions")];
  const [claimed, failed] = [table("claimed_executions"), table("failed_executions")];
  const processes = table("processes");
  const count = (measures: Reading["measures"], columns: string, executions: string, condition = "true"): Reading => ({
    measures,
    sql: `
select job.queue_name as queue, ${columns} from ${executions} as execution join ${jobs} as job on job.id = execution.job_id
where ${condition} group by 1`,
  });
  const running = `
    select job.queue_name as queue, job.id::text as id, job.class_name as kind, execution.created_at as started_at, process.hostname as worker
    from ${claimed} as execution join ${jobs} as job on job.id = execution.job_id
    left join ${processes} as process on process.id = execution.process_id`;
  const failedLately = inLast(60, "execution.created_at", utcNow);
  const keepsFinished = `(select max(finished_at) from ${jobs}) is not null`;
  const failures = `
    select job.queue_name as queue, job.id, ${readErrorText(toMessage(asJson("execution.error")))} as error, execution.created_at as failed_at,
           null::text as worker, (${asJson("job.arguments")}->>'executions')::int + 1 as attempts
    from ${failed} as execution join ${jobs} as job on job.id = execution.job_id where ${failedLately}`;
  return {
    readings: [
      {
        measures: ["depth", "oldest_age"],
        sql: `
select queue_name as queue, sum(n) as depth, ${secondsBetween("min(since)", utcNow)} as oldest_age
from (
  select queue_name, count(*) as n, min(created_at) as since from ${ready} group by 1
  union all
  select queue_name, count(*), min(scheduled_at) from ${scheduled} where scheduled_at <= ${utcNow} group by 1
) as due group by 1`,
      },
      readFrom(scheduled, "queue_name")(["deferred"], "count(*) as deferred", `scheduled_at > ${utcNow}`),
      count(
        ["active", "oldest_run", "taken_age"],
        `count(*) as active, ${secondsBetween("min(execution.created_at)", utcNow)} as oldest_run,
         ${secondsBetween("max(execution.created_at)", utcNow)} as taken_age`,
        claimed,
      ),
      count(["dead"], "count(*) as dead", failed),
      count(["failures", "failures_recent"], countFailures("execution.created_at", utcNow), failed, failedLately),
      {
        measures: ["processed"],
        sql: `
select job.queue_name as queue, count(*) as processed from ${jobs} as job where ${inLast(5, "job.finished_at", utcNow)} and ${isDone(jobs)} group by 1`,
        absent: `case when ${keepsFinished} then 0 end`,
        costCorrection: lookUpCorrection,
      },
      readQueues(jobs, table("pauses"), processes),
    ],
    failures,
    running: { jobs: running },
  };
}

/** JSON stored as text. It may hold an escaped zero character, which jsonb refuses. */
function asJson(column: string): string {
  const [zero, replacement] = [String.raw`\u0000`, String.raw`\ufffd`].map(quoteLiteral);
  return `replace(${column}, ${zero}, ${replacement})::jsonb`;
}

function toMessage(error: string): string {
  return `concat_ws(': ', ${error}->>'exception_class', ${error}->>'message')`;
}

/**
 * Whether each queue that has a job is paused, and how many processes take jobs from it. Finds the
 * queues by jumping from one to the next in the index on (queue_name, finished_at). A process lists
 * its queues as `a,b*,*`. It counts if it sent a heartbeat in the last 5 minutes; after that Solid
 * Queue itself takes it for dead (process_alive_threshold).
 */
function readQueues(jobs: string, pauses: string, processes: string): Reading {
  const takes = `pattern in (queue.name, '*') or (pattern like '%*' and starts_with(queue.name, left(pattern, -1)))`;
  return {
    measures: ["paused", "workers"],
    sql: `
with recursive seen (name) as (
  (select queue_name from ${jobs} order by 1 limit 1)
  union all
  select (select queue_name from ${jobs} where queue_name > seen.name order by 1 limit 1) from seen where seen.name is not null
), worker as materialized (
  select regexp_split_to_array(trim(metadata::jsonb->>'queues'), ' *, *') as patterns from ${processes}
  where kind = 'Worker' and last_heartbeat_at > ${utcNow} - interval '5 minutes'
)
select queue.name as queue, exists (select from ${pauses} where queue_name = queue.name)::int as paused,
       case when not exists (select from worker where patterns is null)
         then (select count(*) from worker where exists (select from unnest(patterns) as pattern where ${takes})) end as workers
from (select name from seen where name is not null union select queue_name from ${pauses}) as queue`,
  };
}

/**
 * A job that has no execution waits for a concurrency limit. Each row is one attempt: `retry_on`
 * makes a new one, and finishes the one that failed.
 */
function solidQueueJobs(schema: string): JobQuery {
  const name = { schema, table: "solid_queue_jobs" };
  const table = (of: string) => quoteTable({ schema, table: `solid_queue_${of}` });
  const from = (of: string) => `from ${table(`${of}_executions`)} as execution where execution.job_id = job.id`;
  const has = (of: string) => `exists (select ${from(of)})`;
  const states = {
    completed: "job.finished_at is not null",
    failed: has("failed"),
    running: has("claimed"),
    scheduled: has("scheduled"),
    available: has("ready"),
    blocked: `job.finished_at is null and not ${["failed", "claimed", "scheduled", "ready"].map(has).join(" and not ")}`,
  };
  const { completed, failed, running, scheduled, available } = states;
  const host = `(select process.hostname from ${table("claimed_executions")} as execution join ${table("processes")} as process on process.id = execution.process_id
                 where execution.job_id = job.id)`;
  const error = asJson("execution.error");
  const lines = `jsonb_array_elements_text(case when jsonb_typeof(${error}->'backtrace') = 'array' then ${error}->'backtrace' else '[]' end)`;
  return {
    table: name,
    from: `${quoteTable(name)} as job`,
    id: "job.id",
    idFormat: bigintId,
    queue: "job.queue_name",
    systemState: `case when ${completed} then 'finished' when ${failed} then 'failed' when ${running} then 'claimed' when ${scheduled} then 'scheduled'
                       when ${available} then 'ready' else 'blocked' end`,
    states,
    columns: {
      kind: "job.class_name",
      priority: "job.priority",
      created_at: "job.created_at",
      scheduled_at: "coalesce(job.scheduled_at, job.created_at)",
      started_at: `(select execution.created_at ${from("claimed")})`,
      finished_at: `coalesce(job.finished_at, (select execution.created_at ${from("failed")}))`,
      worker: host,
      host,
    },
    order: { completed: "job.finished_at" },
    attempts: selectAttempts(
      {
        number: `(${asJson("job.arguments")}->>'executions')::int + 1`,
        at: "execution.created_at",
        error: toMessage(error),
        trace: String.raw`(select string_agg(line, E'\n') from ${lines} as line)`,
      },
      from("failed"),
    ),
    args: "job.arguments",
  };
}
