import type { ToHistoryRows } from "../sql/history.ts";
import { quoteTable } from "../sql/names.ts";

/** The past of a queue from Oban's rows, as far as its pruner leaves them; a job that was tried several times, or snoozed, waits, here, only before the last one. */
export function obanHistory(schema: string): ToHistoryRows {
  const table = quoteTable({ schema, table: "oban_jobs" });
  return (isAsked, from) => {
    const since = `timezone('utc', ${from})`;
    const own = isAsked("queue");
    const states = ["completed", "discarded", "cancelled"] as const;
    const ended = states.map((state) => ({ state, where: `state = '${state}' and ${state}_at >= ${since} and ${own}` }));
    const open = `state in ('available', 'scheduled', 'retryable', 'executing') and ${own}`;
    const isRetried = "(attempt > 1 or coalesce(meta, '{}') ? 'snoozed')";
    const jobs = ended.map(
      ({ state, where }) => `
    select queue, scheduled_at as due, coalesce(case when attempted_at >= scheduled_at then attempted_at end, ${state}_at) as taken, ${state}_at as ended,
           ${state === "completed"} as succeeded, ${isRetried} as retried
    from ${table} where ${where}`,
    );
    const errors = [...ended.map(({ where }) => where), open].map(
      (where) => `select queue, errors from ${table} where ${where} and cardinality(errors) > 0`,
    );
    return {
      jobs: `${jobs.join("\n    union all")}
    union all
    select queue, scheduled_at, case when state = 'executing' then attempted_at end, null, false,
           ${isRetried} or (state <> 'executing' and attempted_at is not null) from ${table} where ${open}`,
      failures: `
    select job.queue, (failure->>'at')::timestamptz as failed_at
    from (${errors.join(" union all ")}) as job cross join lateral unnest(job.errors) as failure`,
      oldest: `select min(completed_at) from ${table} where state = 'completed'`,
      keeps: false,
    };
  };
}
