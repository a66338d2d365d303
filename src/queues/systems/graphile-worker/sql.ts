import { OpsError } from "../../../lib/errors.ts";
import type { ToHistoryRows } from "../../postgres/history.ts";
import { bigintId } from "../../jobs/control.ts";
import { type JobQuery, selectAttempts } from "../../postgres/job-query.ts";
import { quoteIdentifier, quoteLiteral, quoteTable } from "../../postgres/names.ts";
import {
  countFailures,
  fromCatalog,
  inLast,
  readErrorText,
  readFailures,
  readSuccesses,
  secondsBetween,
} from "../../postgres/sql.ts";
import type { Reading, ReadRows, SqlStatements } from "../../postgres/statements.ts";

/** What the role of DATABASE_URL can use besides the view `jobs`. */
export interface Extras {
  /** It may read `_private_tasks`. */
  readonly tasks: boolean;
  /**
   * SQL for the owner to let the role see the tasks: row-level security hides them from all but the
   * owner, BYPASSRLS and roles with a policy. Null when it sees them.
   */
  readonly remedy: string | null;
  /** `ops.job_ends` is filled for this schema (deploy/postgres/graphile-worker-ends.sql). */
  readonly ends: boolean;
}

/**
 * Detects what is there. Rejects as `Database.read` does, and with schema_mismatch where `jobs` is
 * a table: that is a version before 0.16, whose rows are hidden.
 */
export async function findExtras(source: string, schema: string, read: ReadRows): Promise<Extras> {
  const [row] = await read(extrasStatement(schema));
  if (row?.["older"] === "true") {
    throw new OpsError("schema_mismatch", `${schema}.jobs is a table: graphile-worker 0.16 or newer is needed`, {
      upstream: `queues:${source}`,
    });
  }
  const [isReadable, isShown] = [row?.["tasks"] === "true", row?.["shown"] === "true"];
  const [table, role] = [quoteTable({ schema, table: "_private_tasks" }), quoteIdentifier(row?.["role"] ?? "")];
  const missing = [
    ...(isReadable ? [] : [`grant select on ${table} to ${role};`]),
    ...(isShown ? [] : [`create policy wallet_core_ops_read on ${table} for select to ${role} using (true);`]),
  ];
  return { tasks: isReadable, remedy: missing.length === 0 ? null : missing.join(" "), ends: row?.["ends"] === "true" };
}

/**
 * SQL for graphile-worker. Reads jobs only through its view `jobs`, which has its owner's rights.
 * `_private_jobs` has row-level security without a policy, so a role with SELECT on it sees no rows
 * and gets no error. One pass over the table, which holds only unfinished jobs: graphile-worker has
 * no index for jobs that run, failed or are dead.
 */
export function graphileWorkerStatements(schema: string, extras: Extras): SqlStatements {
  const jobs = findJobs(schema);
  const failed = extras.ends
    ? `select queue, job_id as id, ${readErrorText("error")} as error, ended_at as failed_at, null::text as worker, attempts 
       from ops.job_ends where source = ${quoteLiteral(schema)} and ${inLast(60, "ended_at")} and failed`
    : `select queue, id, ${readErrorText("last_error")} as error, failed_at, null::text as worker, failed_attempts as attempts
       from ${jobs} where ${inLast(60, "failed_at")}`;
  const isOf = (condition: string) =>
    extras.ends ? `job_id in (select id from ${jobs} where ${condition})` : condition;
  return {
    readings: [
      readJobs(jobs, extras),
      ...(extras.tasks ? [readTasks(schema, extras)] : []),
      ...(extras.ends ? [readEnds(schema), readFailures(failed)] : []),
    ],
    failures: failed,
    failedJobs: { retry: `${failed} and ${isOf(isRetryable)}`, discard: `${failed} and ${isOf(isDiscardable)}` },
  };
}

/** The error passed to `permanently_fail_jobs` when an operator discards a job. */
export const discardedText = "Discarded by an operator";
const isDiscarded = `last_error is not distinct from ${quoteLiteral(discardedText)}`;
/** Whether a retry would change a row of `findJobs`. */
const isRetryable = `(is_dead or (is_waiting and failed_attempts > 0 and run_at > now())) and not ${isDiscarded}`;
/** Whether it failed and a worker would take it again. */
const isDiscardable = "is_waiting and failed_attempts > 0";

/** Reads the rows of jobs. Failures are those whose job still exists, fewer than there were. */
function readJobs(jobs: string, { ends }: Extras): Reading {
  const due = "is_waiting and run_at <= now()";
  return {
    measures: [
      "depth",
      "deferred",
      "retrying",
      "active",
      "dead",
      "oldest_age",
      ...(ends ? [] : (["failures", "failures_recent"] as const)),
    ],
    sql: `
select queue, count(*) filter (where ${due}) as depth,
       count(*) filter (where is_waiting and run_at > now() and last_error is null) as deferred,
       count(*) filter (where is_waiting and last_error is not null) as retrying,
       count(*) filter (where locked_at is not null) as active,
       count(*) filter (where is_dead) as dead,
       ${secondsBetween(`min(run_at) filter (where ${due})`, "now()")} as oldest_age,
       ${countFailures("failed_at")}
from ${jobs} group by queue`,
  };
}

/**
 * All tasks, also those without jobs. A job that succeeds is deleted, and PostgreSQL counts a
 * table's deletions. With one task these are its successes, plus jobs removed by hand. With
 * several, it is unknown whose they are.
 */
