import type { ToHistoryRows } from "../sql/history.ts";
import { quoteLiteral, quoteTable } from "../sql/names.ts";
import { missingColumns } from "./pgboss-columns.ts";
import { findQueues } from "./pgboss-statements.ts";

/**
 * The past of a queue from pg-boss' rows, and those of its archive in version 10. A job that was tried several times waits, here, only before the last one, and its
 * earlier failures are not kept. A job that is blocked by another one does not wait; when one ceased to be is not kept, and it waits from when it would have been due.
 *
 * Each queue deletes what ended after a time of its own: together they are known for as long as the one with the shortest.
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
    select name as queue, ${due} as due, coalesce(started_on, completed_on) as taken, completed_on as ended, state = 'completed' as succeeded
    from ${table} where state in ('completed', 'failed', 'cancelled') and completed_on >= ${from} and ${own}`;
    const open = `
    select job.* from ${missingColumns} cross join lateral (
      select name as queue, ${due} as due, case when state = 'active' then started_on end as taken, null::timestamptz, false
      from ${tables[0]} where state in ('created', 'retry', 'active') and not blocked and ${own}) as job`;
    const keeps = `select min(keeps) from ${findQueues(schema)} where keeps > 0 and ${isAsked("queue.name")}`;
    const each = (statement: (table: string) => string) => tables.map(statement).join("\n    union all ");
    return {
      jobs: `${each(ended)}
    union all ${open}`,
      failures: each(
        (table) =>
          `select name as queue, completed_on as failed_at from ${table} where state = 'failed' and completed_on >= ${from} and ${own}`,
      ),
      oldest: `select case when min(completed_on) is not null then greatest(min(completed_on), now() - (${keeps}) * interval '1 second') end from (${each((table) => `select completed_on from ${table} where state = 'completed' and ${own}`)}) as kept`,
      keeps: false,
    };
  };
}
