import { createHash } from "node:crypto";
import type { QueuesFile } from "./config.ts";
import { escapeMessage } from "../lib/redact/names.ts";
import type { Database } from "./postgres/database.ts";
import { toQueueError } from "./postgres/errors.ts";
import { quoteLiteral } from "./postgres/names.ts";
import type { UnsupportedSystem } from "./queue.ts";
import { listPlaces, type Places, toPlaceName } from "./places.ts";
import { queueKinds, type QueueSourceConfig } from "./registry.ts";
import type { QueueKind } from "./system.ts";

/**
 * The maximum number of detected sources. Each runs its own statements, and nobody looks at more.
 */
export const mostDetected = 500;

export interface DetectionOptions extends Partial<QueuesFile> {
  /** Null: no database is searched. */
  readonly database: Database | null;
  /** The name of this database, where databases have names. */
  readonly place?: string | null;
  readonly brokers: Places["brokers"];
  /** Names that sources of other places already have. */
  readonly taken?: readonly string[];
}

interface Detection {
  /** The detected systems that are neither hidden nor already configured. */
  readonly configs: readonly QueueSourceConfig[];
  /** Whether there are more than `mostDetected`. */
  readonly isCut: boolean;
  readonly unsupported: readonly UnsupportedSystem[];
}

/** Finds the job systems that need no configuration. Rejects with postgres_unavailable. */
export async function detectSystems(options: DetectionOptions, signal: AbortSignal): Promise<Detection> {
  const { database, place = null, brokers, sources = [], hide = [] } = options;
  const tables = database
    ? await detectTables(database, place, signal)
    : { configs: [], isCut: false, unsupported: [] };
  const taken = new Set([...sources.map(({ name }) => name), ...(options.taken ?? [])]);
  const isNew = (config: QueueSourceConfig) =>
    !hide.includes(config.name) && !sources.some((source) => isSame(source, config));
  const found = [...detectBrokers(brokers), ...tables.configs].filter(isNew);
  return { ...tables, configs: found.map((config) => rename(config, taken)) };
}

/**
 * Whether both read the same system in the same place. If so, the configured one replaces the
 * detected one.
 */
export function isSame(configured: QueueSourceConfig, detected: QueueSourceConfig): boolean {
  const isSamePlace = toPlaceName(configured) === toPlaceName(detected);
  return configured.kind === detected.kind && isSamePlace && schemaOf(configured) === schemaOf(detected);
}

function schemaOf(config: QueueSourceConfig): string | null {
  return "schema" in config ? config.schema : null;
}

/**
 * Makes the name unique, because sources are found by name. Configured sources and earlier detected
 * ones keep theirs; a later one gets a suffix.
 */
function rename(config: QueueSourceConfig, taken: Set<string>): QueueSourceConfig {
  const name = toFreeName(config.name, taken);
  taken.add(name);
  return { ...config, name };
}

/** The name, with a suffix where another source has it. */
export function toFreeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let times = 1; taken.has(name); times += 1) {
    const suffix = times === 1 ? ":detected" : `:detected-${times}`;
    name = `${wanted.slice(0, 64 - suffix.length)}${suffix}`;
  }
  return name;
}

/**
 * The name of a source or system that was detected in a place. It is unique over all places,
 * because their names contain no colon.
 */
export function toPlacedName(name: string, place: string | null): string {
  return place === null ? name : `${place}:${name}`;
}

/**
 * Makes one source for each schema that holds a job system. The first schema of a kind, one on the
 * search_path if any, is named after the kind ("river"); the others are "river:<schema>", made
 * valid by `toSourceName`. If the database has a name, it is put in front. Rejects with
 * postgres_unavailable.
 */
