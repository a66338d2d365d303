import { runningJobsLimit, workerJobsLimit } from "../../../domain/queue.ts";
import { quoteLiteral } from "./names.ts";
import { secondsBetween } from "./windows.ts";

interface Running {
  /** A query for the running jobs: queue, id, kind, started_at, worker (all but the time are text). */
  readonly jobs: string;
  /** A condition on `worker`: one of the asked hosts. */
  readonly isAsked: string;
  /** A condition on `worker`: it names a host at all. */
  readonly isNamed: string;
}

/**
 * The `running` statement of a source. Always at least one row, with `total` and `unnamed`; the oldest of the jobs that are asked for beside
 * them, null where there is none.
 */
export function pickRunning({ jobs, isAsked, isNamed }: Running): string {
  return `
with job as materialized (
  select queue, id, kind, started_at, worker, coalesce(${isAsked}, false) as asked, coalesce(${isNamed}, false) as named from (${jobs}) as running
)
select counts.total, counts.unnamed, picked.queue, picked.id as job_id, picked.kind, picked.worker,
       to_char(picked.started_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as started_at
from (select count(*) filter (where asked) as total, count(*) filter (where not asked and not named) as unnamed from job) as counts
left join lateral (select * from job where asked order by job.started_at, job.id limit ${runningJobsLimit}) as picked on true
order by picked.started_at, picked.id`;
}

/** The `workers` statement of a source, over the same jobs. `host` is an expression over `worker`: the host that it names; null where it names none. */
export function pickWorkers({ jobs, host }: { readonly jobs: string; readonly host: string }): string {
  return `
select queue, host, count(*) as n, ${secondsBetween("min(started_at)", "now()")} as age
from (select queue, started_at, ${host} as host from (${jobs}) as running) as job
group by queue, host order by min(started_at), queue, host limit ${workerJobsLimit}`;
}

/** A regular expression of PostgreSQL for exactly one of these texts. */
export function anyOf(texts: readonly string[]): string {
  return `(?:${texts.map((text) => text.replaceAll(/[^A-Za-z0-9\u0080-\uffff]/g, String.raw`\$&`)).join("|")})`;
}

export function matches(column: string, pattern: string): string {
  return `${column} ~ ${quoteLiteral(`^${pattern}$`)}`;
}
