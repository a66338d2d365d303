import { createHash } from "node:crypto";
import { createSingleFlight } from "../lib/cache.ts";
import type { Logger } from "../lib/logger.ts";
import type { QueuesFile } from "./config.ts";
import type { Database } from "./postgres/database.ts";
import { toQueueError } from "./postgres/errors.ts";
import { quoteLiteral } from "./postgres/names.ts";
import type { UnsupportedSystem } from "./queue.ts";
import { queueKinds, type QueueSourceConfig } from "./registry.ts";
import type { Brokers, KindSource, QueueKind } from "./system.ts";

interface DetectorOptions extends Partial<QueuesFile> {
  readonly sources: readonly QueueSourceConfig[];
  readonly database: Database | null;
  readonly brokers: Brokers;
  readonly open: (config: QueueSourceConfig) => KindSource;
  readonly logger: Logger;
}

interface Detector {
  /** Detected sources that are neither hidden nor configured, by name or as the same system. Rejects while the database has never answered. */
  sources(signal: AbortSignal): Promise<readonly KindSource[]>;
  /** Systems in the database that are not read, as of the last detection. */
  unsupported(): readonly UnsupportedSystem[];
}

/** Detection runs again after this time, milliseconds: a job system may appear or disappear. */
const againMs = 60_000;

/** Finds the job systems that need no configuration. A system found again is the same source object, with its state. */
export function createDetector({
  detect = true,
  hide = [],
  sources,
  database,
  brokers,
  open,
  logger,
}: DetectorOptions): Detector {
  if (!detect) return { sources: () => Promise.resolve([]), unsupported: () => [] };
  const known = new Map<string, KindSource>();
  let detected: readonly KindSource[] | null = null;
  let unsupported: readonly UnsupportedSystem[] = [];
  let askAgainAt = 0;
  let logged = { names: "", isCut: false };

  const toSource = (config: QueueSourceConfig): KindSource => {
    const key = JSON.stringify(config);
    const source = known.get(key) ?? open(config);
    known.set(key, source);
    return source;
  };
  /** Logs changes only: detection runs each minute, mostly with the same result. */
  const logDetected = (found: readonly KindSource[], isCut: boolean) => {
    const names = found.map(({ name }) => name);
    const isChanged = names.join() !== logged.names;
    if (isChanged && names.length > 0) logger.info({ sources: names }, "queue sources detected");
    if (isChanged && names.length === 0) logger.warn({}, "no queue sources are detected any more");
    if (isCut && (isChanged || !logged.isCut))
      logger.warn({ most: mostDetected }, "more queue sources than are taken: some are left out");
    logged = { names: names.join(), isCut };
  };
  const look = createSingleFlight(async (signal) => {
    const tables = database ? await detectTables(database, signal) : null;
    const isCut = tables?.isCut ?? false;
    const found = [...detectBrokers(brokers), ...(tables?.configs ?? [])];
    unsupported = tables?.unsupported ?? [];
    const taken = new Set(sources.map(({ name }) => name));
    detected = found
      .filter((config) => !hide.includes(config.name) && !sources.some((source) => isSame(source, config)))
      .map((config) => toSource(rename(config, taken)));
    askAgainAt = performance.now() + againMs;
    logDetected(detected, isCut);
    return detected;
  });
  return {
    unsupported: () => unsupported,
    sources(signal) {
      const isDue = performance.now() >= askAgainAt;
      if (!detected || (detected.length === 0 && isDue)) return look(signal);
      // Callers get the known sources; detection runs again in the background.
      if (isDue) {
        askAgainAt = performance.now() + againMs;
        look(AbortSignal.timeout(againMs)).catch(() => {});
      }
      return Promise.resolve(detected);
    },
  };
}

/** Whether both read the same system in the same place. If so, the configured one replaces the detected one. */
export function isSame(configured: QueueSourceConfig, detected: QueueSourceConfig): boolean {
  return configured.kind === detected.kind && schemaOf(configured) === schemaOf(detected);
}

function schemaOf(config: QueueSourceConfig): string | null {
  return "schema" in config ? config.schema : null;
}

