import { errorReadLimit } from "../errors.ts";
import { jobsPerOperation } from "../jobs/control.ts";
import { failureGroupsLimit, jobIdsPerError, runningJobsLimit, workerJobsLimit, workerStartsLimit } from "../queue.ts";
import { quoteLiteral, quoteTable, type TableName } from "./names.ts";
import type { Reading, RunningQuery } from "./statements.ts";

/**
 * The condition that a time lies in the last `minutes` of the server's clock. The upper bound
 * leaves out rows from a clock that is ahead: they would stay in the window for too long. Set `now`
 * for columns without a time zone.
 */
export function inLast(minutes: number, column: string, now = "now()"): string {
  return `${column} >= ${now} - interval '${minutes} minutes' and ${column} <= ${now}`;
}

/**
 * Turns a query for the failures of the last hour into one for all failures up to a time, unix
 * seconds, that still have rows.
 */
function upTo(failures: string, time: number): string {
  return failures
    .replaceAll("interval '60 minutes'", `interval '${allYears} years'`)
    .replaceAll("now()", `to_timestamp(${time})`);
}

/** Longer than any job system has existed, yet a time that every type of column can hold. */
const allYears = 25;
/**
 * How many characters of a text are used to group it. Texts that differ only further on are seldom
 * different errors.
 */
const alikeLength = 300;

/**
 * The maximum number of failures with matching texts that a search groups. If it finds this many,
 * there may be more.
 */
export const mostAlike = 20_000;

/**
 * Makes the statement for failures of any age up to a time, unix seconds, from a query as
 * `groupFailures` takes it: {queue, worker, error, n}, at most `failureGroupsLimit` rows of at most
 * `mostAlike` failures. It finds only texts that have all the words of one list, in their order.
 * Texts that differ only in digits count as one.
 */
export function findFailures(failures: string, until: number, words: readonly (readonly string[])[]): string {
  const patterns = words.map((list) => `%${list.map((word) => `${word}%`).join("")}`);
  return `
select queue, worker, min(error) as error, count(*) as n
from (
  select queue, worker, error from (${upTo(failures, until)}) as failure
  where queue is not null and error like any (array[${patterns.map(quoteLiteral).join(", ")}])
  limit ${mostAlike}
) as alike
group by queue, worker, translate(left(error, ${alikeLength}), '0123456789', '')
limit ${failureGroupsLimit}`;
}

/**
 * Failures of the last hour, and of its last 5 minutes, as two columns; jobs that did not fail have
 * a null time.
 */
export function countFailures(failedAt: string, now = "now()"): string {
  const within = (minutes: number) => `count(*) filter (where ${inLast(minutes, failedAt, now)})`;
  return `${within(60)} as failures, ${within(5)} as failures_recent`;
}

/**
 * The part of an error text that failures are grouped by, without leading white space;
 * `toErrorText` makes the text for display.
 */
export function readErrorText(expression: string): string {
  return String.raw`coalesce(left(ltrim(${expression}, E' \t\r\n'), ${errorReadLimit}), '')`;
}

