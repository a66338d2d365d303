import { infinity, json, prometheus } from "./datasources.ts";
import type { Target } from "./model.ts";

/** Types of Infinity's columns; `timestamp` is RFC 3339. */
type ColumnType = "string" | "number" | "boolean" | "timestamp";
type Columns = Readonly<Record<string, ColumnType>>;

interface GraphqlQuery {
  readonly refId?: string;
  readonly query: string;
  /** GJSON path of the rows. */
  readonly root: string;
  /**
   * By path in a row, which is the field's name too: Infinity loses fields with another one where
   * it has no parser of its own for them.
   */
  readonly columns: Columns;
  /** Further numbers, as expressions over the columns. */
  readonly computed?: Readonly<Record<string, string>>;
  /** `timeseries` makes one field for each combination of the string columns. */
  readonly format?: "table" | "timeseries";
}

/**
 * A query of Infinity to /graphql. Its own parser runs on the server: alerting and public
 * dashboards know no other.
 */
export function graphql({ refId = "A", query, root, columns, computed = {}, format = "table" }: GraphqlQuery): Target {
  return {
    refId,
    datasource: infinity,
    type: "graphql",
    parser: "backend",
    source: "url",
    format,
    url: "/graphql",
    url_options: {
      method: "POST",
      data: "",
      body_type: "graphql",
      body_content_type: "application/json",
      body_graphql_query: query,
      body_graphql_variables: "",
    },
    root_selector: root,
    columns: toColumns(columns),
    computed_columns: Object.entries(computed).map(([text, selector]) => ({ selector, text, type: "number" })),
    filters: [],
    filterExpression: "",
    summarizeExpression: "",
  };
}

function toColumns(columns: Columns): object[] {
  return Object.entries(columns).map(([name, type]) => ({ selector: name, text: name, type }));
}

/** Variables by the column or the label that they choose values of. */
type Choices = Readonly<Record<string, string>>;

/**
 * The query with the rows that the variables choose, where the schema has no argument for it.
 * Infinity has no list of one value; "All" is `null`.
 */
export function chosenRows(target: Target, choices: Choices): Target {
  const conditions = Object.entries(choices).map(
    ([column, variable]) => `('\${${variable}:json}' == 'null' || ${column} IN (\${${variable}:singlequote}, ''))`,
  );
  return { ...target, filterExpression: conditions.join(" && ") };
}

/**
 * The dashboard's time range, as arguments of a series field or of `timeline`. Infinity fills it in
 * on the server.
 */
export const timeRange = 'from: "${__timeFrom:date:iso}", to: "${__timeTo:date:iso}"';

/**
 * Arguments that follow the variables; Grafana's `json` quotes a list, but not one value. "All" is
 * `null`, which is no filter: a list of all that is known would miss what is new.
 */
export const by = {
  env: "env: $env",
  /** Of what is at a destination. */
  place: "env: $env, destination: ${destination:doublequote}",
  places: "env: $env, destinations: ${destination:doublequote}",
  queues: "queues: ${queue:json}",
  hosts: "hosts: ${host:json}",
  containers: "containers: ${container:json}",
  roles: "roles: ${role:json}",
} as const;

interface Series {
  /** Of the schema: rows of `time`, labels and a value. */
  readonly field: string;
  /** Its argument `kind`, where it has one. */
  readonly kind?: string;
  readonly labels: readonly string[];
  readonly filters?: readonly string[];
  readonly value?: string;
}

/** One series for each combination of the labels. */
export function series({ field, kind, labels, filters = [], value = "value" }: Series): Target {
  const args = [...(kind === undefined ? [] : [`kind: ${kind}`]), timeRange, "maxPoints: 300", ...filters].join(", ");
  return graphql({
    query: `{ ${field}(${args}) { time ${labels.join(" ")} ${value} } }`,
    root: `data.${field}`,
    columns: {
      time: "timestamp",
      ...Object.fromEntries(labels.map((label) => [label, "string" as const])),
      [value]: "number",
    },
    format: "timeseries",
  });
}

/**
 * How many rows of each kind there are, in one row that is always there: an alert on an empty
 * answer is an error. GJSON filters (`#(state=="STALLED")#`) are joined by `|`.
 */
export function counts(query: string, paths: Readonly<Record<string, string>>, refId = "A"): Target {
  const members = Object.entries(paths).map(([name, path]) => `"${name}":${path}|#`);
  const columns = Object.fromEntries(Object.keys(paths).map((name) => [name, "number" as const]));
  return graphql({ refId, query, root: `{${members.join(",")}}`, columns });
}

/**
 * The findings of drift that are problems and alerts, as `problems` counts them: none of a deploy
 * in progress, nor of a silent engine, which has an alert of its own.
 */
export function countDrift(args = ""): Target {
  return counts(`{ drift${args} { kind settling } }`, {
    findings: 'data.drift.#(settling==false)#|#(kind!="ENGINE_UNKNOWN")#',
  });
}

/**
 * A metric of the JSON datasource; values of the payload are JSON, variables as `${name:json}` if
 * they are lists, else as `${name:doublequote}`.
 */
export function metric(name: string, payload: Readonly<Record<string, string>> = {}, refId = "A"): Target {
  const members = Object.entries(payload).map(([key, value]) => `"${key}": ${value}`);
  return { refId, datasource: json, editorMode: "code", target: name, payload: `{${members.join(", ")}}` };
}

/**
 * The series of a metric that the variables choose, by label. PromQL cannot compare texts: that
 * "All" is chosen, which is `null`, is found by a label with that text. Environments have GraphQL's
 * names.
 */
export function chosenSeries(name: string, choices: Choices): string {
  const conditions = Object.entries(choices).map(([label, variable]) => {
    const isAll = `(${labelled(`\$${variable}`)} and on (chosen) ${labelled("null")})`;
    return ` and on (${label}) (${name}{${label}=~"(?i)$${variable}"} or ${name} and on () ${isAll})`;
  });
  return `(${name}${conditions.join("")})`;
}

function labelled(text: string): string {
  return `label_replace(vector(1), "chosen", "${text}", "", "")`;
}

/** PromQL over the dashboard's range; `legend` is Grafana's template. */
export function promql(expr: string, legend: string, refId = "A"): Target {
  return { refId, datasource: prometheus, editorMode: "code", expr, legendFormat: legend, range: true, instant: false };
}

/** PromQL as of the end of the range. */
export function promqlNow(expr: string, refId = "A"): Target {
  return { refId, datasource: prometheus, editorMode: "code", expr, range: false, instant: true };
}

/**
 * A number for each state by its place in a list from good to bad, to sort by; states that are not
 * in it are 0.
 */
export function rank(column: string, fromGoodToBad: readonly string[]): string {
  return fromGoodToBad.reduce((rest, state, index) => `(${column} == '${state}' ? ${index + 1} : ${rest})`, "0");
}
