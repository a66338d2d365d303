import { toErlangHost } from "../../releases/worker.ts";
import { bigintId } from "../jobs/control.ts";
import type { ToHistoryRows } from "../postgres/history.ts";
import { type JobQuery, selectAttempts, toStates } from "../postgres/job-query.ts";
import { defineSchemaKind, type RecommendedIndex, toIndexAdvices } from "../postgres/kind.ts";
import { quoteTable } from "../postgres/names.ts";
import {
  anyOf,
  inLast,
  matches,
  readErrorText,
  readFailures,
  readFrom,
  readSuccesses,
  secondsBetween,
  utcNow,
} from "../postgres/sql.ts";
import type { SqlStatements } from "../postgres/statements.ts";

/**
 * The history of a queue from Oban's rows, as far as its pruner leaves them. A job that was tried
 * several times, or snoozed, appears to wait only before its last attempt.
 */
function obanHistory(schema: string): ToHistoryRows {
  const table = quoteTable({ schema, table: "oban_jobs" });
  return (isAsked, from, _read, withWorker) => {
    const since = `timezone('utc', ${from})`;
    const own = isAsked("queue");
    const states = ["completed", "discarded", "cancelled"] as const;
    const ended = states.map((state) => ({
      state,
      where: `state = '${state}' and ${state}_at >= ${since} and ${own}`,
    }));
    const open = `state in ('available', 'scheduled', 'retryable', 'executing') and ${own}`;
    const isRetried = "(attempt > 1 or coalesce(meta, '{}') ? 'snoozed')";
    const jobs = ended.map(
      ({ state, where }) => `
    select queue, scheduled_at as due, coalesce(case when attempted_at >= scheduled_at then attempted_at end, ${state}_at) as taken, ${state}_at as ended,
           ${state === "completed"} as succeeded, ${isRetried} as retried${withWorker("attempted_by[1]")}
    from ${table} where ${where}`,
    );
    const errors = [...ended.map(({ where }) => where), open].map(
      (where) => `select queue, errors, attempt, attempted_by from ${table} where ${where} and cardinality(errors) > 0`,
    );
    return {
      jobs: `${jobs.join("\n    union all")}
    union all
    select queue, scheduled_at, case when state = 'executing' then attempted_at end, null, false,
           ${isRetried} or (state <> 'executing' and attempted_at is not null)${withWorker("null::text")}
    from ${table} where ${open}`,
      failures: `
    select job.queue, (failure->>'at')::timestamptz as failed_at${withWorker(failedNode)}
    from (${errors.join(" union all ")}) as job cross join lateral unnest(job.errors) as failure`,
      oldest: `select min(completed_at) from ${table} where state = 'completed'`,
      toHost,
    };
  };
}

/**
 * Jobs of Oban (Elixir), schema of its migration 11 (2022) or newer. It records every attempt in
 * the row, so failures are failed attempts.
 *
 * Its pruner deletes ended jobs, by default a minute after they were due, which cuts windows short.
 * The oldest completed job shows how far back the rows reach: without one older than the window,
 * `processed` and `failures` are unknown, and the listed failures are those of the remaining rows.
 * A job that waited long before it ran is deleted sooner, which no row shows. Suspended jobs wait
 * for others: they are neither due nor deferred. Only the producers know of pauses.
 */
export const oban = defineSchemaKind({
  kind: "oban",
  tables: ["oban_jobs"],
  statements: obanStatements,
  history: obanHistory,
  historyNamesHosts: true,
  jobs: obanJobs,
  indexes: (schema) => toIndexAdvices(obanIndexes, schema, obanStatements(schema)),
});

/**
 * SQL for `oban_jobs`, served by Oban's own indexes on (state, queue, priority, scheduled_at, id)
 * and, from its migration 13, on (state, discarded_at) and (state, cancelled_at). They find
 * completed jobs by state alone: where days of them remain, an index by time helps (248 ms -> 1 ms
 * for 2 M).
 *
 * Source: Oban's migrations (lib/oban/migrations/postgres) and what its engine writes
 * (lib/oban/engines/basic.ex).
 */
export function obanStatements(schema: string): SqlStatements {
  const table = quoteTable({ schema, table: "oban_jobs" });
  const attempts = failedAttempts(table);
  const running = `
    select queue, id::text as id, worker as kind, attempted_at as started_at, attempted_by[1] as worker
    from ${table} where state = 'executing'`;
  const read = readFrom(table, "queue");
  const hasFailed = "cardinality(errors) > 0";
  // Longer than the windows, because a job is pruned by when it was due, not by when it ended.
  const window = { now: utcNow, known: hasCompleted(table, 10) };
  const times = ["scheduled_at", "attempted_at", "completed_at"] as const;
  const { processed, usualRuns } = readSuccesses(table, "queue", times, "state = 'completed'", window);
  return {
    readings: [
      read(
        ["depth", "oldest_age"],
        `count(*) as depth, ${secondsBetween("min(scheduled_at)", utcNow)} as oldest_age`,
        `(state = 'available' or (state in ('scheduled', 'retryable') and scheduled_at <= ${utcNow}))`,
      ),
      read(
        ["deferred"],
        "count(*) as deferred",
        `state = 'scheduled' and scheduled_at > ${utcNow} and not ${hasFailed}`,
      ),
      // A retry that is due becomes available, a snoozed job scheduled; both retain their errors.
      read(
        ["retrying"],
        "count(*) as retrying",
        `(state = 'retryable' or (state in ('available', 'scheduled') and ${hasFailed}))`,
      ),
      read(["active"], "count(*) as active", "state = 'executing'"),
      read(["dead"], "count(*) as dead", "state = 'discarded'"),
      { measures: ["taken_age"], sql: findTaken(table) },
      processed,
      readFailures(attempts, { known: hasCompleted(table, 70) }),
    ],
    failures: attempts,
    running: {
      jobs: running,
      isOn: (hosts) => isOnOne("worker", hosts),
      isNamed: (hosts) => `${isNamed("worker")} and not ${isOnOne("worker", hosts.map(toErlangHost))}`,
      host: toHost("worker"),
    },
    usualRuns,
  };
}

