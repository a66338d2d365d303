import type { ToHistoryRows } from "../../postgres/history.ts";
import { quoteLiteral, quoteTable } from "../../postgres/names.ts";
import { findQueues, missingColumns } from "./sql.ts";

/**
 * The past of a queue from pg-boss' rows, and those of its archive in version 10. A job that was tried several times waits, here, only before the last one, and its
 * earlier failures are not kept. A job that is blocked by another one does not wait; when one ceased to be is not kept, and it waits from when it would have been due.
 *
 * Each queue deletes what ended after a time of its own, whatever became of it: together they are known for as long as the one with the shortest, whether
 * something ended or not. Version 10 keeps that time to itself: see `oldestArchived`.
 */
export function pgbossHistory(schema: string): ToHistoryRows {
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
      keeps: false,
    };
  };
}

/** From when on nothing was deleted, by what the queues say: 0 means never. Null where there is no such queue. */
function selectOldestJob(schema: string, isOwn: string): string {
  return `
    select case when count(keeps) > 0 then coalesce(now() - min(keeps) filter (where keeps > 0) * interval '1 second', '-infinity') end
    from ${findQueues(schema)} where ${isOwn}`;
}

/**
 * The same of version 10, of all queues: it deletes by when a row came to the archive, so that all that ended since the oldest of these came is there, as is what
 * succeeded after a success that is there. Before anything was archived nothing was deleted either.
 */
function oldestArchived(schema: string, isOwn: string): string {
  const [job, archive] = ["job", "archive"].map((table) => quoteTable({ schema, table }));
  return `
    select least((select min(archived_on) from ${archive}), min(completed_on))
    from (
      select completed_on from ${job} where (state = 'completed' or not exists (select from ${archive})) and ${isOwn}
      union all
      select completed_on from ${archive} where state = 'completed' and ${isOwn}
    ) as kept`;
}
