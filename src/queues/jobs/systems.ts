import { formatTable, toTableName } from "../postgres/names.ts";
import type { QueueSourceConfig } from "../registry.ts";
import { graphileControl } from "../systems/graphile-worker/control.ts";
import { pgbossControl } from "../systems/pgboss/control.ts";
import { riverControl } from "../systems/river/control.ts";
import { tableControl } from "../systems/table/control.ts";
import type { JobControl } from "./control.ts";
import type { ControlDatabase } from "./database.ts";
import { bigintId, createSqlControl, uuidId } from "./sql-control.ts";

/** The operations on a source's jobs; null for a system that is only read. To add one, write its control.ts and add a case below. */
export function createJobControl(config: QueueSourceConfig, database: ControlDatabase): JobControl | null {
  const create = (
    table: string,
    more: Omit<Parameters<typeof createSqlControl>[0], "source" | "table" | "database" | "missing">,
  ) =>
    createSqlControl({
      source: config.name,
      table,
      database,
      missing: `The mapping of ${config.name} in QUEUES_FILE does not say how: give it "control" with this operation`,
      ...more,
    });
  switch (config.kind) {
    case "table":
      return create(formatTable(toTableName(config.table)), { statements: tableControl(config), id: null });
    case "river":
      return create(formatTable({ schema: config.schema, table: "river_job" }), {
        statements: riverControl(config.schema, config.by),
        id: bigintId,
      });
    case "pgboss":
      return create(formatTable({ schema: config.schema, table: "job" }), {
        statements: pgbossControl(config.schema),
        id: uuidId,
      });
    case "graphile-worker":
      return create(formatTable({ schema: config.schema, table: "_private_jobs" }), {
        statements: graphileControl(config.schema),
        id: bigintId,
      });
    default:
      return null;
  }
}
