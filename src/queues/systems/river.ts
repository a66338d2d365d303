import * as z from "zod";
import { toRiverHost } from "../../releases/worker.ts";
import { bigintId, type JobAction, type JobRef, type JobStatements } from "../jobs/control.ts";
import type { ToHistoryRows } from "../postgres/history.ts";
import { type JobQuery, selectAttempts, toStates } from "../postgres/job-query.ts";
import { toSchemaConfig } from "../postgres/kind.ts";
import { quoteLiteral, quoteTable } from "../postgres/names.ts";
import { createSqlSource } from "../postgres/source.ts";
import {
  anyOf,
  inLast,
  matches,
  readErrorText,
  readFailures,
  readFrom,
  readSuccesses,
  secondsBetween,
} from "../postgres/sql.ts";
import type { Reading, SqlStatements } from "../postgres/statements.ts";
import { defineKind } from "../system.ts";

/** River (riverqueue.com), schema of its migration 4 (2024) or newer. */
const riverConfig = toSchemaConfig("river").extend({
  /** What counts as a queue here: River's queue, or the kind of the job. */
  by: z.enum(["queue", "kind"]),
});

/**
 * Jobs of River. It records every attempt, so failures are failed attempts, also of jobs that
 * succeeded later.
 */
export const river = defineKind<typeof riverConfig>({
  kind: "river",
  config: riverConfig,
  detected: {
    tables: ["river_job"],
    toConfig: ({ name, schema }) => ({ name, kind: "river", schema, by: "kind" }),
  },
  create: (config, context) =>
    createSqlSource(config, context, {
      tables: [{ schema: config.schema, table: "river_job" }],
      statements: riverStatements(config.schema, config.by),
      history: riverHistory(config.schema, config.by),
      historyNamesHosts: true,
      jobs: riverJobs(config.schema, config.by),
    }),
  control: ({ schema, by }) => riverControl(schema, by),
});

/**
 * SQL for River's `river_job`, served by River's own indexes on (state, queue, ...) and (state,
 * finalized_at). Source: River's migrations 2 to 6 (riverdriver/riverpgxv5/migration/main).
 */
export function riverStatements(schema: string, by: "queue" | "kind"): SqlStatements {
  const table = quoteTable({ schema, table: "river_job" });
  const attempts = failedAttempts(table, by);
  const read = readFrom(table, by);
  const paused = `select name as queue, (paused_at is not null)::int as paused from ${quoteTable({ schema, table: "river_queue" })}`;
  const running = `
    select ${by} as queue, id::text as id, kind, attempted_at as started_at, ${lastWorker("attempted_by")} as worker
    from ${table} where state = 'running'`;
  const times = ["scheduled_at", "attempted_at", "finalized_at"] as const;
  const { processed, usualRuns } = readSuccesses(table, by, times, "state = 'completed'");
  return {
    readings: [
      ...readWaiting(table, by),
      read(["active"], "count(*) as active", "state = 'running'"),
      read(["dead"], "count(*) as dead", "state = 'discarded'"),
      processed,
      readFailures(attempts),
      // A queue of River can be paused; a kind cannot.
      ...(by === "queue" ? [{ measures: ["paused"] as const, sql: paused }] : []),
    ],
    failures: attempts,
    failedJobs: { retry: failedAttempts(table, by, "retry"), discard: failedAttempts(table, by, "discard") },
    running: {
      jobs: running,
      isOn: (hosts) => matches("worker", `(?:${anyOf(hosts)}|${anyOf(hosts.map(toRiverHost))}${clientTime})`),
      isNamed: () => isNamed("worker"),
      host: `case when ${isNamed("worker")} then ${toHost("worker")} end`,
    },
    usualRuns,
  };
}

/**
 * The waiting jobs. An available job may have a future time, where a retry or a snooze is shorter
 * than the scheduler's interval. It retains its errors, and so does a retryable job that became
 * due. By queue, River's index alone gives the depth. By kind, the depth needs the same rows as the
 * others, so they are read once. Source: reportError and reportResult in River's
 * internal/jobexecutor.
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

/** River's default client id is the host followed by this: the time when the client was created. */
const clientTime = String.raw`_\d{4}_\d\d_\d\dT\d\d_\d\d_\d\d(?:_\d+)?`;

