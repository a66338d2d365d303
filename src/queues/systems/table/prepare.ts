import { describe } from "../../../lib/postgres/errors.ts";
import type { Row } from "../../../lib/postgres/pool.ts";
import { createSingleFlight } from "../../../lib/cache.ts";
import { OpsError } from "../../../lib/errors.ts";
import { toQueueError } from "../../postgres/errors.ts";
import { formatTable, quoteLiteral, quoteTable, toTableName } from "../../postgres/names.ts";
import { explain } from "../../postgres/planner.ts";
import type { KindContext } from "../../system.ts";
import {
  column,
  hasPaths,
  isNumber,
  isOwn,
  isWholeNumber,
  isZoneless,
  type TableMapping,
  timeColumn,
} from "./columns.ts";
import type { Status, TableSourceConfig } from "./config.ts";

/** What a mapping is completed with. `path`: that of its entry in QUEUES_FILE. */
export type PrepareContext = Pick<KindContext, "database" | "path">;

/** A mapping, completed. */
export interface PreparedMapping {
  readonly mapping: TableMapping;
  /** What the owner should know though the table can be read. */
  readonly warnings: readonly string[];
}

const timeOptions = ["run_at", "finished_at", "started_at", "created_at"] as const;
const statusOptions = ["waiting", "retrying", "active", "done", "failed", "dead"] as const;
/** Rows of which the unit of times is checked. */
const sampleRows = 1000;
const [earliest, latest] = [Date.UTC(2000, 0) / 1000, Date.UTC(2200, 0) / 1000];

/**
 * Completes a mapping by the types of its columns, and tries what the file says of them: the
 * condition, the time zone, the unit, the path. Rejects with the port's OpsErrors; schema_mismatch
 * then names the value by its path in QUEUES_FILE.
 */
export async function prepareMapping(
  config: TableSourceConfig,
  { database, path = `source ${config.name}` }: PrepareContext,
  signal: AbortSignal,
): Promise<PreparedMapping> {
  const table = formatTable(toTableName(config.table));
  const refuse = (option: string, message: string) =>
    new OpsError("schema_mismatch", `WALLET_CORE_OPS_QUEUES_FILE, ${path}.${option}: ${message}`, {
      upstream: `queues:${config.name}`,
    });
  try {
    const rows = await database.read(columnsStatement(config), signal).catch((error: unknown) => {
      // Only the zone can be unknown here.
      if (describe(error).code === "22023") throw refuse("time_zone", "PostgreSQL does not know this time zone");
      throw error;
    });
    // Without the table or a column, the statements themselves get the error that names it.
    if (rows.length === 0) return { mapping: config, warnings: [] };
    const types = new Map(rows.map(({ name, type }) => [name ?? "", type ?? ""]));
    const mapping: TableMapping = { ...withStatuses(config, types.get(config.status), table, refuse), types };
    checkTypes(mapping, table, refuse);
    if (config.where !== undefined) await tryCondition(config, config.where, { database, refuse }, signal);
    await checkUnit(mapping, table, async (sql) => database.read(sql, signal), refuse);
    return { mapping, warnings: findWarnings(mapping, table, rows[0]?.["zone"] ?? "") };
  } catch (error) {
    throw toQueueError(error, { source: config.name, table, sql: JSON.stringify(config) });
  }
}

/** How long types are used, milliseconds. */
const preparedMs = 60_000;
/** Longest wait of a caller that brings no signal, milliseconds. */
const waitMs = 10_000;

/** The completed mapping of a source, for all of its readers. Reject as `prepareMapping`. */
export function createPrepared(config: TableSourceConfig, context: PrepareContext) {
  let known: { readonly prepared: PreparedMapping; readonly at: number } | null = null;
  const refresh = createSingleFlight(async (signal) => {
    known = null;
    const prepared = await prepareMapping(config, context, signal);
    known = { prepared, at: performance.now() };
    return prepared;
  });
  return {
    refresh,
    get: async (): Promise<PreparedMapping> =>
      known && performance.now() - known.at < preparedMs ? known.prepared : refresh(AbortSignal.timeout(waitMs)),
    warnings: () => known?.prepared.warnings ?? [],
  };
}

