import { errorGroupsPerQueue } from "../../domain/queue.ts";

/** Longest error text that we group by and return, characters. */
const errorTextLimit = 2_000;

/**
 * A condition: the time lies in the last so many minutes of the server's clock. Its upper bound leaves out rows from a clock that is
 * ahead, which would stay in the window for longer than it is.
 */
export function inLast(minutes: number, column: string): string {
  return `${column} >= now() - interval '${minutes} minutes' and ${column} <= now()`;
}

/** An error text as we show it: without blank space before its first line, cut, never empty. */
export function toErrorText(expression: string): string {
  return String.raw`coalesce(nullif(left(ltrim(${expression}, E' \t\r\n'), ${errorTextLimit}), ''), 'no error text')`;
}

/**
 * The `errors` statement of a source, over a query `failures` with the columns queue (text), id, error (text) and failed_at: the
 * newest groups of each queue, newest first. The outer limit bounds the answer whatever the number of queues.
 */
export function groupErrors(failures: string): string {
  return `
select queue, job_id, error, to_char(newest, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as timestamp, n
from (
  select queue, error, count(*) as n, max(failed_at) as newest,
         (array_agg(id::text order by failed_at desc, id desc))[1] as job_id,
         row_number() over (partition by queue order by max(failed_at) desc, error) as place
  from (${failures}) as failure
  group by queue, error
) as error_group
where place <= ${errorGroupsPerQueue}
order by newest desc, queue, error
limit 2000`;
}
