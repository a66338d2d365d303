import { createSqlSource } from "./sql-source.ts";
import type { RiverSourceConfig } from "./river-config.ts";
import { riverStatements } from "./river-statements.ts";
import type { SourceFactory } from "./source-kinds.ts";

const columns = ["id", "state", "kind", "queue", "scheduled_at", "finalized_at", "errors", "attempted_at", "attempted_by"];

/** Jobs of River. It records every attempt, so its failures are failed attempts, also of jobs that succeeded later. */
export const createRiverSource: SourceFactory<RiverSourceConfig> = (config, { database, env }) =>
  createSqlSource({
    name: config.name,
    kind: config.kind,
    env: config.env ?? env,
    database,
    table: { schema: config.schema, table: "river_job" },
    columns,
    names: config.names ?? [],
    statements: riverStatements(config.schema, config.by),
  });
