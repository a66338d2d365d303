import type { Reading } from "../sql/measures.ts";
import { quoteLiteral, quoteTable } from "../sql/names.ts";
import type { TableParts } from "../sql/plan-heavy.ts";
import type { ReadRows, SqlStatements } from "../sql/source.ts";
import { groupFailures, groupRuns, inLast, newestRuns, quantiles, secondsBetween, readErrorText } from "../sql/windows.ts";
import { failedAt, failedAttempts, failureText, missingColumns } from "./pgboss-columns.ts";
import { pgbossParts } from "./pgboss-parts.ts";

/** What differs between the versions beyond columns. */
interface Layout {
  /** Each part of `job` has indexes on (name, state, blocked, start_after) and (name, completed_on): from 12.38, which builds them in the background. */
  readonly indexed: boolean;
  /** Jobs that ended are moved to `archive`: version 10. */
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
    `${whereKept(300, "count(job.id)")} as processed`,
    quantiles("wait", secondsBetween("greatest(job.start_after, job.created_on)", "job.started_on")),
    quantiles("run", secondsBetween("job.started_on", "job.completed_on")),
  ].join(", "),
};
const failures: Reading = {
  measures: ["failures", "failures_recent"],
  sql: (
    [
      ["failures", 60],
      ["failures_recent", 5],
    ] as const
  )
    .map(
      ([name, minutes]) => `${whereKept(60 * minutes, `count(*) filter (where ${inLast(minutes, "job.failed_at")})`)} as ${name}`,
    )
    .join(", "),
};

/** Unknown where the queue says that ended jobs are deleted before they leave the window (0 means never). */
function whereKept(seconds: number, count: string): string {
  return `case when min(queue.keeps) between 1 and ${seconds} then null else ${count} end`;
}

export const isLive = "job.state in ('created', 'retry', 'active', 'failed')";
export const isEnded = `job.state = 'completed' and ${inLast(5, "job.completed_on")}`;
export const isFailed = `job.state = 'failed' and ${inLast(60, "job.completed_on")}`;
const isRetried = "job.state in ('retry', 'active')";

/** Looks at the installed version. Rejects as `Database.read` does. */
export async function preparePgboss(schema: string, read: ReadRows): Promise<SqlStatements> {
  const [row] = await read(layoutStatement(schema));
  return pgbossStatements(schema, { indexed: row?.["indexed"] === "true", archived: row?.["archived"] === "true" });
}

/**
 * SQL for `queue` and `job` of pg-boss 10 and newer. Where the indexes are (`Layout.indexed`) they are asked queue by queue; where they are not, no index
 * of pg-boss tells which jobs are active, failed or ended, and one pass over the jobs answers everything: in parts where they are too many.
 * Source: src/plans of pg-boss 10.4 and 12.38.
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
    failures: groupFailures(failed([isFailed, isRetried])),
    failed: `${failed([isFailed])} and not job.archived`,
    // Of each queue, as its index has them.
    usualRuns: groupRuns(`
  select queue.name as queue, job.run from ${queues} cross join lateral (
    select ${secondsBetween("job.started_on", "job.completed_on")} as run from ${quoteTable({ schema, table: "job" })} as job
    where job.name = queue.name and job.state = 'completed' and job.completed_on is not null order by job.completed_on desc limit ${newestRuns / 10}
  ) as job`),
    ...(!layout.indexed && { parts: toParts(schema, layout) }),
  };
}

/** As `groupFailures` takes it, from queues and their jobs. */
function selectFailures(from: string): string {
  return `
    select queue.name as queue, job.id, job.error, job.failed_at, null::text as worker, job.attempts
    from ${from} where ${inLast(60, "job.failed_at")}`;
}

function toParts(schema: string, layout: Layout): TableParts {
  const error = `, ${readErrorText(failureText)} as error`;
  const processed = whereKept(300, "count(*) filter (where job.state = 'completed')");
  return pgbossParts({
    schema,
    queues: findQueues(schema),
    counts: {
      measures: [...live.measures, ...failures.measures, "processed"],
      sql: `${live.sql}, ${failures.sql}, ${processed} as processed`,
    },
    jobs: (conditions) => findJobs(schema, layout, conditions, error),
    current: (conditions) => findJobs(schema, { ...layout, archived: false }, conditions, error),
    counted: anyHolds([isLive, isEnded]),
    failed: anyHolds([isFailed, isRetried]),
    selectFailures,
  });
}

function readJobs({ measures, sql }: Reading, from: string): Reading {
  return { measures, sql: `select queue.name as queue, ${sql} from ${from} group by queue.name` };
}

/** Every queue with its jobs, also one without any. */
function joinJobs(queues: string, { indexed }: Layout, jobs: string): string {
  return indexed
    ? `${queues} left join lateral (${jobs}) as job on true`
    : `${queues} left join (${jobs}) as job on job.name = queue.name`;
}

/** The jobs are looked up once; the quantiles apart, because they sort what they are given. */
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

/** All but those that pg-boss has for itself, with how long they keep ended jobs, seconds, where they say that: not in 10. */
export function findQueues(schema: string): string {
  return `(
  select own.* from (select null::int as deletion_seconds) as missing cross join lateral (
    select queue.name, deletion_seconds as keeps from ${quoteTable({ schema, table: "queue" })} as queue where left(queue.name, 10) <> '__pgboss__'
  ) as own) as queue`;
}

/** The jobs for which one of the conditions holds, and no two: of one `queue` where indexes find them, else of all. */
export function findJobs(schema: string, { indexed, archived }: Layout, conditions: readonly string[], further: string): string {
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

/** From pg_catalog, which no lock on the jobs holds up. A table without partitions is its own only part. */
function layoutStatement(schema: string): string {
  return `
with part as (
  select class.oid from pg_catalog.pg_class as class left join pg_catalog.pg_inherits as inherits on inherits.inhrelid = class.oid
  where class.relkind = 'r' and (${named(schema, "job")}) in (class.oid, inherits.inhparent)
)
select coalesce(bool_and(${hasIndex("name, state, blocked, start_after")} and ${hasIndex("name, completed_on")}), false)::text as indexed,
       exists (${named(schema, "archive")})::text as archived
from part`;
}

function named(schema: string, name: string): string {
  return `
    select class.oid from pg_catalog.pg_class as class join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    where namespace.nspname = ${quoteLiteral(schema)} and class.relname = '${name}'`;
}

function hasIndex(columns: string): string {
  return `exists (
    select from pg_catalog.pg_index as index
    where index.indrelid = part.oid and index.indisvalid and pg_catalog.pg_get_indexdef(index.indexrelid) like '%(${columns})%')`;
}
