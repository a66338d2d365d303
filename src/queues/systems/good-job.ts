import { uuidId } from "../jobs/control.ts";
import type { ToHistoryRows } from "../postgres/history.ts";
import { type JobQuery, selectAttempts } from "../postgres/job-query.ts";
import { defineSchemaKind, type RecommendedIndex, toIndexAdvices } from "../postgres/kind.ts";
import { quoteTable } from "../postgres/names.ts";
import {
  inLast,
  readErrorText,
  readFailures,
  readFrom,
  readSuccesses,
  secondsBetween,
  utcNow,
} from "../postgres/sql.ts";
import type { Reading, SqlStatements } from "../postgres/statements.ts";

/**
 * The history of a queue from GoodJob's rows, which it retains for 14 days by default. A job has
 * the times of its last attempt. Its executions have those of all attempts: when each could run
 * (`scheduled_at`) and was taken (`created_at`). Source: `perform` in app/models/good_job/job.rb.
 */
function goodJobHistory(schema: string): ToHistoryRows {
  const jobs = quoteTable({ schema, table: "good_jobs" });
  const executions = quoteTable({ schema, table: "good_job_executions" });
  return (isAsked, from) => {
    const since = `timezone('utc', ${from})`;
    const own = isAsked("job.queue_name");
    const ended = `job.finished_at is not null and job.finished_at >= ${since} and ${own}`;
    const open = `job.finished_at is null and ${own}`;
    const due = "coalesce(job.scheduled_at, job.created_at)";
    const earlier = (condition: string) => `
    select job.queue_name, coalesce(execution.scheduled_at, job.created_at), execution.created_at, execution.finished_at, false, false
    from ${jobs} as job join ${executions} as execution on execution.active_job_id = job.active_job_id
    where ${condition} and job.executions_count > (job.performed_at is not null)::int
      and (job.performed_at is null or execution.created_at < job.performed_at)`;
    return {
      jobs: `
    select job.queue_name as queue, ${due} as due, coalesce(job.performed_at, job.finished_at) as taken, job.finished_at as ended,
           job.error is null as succeeded, false as retried
    from ${jobs} as job where ${ended}
    union all
    select job.queue_name, ${due}, job.performed_at, null, false, false from ${jobs} as job where ${open}
    union all${earlier(ended)}
    union all${earlier(open)}`,
      failures: `
    select execution.queue_name as queue, execution.finished_at as failed_at from ${executions} as execution
    where execution.error is not null and execution.finished_at >= ${since} and ${isAsked("execution.queue_name")}`,
      oldest: `select min(finished_at) from ${jobs} where finished_at is not null and error is null`,
    };
  };
}

/**
 * Jobs of GoodJob 4 (Rails). It records every attempt, so failures are failed attempts, also of
 * jobs that succeeded later. A job that somebody discarded is not a failure.
 *
 * Its processes report whether they retain ended jobs (`preserve_job_records`, true by default):
 * while one does not, `processed` and `failures` are unknown. Without a process, the remaining rows
 * of successful jobs show it. A job whose process was killed counts as active until another takes
 * it, as in GoodJob's own dashboard. Queues are paused by name, which GoodJob obeys where
 * `enable_pauses` is set; pauses of job classes and labels are not read.
 */
export const goodJob = defineSchemaKind({
  kind: "good-job",
  tables: ["good_jobs", "good_job_executions", "good_job_processes", "good_job_settings"],
  statements: goodJobStatements,
  history: goodJobHistory,
  jobs: goodJobJobs,
  indexes: (schema) => toIndexAdvices(goodJobIndexes, schema, goodJobStatements(schema)),
});

/**
 * SQL for GoodJob's tables. Its indexes serve the jobs. It has none on executions by end, so a
 * large history needs one (169 ms -> 0.4 ms for 2 M).
 *
 * Source: GoodJob's migrations (create_good_jobs) and the scopes and `perform` of
 * app/models/good_job/job.rb.
 */
export function goodJobStatements(schema: string): SqlStatements {
  const [jobs, executions, processes] = ["good_jobs", "good_job_executions", "good_job_processes"].map((table) =>
    quoteTable({ schema, table }),
  ) as [string, string, string];
  const dueAt = "coalesce(scheduled_at, created_at)";
  const waits = "finished_at is null and performed_at is null";
  const isRunning = "finished_at is null and performed_at is not null";
  const read = readFrom(jobs, "queue_name");
  const keeps = `coalesce(
    (select bool_and(state->>'preserve_job_records' = 'true') from ${processes}),
    exists (
      select from (select error from ${jobs} where finished_at is not null order by finished_at desc limit 1000) as newest where error is null))`;
  const running = `
    select job.queue_name as queue, job.id::text as id, job.job_class as kind, job.performed_at as started_at, process.state->>'hostname' as worker
    from ${jobs} as job left join ${processes} as process on process.id = job.locked_by_id where ${isRunning}`;
  const hasFailed = `execution.error is not null and ${inLast(60, "execution.finished_at", utcNow)}`;
  const attempts = `
    select execution.queue_name as queue, execution.active_job_id as id, ${readErrorText("execution.error")} as error,
           execution.finished_at as failed_at, process.state->>'hostname' as worker,
           (execution.serialized_params->>'executions')::int + 1 as attempts
    from ${executions} as execution left join ${processes} as process on process.id = execution.process_id
    where ${hasFailed} and execution.queue_name is not null`;
  const times = [dueAt, "performed_at", "finished_at"] as const;
  const { processed, usualRuns } = readSuccesses(jobs, "queue_name", times, "error is null", {
    now: utcNow,
    known: keeps,
  });
  return {
    readings: [
      read(
        ["depth", "oldest_age"],
        `count(*) as depth, ${secondsBetween(`min(${dueAt})`, utcNow)} as oldest_age`,
        `${waits} and ${dueAt} <= ${utcNow}`,
      ),
      read(["deferred"], "count(*) as deferred", `${waits} and ${dueAt} > ${utcNow} and error is null`),
      read(["retrying"], "count(*) as retrying", `${waits} and error is not null`),
      read(["active"], "count(*) as active", isRunning),
      read(["dead"], "count(*) as dead", "finished_at is not null and error is not null"),
      processed,
      readFailures(attempts, { now: utcNow, known: keeps }),
      readQueues(jobs, processes, quoteTable({ schema, table: "good_job_settings" })),
    ],
    failures: attempts,
    running: { jobs: running },
    usualRuns,
  };
}

