import { type HistoryRange, type HistoryStep, type QueueHistory, toPoints, toTime } from "../../../domain/queue-history.ts";
import { OpsError } from "../../../errors.ts";
import { explain, toCost, toPlan } from "./plan.ts";
import type { Row } from "./pool.ts";
import type { ReadRows } from "./source.ts";
import { secondsBetween } from "./windows.ts";

/** The rows that the past of one queue is made of. */
interface HistoryRows {
  /**
   * A query for the jobs that ended in the range or later, or did not end: due (when it could run), taken, ended (null where it is yet to come), succeeded.
   * A job that never ran was taken when it ended.
   */
  readonly jobs: string;
  /** A query for the failures of the range or later: failed_at. */
  readonly failures: string;
  /** A scalar: when the oldest success that is still kept ended. Whatever ended before it is not known. */
  readonly oldest: string;
}

/** What a kind says of a queue; `from` is a timestamp with time zone in SQL. It may look at the schema first. */
export type ToHistoryRows = (queue: string, from: string, read: ReadRows) => HistoryRows | Promise<HistoryRows>;

/** More rows than that take longer than a query may, and more memory than an answer is worth. */
const mostRows = 1_000_000;
/** What a statement may cost, in units of the planner: as much as it has time for. */
const mostCost = 400_000;

/** Reads the past of one queue from its rows. Rejects as `read` does, and with query_refused. */
export async function readHistory(
  read: ReadRows,
  toRows: ToHistoryRows,
  queue: string,
  range: HistoryRange,
): Promise<QueueHistory> {
  const statement = historyStatement(await toRows(queue, toTimestamp(range.from), read), range);
  if (toCost(toPlan(await read(explain(statement)))) > mostCost) {
    throw new OpsError(
      "query_refused",
      "This would read too much of a huge table: choose a shorter range, or add the indexes that `wallet-core-ops indexes` prints",
    );
  }
  const rows = await read(statement);
  const [first] = rows;
  if (Number(first?.["jobs"]) > mostRows) {
    throw new OpsError("query_refused", `The range holds more than ${mostRows} jobs of this queue: choose a shorter one`);
  }
  const oldest = toNumber(first?.["oldest"]);
  const since = oldest !== null && oldest > range.from ? oldest : null;
  return {
    points: toPoints(range, rows.filter((row) => row["step"] !== null).map(toStep), since),
    exact: true,
    since: since === null ? null : toTime(Math.floor(since)),
  };
}

function toTimestamp(unix: number): string {
  return `to_timestamp(${unix})`;
}

/** One row for each step in which something happened; `jobs` and `oldest` in each, in at least one. */
function historyStatement({ jobs, failures, oldest }: HistoryRows, { from, step, steps }: HistoryRange): string {
  const to = toTimestamp(from + steps * step);
  const stepOf = (time: string) => `greatest(0, ceil((extract(epoch from ${time}) - ${from}) / ${step}))::bigint`;
  return `
with job as materialized (select * from (${jobs}) as kept limit ${mostRows + 1}),
event as (
  select ${stepOf("due")} as step, 1 as due, 0 as taken, 0 as processed, 0 as failures, null::float8 as wait from job where due <= ${to}
  union all
  select ${stepOf("taken")}, 0, 1, 0, 0, ${secondsBetween("due", "taken")} from job where taken <= ${to} and due <= ${to}
  union all
  select ${stepOf("ended")}, 0, 0, 1, 0, null from job where succeeded and ended > ${toTimestamp(from)} and ended <= ${to}
  union all
  select ${stepOf("failed_at")}, 0, 0, 0, 1, null from (${failures}) as failure where failed_at > ${toTimestamp(from)} and failed_at <= ${to}
),
happened as (
  select step, sum(due) as due, sum(taken) as taken, sum(processed) as processed, sum(failures) as failures,
         percentile_cont(0.5) within group (order by wait) as wait_p50, percentile_cont(0.95) within group (order by wait) as wait_p95
  from event group by step
)
select happened.*, whole.jobs, whole.oldest
from (select (select count(*) from job) as jobs, extract(epoch from (${oldest})) as oldest) as whole left join happened on true`;
}

function toStep(row: Row): HistoryStep {
  const count = (name: string) => Number(row[name]);
  return {
    step: count("step"),
    due: count("due"),
    taken: count("taken"),
    processed: count("processed"),
    failures: count("failures"),
    waitP50: toNumber(row["wait_p50"]),
    waitP95: toNumber(row["wait_p95"]),
  };
}

function toNumber(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}
