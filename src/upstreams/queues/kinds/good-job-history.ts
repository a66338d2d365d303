import type { ToHistoryRows } from "../sql/history.ts";
import { quoteTable } from "../sql/names.ts";

/**
 * The past of a queue from GoodJob's rows, which are kept for 14 days by default. A job has the times of its last attempt, its executions those of all: they have
 * when each could run (`scheduled_at`) and was taken (`created_at`). Source: `perform` in app/models/good_job/job.rb.
 */
export function goodJobHistory(schema: string): ToHistoryRows {
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
      keeps: false,
    };
  };
}
