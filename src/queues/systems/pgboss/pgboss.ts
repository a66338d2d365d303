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
  /** Where it is installed; `pgboss` unless it was told otherwise. */
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
 * Jobs of pg-boss, 10 and newer. It keeps ended jobs for days, so its successes are exact; of a job's attempts it keeps the last one, so its failures
 * are jobs: those whose last attempt failed in the window, whether they ended with it or will be tried again. A job that succeeded after failures is none.
 * Its rows do not say who works on them, and its queues cannot be paused. Before 12.38 a read is one pass over all jobs that are kept, in parts
 * where they are too many, unless the indexes are there that `cli indexes` prints.
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
