import { uuidId } from "../../jobs/control.ts";
import { type JobQuery, selectAttempts, toStates } from "../../postgres/job-query.ts";
import { quoteTable } from "../../postgres/names.ts";
import { fromCatalog, inLast, newestRuns, quantiles, readErrorText, secondsBetween } from "../../postgres/sql.ts";
import type { Reading, ReadRows, SqlStatements, TableParts } from "../../postgres/statements.ts";

/** Differences between versions beyond columns. */
interface Layout {
  /**
   * Each partition of `job` has indexes on (name, state, blocked, start_after) and (name,
   * completed_on): from 12.38, which builds them in the background.
   */
  readonly indexed: boolean;
  /** Ended jobs move to `archive`: version 10. */
  readonly archived: boolean;
}

const waiting = "job.state in ('created', 'retry') and not job.blocked";
const due = `${waiting} and job.start_after <= now()`;

/** A blocked job waits for another one: it is neither depth nor deferred. */
const live: Reading = {
  measures: ["depth", "deferred", "retrying", "active", "dead", "oldest_age"],
  sql: [
    `count(*) filter (where ${due}) as depth`,
    "count(*) filter (where job.state = 'created' and not job.blocked and job.start_after > now()) as deferred",
    "count(*) filter (where job.state = 'retry') as retrying",
    "count(*) filter (where job.state = 'active') as active",
    "count(*) filter (where job.state = 'failed' and not job.archived) as dead",
    `${secondsBetween(`min(job.start_after) filter (where ${due})`, "now()")} as oldest_age`,
  ].join(", "),
};
const ended: Reading = {
  measures: ["processed", "wait_p50", "wait_p95", "run_p50", "run_p95"],
  sql: [
    `${joinRetention(300, "count(job.id)")} as processed`,
    quantiles("wait", secondsBetween("greatest(job.start_after, job.created_on)", "job.started_on")),
    quantiles("run", secondsBetween("job.started_on", "job.completed_on")),
  ].join(", "),
};
const failures: Reading = {
  measures: ["failures", "failures_recent"],
  sql: `${countFailed(60)} as failures, ${countFailed(5)} as failures_recent`,
};

function countFailed(minutes: number): string {
  return joinRetention(60 * minutes, `count(*) filter (where ${inLast(minutes, "job.failed_at")})`);
}

/** Null where the queue deletes ended jobs before they leave the window (0 means never). */
function joinRetention(seconds: number, count: string): string {
  return `case when min(queue.keeps) between 1 and ${seconds} then null else ${count} end`;
}

export const isLive = "job.state in ('created', 'retry', 'active', 'failed')";
export const isEnded = `job.state = 'completed' and ${inLast(5, "job.completed_on")}`;
export const isFailed = `job.state = 'failed' and ${inLast(60, "job.completed_on")}`;
const isRetried = "job.state in ('retry', 'active')";

/** Detects the installed version. Rejects as `Database.read` does. */
export async function preparePgboss(schema: string, read: ReadRows): Promise<SqlStatements> {
  const [row] = await read(layoutStatement(schema));
  return pgbossStatements(schema, { indexed: row?.["indexed"] === "true", archived: row?.["archived"] === "true" });
}

/**
 * SQL for `queue` and `job` of pg-boss 10 and newer. With indexes (`Layout.indexed`) it reads queue
 * by queue. Without them pg-boss has no index for active, failed or ended jobs, so one pass over
 * the jobs reads everything, in parts where they are too many. Source: src/plans of pg-boss 10.4
 * and 12.38.
 */
export function pgbossStatements(schema: string, layout: Layout): SqlStatements {
  const queues = findQueues(schema);
  const jobs = (conditions: readonly string[], columns = "") => findJobs(schema, layout, conditions, columns);
  const failed = (conditions: readonly string[]) =>
    selectFailures(joinJobs(queues, layout, jobs(conditions, `, ${readErrorText(failureText)} as error`)));
  const readings = layout.indexed
    ? [
        readJobs(live, joinJobs(queues, layout, jobs([isLive]))),
        readJobs(ended, joinJobs(queues, layout, jobs([isEnded]))),
        readJobs(failures, joinJobs(queues, layout, jobs([isFailed, isRetried]))),
      ]
    : [readAtOnce(queues, jobs([isLive, isEnded]))];
  return {
    readings,
    failures: failed([isFailed, isRetried]),
    failedJobs: {
      retry: `${failed([isFailed])} and not job.archived`,
      discard: `${failed(["job.state = 'retry'"])} and not job.archived`,
    },
    // For each queue, in the order of its index.
    usualRuns: `
  select queue.name as queue, job.run from ${queues} cross join lateral (
    select ${secondsBetween("job.started_on", "job.completed_on")} as run from ${quoteTable({ schema, table: "job" })} as job
    where job.name = queue.name and job.state = 'completed' and job.completed_on is not null order by job.completed_on desc limit ${newestRuns / 10}
  ) as job`,
    ...(!layout.indexed && { parts: toParts(schema, layout) }),
  };
}

