import type { JobRef } from "../../jobs/control.ts";
import type { ControlStatements } from "../../jobs/sql-control.ts";
import { quoteLiteral, quoteTable } from "../../postgres/names.ts";

/**
 * Like River's client: JobRetry and JobCancel of riverdriver/riverpgxv5/internal/dbsqlc/river_job.sql. Unlike River's, a retry changes only failed and cancelled
 * jobs: a completed job would be done twice, and a scheduled one waits for its time. A running job gets a request to stop: it stays `running` until its client
 * reacts.
 */
export function riverControl(schema: string, by: "queue" | "kind"): ControlStatements {
  const table = quoteTable({ schema, table: "river_job" });
  const isJob = ({ jobId, queue }: JobRef) =>
    `job.id = ${quoteLiteral(jobId)}::bigint${queue === null ? "" : ` and job.${by} = ${quoteLiteral(queue)}`}`;
  const seen = `job.${by} as queue, job.state::text as state`;
  return {
    change(action, job, onlyFailed) {
      if (action === "retry") {
        const states = onlyFailed ? "'retryable', 'discarded'" : "'retryable', 'discarded', 'cancelled'";
        return `
update ${table} as job
set state = 'available', scheduled_at = now(), finalized_at = null,
    max_attempts = case when job.attempt >= job.max_attempts then job.attempt + 1 else job.max_attempts end
where ${isJob(job)} and job.state in (${states})
returning ${seen}`;
      }
      return `
with locked as (
  select job.id, job.queue from ${table} as job
  where ${isJob(job)} and job.state not in ('cancelled', 'completed', 'discarded') and job.finalized_at is null for update
), notified as (
  select locked.id, pg_notify(${quoteLiteral(`${schema}.river_control`)},
                              json_build_object('action', 'cancel', 'job_id', locked.id, 'queue', locked.queue)::text) as sent
  from locked
)
update ${table} as job
set state = case when job.state = 'running' then job.state else 'cancelled' end,
    finalized_at = case when job.state = 'running' then job.finalized_at else now() end,
    metadata = jsonb_set(job.metadata, '{cancel_attempted_at}', to_jsonb(now()), true)
from notified where job.id = notified.id
returning ${seen}`;
    },
    look: (job) => `select ${seen} from ${table} as job where ${isJob(job)}`,
  };
}
