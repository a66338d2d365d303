import { createSqlSource } from "./sql-source.ts";
import type { SourceFactory } from "./source-kinds.ts";
import { toTableName } from "./sql.ts";
import type { TableSourceConfig } from "./table-config.ts";
import { tableStatements } from "./table-statements.ts";

/**
 * Jobs in a table of the application's own. Such a table records no attempts, so its failures are the jobs that *ended* failed: one
 * that failed and went back to waiting, with its last error still in the row, is not counted.
 */
export const createTableSource: SourceFactory<TableSourceConfig> = (config, { database, env }) =>
  createSqlSource({
    name: config.name,
    kind: config.kind,
    env: config.env ?? env,
    database,
    table: toTableName(config.table),
    columns: [
      ...("column" in config.queue ? [config.queue.column] : []),
      ...[config.id, config.status, config.finished_at].concat(
        [config.run_at, config.error, config.started_at, config.worker?.column].filter((name) => name !== undefined),
      ),
    ],
    names: "name" in config.queue ? [config.queue.name] : (config.queue.names ?? []),
    statements: tableStatements(config),
  });
