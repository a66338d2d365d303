import { createHash } from "node:crypto";
import { createSingleFlight } from "../lib/abort.ts";
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
  /** Those that are not configured by name or as the same thing, and not hidden. Rejects when the database was never asked with success. */
  sources(signal: AbortSignal): Promise<readonly KindSource[]>;
  /** What is in the database and is not read, at the last look. */
  unsupported(): readonly UnsupportedSystem[];
}

/** What is found is looked for again after this time, milliseconds: a job system may come, or go. */
const againMs = 60_000;

/** Finds the job systems that need no configuration. One that is found again is the same source, with what it remembers. */
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
  /** Once for each change: a look a minute says the same. */
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
      // Nobody waits for another look.
      if (isDue) {
        askAgainAt = performance.now() + againMs;
        look(AbortSignal.timeout(againMs)).catch(() => {});
      }
      return Promise.resolve(detected);
    },
  };
}

/** Whether both read the same system in the same place: the configured one stands for the detected one. */
export function isSame(configured: QueueSourceConfig, detected: QueueSourceConfig): boolean {
  return configured.kind === detected.kind && schemaOf(configured) === schemaOf(detected);
}

function schemaOf(config: QueueSourceConfig): string | null {
  return "schema" in config ? config.schema : null;
}

/** A configured source keeps its name, and so does what was found before; a detected one gives way. No name is given twice: sources are found by it. */
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

/** Nobody looks at more, and each has statements of its own. */
const mostDetected = 500;

interface DetectedTables {
  readonly configs: readonly QueueSourceConfig[];
  /** There are more than `mostDetected`. */
  readonly isCut: boolean;
  readonly unsupported: readonly UnsupportedSystem[];
}

/**
 * Sources for the job systems that are in the database: one for each schema that has one. The one whose tables are found through the
 * search_path is called as its kind ("river"), the others "river:<schema>", as `toSourceName` has it. Rejects with postgres_unavailable.
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

/** Sources of the brokers whose address is known. */
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
 * Schemas may be called as they like; the names of sources may not. One that has to be changed gets a part of a hash of the schema: what is done to the
 * jobs of a source must not reach another schema whose name is changed to the same.
 */
export function toSourceName(name: string, schema: string): string {
  const tidy = name.replaceAll(/[^\w.:-]/g, "_");
  if (tidy === name && name.length <= mostLetters) return name;
  const hash = createHash("sha256").update(schema).digest("hex").slice(0, 8);
  return `${tidy.slice(0, mostLetters - 1 - hash.length)}-${hash}`;
}

/**
 * The schemas that have all tables of a kind: a table that is called `jobs` is none yet, and any schema may have one. pg_catalog tells every role, whatever it
 * may read. Those in the search_path come first; of each kind the first, then of each the second: a kind that is in many schemas hides no other.
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

/** The schemas that have an older version of a kind, which is not read. */
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