/** The failures of the last hour, of queues and their jobs. */
function selectFailures(from: string): string {
  return `
    select queue.name as queue, job.id, job.error, job.failed_at, null::text as worker, job.attempts
    from ${from} where ${inLast(60, "job.failed_at")}`;
}

/**
 * Reads the jobs in page ranges, for a huge table without indexes. Reads the queues and the
 * archive, which are small or indexed, separately.
 */
function toParts(schema: string, layout: Layout): TableParts {
  const error = `, ${readErrorText(failureText)} as error`;
  const processed = joinRetention(300, "count(*) filter (where job.state = 'completed')");
  const counts = {
    measures: [...live.measures, ...failures.measures, "processed"] as const,
    sql: `${live.sql}, ${failures.sql}, ${processed} as processed`,
  };
  // Takes the queues from the names of the jobs: a scan of `queue` would read a whole table.
  const toPart = (conditions: readonly string[], range: string) => `(${findJobs(
    schema,
    { ...layout, archived: false },
    [`(${anyHolds(conditions)}) and ${range}`],
    error,
  )}) as job
    cross join lateral (select job.name, null::int as keeps where left(job.name, 10) <> '__pgboss__') as queue`;
  const rest = `${findQueues(schema)} left join (${findJobs(schema, layout, ["false"], error)}) as job on job.name = queue.name`;
  return {
    table: { schema, table: "job" },
    reading: (_, range) => readJobs(counts, toPart([isLive, isEnded], range)),
    failures: (range) => selectFailures(toPart([isFailed, isRetried], range)),
    rest: { reading: readJobs(counts, rest), failures: selectFailures(rest) },
  };
}

function readJobs({ measures, sql }: Reading, from: string): Reading {
  return { measures, sql: `select queue.name as queue, ${sql} from ${from} group by queue.name` };
}

/** Every queue with its jobs, also one without jobs. */
function joinJobs(queues: string, { indexed }: Layout, jobs: string): string {
  return indexed
    ? `${queues} left join lateral (${jobs}) as job on true`
    : `${queues} left join (${jobs}) as job on job.name = queue.name`;
}

/** Reads the jobs once. The quantiles are separate, because they sort their input. */
function readAtOnce(queues: string, jobs: string): Reading {
  const counts = { ...live, sql: `${live.sql}, ${failures.sql}` };
  const seen = "left join seen as job on job.name = queue.name";
  return {
    measures: [...live.measures, ...failures.measures, ...ended.measures],
    sql: `
with seen as materialized (${jobs})
select * from (${readJobs(counts, `${queues} ${seen}`).sql}) as counts
join (${readJobs(ended, `${queues} ${seen} and job.state = 'completed'`).sql}) as ended using (queue)`,
  };
}

/**
 * All queues but pg-boss's own, with how long they retain ended jobs, seconds; version 10 does not
 * have that time.
 */
export function findQueues(schema: string): string {
  return `(
  select own.* from (select null::int as deletion_seconds) as missing cross join lateral (
    select queue.name, deletion_seconds as keeps from ${quoteTable({ schema, table: "queue" })} as queue where left(queue.name, 10) <> '__pgboss__'
  ) as own) as queue`;
}

/**
 * The jobs for which any condition holds; with indexes the conditions must not overlap. With
 * indexes those of one `queue`, else those of all.
 */
export function findJobs(
  schema: string,
  { indexed, archived }: Layout,
  conditions: readonly string[],
  further: string,
): string {
  const select = (table: string, condition: string, isArchived = false) => `
  select job.* from ${missingColumns} cross join lateral (
    select job.name, job.id, job.state, blocked, job.start_after, job.created_on, job.started_on, job.completed_on, ${isArchived} as archived,
           ${failedAt} as failed_at, ${failedAttempts} as attempts${further}
    from ${quoteTable({ schema, table })} as job where ${condition}) as job`;
  if (indexed)
    return conditions.map((condition) => select("job", `job.name = queue.name and ${condition}`)).join("\n  union all");
  const current = select("job", anyHolds(conditions));
  if (!archived) return current;
  const recent = `job.archived_on >= now() - interval '60 minutes' and (${anyHolds([isFailed, isEnded])})`;
  return `${current}\n  union all${select("archive", recent, true)}`;
}

function anyHolds(conditions: readonly string[]): string {
  return conditions.map((condition) => `(${condition})`).join(" or ");
}

/**
 * Reads pg_catalog, which locks on the jobs do not block. A table without partitions is its own
 * only part.
 */
