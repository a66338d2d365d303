import type { QueueHistory } from "../../history.ts";
import { bigintId, type JobRef, type JobStatements } from "../../jobs/control.ts";
import { toSchemaConfig } from "../../postgres/kind.ts";
import { quoteIdentifier, quoteLiteral, quoteTable } from "../../postgres/names.ts";
import { createSqlSource } from "../../postgres/source.ts";
import type { QueueMetrics } from "../../queue.ts";
import { defineKind } from "../../system.ts";
import {
  discardedText,
  type Extras,
  findExtras,
  graphileWorkerHistory,
  graphileWorkerJobs,
  graphileWorkerStatements,
} from "./sql.ts";

const graphileWorkerConfig = toSchemaConfig("graphile-worker");

/**
 * Jobs of graphile-worker 0.16 or newer, by task. It deletes a job that succeeds, and stores only
 * the last failure of a waiting one. So the numbers depend on
 * deploy/postgres/graphile-worker-ends.sql:
 *
 * - with it, everything is exact, with a history of two hours;
 * - without it, failures are the existing jobs whose last attempt failed in the window: at least
 *   that many failed (`exact` is false);
 * - without it, successes are the deletions from the table, sampled, only where there is a single
 *   task and the role sees the tasks; else null.
 *
 * Tasks without jobs are listed where the role sees them (the owner, BYPASSRLS, a policy), else
 * once they were seen with jobs. Rows name a worker by a random id, not by a host, and only while
 * it holds them.
 */
export const graphileWorker = defineKind<typeof graphileWorkerConfig>({
  kind: "graphile-worker",
  config: graphileWorkerConfig,
  detected: {
    tables: ["_private_jobs", "_private_tasks", "jobs"],
    toConfig: ({ name, schema }) => ({ name, kind: "graphile-worker", schema }),
  },
  unsupported: {
    name: "graphile-worker-before-0.16",
    tables: ["jobs", "job_queues", "known_crontabs", "migrations"],
    without: ["_private_jobs"],
    reason:
      "graphile-worker before version 0.16 hides its jobs from every role but their owner: upgrade it to 0.16 or newer",
  },
  create: (config, context) => {
    const { name, schema } = config;
    let extras: Extras | null = null;
    const source = createSqlSource(config, context, {
      tables: [{ schema, table: "jobs" }],
      statements: async (read) => {
        extras = await findExtras(name, schema, read);
        return graphileWorkerStatements(schema, extras);
      },
      history: graphileWorkerHistory(schema),
      jobs: graphileWorkerJobs(schema),
      isPastPartial: true,
    });
    return {
      ...source,
      warnings: () =>
        extras?.remedy
          ? [
              `row-level security hides its tasks, so that those without jobs are not listed; as the owner: ${extras.remedy}`,
            ]
          : [],
      history: async (queues, range, signal) => {
        // The first read detects what is installed.
        if (extras === null) await source.metrics(signal);
        const none = new Map<string, QueueHistory>();
        return extras?.ends ? ((await source.history?.(queues, range, signal)) ?? none) : none;
      },
      metrics: async (signal) => {
        const queues = await source.metrics(signal);
        return extras?.ends ? queues : queues.map(asAtLeast);
      },
    };
  },
  control: ({ schema }) => graphileControl(schema),
});

/** Failures are a lower bound. */
function asAtLeast(queue: QueueMetrics): QueueMetrics {
  return { ...queue, exact: false };
}

/**
 * Uses the documented functions of graphile-worker 0.16 and newer, `reschedule_jobs` and
 * `permanently_fail_jobs`, after locking the job. Retries jobs that failed, for good (they get one
 * more attempt) or waiting for their next attempt. Conditions do not use `now()`: a caller that
 * waited for another's lock began before it, so the job that the other has just retried would still
 * seem to wait. Source: its sql/000016.sql.
 */
function graphileControl(schema: string): JobStatements {
  const name = { schema, table: "_private_jobs" };
  const [jobs, tasks] = [quoteTable(name), quoteTable({ schema, table: "_private_tasks" })];
  const discarded = quoteLiteral(discardedText);
  const state = `
    case when job.locked_at is not null then 'locked'
         when job.attempts >= job.max_attempts then 'permanently failed'
         when job.attempts > 0 and job.run_at > clock_timestamp() then 'waiting for its next attempt'
         when job.run_at > clock_timestamp() then 'scheduled'
         else 'waiting' end`;
  const hidden = `row_security_active(${quoteLiteral(jobs)})`;
  const from = `from ${jobs} as job join ${tasks} as task on task.id = job.task_id`;
  const call = (job: JobRef, condition: string, changed: string) => `
with target as materialized (
  select job.id, job.attempts, job.max_attempts, task.identifier ${from}
  where ${isJob(job)} and job.locked_at is null and ${condition} for update of job
)
select target.identifier as queue, ${state.trim()} as state
from target cross join lateral ${quoteIdentifier(schema)}.${changed} as job`;
  return {
    table: name,
    id: bigintId,
    change: (action, job, onlyFailed) =>
      action === "retry"
        ? call(
            job,
            `(job.attempts >= job.max_attempts or (job.attempts > 0 and job.run_at > clock_timestamp()))${onlyFailed ? ` and job.last_error is distinct from ${discarded}` : ""}`,
            "reschedule_jobs(array[target.id]::bigint[], run_at => now(), max_attempts => greatest(target.max_attempts, target.attempts + 1)::int)",
          )
        : call(
            job,
            `job.attempts < job.max_attempts${onlyFailed ? " and job.attempts > 0" : ""}`,
            `permanently_fail_jobs(array[target.id]::bigint[], ${discarded})`,
          ),
    // A role under row-level security sees no job. That must not look like a missing job, so the
    // division fails for it.
    look: (job) => `
select task.identifier as queue, ${state.trim()} as state ${from} where ${isJob(job)}
union all
select null, (1 / case when ${hidden} then 0 else 1 end)::text where ${hidden}`,
  };
}

function isJob({ jobId, queue }: JobRef): string {
  return `job.id = ${quoteLiteral(jobId)}::bigint${queue === null ? "" : ` and task.identifier = ${quoteLiteral(queue)}`}`;
}
