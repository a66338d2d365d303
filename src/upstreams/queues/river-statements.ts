import { anyOf, matches, pickRunning } from "./running.ts";
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
    running: (hosts) =>
      pickRunning({
        jobs: `
    select ${by} as queue, id::text as id, kind, attempted_at as started_at, attempted_by[array_upper(attempted_by, 1)] as worker
    from ${table} where state = 'running'`,
        isAsked: matches("worker", `(?:${anyOf(hosts)}|${anyOf(hosts.map(toClientHost))}${clientTime})`),
        isNamed: matches("worker", `.+${clientTime}`),
      }),
  };
}

/** What River puts behind the host in the id of a client, unless it was given one: when the client was made. */
const clientTime = String.raw`_\d{4}_\d\d_\d\dT\d\d_\d\d_\d\d(?:_\d+)?`;

/** The host in the id of a client, as River writes it. Source: defaultClientIDWithHost in River's client.go. */
function toClientHost(host: string): string {
  return host.replaceAll(".", "_").slice(0, 60);
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