export const obanIndexes: readonly RecommendedIndex[] = [
  {
    table: "oban_jobs",
    suffix: "completed",
    definition: "(completed_at) include (queue) where state = 'completed'",
    serves: "processed in 5 minutes, failures of jobs that succeeded later",
    measure: "processed",
    rows: `state = 'completed' and ${inLast(5, "completed_at", utcNow)}`,
  },
];

/** Host names that an Erlang node may have on every machine. */
const namelessHosts = ["nohost", "localhost", "127.0.0.1", "::1"];

/**
 * A node's host ends at the first dot: where that is not among the requested hosts, it may still be
 * one of them.
 */
function isOnOne(node: string, hosts: readonly string[]): string {
  return matches(node, `(?:.+@)?${anyOf(hosts)}`);
}

function isNamed(node: string): string {
  return `(${matches(node, ".+")} and not ${matches(node, `.+@${anyOf(namelessHosts)}`)})`;
}

/**
 * A node is `name@host` where Erlang is distributed, else the host alone. Source: node_name in
 * lib/oban/config.ex.
 */
function toHost(node: string): string {
  return `case when ${isNamed(node)} then regexp_replace(${node}, '^.*@', '') end`;
}

/** Of `job`, the node on which a `failure` happened: known of the last attempt alone. */
const failedNode = "case when (failure->>'attempt')::int = job.attempt then job.attempted_by[1] end";

/**
 * The condition that a job completed `minutes` ago is still there, for the whole table. Reads only
 * the first jobs of Oban's index, by queue and due time: a search among all would scan the whole
 * table if it found none.
 */
function hasCompleted(table: string, minutes: number): string {
  return `exists (
    select from (select completed_at from ${table} where state = 'completed' order by queue, priority, scheduled_at, id limit 1000) as oldest
    where completed_at < ${utcNow} - interval '${minutes} minutes')`;
}

/**
 * How long ago a job was taken, as far as rows show it. Completed ones are read only where they do
 * not give the rate, and any of them will do: they are younger than its window.
 */
function findTaken(table: string): string {
  return `
    select queue, ${secondsBetween("max(taken)", utcNow)} as taken_age
    from (
      select queue, attempted_at as taken from ${table} where state = 'executing'
      union all
      (select queue, completed_at from ${table} where state = 'completed' and not ${hasCompleted(table, 10)}
       order by queue, priority, scheduled_at, id limit 10000)
    ) as job group by 1`;
}

/**
 * Every attempt that failed in the last hour, from the remaining rows: such a row is unfinished, or
 * ended after that failure. The node is known only for the last attempt.
 */
function failedAttempts(table: string): string {
  const columns = "queue, id, errors, attempt, attempted_by";
  const ended = ["completed", "discarded", "cancelled"].map(
    (state) => `
      select ${columns} from ${table}
      where state = '${state}' and ${state}_at >= ${utcNow} - interval '60 minutes' and cardinality(errors) > 0`,
  );
  return `
    select job.queue, job.id, ${readErrorText("failure->>'error'")} as error, (failure->>'at')::timestamptz as failed_at,
           ${toHost(failedNode)} as worker,
           (failure->>'attempt')::int as attempts
    from (
      select ${columns} from ${table}
      where state in ('available', 'scheduled', 'retryable', 'executing') and cardinality(errors) > 0
      union all${ended.join("\n      union all")}
    ) as job cross join lateral unnest(job.errors) as failure
    where ${inLast(60, "(failure->>'at')::timestamptz")}`;
}

/** A suspended job waits for others. The node is known only for the last attempt. */
function obanJobs(schema: string): JobQuery {
  const table = { schema, table: "oban_jobs" };
  const node = "job.attempted_by[1]";
  return {
    table,
    from: `${quoteTable(table)} as job`,
    id: "job.id",
    idFormat: bigintId,
    queue: "job.queue",
    systemState: "job.state::text",
    states: toStates("job.state", {
      available: ["available"],
      scheduled: ["scheduled"],
      running: ["executing"],
      retrying: ["retryable"],
      failed: ["discarded"],
      completed: ["completed"],
      cancelled: ["cancelled"],
      blocked: ["suspended"],
    }),
    columns: {
      kind: "job.worker",
      priority: "job.priority",
      created_at: "job.inserted_at",
      scheduled_at: "job.scheduled_at",
      started_at: "job.attempted_at",
      finished_at: "coalesce(job.completed_at, job.discarded_at, job.cancelled_at)",
      attempt: "job.attempt",
      max_attempts: "job.max_attempts",
      worker: node,
      host: toHost(node),
    },
    order: { failed: "job.discarded_at", completed: "job.completed_at", cancelled: "job.cancelled_at" },
    attempts: selectAttempts(
      {
        number: "(failure->>'attempt')::int",
        at: "(failure->>'at')::timestamptz",
        error: "failure->>'error'",
        worker: failedNode,
        host: toHost(failedNode),
      },
      "from unnest(job.errors) as failure",
    ),
    args: "job.args",
  };
}
