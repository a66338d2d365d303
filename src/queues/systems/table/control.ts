import type { JobRef } from "../../jobs/control.ts";
import type { ControlStatements } from "../../jobs/sql-control.ts";
import { quoteIdentifier, quoteLiteral } from "../../postgres/names.ts";
import type { TableSourceConfig } from "./config.ts";
import { column, isStatus, toFrom, toQueue, withoutDiscarded } from "./sql.ts";

type Status = TableSourceConfig["failed"][number];

/**
 * Follows the mapping's `control`; an action that is missing there is not supported. Retries jobs that are `failed` or `retrying`; discards these and `waiting`
 * ones. Never changes an active job, a done one, or one that already has the new status. A retried job may run at once; a discarded one ends now.
 */
export function tableControl(config: TableSourceConfig): ControlStatements {
  const table = toFrom(config);
  const { queue } = toQueue(config);
  const seen = `${queue} as queue, ${column(config.status)}::text as state`;
  const isJob = (job: JobRef) =>
    `${column(config.id)} = ${quoteLiteral(job.jobId)}${job.queue === null ? "" : ` and ${queue} = ${quoteLiteral(job.queue)}`}`;
  const update = (job: JobRef, from: readonly Status[], values: Readonly<Record<string, string>>) => `
update ${table} set ${Object.entries(values)
    .map(([name, value]) => `${quoteIdentifier(name)} = ${value}`)
    .join(", ")}
where ${isJob(job)} and ${isStatus(config, from)}
returning ${seen}`;
  const { control, retrying = [] } = config;
  return {
    change(action, job, onlyFailed) {
      if (action === "retry") {
        const { retry } = control ?? {};
        if (!retry) return null;
        const failed = onlyFailed ? withoutDiscarded(config) : config.failed;
        const from = [...failed, ...retrying].filter((value) => value !== retry.status);
        const reset = Object.fromEntries((retry.reset ?? []).map((name) => [name, "null"]));
        return update(job, from, {
          [config.status]: quoteLiteral(retry.status),
          ...(config.run_at !== undefined && { [config.run_at]: "now()" }),
          ...(config.attempts !== undefined && retry.attempts !== undefined && { [config.attempts]: String(retry.attempts) }),
          ...reset,
        });
      }
      const { discard } = control ?? {};
      if (!discard) return null;
      const from = [...config.waiting, ...retrying, ...config.failed].filter((value) => value !== discard.status);
      return update(job, from, {
        [config.status]: quoteLiteral(discard.status),
        [config.finished_at]: `coalesce(${column(config.finished_at)}, now())`,
      });
    },
    look: (job) => `select ${seen} from ${table} where ${isJob(job)}`,
  };
}
