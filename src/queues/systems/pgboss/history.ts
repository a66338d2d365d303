import type { ToHistoryRows } from "../../postgres/history.ts";
import { quoteLiteral, quoteTable } from "../../postgres/names.ts";
import { findQueues, missingColumns } from "./sql.ts";

/**
 * The history of a queue from pg-boss' rows, and from its archive in version 10. A job that was tried several times appears to wait only before its last attempt,
 * and its earlier failures are lost. A blocked job does not wait. When it was unblocked is not recorded: it then waits from when it would have been due.
 *
 * Each queue deletes ended jobs after its own retention time, whatever their outcome. Together they are known for the shortest of these times, whether anything
 * ended or not. Version 10 does not store that time: see `oldestArchived`.
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

/** Since when nothing was deleted, by the queues' retention times; 0 means never deleted. Null where there is no such queue. */
function selectOldestJob(schema: string, isOwn: string): string {
  return `
    select case when count(keeps) > 0 then coalesce(now() - min(keeps) filter (where keeps > 0) * interval '1 second', '-infinity') end
    from ${findQueues(schema)} where ${isOwn}`;
}

/**
 * The same for version 10, over all queues. It deletes by when a row was archived. So everything is there that ended since the oldest archived row arrived, or
 * after an existing success. Before anything was archived nothing was deleted either.
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
