import { toSchemaConfig } from "../postgres/kind.ts";
import { quoteLiteral } from "../postgres/names.ts";
import { createSqlSource } from "../postgres/source.ts";
import type { SqlStatements } from "../postgres/statements.ts";
import { defineKind } from "../system.ts";

const pgmqConfig = toSchemaConfig("pgmq").omit({ schema: true });

const meta = { schema: "pgmq", table: "meta" };

/**
 * Queues of pgmq, whose schema is always `pgmq`.
 *
 * - A finished message is deleted or archived, and either way deleted from its queue's table:
 *   `processed` is sampled from PostgreSQL's count of deletions in that table. A purge does not
 *   count; a deletion that was rolled back does. (Messages ever sent minus those still there would
 *   count sends that failed or are not yet committed.) The count is up to ten seconds late.
 * - A message that was read is hidden for a time: `active`. One sent with a delay is `deferred`.
 *   One that a worker hides for longer, to retry it later, is active too.
 * - pgmq has no failures, errors, workers or pauses.
 */
export const pgmq = defineKind<typeof pgmqConfig>({
  kind: "pgmq",
  config: pgmqConfig,
  detected: { schema: meta.schema, tables: [meta.table], toConfig: ({ name }) => ({ name, kind: "pgmq" }) },
  create: (config, context) => createSqlSource(config, context, { tables: [meta], statements: pgmqStatements() }),
});

/**
 * SQL over the tables of all queues that exist when it runs: `query_to_xml` runs a statement for
 * each, in the same snapshot and with the same rights. It reads the same queues as pgmq's
 * `metrics_all()`, which counts every message and cannot distinguish a delay from a read. A queue's
 * table is named `q_` and its name in lower case (pgmq's `format_table_name`).
 */
function pgmqStatements(): SqlStatements {
  return {
    readings: [
      {
        measures: ["depth", "active", "deferred", "oldest_age", "processed_total"],
        sql: `
select meta.queue_name::text as queue, figures.*
from pgmq.meta as meta
cross join lateral (select to_regclass(format('pgmq.%I', lower('q_' || meta.queue_name))) as oid) as messages
cross join lateral xmltable(
  '/table/row' passing query_to_xml(format(${quoteLiteral(pgmqFigures("%1$s", "%2$s"))}, messages.oid, messages.oid::oid), false, false, '')
  columns depth bigint, active bigint, deferred bigint, oldest_age float8, processed_total bigint) as figures
where messages.oid is not null`,
      },
    ],
    failures: null,
  };
}

/**
 * The figures of one queue. Counts messages by pgmq's index on `vt`, the time from which a message
 * is visible.
 */
export function pgmqFigures(table: string, oid: string): string {
  return `
select (select count(*) from ${table} where vt <= now()) as depth,
       (select count(*) from ${table} where vt > now() and read_ct > 0) as active,
       (select count(*) from ${table} where vt > now() and read_ct = 0) as deferred,
       (select extract(epoch from now() - min(vt)) from ${table} where vt <= now()) as oldest_age,
       coalesce((select sum(pg_stat_get_tuples_deleted(part.relid)) from pg_partition_tree(${oid}) as part where part.isleaf),
                pg_stat_get_tuples_deleted(${oid})) as processed_total`;
}
