import * as z from "zod";
import type { ToHistoryRows } from "../../postgres/history.ts";
import { quoteTable } from "../../postgres/names.ts";
import { createSqlSource } from "../../postgres/source.ts";
import { common, defineKind, identifier, sqlText } from "../../system.ts";
import { riverStatements } from "./sql.ts";

/** River (riverqueue.com), schema of its migration 4 (2024) or newer. */
const riverConfig = z.strictObject({
  ...common,
  kind: z.literal("river"),
  schema: identifier,
  /** What counts as a queue here: River's queue, or the kind of the job. */
  by: z.enum(["queue", "kind"]),
  names: z.array(sqlText).max(1000).optional(),
});

const columns = [
  "id",
  "state",
  "kind",
  "queue",
  "scheduled_at",
  "finalized_at",
  "errors",
  "attempt",
  "attempted_at",
  "attempted_by",
];

/** Jobs of River. It records every attempt, so failures are failed attempts, also of jobs that succeeded later. */
export const river = defineKind<typeof riverConfig>({
  kind: "river",
  config: riverConfig,
  detected: {
    tables: ["river_job"],
    toConfig: ({ name, schema }) => ({ name, kind: "river", schema, by: "kind" }),
  },
  create: (config, { database, env, heavy }) =>
    createSqlSource({
      name: config.name,
      kind: config.kind,
      env: config.env ?? env,
      database,
      tables: [{ schema: config.schema, table: "river_job" }],
      columns,
      names: config.names ?? [],
      statements: riverStatements(config.schema, config.by),
      history: riverHistory(config.schema, config.by),
      heavy,
    }),
});

/**
 * The history of a queue from River's rows. Each has the time of its last attempt, and the errors of all. So a job that was tried several times, or snoozed,
 * appears to wait only before its last attempt. By default River retains successes for 24 hours, failures for 7 days.
 */
function riverHistory(schema: string, by: "queue" | "kind"): ToHistoryRows {
  const table = quoteTable({ schema, table: "river_job" });
  return (isAsked, from) => {
    const own = isAsked(by);
    const attempted = "case when attempted_at >= scheduled_at then attempted_at end";
    const ended = `state in ('completed', 'discarded', 'cancelled') and finalized_at >= ${from} and ${own}`;
    const open = `state in ('available', 'scheduled', 'retryable', 'running', 'pending') and ${own}`;
    const isRetried = `(attempt > 1 or metadata ? 'snoozes' or (state <> 'running' and finalized_at is null and attempted_at is not null))`;
    return {
      jobs: `
    select ${by} as queue, scheduled_at as due, coalesce(${attempted}, finalized_at) as taken, finalized_at as ended, state = 'completed' as succeeded,
           ${isRetried} as retried
    from ${table} where ${ended}
    union all
    select ${by}, scheduled_at, case when state = 'running' then attempted_at end, null, false, ${isRetried}
    from ${table} where state in ('available', 'scheduled', 'retryable', 'running') and ${own}`,
      failures: `
    select job.queue, (failure->>'at')::timestamptz as failed_at
    from (
      select ${by} as queue, errors from ${table} where ${open} and errors is not null
      union all
      select ${by} as queue, errors from ${table} where ${ended} and errors is not null
    ) as job cross join lateral unnest(job.errors) as failure`,
      oldest: `select min(finalized_at) from ${table} where state = 'completed' and finalized_at is not null`,
      keeps: false,
    };
  };
}