/** Makes the name unique, because sources are found by name. Configured sources and earlier detected ones keep theirs; a later one gets a suffix. */
function rename(config: QueueSourceConfig, taken: Set<string>): QueueSourceConfig {
  let { name } = config;
  for (let times = 1; taken.has(name); times += 1) {
    const suffix = times === 1 ? ":detected" : `:detected-${times}`;
    name = `${config.name.slice(0, 64 - suffix.length)}${suffix}`;
  }
  taken.add(name);
  return { ...config, name };
}

const kinds = queueKinds as unknown as readonly QueueKind[];

/** Detected sources, at most. Each runs its own statements, and nobody looks at more. */
const mostDetected = 500;

interface DetectedTables {
  readonly configs: readonly QueueSourceConfig[];
  /** There are more than `mostDetected`. */
  readonly isCut: boolean;
  readonly unsupported: readonly UnsupportedSystem[];
}

/**
 * One source for each schema that holds a job system. Of each kind, the first schema, one on the search_path if any, gives the name of the kind ("river"); the
 * others are "river:<schema>", made valid by `toSourceName`. Rejects with postgres_unavailable.
 */
export async function detectTables(database: Database, signal: AbortSignal): Promise<DetectedTables> {
  const statements = [systemsStatement(), unsupportedStatement()];
  const [rows = [], others = []] = await database.readAll(statements, signal).catch((error: unknown) => {
    throw toQueueError(error, { source: null, table: "pg_class", columns: [] });
  });
  const found = Map.groupBy(rows.slice(0, mostDetected), ({ kind }) => kind);
  const configs = kinds.flatMap(({ kind, detected }) => {
    if (!detected?.tables) return [];
    const schemas = (found.get(kind) ?? []).map(({ schema }) => schema ?? "");
    return schemas.map((schema, index) => toConfig(detected, index === 0 ? kind : `${kind}:${schema}`, schema));
  });
  const unsupported = kinds.flatMap(({ kind, unsupported: old }): UnsupportedSystem[] => {
    if (!old) return [];
    const schemas = others.filter(({ name }) => name === old.name).map(({ schema }) => schema ?? "");
    return schemas.map((schema, index) => {
      const name = toSourceName(index === 0 ? old.name : `${old.name}:${schema}`, schema);
      return { name, kind, reason: `${old.reason} (schema ${schema})` };
    });
  });
  return { configs, isCut: rows.length > mostDetected, unsupported };
}

/** Sources of the brokers whose address is configured. */
function detectBrokers(brokers: Brokers): readonly QueueSourceConfig[] {
  return kinds.flatMap(({ kind, detected }) =>
    detected?.broker && brokers[detected.broker] !== null ? [toConfig(detected, kind, "")] : [],
  );
}

function toConfig(detected: NonNullable<QueueKind["detected"]>, name: string, schema: string): QueueSourceConfig {
  return detected.toConfig({ name: toSourceName(name, schema), schema }) as QueueSourceConfig;
}

const mostLetters = 64;

/**
 * Turns a schema's name, which may hold any character, into a valid source name. A changed name gets part of a hash of the schema: two schemas must not share a
 * name, or an operation on one's jobs would reach the other's.
 */
export function toSourceName(name: string, schema: string): string {
  const tidy = name.replaceAll(/[^\w.:-]/g, "_");
  if (tidy === name && name.length <= mostLetters) return name;
  const hash = createHash("sha256").update(schema).digest("hex").slice(0, 8);
  return `${tidy.slice(0, mostLetters - 1 - hash.length)}-${hash}`;
}

/**
 * Finds the schemas that have all tables of a kind; a table called `jobs` alone is not enough. pg_catalog is readable to every role. Schemas on the search_path
 * come first. The order is the first schema of each kind, then the second of each: a kind in many schemas does not crowd out the others.
 */
function systemsStatement(): string {
  const systems = kinds.flatMap(({ kind, detected }) => (detected?.tables ? [{ kind, ...detected }] : []));
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
  const values = kinds.flatMap(({ unsupported: old }) =>
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
