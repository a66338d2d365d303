import { runInNewContext } from "node:vm";
import { createRequire } from "node:module";
import type * as Grafana from "@grafana/data";
import { vi } from "vitest";
import type { Target } from "../../script/grafana/model.ts";
import { getPath } from "../../script/grafana/gjson.ts";

// Its ES modules import names that CommonJS packages do not give to Node; its CommonJS build is the same code.
const {
  createTheme,
  FieldType,
  getDisplayProcessor,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} = createRequire(import.meta.url)("@grafana/data") as typeof Grafana;

// As Grafana registers them at start; some are in the list under two names.
const transformers = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
standardTransformersRegistry.setInit(
  () => [...transformers.values()].map((one) => ({ id: one.id, name: one.name, transformation: async () => one })) as never,
);

// It looks there for the dashboard that it is in.
vi.stubGlobal("window", globalThis);

interface InfinityColumn {
  readonly selector: string;
  readonly text: string;
  readonly type: string;
}

const types: Readonly<Record<string, string>> = {
  string: FieldType.string,
  number: FieldType.number,
  boolean: FieldType.boolean,
  timestamp: FieldType.time,
};

/**
 * What Infinity's own parser makes of an answer of /graphql, before a time series becomes wide: fields in the order of their names, then the computed ones.
 * Source: jsonframer and gframer of grafana/infinity-libs.
 *
 * @throws Error where it would show one
 */
export function toInfinityFrame(target: Target, answer: unknown): Grafana.DataFrame {
  const root = getPath(answer, String(target["root_selector"]));
  if (root === undefined) throw new Error(`nothing at ${String(target["root_selector"])}`);
  const rows = Array.isArray(root) ? root : root === null ? [] : [root];
  const columns = (target["columns"] as readonly InfinityColumn[]).toSorted((a, b) => (a.text < b.text ? -1 : 1));
  for (const { selector } of columns) {
    if (rows.length > 0 && !rows.some((row) => mayHave(row, selector))) throw new Error(`no row has ${selector}`);
  }
  const fields = columns.map(({ selector, text, type }) => ({
    name: text,
    type: types[type] as never,
    values: rows.map((row) => toValue(getPath(row, selector), type)),
  }));
  const computed = (target["computed_columns"] as readonly InfinityColumn[]).map(({ selector, text }) => ({
    name: text,
    type: FieldType.number,
    values: rows.map((row) => compute(selector, row)),
  }));
  return toDataFrame({ refId: target.refId, fields: [...fields, ...computed] });
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

/** Our expressions (`==`, `!=`, `?:`) mean the same in govaluate and in JavaScript. */
function compute(expression: string, row: object): unknown {
  return runInNewContext(expression, { ...row }) as unknown;
}

/** Frames through a panel's transformations, by Grafana's own code. */
export function transform(
  transformations: readonly object[],
  frames: readonly Grafana.DataFrame[],
): Promise<Grafana.DataFrame[]> {
  return new Promise((resolve, reject) => {
    transformDataFrame(transformations as never, [...frames]).subscribe({ next: resolve, error: reject });
  });
}

/** A colour as its theme has it. */
export const toColour = (name: string) => createTheme().visualization.getColorByName(name);

/** How a panel with these defaults shows a number, by Grafana's own code. */
export function display(defaults: object, value: number | null): { readonly text: string; readonly color?: string } {
  const field = { name: "value", type: FieldType.number, values: [value], config: defaults };
  return getDisplayProcessor({ field: field as never, theme: createTheme() })(value);
}

/** The fields with numbers. */
export function numbersOf({ fields }: Grafana.DataFrame) {
  return fields.filter(({ type }) => type === FieldType.number);
}

/** Items of the JSON datasource's answer, as the plugin makes them. */
export function toFrames(items: readonly unknown[]): Grafana.DataFrame[] {
  return items.map((item) => toDataFrame(item as never));
}
