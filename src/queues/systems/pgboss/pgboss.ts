import { type JobRef, type JobStatements, uuidId } from "../../jobs/control.ts";
import type { ToHistoryRows } from "../../postgres/history.ts";
import { defineSchemaKind } from "../../postgres/kind.ts";
import { quoteLiteral, quoteTable } from "../../postgres/names.ts";
import { type IndexAdvice, uniteReadings } from "../../postgres/statements.ts";
import {
  findJobs,
  findQueues,
  isEnded,
  isFailed,
  isLive,
  missingColumns,
  pgbossJobs,
  pgbossStatements,
  preparePgboss,
} from "./sql.ts";

/**
 * Jobs of pg-boss (timgit/pg-boss), 10 and newer. It retains ended jobs for days, so successes are
 * exact. It stores only a job's last attempt, so failures are jobs whose last attempt failed in the
 * window, for good or to be retried. A job that succeeded after failures is not one. Rows do not
 * name workers, and queues cannot be paused. Before 12.38 a read is one pass over all jobs, in
 * parts where they are too many, unless the indexes that `cli indexes` prints exist.
 */
export const pgboss = defineSchemaKind({
  kind: "pgboss",
  tables: ["job", "queue"],
  detectedBy: ["job", "queue", "schedule", "subscription", "version"],
  unsupported: {
    name: "pgboss-before-10",
    tables: ["archive", "job", "schedule", "subscription", "version"],
    without: ["queue"],
    reason: "pg-boss before version 10 has other tables: upgrade it to 10 or newer",
  },
  statements: (schema) => (read) => preparePgboss(schema, read),
  history: pgbossHistory,
  jobs: pgbossJobs,
  indexes: pgbossIndexes,
  control: pgbossControl,
});

/**
 * The history of a queue from pg-boss' rows, and from its archive in version 10. A job that was
 * tried several times appears to wait only before its last attempt, and its earlier failures are
 * lost. A blocked job does not wait. When it was unblocked is not recorded: it then waits from when
 * it would have been due.
 *
 * Each queue deletes ended jobs after its own retention time, whatever their outcome. Together they
 * are known for the shortest of these times, whether anything ended or not. Version 10 does not
 * store that time: see `oldestArchived`.
 */
function pgbossHistory(schema: string): ToHistoryRows {
  return async (isAsked, from, read) => {
    const [row] = await read(
      `select (to_regclass(${quoteLiteral(quoteTable({ schema, table: "archive" }))}) is not null)::text as archived`,
    );
    const isArchived = row?.["archived"] === "true";
    const tables = ["job", ...(isArchived ? ["archive"] : [])].map((table) => quoteTable({ schema, table }));
    const own = `${isAsked("name")} and left(name, 10) <> '__pgboss__'`;
    const due = "greatest(start_after, created_on)";
    const ended = (table: string) => `
    select name as queue, ${due} as due, coalesce(started_on, completed_on) as taken, completed_on as ended, state = 'completed' as succeeded,
           retry_count > 0 as retried
    from ${table} where state in ('completed', 'failed', 'cancelled') and completed_on >= ${from} and ${own}`;
    const open = `
    select job.* from ${missingColumns} cross join lateral (
      select name as queue, ${due} as due, case when state = 'active' then started_on end as taken, null::timestamptz, false, (retry_count > 0 or state = 'retry')
      from ${tables[0]} where state in ('created', 'retry', 'active') and not blocked and ${own}) as job`;
    const each = (statement: (table: string) => string) => tables.map(statement).join("\n    union all ");
    return {
      jobs: `${each(ended)}
    union all ${open}`,
      failures: each(
        (table) =>
          `select name as queue, completed_on as failed_at from ${table} where state = 'failed' and completed_on >= ${from} and ${own}`,
      ),
      oldest: isArchived ? oldestArchived(schema, own) : selectOldestJob(schema, isAsked("queue.name")),
    };
  };
}

/**
 * Since when nothing was deleted, by the queues' retention times; 0 means never deleted. Null where
 * there is no such queue.
 */
