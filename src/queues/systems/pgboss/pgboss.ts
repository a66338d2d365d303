import * as z from "zod";
import { createSqlSource } from "../../postgres/source.ts";
import { common, defineKind, identifier, sqlText } from "../../system.ts";
import { pgbossHistory } from "./history.ts";
import { pgbossIndexes } from "./indexes.ts";
import { preparePgboss } from "./sql.ts";

/** pg-boss (timgit/pg-boss) 10 or newer. */
const pgbossConfig = z.strictObject({
  ...common,
  kind: z.literal("pgboss"),
  /** Schema where it is installed; `pgboss` by default. */
  schema: identifier,
  names: z.array(sqlText).max(1000).optional(),
});

const columns = [
  "id",
  "name",
  "state",
  "retry_count",
  "retry_delay",
  "retry_backoff",
  "start_after",
  "created_on",
  "started_on",
  "completed_on",
  "archived_on",
  "output",
];

/**
 * Jobs of pg-boss, 10 and newer. It retains ended jobs for days, so successes are exact. It stores only a job's last attempt, so failures are jobs whose last
 * attempt failed in the window, for good or to be retried. A job that succeeded after failures is not one. Rows do not name workers, and queues cannot be paused.
 * Before 12.38 a read is one pass over all jobs, in parts where they are too many, unless the indexes that `cli indexes` prints exist.
 */
export const pgboss = defineKind<typeof pgbossConfig>({
  kind: "pgboss",
  config: pgbossConfig,
  detected: {
    tables: ["job", "queue", "schedule", "subscription", "version"],
    toConfig: ({ name, schema }) => ({ name, kind: "pgboss", schema }),
  },
  unsupported: {
    name: "pgboss-before-10",
    tables: ["archive", "job", "schedule", "subscription", "version"],
    without: ["queue"],
    reason: "pg-boss before version 10 has other tables: upgrade it to 10 or newer",
  },
  create: (config, { database, env, heavy }) =>
    createSqlSource({
      name: config.name,
      kind: config.kind,
      env: config.env ?? env,
      database,
      tables: [
        { schema: config.schema, table: "job" },
        { schema: config.schema, table: "queue" },
      ],
      columns,
      names: config.names ?? [],
      statements: (read) => preparePgboss(config.schema, read),
      history: pgbossHistory(config.schema),
      heavy,
    }),
  indexes: ({ schema }) => pgbossIndexes(schema),
});
