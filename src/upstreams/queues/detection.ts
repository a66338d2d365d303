import { toQueueError } from "./failures.ts";
import type { Database } from "./pool.ts";
import type { QueueSourceConfig } from "./source-kinds.ts";

/** Schemas with a River table, the one in the search_path first. pg_catalog tells every role, whatever it may read. */
const riverSchemas = `
select namespace.nspname::text as schema
from pg_catalog.pg_class as class join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where class.relname = 'river_job' and class.relkind in ('r', 'p')
order by pg_catalog.pg_table_is_visible(class.oid) desc, 1
limit 20`;

/**
 * Sources for the job systems that are in the database: a River table in each schema that has one, by kind of job. The first is
 * called "river", further ones "river:<schema>". Rejects with postgres_unavailable.
 */
export async function detectSources(database: Database, signal: AbortSignal): Promise<readonly QueueSourceConfig[]> {
  const rows = await database.read(riverSchemas, signal).catch((error: unknown) => {
    throw toQueueError(error, { source: null, table: "pg_class", columns: [] });
  });
  return rows.map(({ schema }, index) => ({
    name: index === 0 ? "river" : `river:${schema}`,
    kind: "river" as const,
    schema: schema ?? "",
    by: "kind" as const,
  }));
}