function selectOldestJob(schema: string, isOwn: string): string {
  return `
    select case when count(keeps) > 0 then coalesce(now() - min(keeps) filter (where keeps > 0) * interval '1 second', '-infinity') end
    from ${findQueues(schema)} where ${isOwn}`;
}

/**
 * The same for version 10, over all queues. It deletes by when a row was archived. So everything is
 * there that ended since the oldest archived row arrived, or after an existing success. Before
 * anything was archived nothing was deleted either.
 */
function oldestArchived(schema: string, isOwn: string): string {
  const [job, archive] = ["job", "archive"].map((table) => quoteTable({ schema, table }));
  return `
    select least((select min(archived_on) from ${archive}), min(completed_on))
    from (
      select completed_on from ${job} where (state = 'completed' or not exists (select from ${archive})) and ${isOwn}
      union all
      select completed_on from ${archive} where state = 'completed' and ${isOwn}
    ) as stored`;
}

/**
 * Indexes that pg-boss lacks before 12.38, whose own indexes serve the same, queue by queue. With
 * both, the one pass over the jobs reads only those that it counts.
 */
function pgbossIndexes(schema: string): readonly IndexAdvice[] {
  const table = { schema, table: "job" };
  const own = pgbossStatements(schema, { indexed: true, archived: false }).readings;
  const advise = (
    rest: Pick<IndexAdvice, "serves" | "suffix" | "definition">,
    measure: "depth" | "processed",
    rows: string[],
  ) => {
    const jobs = findJobs(schema, { indexed: false, archived: false }, rows, "");
    const atOnce = {
      measures: [measure],
      sql: `select job.name as queue, count(*) as ${measure} from (${jobs}) as job group by 1`,
    };
    const byQueue = own.filter(({ measures }) => measures.includes(measure));
    return {
      ...rest,
      table,
      reading: [atOnce, ...byQueue].map((reading) => ({ sql: uniteReadings([reading]) })),
      rows: `select from ${quoteTable(table)} as job where ${rows.map((condition) => `(${condition})`).join(" or ")}`,
    };
  };
  return [
    advise(
      {
        serves: "depth, deferred, retrying, active and dead jobs, oldest age",
        suffix: "live",
        definition: "(name) where state in ('created', 'retry', 'active', 'failed')",
      },
      "depth",
      [isLive],
    ),
    advise(
      {
        serves: "processed in 5 minutes, failures and errors of the last hour",
        suffix: "ended",
        definition: "(completed_on) where completed_on is not null",
      },
      "processed",
      [isEnded, isFailed],
    ),
  ];
}

/**
 * The same statements as pg-boss: retryJobs and cancelJobs of its src/plans (12.38; version 10
 * omits `completed_on` and `start_after`, and so would archive a waiting job). Unlike there, an
 * active job is not cancelled: its worker would not notice. A job is found by queue and id, its
 * primary key.
 */
function pgbossControl(schema: string): JobStatements {
  const name = { schema, table: "job" };
  const table = quoteTable(name);
  const isJob = ({ jobId, queue }: JobRef) => {
    const queues =
      queue === null
        ? `(select queue.name from ${quoteTable({ schema, table: "queue" })} as queue)`
        : `(${quoteLiteral(queue)})`;
    return `job.name in ${queues} and job.id = ${quoteLiteral(jobId)}::uuid`;
  };
  /**
   * Ids are unique only within a queue. Without a queue name, an id that several queues have
   * changes no job.
   */
  const isOne = (job: JobRef) =>
    job.queue === null ? ` and (select count(*) from ${table} as job where ${isJob(job)}) = 1` : "";
  const seen = "job.name as queue, job.state::text as state";
  return {
    table: name,
    id: uuidId,
    change: (action, job) =>
      action === "retry"
        ? `
update ${table} as job
set state = 'retry', retry_limit = job.retry_limit + 1, completed_on = null, start_after = greatest(job.start_after, now())
where ${isJob(job)} and job.state = 'failed'${isOne(job)}
returning ${seen}`
        : `
update ${table} as job set state = 'cancelled', completed_on = now()
where ${isJob(job)} and job.state in ('created', 'retry')${isOne(job)}
returning ${seen}`,
    look: (job) => `select ${seen} from ${table} as job where ${isJob(job)}`,
  };
}
