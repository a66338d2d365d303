import * as z from "zod";
import { createSqlSource } from "../../postgres/source.ts";
import { common, defineKind, identifier, sqlText } from "../../system.ts";
import { riverHistory } from "./history.ts";
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