function readTasks(schema: string, { ends }: Extras): Reading {
  const tasks = quoteTable({ schema, table: "_private_tasks" });
  // Read only for their names: the number of workers is unknown.
  if (ends) return { measures: ["workers"], sql: `select identifier as queue, null as workers from ${tasks}` };
  const table = quoteLiteral(quoteTable({ schema, table: "_private_jobs" }));
  return {
    measures: ["processed_total"],
    sql: `
select identifier as queue,
       case when count(*) over () = 1 then pg_catalog.pg_stat_get_tuples_deleted(${table}::regclass) end as processed_total
from ${tasks}`,
  };
}

/** The successes in the record of every end of an attempt. */
function readEnds(schema: string): Reading {
  const where = `source = ${quoteLiteral(schema)} and not failed`;
  return readSuccesses("ops.job_ends", "queue", ["ready_at", "started_at", "ended_at"], where).processed;
}

/** The history of a task for two hours, where every end of an attempt is recorded. */
export function graphileWorkerHistory(schema: string): ToHistoryRows {
  return (isAsked, from) => {
    const ended = `ops.job_ends where source = ${quoteLiteral(schema)} and ended_at >= ${from} and ${isAsked("queue")}`;
    return {
      jobs: `
    select queue, ready_at as due, coalesce(started_at, ended_at) as taken, ended_at as ended, not failed as succeeded, false as retried
    from ${ended} and failed in (true, false)
    union all
    select task_identifier, run_at, locked_at, null, false, false from ${quoteTable({ schema, table: "jobs" })}
    where (locked_at is not null or attempts < max_attempts) and ${isAsked("task_identifier")}`,
      failures: `select queue, ended_at as failed_at from ${ended} and failed`,
      oldest: `select min(ended_at) from ops.job_ends where source = ${quoteLiteral(schema)} and not failed`,
    };
  };
}

/**
 * Computes when a job's last attempt failed. The time is not stored, but the job is put off by
 * exp(attempts) seconds from then (failJobs in src/sql). That is valid while nobody else has
 * changed the row, which `updated_at` shows (workers leave it alone). A job given up by hand failed
 * at that moment, unless our operator discarded it, which is not a failure. A job rescheduled by
 * hand failed at an unknown time: null.
 */
function findJobs(schema: string): string {
  const putOff = "run_at - exp(least(failed_attempts, 10)) * interval '1 second'";
  return `(
  select *, case when failed_attempts < 1 or (last_error is null and not is_dead) or ${isDiscarded} then null
                 when ${putOff} between updated_at and now() then ${putOff}
                 when is_dead then updated_at end as failed_at
  from (
    select task_identifier as queue, id, run_at, created_at, updated_at, locked_at, locked_by, last_error, priority, attempts, max_attempts,
           attempts - (locked_at is not null)::int as failed_attempts,
           locked_at is null and attempts < max_attempts as is_waiting,
           locked_at is null and attempts >= max_attempts as is_dead
    from ${quoteTable({ schema, table: "jobs" })}
  ) as row
) as job`;
}

/**
 * The view has no arguments: they are in `_private_jobs`, whose rows are hidden from all but the
 * owner.
 */
export function graphileWorkerJobs(schema: string): JobQuery {
  const isLater = "job.is_waiting and job.run_at > now()";
  const states = {
    running: "job.locked_at is not null",
    cancelled: `job.is_dead and ${isDiscarded}`,
    failed: `job.is_dead and not ${isDiscarded}`,
    retrying: "job.is_waiting and job.last_error is not null",
    scheduled: `${isLater} and job.last_error is null`,
    available: "job.is_waiting and job.run_at <= now() and job.last_error is null",
  };
  return {
    table: { schema, table: "jobs" },
    from: findJobs(schema),
    id: "job.id",
    idFormat: bigintId,
    queue: "job.queue",
    // As `retryJob` and `discardJob` name them.
    systemState: `case when job.locked_at is not null then 'locked' when job.is_dead then 'permanently failed'
                       when job.attempts > 0 and ${isLater} then 'waiting for its next attempt' when ${isLater} then 'scheduled' else 'waiting' end`,
    states,
    columns: {
      priority: "job.priority",
      created_at: "job.created_at",
      scheduled_at: "job.run_at",
      started_at: "job.locked_at",
      finished_at: "case when job.is_dead then job.failed_at end",
      attempt: "job.attempts",
      max_attempts: "job.max_attempts",
      worker: "job.locked_by",
    },
    attempts: selectAttempts(
      { number: "job.failed_attempts", at: "job.failed_at", error: "job.last_error" },
      `where job.failed_attempts > 0 and (job.last_error is not null or job.is_dead) and not ${isDiscarded}`,
    ),
  };
}

/** Reads pg_catalog, which locks on the jobs do not block, and which every role may read. */
function extrasStatement(schema: string): string {
  const readable = "has_schema_privilege(namespace.oid, 'usage') and has_table_privilege(class.oid, 'select')";
  const hasPolicy = `exists (
         select from pg_catalog.pg_policy as policy where policy.polrelid = class.oid and policy.polpermissive and policy.polcmd in ('r', '*')
           and (policy.polroles = '{0}' or exists (select from unnest(policy.polroles) as role where pg_has_role(role, 'usage'))))`;
  return `
select current_user::text as role, exists (select ${fromCatalog(schema, "jobs")} and class.relkind <> 'v')::text as older,
       exists (select ${fromCatalog(schema, "_private_tasks")} and ${readable})::text as tasks,
       exists (select ${fromCatalog(schema, "_private_tasks")} and (not row_security_active(class.oid) or ${hasPolicy}))::text as shown,
       (exists (select ${fromCatalog("ops", "job_ends")} and ${readable}) and 2 = (
         select count(*) from pg_catalog.pg_trigger as trigger
         where trigger.tgrelid = (select class.oid ${fromCatalog(schema, "_private_jobs")})
           and trigger.tgname in ('ops_job_done', 'ops_job_failed') and trigger.tgenabled in ('O', 'A')
       ))::text as ends`;
}
