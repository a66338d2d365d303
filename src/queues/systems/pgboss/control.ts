import type { JobRef } from "../../jobs/control.ts";
import type { ControlStatements } from "../../jobs/sql-control.ts";
import { quoteLiteral, quoteTable } from "../../postgres/names.ts";

/**
 * The same statements as pg-boss: retryJobs and cancelJobs of its src/plans (12.38; version 10 omits `completed_on` and `start_after`, and so would archive a
 * waiting job). Unlike there, an active job is not cancelled: its worker would not notice. A job is found by queue and id, its primary key.
 */
export function pgbossControl(schema: string): ControlStatements {
  const table = quoteTable({ schema, table: "job" });
  const isJob = ({ jobId, queue }: JobRef) => {
    const queues =
      queue === null ? `(select queue.name from ${quoteTable({ schema, table: "queue" })} as queue)` : `(${quoteLiteral(queue)})`;
    return `job.name in ${queues} and job.id = ${quoteLiteral(jobId)}::uuid`;
  };
  /** Ids are unique only within a queue. Without a queue name, an id that several queues have changes no job. */
  const isOne = (job: JobRef) =>
    job.queue === null ? ` and (select count(*) from ${table} as job where ${isJob(job)}) = 1` : "";
  const seen = "job.name as queue, job.state::text as state";
  return {
    change: (action, job) =>
      action === "retry"
        ? `
update ${table} as job
set state = 'retry', retry_limit = job.retry_limit + 1, completed_on = null, start_after = greatest(job.start_after, now())
where ${isJob(job)} and job.state = 'failed'${isOne(job)}
returning ${seen}`
        : `
update ${table} as job set state = 'cancelled', completed_on = now()
where ${isJob(job)} and job.state in ('created', 'retry')${isOne(job)}
returning ${seen}`,
    look: (job) => `select ${seen} from ${table} as job where ${isJob(job)}`,
  };
}
