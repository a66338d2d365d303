/**
 * A part of LogsQL, as its documentation describes it:
 * https://docs.victoriametrics.com/victorialogs/logsql/. Anything else is refused, as VictoriaLogs
 * refuses it.
 */
export interface LogsQuery {
  readonly filters: readonly LogsFilter[];
  readonly fields: readonly string[] | null;
  readonly uniqBy: readonly string[] | null;
  readonly sort: { readonly by: string; readonly isDesc: boolean } | null;
  readonly limit: number;
}

type LogsFilter =
  | { readonly kind: "time"; readonly since: string; readonly before: string }
  | { readonly kind: "lastDay" }
  | { readonly kind: "exact" | "regexp"; readonly field: string; readonly value: string }
  | { readonly kind: "in"; readonly field: string; readonly values: readonly string[] }
  | { readonly kind: "any"; readonly field: string };

/**
 * What Go's string literals may have after a backslash, but for numbers. Source:
 * https://go.dev/ref/spec#String_literals.
 */
const goEscapes = new Map(
  Object.entries({ a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\\": "\\", '"': '"' }),
);

/** Throws SyntaxError. */
export function parseLogsQuery(text: string): LogsQuery {
  let at = 0;
  const fail = (what: string): never => {
    throw new SyntaxError(`cannot parse \`query\` arg: ${what} at ${at}; query=${text}`);
  };
  const take = (pattern: RegExp): RegExpExecArray | null => {
    const found = new RegExp(pattern.source, "y");
    found.lastIndex = at;
    const match = found.exec(text);
    if (match) at += match[0].length;
    return match;
  };
  const need = (pattern: RegExp): RegExpExecArray => take(pattern) ?? fail(`expected ${pattern.source}`);
  const literal = (): string => {
    need(/"/);
    let value = "";
    for (;;) {
      value += need(/[^"\\\n]*/)[0];
      if (take(/"/)) return value;
      need(/\\/);
      const code = take(/x([\da-f]{2})|u([\da-f]{4})/);
      if (code) {
        const point = Number.parseInt(code[1] ?? code[2] ?? "", 16);
        if (point >= 0xd800 && point < 0xe000) fail("surrogate half");
        value += String.fromCodePoint(point);
      } else value += goEscapes.get(need(/./)[0]) ?? fail("unknown escape");
    }
  };
  const field = (): string => (text[at] === '"' ? literal() : need(/[a-z_][\w.]*/)[0]);
  const list = <T>(one: () => T): T[] => {
    const values = [one()];
    while (take(/,\s*/)) values.push(one());
    return values;
  };
  const filter = (): LogsFilter => {
    const name = field();
    need(/:/);
    if (name === "_time") {
      if (take(/1d(?=\s)/)) return { kind: "lastDay" };
      const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z`;
      const [, since = "", before = ""] = need(new RegExp(String.raw`\[(${time}), (${time})\)`));
      return { kind: "time", since, before };
    }
    if (take(/:?=(?=")/)) return { kind: "exact", field: name, value: literal() };
    if (take(/~(?=")/)) return { kind: "regexp", field: name, value: literal() };
    if (take(/in\(/)) {
      const values = list(literal);
      need(/\)/);
      return { kind: "in", field: name, values };
    }
    need(/\*/);
    return { kind: "any", field: name };
  };
  const filters = [filter()];
  while (take(/ (?!\|)/)) filters.push(filter());
  let query: LogsQuery = { filters, fields: null, uniqBy: null, sort: null, limit: 0 };
  while (take(/ \| /)) {
    const [pipe] = need(/fields |uniq by \(|sort by \(|limit /);
    if (pipe === "fields ") query = { ...query, fields: list(field) };
    else if (pipe === "limit ") query = { ...query, limit: Number(need(/[1-9]\d*/)[0]) };
    else {
      const names = list(field);
      need(/\)/);
      if (pipe === "uniq by (") query = { ...query, uniqBy: names };
      else query = { ...query, sort: { by: names[0] ?? "", isDesc: take(/ desc/) !== null } };
    }
  }
  if (at < text.length) fail("unexpected text");
  return query;
}

export type LogEntry = Readonly<Record<string, string>>;

/** What VictoriaLogs returns for a query over these entries. Their `_time` has 30 characters. */
export function runLogsQuery(query: LogsQuery, entries: readonly LogEntry[]): LogEntry[] {
  let rows = entries.filter((entry) => query.filters.every((filter) => matchesFilter(filter, entry)));
  const { uniqBy, sort, fields } = query;
  if (uniqBy)
    rows = [...new Map(rows.map((row) => pickFields(row, uniqBy)).map((row) => [JSON.stringify(row), row])).values()];
  if (sort) {
    const value = (row: LogEntry) => row[sort.by] ?? "";
    const sign = sort.isDesc ? -1 : 1;
    rows = rows.toSorted((a, b) => (value(a) < value(b) ? -sign : Number(value(a) > value(b)) * sign));
  }
  if (query.limit > 0) rows = rows.slice(0, query.limit);
  return fields ? rows.map((row) => pickFields(row, fields)) : rows;
}

/** Fields without a value are left out. */
function pickFields(row: LogEntry, names: readonly string[]): LogEntry {
  return Object.fromEntries(names.flatMap((name) => (row[name] ? [[name, row[name]]] : [])));
}

function matchesFilter(filter: LogsFilter, entry: LogEntry): boolean {
  switch (filter.kind) {
    case "time":
      return (entry["_time"] ?? "") >= filter.since && (entry["_time"] ?? "") < filter.before;
    case "lastDay":
      return Date.parse(entry["_time"] ?? "") > Date.now() - 86_400_000;
    case "exact":
      return (entry[filter.field] ?? "") === filter.value;
    case "regexp":
      return new RegExp(filter.value, "u").test(entry[filter.field] ?? "");
    case "in":
      return filter.values.includes(entry[filter.field] ?? "");
    default:
      return (entry[filter.field] ?? "") !== "";
  }
}
