import { describe, isSqlState } from "../../lib/postgres/errors.ts";
import type { Database } from "./database.ts";
import { quoteLiteral, type TableName } from "./names.ts";

/**
 * Identifies a table by the start time of its server, its database and its oid. They are the same
 * through every host name and pooler, but differ in a copy of the server. Every role may read them.
 */
function identityStatement({ schema, table }: TableName): string {
  return `
select pg_postmaster_start_time()::text as server,
       (select oid from pg_catalog.pg_database where datname = current_database())::text as database, class.oid::text as relation
from pg_catalog.pg_class as class join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where class.relname = ${quoteLiteral(table)} and class.relkind in ('r', 'p', 'v', 'm', 'f')
  and ${schema === null ? "pg_catalog.pg_table_is_visible(class.oid)" : `namespace.nspname = ${quoteLiteral(schema)}`}`;
}

/** As `KindSource.identify`, for the rows of a table that a source reads. */
export async function identifyTable(
  database: Pick<Database, "read">,
  table: TableName,
  rows: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await database.read(identityStatement(table), signal).catch((error: unknown) => {
    if (isSqlState(describe(error).code)) return [];
    throw error;
  });
  return found.map(({ server, database: name, relation }) => JSON.stringify([server, name, relation, rows ?? ""]));
}
