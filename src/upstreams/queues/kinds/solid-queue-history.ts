import type { ToHistoryRows } from "../sql/history.ts";
import { quoteTable } from "../sql/names.ts";

/**
 * The planner takes each look-up by `active_job_id` for pages on disk. They are in memory, for Solid Queue itself adds to all parts of that index: 28 ms for 85,000 units,
 * the 6000 jobs of five minutes among 2 M.
 */
export const lookUpsOverrated = 6;

/**
 * A condition on a finished `job`: it is done. `retry_on` makes a new row of the same Active Job for the next attempt, and finishes the one that failed. The index on
 * `active_job_id` serves it. Source: `retry_job` of Active Job, ClaimedExecution#perform of Solid Queue.
 */
export function isDone(jobs: string): string {
  return `not exists (select from ${jobs} as later where later.active_job_id = job.active_job_id and later.id > job.id)`;
}

/**
 * The past of a queue from Solid Queue's rows, which are kept for a day by default: one for each attempt. When a job began is not kept: it waits, here, until it ended.
 * Blocked jobs do not wait, for they could not run.
 */
export function solidQueueHistory(schema: string): ToHistoryRows {
  const table = (name: string) => quoteTable({ schema, table: `solid_queue_${name}` });
  const dueAt = "coalesce(job.scheduled_at, job.created_at)";
  return (isAsked, from) => {
    const since = `timezone('utc', ${from})`;
    const own = isAsked("job.queue_name");
    const executionOf = (name: string) => `join ${table(name)} as execution on execution.job_id = job.id`;
    const failed = `from ${table("jobs")} as job ${executionOf("failed_executions")} where execution.created_at >= ${since} and ${own}`;
    return {
      jobs: `
    select job.queue_name as queue, ${dueAt} as due, job.finished_at as taken, job.finished_at as ended, ${isDone(table("jobs"))} as succeeded,
           false as retried
    from ${table("jobs")} as job where job.finished_at >= ${since} and ${own}
    union all
    select job.queue_name, ${dueAt}, execution.created_at, execution.created_at, false, false ${failed}
    union all
    select job.queue_name, ${dueAt}, execution.created_at, null, false, false
    from ${table("jobs")} as job ${executionOf("claimed_executions")} where ${own}
    union all
    select job.queue_name, ${dueAt}, null, null, false, false from ${table("jobs")} as job ${executionOf("ready_executions")} where ${own}
    union all
    select job.queue_name, ${dueAt}, null, null, false, false from ${table("jobs")} as job ${executionOf("scheduled_executions")} where ${own}`,
      failures: `select job.queue_name as queue, execution.created_at as failed_at ${failed}`,
      oldest: `select min(finished_at) from ${table("jobs")} where finished_at is not null`,
      keeps: false,
      overrated: lookUpsOverrated,
    };
  };
}
