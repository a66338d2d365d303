import { toRiverHost } from "../../../releases/worker.ts";
import { quoteLiteral, quoteTable } from "../../postgres/names.ts";
import type { Reading } from "../../postgres/readings.ts";
import {
  anyOf,
  countFailures,
  groupFailures,
  groupRuns,
  inLast,
  matches,
  newestRuns,
  pickRunning,
  pickWorkers,
  quantiles,
  readErrorText,
  secondsBetween,
} from "../../postgres/sql.ts";
import type { SqlStatements } from "../../postgres/statements.ts";

/**
 * SQL for River's `river_job`, served by River's own indexes on (state, queue, ...) and (state, finalized_at).
 * Source: River's migrations 2 to 6 (riverdriver/riverpgxv5/migration/main).
 */
export function riverStatements(schema: string, by: "queue" | "kind"): SqlStatements {
  const table = quoteTable({ schema, table: "river_job" });
  const attempts = failedAttempts(table, by);
  const read = (measures: Reading["measures"], columns: string, condition: string): Reading => ({
    measures,
    sql: `select ${by} as queue, ${columns} from ${table} where ${condition} group by 1`,
  });
  const running = `
    select ${by} as queue, id::text as id, kind, attempted_at as started_at, attempted_by[array_upper(attempted_by, 1)] as worker
    from ${table} where state = 'running'`;
  const wait = quantiles("wait", secondsBetween("scheduled_at", "attempted_at"));
  const run = quantiles("run", secondsBetween("attempted_at", "finalized_at"));
  return {
    readings: [
      ...readWaiting(table, by),
      read(["active"], "count(*) as active", "state = 'running'"),
      read(["dead"], "count(*) as dead", "state = 'discarded'"),
      read(
        ["processed", "wait_p50", "wait_p95", "run_p50", "run_p95"],
        `count(*) as processed, ${wait}, ${run}`,
        `state = 'completed' and ${inLast(5, "finalized_at")}`,
      ),
      {
        measures: ["failures", "failures_recent"],
        sql: `select queue, ${countFailures("failed_at")} from (${attempts}) as attempt group by 1`,
      },
      ...(by === "queue" ? [readPaused(schema)] : []),
    ],
    failures: groupFailures(attempts),
    failed: failedAttempts(table, by, true),
    running: (hosts) =>
      pickRunning({
        jobs: running,
        condition: matches("worker", `(?:${anyOf(hosts)}|${anyOf(hosts.map(toRiverHost))}${clientTime})`),
        isNamed: isNamed("worker"),
      }),
    usualRuns: groupRuns(`
  select ${by} as queue, ${secondsBetween("attempted_at", "finalized_at")} as run
  from ${table} where state = 'completed' and finalized_at is not null order by finalized_at desc limit ${newestRuns}`),
    workers: pickWorkers({ jobs: running, host: `case when ${isNamed("worker")} then ${toHost("worker")} end` }),
  };
}

/**
 * The waiting jobs. An available job may have a future time, where a retry or a snooze is shorter than the scheduler's interval. It retains its errors, and so
 * does a retryable job that became due. By queue, River's index alone gives the depth. By kind, the depth needs the same rows as the others, so they are read
 * once. Source: reportError and reportResult in River's internal/jobexecutor.
 */
function readWaiting(table: string, by: "queue" | "kind"): readonly Reading[] {
  const [due, hasFailed] = ["scheduled_at <= now()", "(state = 'retryable' or errors is not null)"];
  const rest = `count(*) filter (where not ${due} and not ${hasFailed}) as deferred, count(*) filter (where ${hasFailed}) as retrying`;
  const waiting = `from ${table} where state in ('available', 'scheduled', 'retryable')`;
  if (by === "kind") {
    const sql = `select kind as queue, ${countDue(` filter (where ${due})`)}, ${rest} ${waiting} group by 1`;
    return [{ measures: ["depth", "oldest_age", "deferred", "retrying"], sql }];
  }
  return [
    { measures: ["depth", "oldest_age"], sql: `select queue, ${countDue("")} ${waiting} and ${due} group by 1` },
    { measures: ["deferred", "retrying"], sql: `select queue, ${rest} ${waiting} group by 1` },
  ];
}

/** `filter` selects the rows that are due. */
function countDue(filter: string): string {
  return `count(*)${filter} as depth, ${secondsBetween(`min(scheduled_at)${filter}`, "now()")} as oldest_age`;
}

/** A queue of River can be paused; a kind cannot. */
function readPaused(schema: string): Reading {
  const table = quoteTable({ schema, table: "river_queue" });
  return { measures: ["paused"], sql: `select name as queue, (paused_at is not null)::int as paused from ${table}` };
}

/** River's default client id is the host followed by this: the time when the client was created. */
const clientTime = String.raw`_\d{4}_\d\d_\d\dT\d\d_\d\d_\d\d(?:_\d+)?`;

/** A client with a configured id may have the name of its host: one that Kamal makes (`<host>-<12 hex>`), or Docker from a container's id. */
const containerHost = "(?:.+-)?[0-9a-f]{12}";

function isNamed(worker: string): string {
  return matches(worker, `(?:.+${clientTime}|${containerHost})`);
}

/** The host in a client's id, as River writes it; any other id unchanged. */
function toHost(worker: string): string {
  return `regexp_replace(${worker}, ${quoteLiteral(`${clientTime}$`)}, '')`;
}

/**
 * Every attempt that failed in the last hour. Exact, because River stores the errors of all attempts in the row, and a row with an error of the last hour is
 * either unfinished or was finalized after that error. The worker of attempt n is the n-th that took the job, of the last hundred. `retried`: only jobs that a
 * retry would change.
 */
function failedAttempts(table: string, by: string, retried = false): string {
  const [unfinished, finalized] = retried
    ? ["'retryable'", "'discarded'"]
    : ["'available', 'scheduled', 'retryable', 'running', 'pending'", "'completed', 'discarded', 'cancelled'"];
  return `
    select job.queue, job.id, ${readErrorText("failure->>'error'")} as error, (failure->>'at')::timestamptz as failed_at,
           ${toHost("job.attempted_by[(failure->>'attempt')::int - job.attempt + cardinality(job.attempted_by)]")} as worker,
           (failure->>'attempt')::int as attempts
    from (
      select ${by} as queue, id, errors, attempt, attempted_by from ${table}
      where state in (${unfinished}) and errors is not null
      union all
      select ${by} as queue, id, errors, attempt, attempted_by from ${table}
      where state in (${finalized}) and finalized_at >= now() - interval '60 minutes' and errors is not null
    ) as job cross join lateral unnest(job.errors) as failure
    where ${inLast(60, "(failure->>'at')::timestamptz")}`;
}
