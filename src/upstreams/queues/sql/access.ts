import type { Database, Row } from "./pool.ts";
import { type TableName, formatTable, quoteIdentifier, quoteLiteral, quoteTable } from "./names.ts";

/** What the role of DATABASE_URL may do with a table. */
export interface Access {
  /** Why it cannot be read, with the remedy; null when it can. */
  readonly obstacle: string | null;
  /** What an owner should know although it can be read. */
  readonly warnings: readonly string[];
}

/** From pg_catalog, which every role may read; the table itself is not touched, so a lock on it does not matter. */
function accessStatement({ schema, table }: TableName): string {
  return `
select current_user::text as role, namespace.nspname::text as schema,
       has_schema_privilege(namespace.oid, 'usage')::text as usable,
       has_any_column_privilege(class.oid, 'select')::text as readable,
       has_table_privilege(class.oid, 'insert, update, delete, truncate')::text as writable,
       row_security_active(class.oid)::text as filtered,
       (select string_agg(attname, ', ' order by attnum) from pg_catalog.pg_attribute
        where attrelid = class.oid and atttypid = 'timestamp'::regtype and not attisdropped) as zoneless,
       (select reset_val from pg_catalog.pg_settings where name = 'TimeZone') as zone
from pg_catalog.pg_class as class join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where class.relname = ${quoteLiteral(table)} and class.relkind in ('r', 'p', 'v', 'm', 'f')
  and ${schema === null ? "pg_catalog.pg_table_is_visible(class.oid)" : `namespace.nspname = ${quoteLiteral(schema)}`}`;
}

/** Looks the rights up, and of a table of the application's own whether its times can be read as they are meant. Rejects as `Database.read` does. */
export async function checkAccess(database: Database, table: TableName, isOwn: boolean, signal: AbortSignal): Promise<Access> {
  const [row] = await database.read(accessStatement(table), signal);
  if (!row) return { obstacle: `there is no table ${formatTable(table)} in this database: correct QUEUES_FILE`, warnings: [] };
  return { obstacle: findObstacle(row, table.table), warnings: findWarnings(row, formatTable(table), isOwn) };
}

function findObstacle(row: Row, table: string): string | null {
  const schema = row["schema"] ?? "";
  const role = quoteIdentifier(row["role"] ?? "");
  const grants = [
    row["usable"] === "true" ? [] : [`grant usage on schema ${quoteIdentifier(schema)} to ${role};`],
    row["readable"] === "true" ? [] : [`grant select on ${quoteTable({ schema, table })} to ${role};`],
  ].flat();
  return grants.length === 0 ? null : `the role has no right to read it; as the owner: ${grants.join(" ")}`;
}

/** Job systems write UTC into columns without a time zone, and so they are read. `now()` writes the time of the session's zone there. */
function findWarnings(row: Row, table: string, isOwn: boolean): string[] {
  const isUtc = /^(?:etc\/)?(?:utc|gmt|uct|universal|zulu|greenwich)$/i.test(row["zone"] ?? "");
  return [
    isOwn && row["zoneless"] !== null && !isUtc
      ? [
          `columns without a time zone (${row["zoneless"]}) of ${table} are read as UTC, and the time zone here is ${row["zone"]}: where now() fills them the numbers are wrong; make them timestamptz`,
        ]
      : [],
    row["writable"] === "true" ? [`role ${row["role"]} may write to ${table}: use a role with SELECT only`] : [],
    row["filtered"] === "true" ? [`row-level security hides rows of ${table}: grant BYPASSRLS, or read a view`] : [],
  ].flat();
}