type Refuse = (option: string, message: string) => OpsError;

/** The columns for times that the mapping names. */
function timesOf(config: TableSourceConfig) {
  return timeOptions.flatMap((option) => {
    const name = config[option];
    return name === undefined ? [] : [{ option, name }];
  });
}

/** Whether times are read as UTC only because nobody said otherwise. */
export function assumesUtc(mapping: TableMapping): boolean {
  return findAssumed(mapping).length > 0;
}

function findAssumed(mapping: TableMapping): readonly string[] {
  if (mapping.time_zone !== undefined) return [];
  return timesOf(mapping).flatMap(({ name }) => (isZoneless(mapping.types?.get(name)) ? [name] : []));
}

/**
 * The types of all columns, that of a domain being what it is made of. Reads the catalog, which
 * locks on the table do not block.
 */
function columnsStatement({ table, time_zone: zone }: TableSourceConfig): string {
  const known = zone === undefined ? "null::timestamp" : `timezone(${quoteLiteral(zone)}, now())`;
  return `
select attribute.attname::text as name,
       pg_catalog.format_type(coalesce(nullif(type.typbasetype, 0), type.oid), null) as type,
       (select reset_val from pg_catalog.pg_settings where name = 'TimeZone') as zone, ${known}::text as known
from pg_catalog.pg_attribute as attribute join pg_catalog.pg_type as type on type.oid = attribute.atttypid
where attribute.attrelid = to_regclass(${quoteLiteral(quoteTable(toTableName(table)))}) and attribute.attnum > 0 and not attribute.attisdropped`;
}

/**
 * The mapping's statuses as values of their column: PostgreSQL compares no text with an integer,
 * and no integer with a text.
 */
function withStatuses(
  config: TableSourceConfig,
  type: string | undefined,
  table: string,
  refuse: Refuse,
): TableSourceConfig {
  if (type === undefined) return config;
  const isWhole = isWholeNumber(type);
  const convert = (option: string, status: Status): Status => {
    if (!isWhole) return isNumber(type) ? status : String(status);
    if (!/^(?:0|-?[1-9]\d{0,18})$/.test(String(status)))
      throw refuse(
        option,
        `column ${JSON.stringify(config.status)} of table ${table} is ${type}, ${JSON.stringify(status)} is not`,
      );
    return Number.isSafeInteger(Number(status)) ? Number(status) : status;
  };
  const lists = statusOptions.flatMap((option) => {
    const list = config[option];
    return list === undefined ? [] : [[option, list.map((status) => convert(option, status))]];
  });
  const { retry, discard } = config.control ?? {};
  return {
    ...config,
    ...(Object.fromEntries(lists) as Pick<TableSourceConfig, (typeof statusOptions)[number]>),
    ...(config.control && {
      control: {
        ...(retry && { retry: { ...retry, status: convert("control.retry.status", retry.status) } }),
        ...(discard && { discard: { status: convert("control.discard.status", discard.status) } }),
      },
    }),
  };
}

function checkTypes(mapping: TableMapping, table: string, refuse: Refuse): void {
  const { types, error } = mapping;
  for (const { option, name } of timesOf(mapping)) {
    const type = types?.get(name);
    if (isNumber(type) && mapping.epoch === undefined)
      throw refuse(
        option,
        `column ${JSON.stringify(name)} of table ${table} is ${type}: add its unit, "epoch": "seconds", "milliseconds" or "microseconds"`,
      );
  }
  if (typeof error !== "object") return;
  const type = types?.get(error.column);
  if (type !== undefined && !hasPaths(type))
    throw refuse(
      "error",
      `column ${JSON.stringify(error.column)} of table ${table} is ${type}: a path needs json, jsonb or an array`,
    );
}

/**
 * Plans the condition alone, by the protocol that takes one statement only: what is not one
 * condition on the columns of a row is found here, before it is part of other statements.
 */
