import { toTableName } from "../../postgres/names.ts";
import { createSqlSource } from "../../postgres/source.ts";
import { defineKind } from "../../system.ts";
import { tableConfig } from "./config.ts";
import { tableHistory } from "./history.ts";
import { tableIndexes } from "./indexes.ts";
import { tableStatements } from "./sql.ts";

/**
 * Jobs in a table of the application's own. Such a table records no attempts, so failures are the jobs that *ended* failed. A job that failed and went back to
 * waiting, with its last error still in the row, is not counted.
 */
export const table = defineKind({
  kind: "table",
  config: tableConfig,
  indexes: tableIndexes,
  create: (config, { database, env, heavy }) =>
    createSqlSource({
      name: config.name,
      kind: config.kind,
      env: config.env ?? env,
      database,
      tables: [toTableName(config.table)],
      columns: [
        ...("column" in config.queue ? [config.queue.column] : []),
        ...[config.id, config.status, config.finished_at].concat(
          [config.run_at, config.error, config.started_at, config.worker?.column, config.attempts].filter(
            (name) => name !== undefined,
          ),
        ),
      ],
      names: "name" in config.queue ? [config.queue.name] : (config.queue.names ?? []),
      statements: tableStatements(config),
      history: tableHistory(config),
      isPastPartial: config.run_at === undefined,
      heavy,
    }),
});
