import type { ToHistoryRows } from "../../postgres/history.ts";
import { quoteTable } from "../../postgres/names.ts";

/**
 * The history of a queue from River's rows. Each has the time of its last attempt, and the errors of all. So a job that was tried several times, or snoozed,
 * appears to wait only before its last attempt. By default River retains successes for 24 hours, failures for 7 days.
 */
export function riverHistory(schema: string, by: "queue" | "kind"): ToHistoryRows {
  const table = quoteTable({ schema, table: "river_job" });
  return (isAsked, from) => {
    const own = isAsked(by);
    const attempted = "case when attempted_at >= scheduled_at then attempted_at end";
    const ended = `state in ('completed', 'discarded', 'cancelled') and finalized_at >= ${from} and ${own}`;
    const open = `state in ('available', 'scheduled', 'retryable', 'running', 'pending') and ${own}`;
    const isRetried = `(attempt > 1 or metadata ? 'snoozes' or (state <> 'running' and finalized_at is null and attempted_at is not null))`;
    return {
      jobs: `
    select ${by} as queue, scheduled_at as due, coalesce(${attempted}, finalized_at) as taken, finalized_at as ended, state = 'completed' as succeeded,
           ${isRetried} as retried
    from ${table} where ${ended}
    union all
    select ${by}, scheduled_at, case when state = 'running' then attempted_at end, null, false, ${isRetried}
    from ${table} where state in ('available', 'scheduled', 'retryable', 'running') and ${own}`,
      failures: `
    select job.queue, (failure->>'at')::timestamptz as failed_at
    from (
      select ${by} as queue, errors from ${table} where ${open} and errors is not null
      union all
      select ${by} as queue, errors from ${table} where ${ended} and errors is not null
    ) as job cross join lateral unnest(job.errors) as failure`,
      oldest: `select min(finalized_at) from ${table} where state = 'completed' and finalized_at is not null`,
      keeps: false,
    };
  };
}
