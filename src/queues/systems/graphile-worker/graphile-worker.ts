import * as z from "zod";
import type { QueueHistory } from "../../history.ts";
import { createSqlSource } from "../../postgres/source.ts";
import type { QueueMetrics } from "../../queue.ts";
import { common, defineKind, identifier, sqlText } from "../../system.ts";
import { type Extras, findExtras, graphileWorkerHistory, graphileWorkerStatements } from "./sql.ts";

/** graphile-worker 0.16 or newer. */
const graphileWorkerConfig = z.strictObject({
  ...common,
  kind: z.literal("graphile-worker"),
  /** Schema where it is installed; `graphile_worker` by default. */
  schema: identifier,
  names: z.array(sqlText).max(1000).optional(),
});

const columns = ["task_identifier", "id", "run_at", "updated_at", "locked_at", "last_error", "attempts", "max_attempts"];

/**
 * Jobs of graphile-worker, by task. It deletes a job that succeeds, and stores only the last failure of a waiting one. So the numbers depend on
 * deploy/postgres/graphile-worker-ends.sql:
 *
 * - with it, everything is exact, with a history of two hours;
 * - without it, failures are the existing jobs whose last attempt failed in the window: at least that many failed (`exact` is false);
 * - without it, successes are the deletions from the table, sampled, only where there is a single task and the role sees the tasks; else null.
 *
 * Tasks without jobs are listed where the role sees them (the owner, BYPASSRLS, a policy), else once they were seen with jobs. Rows name a worker by a random id,
 * not by a host, and only while it holds them.
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
    reason: "graphile-worker before version 0.16 hides its jobs from every role but their owner: upgrade it to 0.16 or newer",
  },
  create: (config, { database, env, heavy }) => {
    const { name, kind, schema, names = [] } = config;
    let extras: Extras | null = null;
    const source = createSqlSource({
      name,
      kind,
      env: config.env ?? env,
      database,
      tables: [{ schema, table: "jobs" }],
      columns,
      names,
      statements: async (read) => {
        extras = await findExtras(name, schema, read);
        return graphileWorkerStatements(schema, extras);
      },
      history: graphileWorkerHistory(schema),
      isPastPartial: true,
      heavy,
    });
    return {
      ...source,
      warnings: () =>
        extras?.remedy
          ? [`row-level security hides its tasks, so that those without jobs are not listed; as the owner: ${extras.remedy}`]
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
});

/** Failures are a lower bound. Without samples there is no window. */
function asAtLeast(queue: QueueMetrics): QueueMetrics {
  return { ...queue, exact: false, windowSeconds: queue.processedPerSec === null ? null : queue.windowSeconds };
}
