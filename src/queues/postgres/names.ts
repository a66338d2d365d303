/**
 * The parts of a table name, exactly as written: PostgreSQL does not fold the case of quoted names.
 */
export interface TableName {
  /** Null: found through the search_path. */
  readonly schema: string | null;
  readonly table: string;
}

const part = String.raw`"(?:[^"]|"")+"|[^".]+`;
const tablePattern = new RegExp(`^(?:(${part})\\.)?(${part})$`, "s");

/**
 * Parses `table` or `schema.table`; a part with a dot is in double quotes (`"my.schema".jobs`).
 * Null when malformed.
 */
export function parseTableName(text: string): TableName | null {
  const match = tablePattern.exec(text);
  return match?.[2] === undefined
    ? null
    : { schema: match[1] === undefined ? null : unquote(match[1]), table: unquote(match[2]) };
}

/** Parses a table name that the configuration has validated. */
export function toTableName(text: string): TableName {
  return parseTableName(text) ?? { schema: null, table: text };
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** An SQL identifier for exactly this name. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteTable({ schema, table }: TableName): string {
  return schema === null ? quoteIdentifier(table) : `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}

/** For messages. */
export function formatTable({ schema, table }: TableName): string {
  return schema === null ? table : `${schema}.${table}`;
}

/** An SQL literal for exactly this value, whatever standard_conforming_strings is. */
export function quoteLiteral(value: string | number): string {
  if (typeof value === "number") return value < 0 ? `(${value})` : String(value);
  const quoted = `'${value.replaceAll("'", "''")}'`;
  return quoted.includes("\\") ? `E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

/**
 * A condition on a column, written as in a partial index: `= 'a'` for one value, `in ('a', 'b')`
 * for several; `false` for none. Uses literals, not parameters: the planner must see the values to
 * prove that a partial index applies.
 */
export function isOneOf(column: string, values: readonly (string | number)[]): string {
  const [first, ...others] = values.map(quoteLiteral);
  if (first === undefined) return "false";
  return others.length === 0 ? `${column} = ${first}` : `${column} in (${[first, ...others].join(", ")})`;
}