async function detectTables(database: Database, place: string | null, signal: AbortSignal): Promise<Detection> {
  const statements = [systemsStatement(), unsupportedStatement()];
  const [rows = [], others = []] = await database.readAll(statements, signal).catch((error: unknown) => {
    throw toQueueError(error, { source: null, table: "pg_class", sql: "" });
  });
  const found = Map.groupBy(rows.slice(0, mostDetected), ({ kind }) => kind);
  const configs = queueKinds.flatMap(({ kind, detected }) => {
    if (!detected?.tables) return [];
    const schemas = (found.get(kind) ?? []).map(({ schema }) => schema ?? "");
    return schemas.map((schema, index) => ({
      ...toConfig(detected, toPlacedName(index === 0 ? kind : `${kind}:${schema}`, place), schema),
      ...(place !== null && { database: place }),
    }));
  });
  const unsupported = queueKinds.flatMap(({ kind, unsupported: old }): UnsupportedSystem[] => {
    if (!old) return [];
    const schemas = others.filter(({ name }) => name === old.name).map(({ schema }) => schema ?? "");
    return schemas.map((schema, index) => {
      const name = toSourceName(toPlacedName(index === 0 ? old.name : `${old.name}:${schema}`, place), schema);
      return { name, kind, reason: `${old.reason} (schema ${escapeMessage(schema)})` };
    });
  });
  return { configs, isCut: rows.length > mostDetected, unsupported };
}

/** Sources of the brokers whose address is configured. */
export function detectBrokers(brokers: Places["brokers"]): readonly QueueSourceConfig[] {
  return queueKinds.flatMap(({ kind, detected }) =>
    listPlaces(detected?.broker ? brokers[detected.broker] : null).flatMap(({ name }) => {
      if (!detected?.broker) return [];
      return [{ ...toConfig(detected, toPlacedName(kind, name), ""), ...(name !== null && { broker: name }) }];
    }),
  );
}

function toConfig(detected: NonNullable<QueueKind["detected"]>, name: string, schema: string): QueueSourceConfig {
  return detected.toConfig({ name: toSourceName(name, schema), schema }) as QueueSourceConfig;
}

const mostLetters = 64;

/**
 * Turns a schema's name, which may hold any character, into a valid source name. A changed name
 * gets part of a hash of the schema: two schemas must not share a name, or an operation on one's
 * jobs would reach the other's.
 */
export function toSourceName(name: string, schema: string): string {
  const tidy = name.replaceAll(/[^\w.:-]/g, "_");
  if (tidy === name && name.length <= mostLetters) return name;
  const hash = createHash("sha256").update(schema).digest("hex").slice(0, 8);
  return `${tidy.slice(0, mostLetters - 1 - hash.length)}-${hash}`;
}

/**
 * Finds the schemas that have all tables of a kind; a table called `jobs` alone is not enough.
 * pg_catalog is readable to every role. Schemas on the search_path come first. The order is the
 * first schema of each kind, then the second of each, so that a kind in many schemas does not crowd
 * out the others.
 */
function systemsStatement(): string {
  const systems = queueKinds.flatMap(({ kind, detected }) => (detected?.tables ? [{ kind, ...detected }] : []));
  const values = systems.map(
    ({ kind, tables, schema }) =>
      `(${quoteLiteral(kind)}, ${toNames(tables)}, ${schema === undefined ? "null" : quoteLiteral(schema)}::name)`,
  );
  return `
select system.kind, namespace.nspname::text as schema
from (values ${values.join(", ")}) as system (kind, tables, schema)
join pg_catalog.pg_class as class on class.relname = any (system.tables) and class.relkind in ('r', 'p', 'v')
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace and namespace.nspname = coalesce(system.schema, namespace.nspname)
group by system.kind, system.tables, namespace.nspname
having count(*) = cardinality(system.tables)
order by row_number() over (
  partition by system.kind order by bool_or(pg_catalog.pg_table_is_visible(class.oid)) desc, namespace.nspname::text
), system.kind
limit ${mostDetected + 1}`;
}

/** Finds the schemas with an older version of a kind, which is not supported. */
function unsupportedStatement(): string {
  const values = queueKinds.flatMap(({ unsupported: old }) =>
    old ? [`(${quoteLiteral(old.name)}, ${toNames(old.tables)}, ${toNames(old.without)})`] : [],
  );
  return `
select old.name, namespace.nspname::text as schema
from (values ${values.join(", ")}) as old (name, tables, without)
join pg_catalog.pg_class as class on class.relname = any (old.tables) and class.relkind in ('r', 'p')
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where not exists (select from pg_catalog.pg_class as other where other.relnamespace = namespace.oid and other.relname = any (old.without))
group by old.name, old.tables, namespace.nspname
having count(*) = cardinality(old.tables)
order by old.name, namespace.nspname::text
limit ${mostDetected}`;
}

function toNames(names: readonly string[]): string {
  return `array[${names.map(quoteLiteral).join(", ")}]::name[]`;
}
