import type { JobRef } from "../../jobs/control.ts";
import type { ControlStatements } from "../../jobs/sql-control.ts";
import { quoteIdentifier, quoteLiteral, quoteTable } from "../../postgres/names.ts";
import { discardedText } from "./sql.ts";

const discarded = quoteLiteral(discardedText);

/**
 * Uses the documented functions of graphile-worker 0.16 and newer, `reschedule_jobs` and `permanently_fail_jobs`, after locking the job. Retries jobs that failed,
 * for good (they get one more attempt) or waiting for their next attempt. Conditions do not use `now()`: a caller that waited for another's lock began before it,
 * so the job that the other has just retried would still seem to wait. Source: its sql/000016.sql.
 */
export function graphileControl(schema: string): ControlStatements {
  const [jobs, tasks] = [quoteTable({ schema, table: "_private_jobs" }), quoteTable({ schema, table: "_private_tasks" })];
  const state = `
    case when job.locked_at is not null then 'locked'
         when job.attempts >= job.max_attempts then 'permanently failed'
         when job.attempts > 0 and job.run_at > clock_timestamp() then 'waiting for its next attempt'
         when job.run_at > clock_timestamp() then 'scheduled'
         else 'waiting' end`;
  const hidden = `row_security_active(${quoteLiteral(jobs)})`;
  const from = `from ${jobs} as job join ${tasks} as task on task.id = job.task_id`;
  const call = (job: JobRef, condition: string, changed: string) => `
with target as materialized (
  select job.id, job.attempts, job.max_attempts, task.identifier ${from}
  where ${isJob(job)} and job.locked_at is null and ${condition} for update of job
)
select target.identifier as queue, ${state.trim()} as state
from target cross join lateral ${quoteIdentifier(schema)}.${changed} as job`;
  return {
    change: (action, job, onlyFailed) =>
      action === "retry"
        ? call(
            job,
            `(job.attempts >= job.max_attempts or (job.attempts > 0 and job.run_at > clock_timestamp()))${onlyFailed ? ` and job.last_error is distinct from ${discarded}` : ""}`,
            "reschedule_jobs(array[target.id]::bigint[], run_at => now(), max_attempts => greatest(target.max_attempts, target.attempts + 1)::int)",
          )
        : call(job, "job.attempts < job.max_attempts", `permanently_fail_jobs(array[target.id]::bigint[], ${discarded})`),
    // A role under row-level security sees no job. That must not look like a missing job, so the division fails for it.
    look: (job) => `
select task.identifier as queue, ${state.trim()} as state ${from} where ${isJob(job)}
union all
select null, (1 / case when ${hidden} then 0 else 1 end)::text where ${hidden}`,
  };
}

function isJob({ jobId, queue }: JobRef): string {
  return `job.id = ${quoteLiteral(jobId)}::bigint${queue === null ? "" : ` and task.identifier = ${quoteLiteral(queue)}`}`;
}