export const goodJobIndexes: readonly RecommendedIndex[] = [
  {
    table: "good_job_executions",
    suffix: "failures",
    definition: "(finished_at) include (queue_name) where error is not null",
    serves: "failures and errors of the last hour",
    measure: "failures",
    rows: `error is not null and ${inLast(60, "finished_at", utcNow)}`,
  },
];

/**
 * Schedulers that are read, at most. Without a limit the planner, which has no statistics of JSON,
 * expects a hundred for each process, and an expensive search.
 */
const mostSchedulers = 500;

/**
 * Whether each queue with jobs, now or in the last hour, is paused, and how many processes take
 * jobs from it. A process lists the queues of each of its schedulers as `a,b`, `+a,b` (in this
 * order), `-a,b` (all others) or `*`. It counts if it was updated in the last 5 minutes
 * (EXPIRED_INTERVAL). Source: queue_parser in app/models/good_job/job.rb, `stats` in
 * lib/good_job/scheduler.rb.
 */
function readQueues(jobs: string, processes: string, settings: string): Reading {
  const takes = "'*' = any (names) or (names is not null and (queue = any (names)) <> inverse)";
  const schedulers = `jsonb_array_elements(case when jsonb_typeof(state->'schedulers') = 'array' then state->'schedulers' else '[null]' end)`;
  return {
    measures: ["paused", "workers"],
    sql: `
with paused as materialized (
  select jsonb_array_elements_text(value->'queues') as queue from ${settings} where key = 'pauses' and jsonb_typeof(value->'queues') = 'array'
), scheduler as materialized (
  select id, queues like '-%' as inverse, regexp_split_to_array(regexp_replace(queues, '^[+-]', ''), ' *, *') as names
  from (
    select process.id, trim(element->>'queues') as queues from ${processes} as process cross join lateral ${schedulers} as element
    where updated_at > ${utcNow} - interval '5 minutes' limit ${mostSchedulers}
  ) as live
)
select known.queue, (known.queue in (select queue from paused))::int as paused,
       case when not exists (select from scheduler where names is null) then (select count(distinct id) from scheduler where ${takes}) end as workers
from (
  select queue_name as queue from ${jobs} where finished_at is null group by 1
  union
  select queue_name from ${jobs} where finished_at is not null and ${inLast(60, "finished_at", utcNow)} group by 1
  union
  select queue from paused
) as known`,
  };
}

/**
 * The states are those of GoodJob's dashboard, with its words. The worker of an ended job is that
 * of its last failed attempt alone.
 */
function goodJobJobs(schema: string): JobQuery {
  const table = { schema, table: "good_jobs" };
  const [executions, processes] = ["good_job_executions", "good_job_processes"].map((name) =>
    quoteTable({ schema, table: name }),
  );
  const dueAt = "coalesce(job.scheduled_at, job.created_at)";
  const waits = "job.finished_at is null and job.performed_at is null";
  const states = {
    completed: "job.finished_at is not null and job.error is null",
    failed: "job.finished_at is not null and job.error is not null",
    running: "job.finished_at is null and job.performed_at is not null",
    retrying: `${waits} and job.error is not null`,
    scheduled: `${waits} and job.error is null and ${dueAt} > ${utcNow}`,
    available: `${waits} and job.error is null and ${dueAt} <= ${utcNow}`,
  };
  const host = `(select process.state->>'hostname' from ${processes} as process where process.id = job.locked_by_id)`;
  const failedHost = `(select process.state->>'hostname' from ${processes} as process where process.id = execution.process_id)`;
  const { completed, failed, running, retrying, scheduled } = states;
  return {
    table,
    from: `${quoteTable(table)} as job`,
    id: "job.id",
    idFormat: uuidId,
    queue: "job.queue_name",
    where: "job.queue_name is not null",
    systemState: `case when ${completed} then 'succeeded' when ${failed} then 'discarded' when ${running} then 'running' when ${retrying} then 'retried'
                       when ${scheduled} then 'scheduled' else 'queued' end`,
    states,
    columns: {
      kind: "job.job_class",
      priority: "job.priority",
      created_at: "job.created_at",
      scheduled_at: dueAt,
      started_at: "job.performed_at",
      finished_at: "job.finished_at",
      attempt: "job.executions_count",
      worker: host,
      host,
    },
    order: { completed: "job.finished_at", failed: "job.finished_at", any: "job.created_at" },
    attempts: selectAttempts(
      {
        number: "(execution.serialized_params->>'executions')::int + 1",
        at: "execution.finished_at",
        started_at: "execution.created_at",
        error: "execution.error",
        trace: String.raw`array_to_string(execution.error_backtrace, E'\n')`,
        worker: failedHost,
        host: failedHost,
      },
      `from ${executions} as execution where execution.active_job_id = job.active_job_id and execution.error is not null`,
    ),
    args: "job.serialized_params",
  };
}