async function tryCondition(
  config: TableSourceConfig,
  where: string,
  { database, refuse }: Pick<PrepareContext, "database"> & { readonly refuse: Refuse },
  signal: AbortSignal,
): Promise<void> {
  const [before, after] = explain(
    `select from ${quoteTable(toTableName(config.table))} as job where ${isOwn("\0")}`,
  ).split("\0");
  try {
    await database.readSingle(`${before}${where}${after}`, signal);
  } catch (error) {
    const { code, message } = describe(error);
    const position = Number((error as { position?: string }).position ?? Number.NaN) - (before?.length ?? 0);
    const explained = explainMistake(code, message, where, position);
    if (explained === null) throw error;
    throw refuse("where", explained);
  }
}

/**
 * Null where the condition is not at fault. The message is ours, since PostgreSQL's quotes values.
 * `position`: from 1, NaN if unknown.
 */
function explainMistake(code: string, message: string, where: string, position: number): string | null {
  const isInside = position >= 1;
  if (!/^(?:42|22|0A|21)/.test(code) || (["42501", "42P01", "3F000"].includes(code) && !isInside)) return null;
  const at = isInside && position <= where.length ? ` (character ${position})` : "";
  const name = /^(?:column|relation) (?:job\.)?"?([^"]+?)"? does not exist$|FROM-clause entry for table "([^"]+)"$/
    .exec(message)
    ?.slice(1)
    .find((found) => found !== undefined);
  const named = name !== undefined && where.includes(name) ? `${JSON.stringify(name)} ` : "";
  switch (code) {
    case "42703":
      return `column ${named}does not exist${at}`;
    case "42P01":
      return `table ${named}is not known here${at}: write columns without the table's name`;
    case "42601":
      return `is not one condition in SQL${at}`;
    case "42804":
      return `is not true or false for a row${at}`;
    case "42883":
      return `has an operator or function that does not exist for these types${at}`;
    case "22P02":
      return `compares a column with a value that is not of its type${at}`;
    default:
      return `is refused by PostgreSQL (SQLSTATE ${code})${at}`;
  }
}

/**
 * A wrong unit puts all times into 1970, or thousands of years ahead: nothing would be due, and
 * nothing would have ended.
 */
async function checkUnit(
  mapping: TableMapping,
  table: string,
  read: (sql: string) => Promise<readonly Row[]>,
  refuse: Refuse,
): Promise<void> {
  const numbers = timesOf(mapping).filter(({ name }) => isNumber(mapping.types?.get(name)));
  if (numbers.length === 0) return;
  const names = [...new Set(numbers.map(({ name }) => name))];
  const medians = names.map((name, index) => {
    const stored = column(name);
    return `percentile_disc(0.5) within group (order by ${stored}) filter (where ${stored} > 0) as time_${index}`;
  });
  const odd = names.map((name, index) => {
    const { atMost } = timeColumn(mapping, name);
    const [from, to] = [earliest, latest].map((unix) => atMost(`to_timestamp(${unix})`));
    return `(time_${index} not between ${from} and ${to})::text as odd_${index}`;
  });
  const [row = {}] = await read(`
select ${odd.join(", ")}
from (select ${medians.join(", ")} from (select ${names.map(column).join(", ")} from ${quoteTable(toTableName(mapping.table))} as job limit ${sampleRows}) as job) as sample`);
  const wrong = names.find((_, index) => row[`odd_${index}`] === "true");
  if (wrong !== undefined)
    throw refuse(
      "epoch",
      `the times in column ${JSON.stringify(wrong)} of table ${table} are not in ${mapping.epoch}: they would not be in this century`,
    );
}

function findWarnings(mapping: TableMapping, table: string, databaseZone: string): readonly string[] {
  const assumed = findAssumed(mapping);
  if (assumed.length === 0) return [];
  const isUtc = /^(?:etc\/)?(?:utc|gmt|uct|universal|zulu|greenwich)$/i.test(databaseZone);
  const doubt = isUtc ? "" : `; where now() fills them, they are in ${databaseZone}, the time zone of the database`;
  return [
    `columns without a time zone (${assumed.join(", ")}) of ${table} are read as UTC${doubt}: say which zone they are written in, "time_zone": "UTC" or another one; until then the numbers are not exact`,
  ];
}
