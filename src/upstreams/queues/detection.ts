import { createHash } from "node:crypto";
import type { Brokers, QueueKind } from "./kind.ts";
import { type QueueSourceConfig, queueKinds } from "./kinds.ts";
import { toQueueError } from "./sql/failures.ts";
import { quoteLiteral } from "./sql/names.ts";
import type { Database } from "./sql/pool.ts";

const kinds = queueKinds as unknown as readonly QueueKind[];

/**
 * Sources for the job systems that are in the database, and for the brokers: one for each schema that has one. The one whose tables are found through the
 * search_path is called as its kind ("river"), the others "river:<schema>", as `toSourceName` has it. Rejects with postgres_unavailable.
 */
export async function detectTables(database: Database, signal: AbortSignal): Promise<readonly QueueSourceConfig[]> {
  const rows = await database.read(markersStatement(), signal).catch((error: unknown) => {
    throw toQueueError(error, { source: null, table: "pg_class", columns: [] });
  });
  const schemas = new Map<string, Set<string>>();
  for (const { schema, table } of rows) {
    const tables = schemas.get(schema ?? "") ?? new Set();
    schemas.set(schema ?? "", tables.add(table ?? ""));
  }
  return kinds.flatMap(({ kind, detected }) => {
    if (!detected?.tables) return [];
    const found = [...schemas].filter(
      ([schema, tables]) =>
        (detected.schema === undefined || detected.schema === schema) && detected.tables.every((table) => tables.has(table)),
    );
    return found.map(([schema], index) => toConfig(detected, index === 0 ? kind : `${kind}:${schema}`, schema));
  });
}

/** Sources of the brokers whose address is known. */
export function detectBrokers(brokers: Brokers): readonly QueueSourceConfig[] {
  return kinds.flatMap(({ kind, detected }) =>
    detected?.broker && brokers[detected.broker] !== null ? [toConfig(detected, kind, "")] : [],
  );
}

function toConfig(detected: NonNullable<QueueKind["detected"]>, name: string, schema: string): QueueSourceConfig {
  return detected.toConfig({ name: toSourceName(name, schema), schema }) as QueueSourceConfig;
}

const mostLetters = 64;

/**
 * Schemas may be called as they like; the names of sources may not. One that has to be changed gets a part of a hash of the schema: what is done to the
 * jobs of a source must not reach another schema whose name is changed to the same.
 */
export function toSourceName(name: string, schema: string): string {
  const tidy = name.replaceAll(/[^\w.:-]/g, "_");
  if (tidy === name && name.length <= mostLetters) return name;
  const hash = createHash("sha256").update(schema).digest("hex").slice(0, 8);
  return `${tidy.slice(0, mostLetters - 1 - hash.length)}-${hash}`;
}

/** pg_catalog tells every role, whatever it may read. Schemas in the search_path come first. */
function markersStatement(): string {
  const tables = kinds.flatMap(({ detected }) => detected?.tables ?? []);
  return `
select namespace.nspname::text as schema, class.relname::text as table
from pg_catalog.pg_class as class join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where class.relname in (${[...new Set(tables)].map(quoteLiteral).join(", ")}) and class.relkind in ('r', 'p', 'v')
order by pg_catalog.pg_table_is_visible(class.oid) desc, 1
limit 500`;
}
