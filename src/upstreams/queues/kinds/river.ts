import { defineKind } from "../kind.ts";
import { createSqlSource } from "../sql/source.ts";
import { riverConfig } from "./river-config.ts";
import { riverHistory } from "./river-history.ts";
import { riverStatements } from "./river-statements.ts";

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

/** Jobs of River. It records every attempt, so its failures are failed attempts, also of jobs that succeeded later. */
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
