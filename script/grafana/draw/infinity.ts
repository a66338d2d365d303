import { runInNewContext } from "node:vm";
import { getPath } from "../gjson.ts";
import type { Target } from "../model.ts";

/** A field of a data frame, as Grafana's server sends it. */
export interface Field {
  readonly name: string;
  readonly type: "string" | "number" | "boolean" | "time";
  readonly labels?: Readonly<Record<string, string>>;
  readonly values: readonly unknown[];
}

interface Column {
  readonly selector: string;
  readonly text: string;
  readonly type: string;
}

const types: Readonly<Record<string, Field["type"]>> = {
  string: "string",
  number: "number",
  boolean: "boolean",
  timestamp: "time",
};

/**
 * The fields that Infinity's own parser makes of an answer of /graphql, before a time series
 * becomes wide: in the order of their names, then the computed ones. Source: jsonframer and gframer
 * of grafana/infinity-libs.
 *
 * @throws Error where it would show one
 */
export function toInfinityFields(target: Target, answer: unknown): Field[] {
  const root = getPath(answer, String(target["root_selector"]));
  if (root === undefined) throw new Error(`nothing at ${String(target["root_selector"])}`);
  const all = Array.isArray(root) ? root : root === null ? [] : [root];
  const columns = (target["columns"] as readonly Column[]).toSorted((a, b) => (a.text < b.text ? -1 : 1));
  for (const { selector } of columns) {
    if (all.length > 0 && !all.some((row) => mayHave(row, selector))) throw new Error(`no row has ${selector}`);
  }
  const filter = String(target["filterExpression"]);
  const rows = filter === "" ? all : all.filter((row) => compute(filter, row) === true);
  const fields = columns.map(({ selector, text, type }): Field => ({
    name: text,
    type: types[type] ?? "string",
    values: rows.map((row) => toValue(getPath(row, selector), type)),
  }));
  const computed = (target["computed_columns"] as readonly Column[]).map(({ selector, text }): Field => ({
    name: text,
    type: "number",
    values: rows.map((row) => compute(selector, row)),
  }));
  return [...fields, ...computed];
}

/** Whether a path leads into a row, or to where a null or the end of a list ends it. */
function mayHave(row: unknown, path: string): boolean {
  let value = row;
  for (const key of path.split(".")) {
    if (value === null) return true;
    if (Array.isArray(value) && Number(key) >= value.length) return true;
    if (typeof value !== "object" || !Object.hasOwn(value, key)) return false;
    value = (value as Record<string, unknown>)[key];
  }
  return true;
}

/** A value that is not of its column's type is lost. */
function toValue(value: unknown, type: string): unknown {
  if (value === null || value === undefined) return null;
  if (type === "timestamp") return typeof value === "string" ? Date.parse(value) : null;
  if (type === "string" && (typeof value === "number" || typeof value === "boolean")) return String(value);
  return typeof value === type ? value : null;
}

/**
 * Expressions of govaluate. Of the operators that ours have (`==`, `!=`, `&&`, `||`, `?:`, `IN`),
 * JavaScript lacks only the last.
 */
function compute(expression: string, row: object): unknown {
  const translated = expression.replaceAll(/(\w+) IN \(([^)]*)\)/g, "[$2].includes($1)");
  return runInNewContext(translated, { ...row }) as unknown;
}

/**
 * One field for each combination of the string columns, as Infinity makes them of the format
 * `timeseries`. Source: LongToWide of grafana-plugin-sdk-go.
 *
 * @throws Error when times are missing or do not ascend
 */
export function toWide(fields: readonly Field[]): readonly Field[] {
  const time = fields.find(({ type }) => type === "time");
  const numbers = fields.filter(({ type }) => type === "number");
  if (!time || numbers.length === 0) throw new Error("a time series needs a time and a number");
  if (time.values.length === 0) return fields;
  const factors = fields.filter(({ type }) => type === "string" || type === "boolean");
  const times: number[] = [];
  const series = new Map<
    string,
    { readonly labels: Record<string, string>; readonly values: Map<number, unknown>[] }
  >();
  for (const [row, value] of (time.values as readonly (number | null)[]).entries()) {
    const last = times.at(-1);
    if (value === null || (last !== undefined && value < last))
      throw new Error("the times of a long series must ascend");
    if (value !== last) times.push(value);
    const labels = Object.fromEntries(
      factors.map(({ name, values }) => [name, `${(values[row] as string | boolean | null) ?? ""}`]),
    );
    const key = JSON.stringify(labels);
    const one = series.get(key) ?? { labels, values: numbers.map(() => new Map<number, unknown>()) };
    for (const [index, { values }] of numbers.entries()) one.values[index]?.set(value, values[row]);
    series.set(key, one);
  }
  const wide = numbers.flatMap(({ name }, index) =>
    [...series.values()].map(({ labels, values }): Field => ({
      name,
      type: "number",
      labels,
      values: times.map((at) => values[index]?.get(at) ?? null),
    })),
  );
  return [{ ...time, values: times }, ...wide];
}

/** Infinity's macros, which it fills in on the server. */
export function fillTimes(text: string, from: Date, to: Date): string {
  return text
    .replaceAll("${__timeFrom:date:iso}", from.toISOString())
    .replaceAll("${__timeTo:date:iso}", to.toISOString());
}

/**
 * The headers of the requests to /graphql of the datasource that deploy/grafana/provisioning
 * describes.
 */
export function infinityHeaders(token: string, contentType: string): Record<string, string> {
  return {
    accept: "application/json;q=0.9,text/plain",
    "accept-encoding": "gzip",
    "content-type": contentType,
    "user-agent": "Grafana/13.2.3",
    "x-ops-strict": "1",
    authorization: `Bearer ${token}`,
  };
}

/** Those of the JSON datasource, as they come from Grafana's proxy. */
export function proxyHeaders(token: string): Record<string, string> {
  return {
    accept: "application/json, text/plain, */*",
    "content-type": "application/json",
    "user-agent": "Grafana/13.2.3",
    authorization: `Bearer ${token}`,
  };
}
