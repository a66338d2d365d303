import { quoteIdentifier, quoteLiteral, quoteTable, toTableName } from "../../postgres/names.ts";
import type { epochUnits, TableSourceConfig } from "./config.ts";

/**
 * A mapping, with the types of the table's columns, as `format_type` writes them, without
 * precision. Without one, a time is taken for `timestamptz`.
 */
export type TableMapping = TableSourceConfig & { readonly types?: ReadonlyMap<string, string> };

/**
 * A column of times: the expressions compare what is stored, so that an index on the column serves
 * them.
 */
export interface TimeColumn {
  /** The column as it is. */
  readonly stored: string;
  /** A value of the column as `timestamptz`; null for one that is no time. */
  readonly toTime: (value: string) => string;
  /**
   * A time as a value of the column, for comparison: `stored <= atMost(time)`, `stored >
   * atMost(time)`, and as a new value.
   */
  readonly atMost: (time: string) => string;
  /** The same for `stored >= atLeast(time)`. */
  readonly atLeast: (time: string) => string;
  /** A further condition for values that are a time; null where all but null are. */
  readonly isTime: string | null;
}

/** Units in a second. */
const perSecond: Readonly<Record<(typeof epochUnits)[number], number>> = {
  seconds: 1,
  milliseconds: 1_000,
  microseconds: 1_000_000,
};

const wholeTypes = new Set(["smallint", "integer", "bigint"]);
const numberTypes = new Set([...wholeTypes, "numeric", "real", "double precision"]);
const zonelessTypes = new Set(["timestamp without time zone", "date"]);

export function isNumber(type: string | undefined): boolean {
  return numberTypes.has(type ?? "");
}

export function isWholeNumber(type: string | undefined): boolean {
  return wholeTypes.has(type ?? "");
}

export function isZoneless(type: string | undefined): boolean {
  return zonelessTypes.has(type ?? "");
}

export function column(name: string): string {
  return `job.${quoteIdentifier(name)}`;
}

const same = (time: string) => time;

/**
 * How a column of times is read and written. A zoneless one without `time_zone` is left to the
 * session, which is in UTC.
 */
export function timeColumn({ types, time_zone: zone, epoch }: TableMapping, name: string): TimeColumn {
  const stored = column(name);
  const type = types?.get(name);
  if (isNumber(type) && epoch !== undefined) return epochColumn(stored, perSecond[epoch], type);
  if (isZoneless(type) && zone !== undefined) {
    const inZone = (time: string) => `timezone(${quoteLiteral(zone)}, ${time})`;
    return {
      stored,
      toTime: (value) => inZone(`(${value})::timestamp`),
      atMost: inZone,
      atLeast: inZone,
      isTime: null,
    };
  }
  return { stored, toTime: same, atMost: same, atLeast: same, isTime: null };
}

/** 0 is no time: tables of numbers have it where others have null. */
function epochColumn(stored: string, units: number, type = "numeric"): TimeColumn {
  const toUnits = (time: string) => `extract(epoch from ${time}) * ${units}`;
  // The bounds have the type of the column, or an index on it would not serve them.
  const round = (how: "floor" | "ceil") => (time: string) => {
    if (isWholeNumber(type)) return `${how}(${toUnits(time)})::bigint`;
    return `(${toUnits(time)})::${type}`;
  };
  return {
    stored,
    toTime: (value) => `to_timestamp((nullif(${value}, 0) / ${units}.0)::float8)`,
    atMost: round("floor"),
    atLeast: round("ceil"),
    isTime: `${stored} > 0`,
  };
}

/** The time in a column, null where the mapping has none. */
export function toTime(mapping: TableMapping, name: string | undefined): string {
  if (name === undefined) return "null::timestamptz";
  const { stored, toTime: convert } = timeColumn(mapping, name);
  return convert(stored);
}

/**
 * The condition that a time lies in the last `minutes` of the server's clock: as `inLast`, for any
 * type of column.
 */
export function inLastMinutes({ stored, atLeast, atMost }: TimeColumn, minutes: number): string {
  return `${stored} >= ${atLeast(`now() - interval '${minutes} minutes'`)} and ${stored} <= ${atMost("now()")}`;
}

/**
 * The table, or its rows that match `where`, with their place in it if asked. The expressions on
 * its rows name them `job`.
 */
export function toFrom({ table, where }: TableSourceConfig, { withPlace = false } = {}): string {
  const name = quoteTable(toTableName(table));
  if (where === undefined) return `${name} as job`;
  // PostgreSQL plans this as it does the table itself with a further condition.
  return `(select job.*${withPlace ? ", job.ctid" : ""} from ${name} as job where ${isOwn(where)}) as job`;
}

/** The condition of the mapping. Its parentheses are balanced: see `explainCondition`. */
export function isOwn(where: string): string {
  return `(\n${where}\n)`;
}

/**
 * The error text of a row; null where the mapping has none. Of json, jsonb and arrays the text at
 * `path`, from the last element of an array.
 */
export function errorText({ error, types }: TableMapping): string {
  if (error === undefined) return "null::text";
  if (typeof error === "string") return `${column(error)}::text`;
  const stored = column(error.column);
  const type = types?.get(error.column) ?? "jsonb";
  const json = type.endsWith("[]") ? `to_jsonb(${stored})` : type === "json" ? `${stored}::jsonb` : stored;
  return `(jsonb_path_query_first(${json}, ${quoteLiteral(toJsonPath(error.path))}) #>> '{}')`;
}

/** Whether a path can be read in a column of this type. */
export function hasPaths(type: string): boolean {
  return type === "json" || type === "jsonb" || type.endsWith("[]");
}

/** In lax mode `[last]` of what is no array is the value itself. */
export function toJsonPath(path: string): string {
  const steps: string[] = ["$"];
  let isElement = false;
  for (const part of path.split(".")) {
    const position = /^-?\d{1,9}$/.test(part) ? Number(part) : null;
    if (position === null) steps.push(isElement ? "" : "[last]", `.${JSON.stringify(part)}`);
    else steps.push(position >= 0 ? `[${position}]` : position === -1 ? "[last]" : `[last - ${-1 - position}]`);
    isElement = position !== null;
  }
  return `lax ${steps.join("")}${isElement ? "" : "[last]"}`;
}