/** A time in the format of the API. The session is in UTC. */
export function toTimeText(expression: string): string {
  return `to_char(${expression}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
}

/**
 * Seconds between two times, null when one is missing. Never negative, even if the server's clock
 * went back between them.
 */
export function secondsBetween(from: string, to: string): string {
  return `case when (${to}) >= (${from}) then extract(epoch from (${to}) - (${from})) when (${to}) < (${from}) then 0 end`;
}

/** Medians and 95th percentiles as two columns. */
export function quantiles(prefix: "wait" | "run", seconds: string): string {
  return [
    ["p50", 0.5],
    ["p95", 0.95],
  ]
    .map(([name, fraction]) => `percentile_cont(${fraction}) within group (order by ${seconds}) as ${prefix}_${name}`)
    .join(", ");
}

/** How many of the newest jobs, of a source or of each queue, are read for their run times. */
export const newestRuns = 1000;

/**
 * `now` is as in `inLast`. `known` is the condition that the rows of the window are still there;
 * while it does not hold, the counts are unknown.
 */
interface WindowOptions {
  readonly now?: string;
  readonly known?: string;
}

/**
 * Makes the queries for the successes in a table: those of the last 5 minutes with their wait and
 * run times, and `usualRuns` for the newest. The columns are due, taken and ended.
 */
export function readSuccesses(
  table: string,
  queue: string,
  [due, taken, ended]: readonly [string, string, string],
  where: string,
  { now, known }: WindowOptions = {},
): { readonly processed: Reading; readonly usualRuns: string } {
  const run = secondsBetween(taken, ended);
  const columns = `count(*) as processed, ${quantiles("wait", secondsBetween(due, taken))}, ${quantiles("run", run)}`;
  const lately = `${where} and ${inLast(5, ended, now)}`;
  const read = readKnown(table, queue, known);
  return {
    processed: read(["processed", "wait_p50", "wait_p95", "run_p50", "run_p95"], columns, lately),
    usualRuns: `
  select ${queue} as queue, ${run} as run from ${table}
  where ${where} and ${ended} is not null order by ${ended} desc limit ${newestRuns}`,
  };
}

/**
 * Counts the failures of the last hour in a query with the columns queue and failed_at. While
 * `known` does not hold there may have been more, so only the measures `failures_seen` have the
 * count.
 */
export function readFailures(failures: string, { now, known }: WindowOptions = {}): Reading {
  const counted = readFrom(`(${failures}) as failure`, "queue")(
    ["failures", "failures_recent"],
    countFailures("failed_at", now),
    "true",
  );
  if (known === undefined) return counted;
  const whenKnown = (measure: string) => `case when ${known} then ${measure} end as ${measure}`;
  return {
    measures: [...counted.measures, "failures_seen", "failures_seen_recent"],
    sql: `
      select queue, ${whenKnown("failures")}, ${whenKnown("failures_recent")},
             failures as failures_seen, failures_recent as failures_seen_recent
      from (${counted.sql}) as counted`,
    absent: `case when ${known} then 0 end`,
  };
}

/** As `readFrom`, but the counts are known only while a condition on the whole table holds. */
function readKnown(table: string, queue: string, known: string | undefined): ReturnType<typeof readFrom> {
  const read = readFrom(table, queue);
  if (known === undefined) return read;
  return (measures, columns, condition) => ({
    ...read(measures, columns, `${condition} and ${known}`),
    absent: `case when ${known} then 0 end`,
  });
}

/**
 * Makes the statement for usual run times from a query with the columns queue (text) and run
 * (seconds): {queue, run_p95}.
 */
export function groupRuns(newest: string): string {
  return `
select queue, (percentile_cont(0.95) within group (order by run))::text as run_p95
from (${newest}) as newest where queue is not null and run is not null group by queue`;
}

/**
 * Makes the statement for failures from a query with the columns queue (text), id, error (text),
 * failed_at, worker (text) and attempts. Failures with the same text and worker make one row
 * {queue, error, worker, n, attempts, first_at, last_at, job_ids}. Beyond the limit each queue
 * retains its newest rows, so that none crowds out another. `withTimes` adds job_times: when each
 * of these jobs failed, in seconds.
 */
export function groupFailures(failures: string, { withTimes = false } = {}): string {
  return `
select queue, error, worker, n, attempts, ${toTimeText("oldest")} as first_at, ${toTimeText("newest")} as last_at, job_ids${withTimes ? ", job_times" : ""}
from (
  select queue, error, worker, count(*) as n, max(attempts) as attempts, min(failed_at) as oldest, max(failed_at) as newest,
         ${ofNewest("id::text")} as job_ids,${withTimes ? ` ${ofNewest("extract(epoch from failed_at)")} as job_times,` : ""}
         row_number() over (partition by queue order by max(failed_at) desc, error, worker) as place
  from (${failures}) as failure
  group by queue, error, worker
) as failure_group
order by place, newest desc, queue
limit ${failureGroupsLimit}`;
}

/**
 * Makes the statement for the failed jobs of one queue from the same query: {error, n, job_ids}. A
 * job counts once for each text. A row has at most as many ids as one operation may change.
 */
export function pickFailed(failures: string, queue: string): string {
  return `
select error, count(*) as n, to_json((array_agg(id order by failed_at desc, id desc))[1:${jobsPerOperation}])::text as job_ids
from (select error, id::text as id, max(failed_at) as failed_at from (${failures}) as failure where queue = ${quoteLiteral(queue)} group by error, id) as job
group by error order by max(failed_at) desc, error limit ${failureGroupsLimit}`;
}

function ofNewest(value: string): string {
  return `to_json((array_agg(${value} order by failed_at desc, id desc))[1:${jobIdsPerError}])::text`;
}

/**
 * Makes the statement for the running jobs on these hosts. Returns at least one row, with `total`
 * and `unnamed`. The other columns hold the oldest matching jobs, or null.
 */
export function pickRunning(running: RunningQuery, hosts: readonly string[]): string {
  const { jobs, isOn = isOneOfHosts, isNamed = isAnyHost } = running;
  return `
with job as materialized (
  select queue, id, kind, started_at, worker, coalesce(${isOn(hosts)}, false) as asked, coalesce(${isNamed(hosts)}, false) as named from (${jobs}) as running
)
select counts.total, counts.unnamed, picked.queue, picked.id as job_id, picked.kind, picked.worker,
       to_char(picked.started_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as started_at
from (select count(*) filter (where asked) as total, count(*) filter (where not asked and not named) as unnamed from job) as counts
left join lateral (select * from job where asked order by job.started_at, job.id limit ${runningJobsLimit}) as picked on true
order by picked.started_at, picked.id`;
}

const isOneOfHosts = (hosts: readonly string[]) => matches("worker", anyOf(hosts));
const isAnyHost = () => matches("worker", ".+");

/** Makes the statement for the number of running jobs of each queue and host. */
export function pickWorkers({ jobs, host = "worker", aliveAt = "started_at" }: RunningQuery): string {
  const aliveSeconds = "extract(epoch from alive_at)";
  return `
select queue, host, count(*) as n, ${secondsBetween("min(started_at)", "now()")} as age, extract(epoch from now()) as read_at,
       to_json((array_agg(${aliveSeconds} order by alive_at) filter (where alive_at is not null))[1:${workerStartsLimit}])::text as starts
from (select queue, started_at, ${aliveAt} as alive_at, ${host} as host from (${jobs}) as running) as job
group by queue, host order by min(started_at), queue, host limit ${workerJobsLimit}`;
}

/** Makes readings of one table: the columns of the rows that match a condition, by queue. */
export function readFrom(table: string, queue: string) {
  return (measures: Reading["measures"], columns: string, condition: string): Reading => ({
    measures,
    sql: `select ${queue} as queue, ${columns} from ${table} where ${condition} group by 1`,
  });
}

/**
 * Selects the relation of this name, `class`, and its `namespace` from the catalog. Every role may
 * read the catalog, and locks on the table do not block that.
 */
export function fromCatalog(schema: string, name: string): string {
  return `
  from pg_catalog.pg_class as class join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
  where namespace.nspname = ${quoteLiteral(schema)} and class.relname = ${quoteLiteral(name)}`;
}

/**
 * The beginning of a statement: `part` has the oids of the table, and of its partitions or child
 * tables.
 */
export function withPartitions(table: TableName): string {
  return `
with recursive part (oid) as (
  select to_regclass(${quoteLiteral(quoteTable(table))})::oid
  union all
  select inhrelid from pg_catalog.pg_inherits join part on inhparent = part.oid
)`.trim();
}

/** A PostgreSQL regular expression that matches exactly these texts. */
export function anyOf(texts: readonly string[]): string {
  return `(?:${texts.map((text) => text.replaceAll(/[^A-Za-z0-9\u0080-\uffff]/g, String.raw`\$&`)).join("|")})`;
}

export function matches(column: string, pattern: string): string {
  return `${column} ~ ${quoteLiteral(`^${pattern}$`)}`;
}

/**
 * The current time, for columns that hold UTC without a time zone, as Ecto and Active Record create
 * them.
 */
export const utcNow = "timezone('utc', now())";
