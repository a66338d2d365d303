import type { ToHistoryRows } from "../sql/history.ts";
import { quoteTable } from "../sql/names.ts";

/** The past of a queue from GoodJob's rows, which are kept for 14 days by default; a job that was tried several times waits, here, only before the last one. */
export function goodJobHistory(schema: string): ToHistoryRows {
  const jobs = quoteTable({ schema, table: "good_jobs" });
  const executions = quoteTable({ schema, table: "good_job_executions" });
  return (isAsked, from) => {
    const since = `timezone('utc', ${from})`;
    const own = isAsked("queue_name");
    const columns =
      "queue_name as queue, coalesce(scheduled_at, created_at) as due, coalesce(performed_at, finished_at) as taken, finished_at as ended, error is null as succeeded";
    return {
      jobs: `
    select ${columns} from ${jobs} where finished_at is not null and finished_at >= ${since} and ${own}
    union all
    select queue_name, coalesce(scheduled_at, created_at), performed_at, null, false from ${jobs} where finished_at is null and ${own}`,
      failures: `select queue_name as queue, finished_at as failed_at from ${executions} where error is not null and finished_at >= ${since} and ${own}`,
      oldest: `select min(finished_at) from ${jobs} where finished_at is not null and error is null`,
      keeps: false,
    };
  };
}
