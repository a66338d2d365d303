import type { QueueStatements } from "./sql-source.ts";
import { quoteTable } from "./sql.ts";
import { groupErrors, inLast, toErrorText } from "./windows.ts";

/**
 * SQL for River's `river_job`, served by River's own indexes on (state, queue, ...) and (state, finalized_at).
 * Source: River's migrations 2 to 6 (riverdriver/riverpgxv5/migration/main).
 */
export function riverStatements(schema: string, by: "queue" | "kind"): QueueStatements {
  const table = quoteTable({ schema, table: "river_job" });
  const attempts = failedAttempts(table, by);
  return {
    depth: `
select ${by} as queue, count(*) as n from ${table}
where state = 'available' or (state in ('scheduled', 'retryable') and scheduled_at <= now()) group by 1`,
    processed: `
select ${by} as queue, count(*) as n from ${table}
where state = 'completed' and ${inLast(5, "finalized_at")} group by 1`,
    failures: `select queue, count(*) as n from (${attempts}) as attempt group by 1`,
    errors: groupErrors(attempts),
  };
}

/**
 * Every attempt that failed in the last hour. Exact, because River keeps the errors of all attempts in the row, and a row with an
 * error of the last hour is either unfinished or was finalized after that error.
 */
function failedAttempts(table: string, by: string): string {
  return `
    select job.queue, job.id, ${toErrorText("failure->>'error'")} as error, (failure->>'at')::timestamptz as failed_at
    from (
      select ${by} as queue, id, errors from ${table}
      where state in ('available', 'scheduled', 'retryable', 'running', 'pending') and errors is not null
      union all
      select ${by} as queue, id, errors from ${table}
      where state in ('completed', 'discarded', 'cancelled') and finalized_at >= now() - interval '60 minutes' and errors is not null
    ) as job cross join lateral unnest(job.errors) as failure
    where ${inLast(60, "(failure->>'at')::timestamptz")}`;
}