function layoutStatement(schema: string): string {
  return `
with part as (
  select class.oid from pg_catalog.pg_class as class left join pg_catalog.pg_inherits as inherits on inherits.inhrelid = class.oid
  where class.relkind = 'r' and (select class.oid ${fromCatalog(schema, "job")}) in (class.oid, inherits.inhparent)
)
select coalesce(bool_and(${hasIndex("name, state, blocked, start_after")} and ${hasIndex("name, completed_on")}), false)::text as indexed,
       exists (select ${fromCatalog(schema, "archive")})::text as archived
from part`;
}

function hasIndex(columns: string): string {
  return `exists (
    select from pg_catalog.pg_index as index
    where index.indrelid = part.oid and index.indisvalid and pg_catalog.pg_get_indexdef(index.indexrelid) like '%(${columns})%')`;
}

/**
 * Columns that only some versions have, with the value to use where they are missing. In a lateral
 * query over the job, an unqualified name means the job's column, or this one where the job has
 * none; so versions need no distinction. `blocked` is from 12.19; 10 has `expire_in` where later
 * ones have `expire_seconds`, and no `retry_delay_max`.
 */
export const missingColumns =
  "(select false as blocked, null::int as retry_delay_max, null::int as expire_seconds, null::interval as expire_in) as missing";

/** Failed attempts. The first attempt has number 0, and fetching a job again adds one. */
const failedAttempts = "job.retry_count + case job.state when 'active' then 0 else 1 end";

/**
 * The longest time from a failure to the next run; with backoff, half is random. Source: failJobs
 * in src/plans.
 */
const longestDelay = `
  case when job.retry_backoff
       then least(retry_delay_max, greatest(job.retry_delay, 1) * 2 ^ least(16, ${failedAttempts}))
       else job.retry_delay end * interval '1 second'`;

/** The longest time of an attempt. */
const limit = "coalesce(expire_in, expire_seconds * interval '1 second')";

/**
 * When the last attempt failed; null where none did. A job to be retried stores only when it may
 * run, `retry_delay` after the failure. That gives the exact time without backoff, and the earliest
 * possible one with it. The limit is for jobs put back by hand, which did not fail just then.
 */
const failedAt = `
  case when job.state in ('failed', 'retry') or (job.state = 'active' and job.retry_count > 0 and job.output is not null) then
    coalesce(job.completed_on,
      case job.state when 'retry' then least(greatest(job.started_on, job.start_after - ${longestDelay}), job.started_on + ${limit})
                     else greatest(job.created_on, job.start_after - ${longestDelay}) end)
  end`;

/**
 * pg-boss stores the thrown error with its message, and wraps anything that is not an object.
 * Source: fail in src/manager.
 */
const failureText = `
  coalesce(job.output ->> 'message', job.output -> 'value' ->> 'message', job.output ->> 'value', nullif(job.output::text, '{}'))`;

/**
 * A job is found by queue and id, its primary key. Jobs that version 10 has archived are left out.
 */
export function pgbossJobs(schema: string): JobQuery {
  const further = ", job.priority, job.retry_count, job.retry_limit, job.data, job.output";
  const created = "job.state = 'created'";
  const states = toStates("job.state", {
    running: ["active"],
    retrying: ["retry"],
    failed: ["failed"],
    completed: ["completed"],
    cancelled: ["cancelled"],
  });
  const queues = `select queue.name from ${quoteTable({ schema, table: "queue" })} as queue`;
  return {
    table: { schema, table: "job" },
    from: `(${findJobs(schema, { indexed: false, archived: false }, ["true"], further)}) as job`,
    id: "job.id",
    idFormat: uuidId,
    queue: "job.name",
    where: "left(job.name, 10) <> '__pgboss__'",
    systemState: "job.state::text",
    states: {
      ...states,
      blocked: `${created} and job.blocked`,
      scheduled: `${created} and not job.blocked and job.start_after > now()`,
      available: `${created} and not job.blocked and job.start_after <= now()`,
    },
    columns: {
      priority: "job.priority",
      created_at: "job.created_on",
      scheduled_at: "job.start_after",
      started_at: "job.started_on",
      finished_at: "case when job.state in ('completed', 'failed', 'cancelled') then job.completed_on end",
      attempt: "job.retry_count + (job.started_on is not null)::int",
      max_attempts: "job.retry_limit + 1",
    },
    order: {
      failed: "job.completed_on",
      completed: "job.completed_on",
      cancelled: "job.completed_on",
      any: "job.created_on",
    },
    lookup: (ids, names) => `job.name in (${names ?? queues}) and job.id in (${ids})`,
    attempts: selectAttempts(
      {
        number: "job.attempts",
        at: "job.failed_at",
        started_at: "case when job.state <> 'active' then job.started_on end",
        error: failureText,
        trace: "job.output ->> 'stack'",
      },
      "where job.failed_at is not null",
    ),
    args: "job.data",
  };
}
