import { runningJobsLimit } from "../../../domain/queue.ts";
import { quoteLiteral } from "./names.ts";

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
  select queue, id, kind, started_at, coalesce(${isAsked}, false) as asked, coalesce(${isNamed}, false) as named from (${jobs}) as running
)
select counts.total, counts.unnamed, picked.queue, picked.id as job_id, picked.kind,
       to_char(picked.started_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as started_at
from (select count(*) filter (where asked) as total, count(*) filter (where not asked and not named) as unnamed from job) as counts
left join lateral (select * from job where asked order by job.started_at, job.id limit ${runningJobsLimit}) as picked on true
order by picked.started_at, picked.id`;
}

/** A regular expression of PostgreSQL for exactly one of these texts. */
export function anyOf(texts: readonly string[]): string {
  return `(?:${texts.map((text) => text.replaceAll(/[^A-Za-z0-9\u0080-\uffff]/g, String.raw`\$&`)).join("|")})`;
}

export function matches(column: string, pattern: string): string {
  return `${column} ~ ${quoteLiteral(`^${pattern}$`)}`;
}