/**
 * A client with a configured id may have the name of its host: one that Kamal makes (`<host>-<12
 * hex>`), or Docker from a container's id.
 */
const containerHost = "(?:.+-)?[0-9a-f]{12}";

function isNamed(worker: string): string {
  return matches(worker, `(?:.+${clientTime}|${containerHost})`);
}

/** The host in a client's id, as River writes it; any other id unchanged. */
function toHost(worker: string): string {
  return `regexp_replace(${worker}, ${quoteLiteral(`${clientTime}$`)}, '')`;
}

/**
 * Every attempt that failed in the last hour. Exact, because River stores the errors of all
 * attempts in the row, and a row with an error of the last hour is either unfinished or was
 * finalized after that error. The worker of attempt n is the n-th that took the job, of the last
 * hundred. `action`: only jobs that it would change.
 */
function failedAttempts(table: string, by: string, action: JobAction | null = null): string {
  const { unfinished, finalized } = action === null ? allStates : changeable[action];
  return `
    select job.queue, job.id, ${readErrorText("failure->>'error'")} as error, (failure->>'at')::timestamptz as failed_at,
           ${toHost(failedWorker)} as worker,
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

const allStates = {
  unfinished: "'available', 'scheduled', 'retryable', 'running', 'pending'",
  finalized: "'completed', 'discarded', 'cancelled'",
};
/**
 * States of failed jobs: a retry changes those that do not run by themselves at once, a discard
 * those that a worker would take again.
 */
const changeable: Readonly<Record<JobAction, typeof allStates>> = {
  retry: { unfinished: "'retryable'", finalized: "'discarded'" },
  discard: { unfinished: "'available', 'scheduled', 'retryable'", finalized: "null" },
};

/** Of `job`, the client of the attempt in which a `failure` happened. */
const failedWorker = "job.attempted_by[(failure->>'attempt')::int - job.attempt + cardinality(job.attempted_by)]";

function lastWorker(column: string): string {
  return `${column}[array_upper(${column}, 1)]`;
}

/** A pending job waits for its owner to release it. */
function riverJobs(schema: string, by: "queue" | "kind"): JobQuery {
  const name = { schema, table: "river_job" };
  const worker = lastWorker("job.attempted_by");
  return {
    table: name,
    from: `${quoteTable(name)} as job`,
    id: "job.id",
    idFormat: bigintId,
    queue: `job.${by}`,
    systemState: "job.state::text",
    states: toStates("job.state", {
      available: ["available"],
      scheduled: ["scheduled"],
      running: ["running"],
      retrying: ["retryable"],
      failed: ["discarded"],
      completed: ["completed"],
      cancelled: ["cancelled"],
      blocked: ["pending"],
    }),
    columns: {
      kind: "job.kind",
      priority: "job.priority",
      created_at: "job.created_at",
      scheduled_at: "job.scheduled_at",
      started_at: "job.attempted_at",
      finished_at: "job.finalized_at",
      attempt: "job.attempt",
      max_attempts: "job.max_attempts",
      worker,
      host: toHost(worker),
    },
    order: { failed: "job.finalized_at", completed: "job.finalized_at", cancelled: "job.finalized_at" },
    attempts: selectAttempts(
      {
        number: "(failure->>'attempt')::int",
        at: "(failure->>'at')::timestamptz",
        error: "failure->>'error'",
        trace: "failure->>'trace'",
        worker: failedWorker,
        host: toHost(failedWorker),
      },
      "from unnest(job.errors) as failure",
    ),
    args: "job.args",
  };
}

/**
 * The history of a queue from River's rows. Each has the time of its last attempt, and the errors
 * of all. So a job that was tried several times, or snoozed, appears to wait only before its last
 * attempt. By default River retains successes for 24 hours, failures for 7 days.
 */
function riverHistory(schema: string, by: "queue" | "kind"): ToHistoryRows {
  const table = quoteTable({ schema, table: "river_job" });
  return (isAsked, from, _read, withWorker) => {
    const own = isAsked(by);
    const attempted = "case when attempted_at >= scheduled_at then attempted_at end";
    const ended = `state in ('completed', 'discarded', 'cancelled') and finalized_at >= ${from} and ${own}`;
    const open = `state in ('available', 'scheduled', 'retryable', 'running', 'pending') and ${own}`;
    const isRetried = `(attempt > 1 or metadata ? 'snoozes' or (state <> 'running' and finalized_at is null and attempted_at is not null))`;
    return {
      jobs: `
    select ${by} as queue, scheduled_at as due, coalesce(${attempted}, finalized_at) as taken, finalized_at as ended, state = 'completed' as succeeded,
           ${isRetried} as retried${withWorker(lastWorker("attempted_by"))}
    from ${table} where ${ended}
    union all
    select ${by}, scheduled_at, case when state = 'running' then attempted_at end, null, false, ${isRetried}
           ${withWorker("null::text")}
    from ${table} where state in ('available', 'scheduled', 'retryable', 'running') and ${own}`,
      failures: `
    select job.queue, (failure->>'at')::timestamptz as failed_at${withWorker(failedWorker)}
    from (
      select ${by} as queue, errors, attempt, attempted_by from ${table} where ${open} and errors is not null
      union all
      select ${by} as queue, errors, attempt, attempted_by from ${table} where ${ended} and errors is not null
    ) as job cross join lateral unnest(job.errors) as failure`,
      oldest: `select min(finalized_at) from ${table} where state = 'completed' and finalized_at is not null`,
      toHost,
    };
  };
}

/**
 * Like River's client: JobRetry and JobCancel of
 * riverdriver/riverpgxv5/internal/dbsqlc/river_job.sql. Unlike River's, a retry changes only failed
 * and cancelled jobs: a completed job would be done twice, and a scheduled one waits for its time.
 * A running job gets a request to stop: it stays `running` until its client reacts.
 */
function riverControl(schema: string, by: "queue" | "kind"): JobStatements {
  const name = { schema, table: "river_job" };
  const table = quoteTable(name);
  const isJob = ({ jobId, queue }: JobRef) =>
    `job.id = ${quoteLiteral(jobId)}::bigint${queue === null ? "" : ` and job.${by} = ${quoteLiteral(queue)}`}`;
  const seen = `job.${by} as queue, job.state::text as state`;
  return {
    table: name,
    id: bigintId,
    change(action, job, onlyFailed) {
      if (action === "retry") {
        const states = onlyFailed ? "'retryable', 'discarded'" : "'retryable', 'discarded', 'cancelled'";
        return `
update ${table} as job
set state = 'available', scheduled_at = now(), finalized_at = null,
    max_attempts = case when job.attempt >= job.max_attempts then job.attempt + 1 else job.max_attempts end
where ${isJob(job)} and job.state in (${states})
returning ${seen}`;
      }
      return `
with locked as (
  select job.id, job.queue from ${table} as job
  where ${isJob(job)} and job.state not in (${onlyFailed ? "'running', " : ""}'cancelled', 'completed', 'discarded') and job.finalized_at is null for update
), notified as (
  select locked.id, pg_notify(${quoteLiteral(`${schema}.river_control`)},
                              json_build_object('action', 'cancel', 'job_id', locked.id, 'queue', locked.queue)::text) as sent
  from locked
)
update ${table} as job
set state = case when job.state = 'running' then job.state else 'cancelled' end,
    finalized_at = case when job.state = 'running' then job.finalized_at else now() end,
    metadata = jsonb_set(job.metadata, '{cancel_attempted_at}', to_jsonb(now()), true)
from notified where job.id = notified.id
returning ${seen}`;
    },
    look: (job) => `select ${seen} from ${table} as job where ${isJob(job)}`,
  };
}
