import type { Budget } from "../lib/budget/budget.ts";
import type { Row } from "./filters.ts";
import type { Column, Metric } from "./metric.ts";

interface Notice {
  readonly severity: "info" | "warning" | "error";
  readonly text: string;
}

interface Field {
  readonly name: string;
  readonly type: Column["type"];
  readonly labels?: Readonly<Record<string, string>>;
  readonly config?: { readonly unit?: string; readonly displayNameFromDS?: string };
}

/** DataFrame JSON, as @grafana/data's `dataFrameFromJSON` reads it. */
export interface Frame {
  readonly schema: {
    readonly refId: string;
    readonly name: string;
    readonly meta?: {
      readonly notices?: readonly Notice[];
      readonly type?: string;
      readonly typeVersion?: readonly number[];
    };
    readonly fields: readonly Field[];
  };
  readonly data: { readonly values: readonly (readonly unknown[])[] };
}

/** The answer of a metric for one target. */
interface Answered {
  readonly refId: string;
  readonly metric: Metric;
  readonly rows: readonly Row[];
  readonly notices: readonly Notice[];
}

/**
 * A table, or lines over time. Without rows, only the notices, if any. Rejects as the budget does.
 */
export async function toFrames({ refId, metric, rows, notices }: Answered, budget: Budget): Promise<Frame[]> {
  const about = notices.length > 0 ? { notices } : {};
  const identity = { refId, name: metric.name };
  if (rows.length === 0) return notices.length === 0 ? [] : toNotice(refId, metric.name, notices);
  if (metric.columns) {
    const { columns } = metric;
    const meta = notices.length > 0 ? { meta: about } : {};
    const values: unknown[][] = [];
    for (const column of columns) {
      const wait = budget.turn();
      if (wait) await wait;
      values.push(toCells(column, rows));
    }
    return [{ schema: { ...identity, ...meta, fields: columns.map(toField) }, data: { values } }];
  }
  const lines = await toLines(metric, rows, budget);
  return toTimeGroups(lines).map(({ times, group }, index) => ({
    schema: {
      ...identity,
      meta: { type: "timeseries-wide", typeVersion: [0, 1], ...(index === 0 && about) },
      fields: [{ name: "time", type: "time" }, ...group.map(({ field }) => field)],
    },
    data: { values: [times, ...group.map(({ values }) => values)] },
  }));
}

/** The notices, in a frame without columns. */
export function toNotice(refId: string, name: string, notices: readonly Notice[]): Frame[] {
  return [{ schema: { refId, name, meta: { notices }, fields: [] }, data: { values: [] } }];
}

/**
 * Each notice once, on the first frame with it: a panel shows those of all its targets, which may
 * fail for one reason.
 */
export function toSingleNotices(frames: readonly Frame[]): Frame[] {
  const seen = new Set<string>();
  const isNew = ({ severity, text }: Notice) => seen.size < seen.add(`${severity} ${text}`).size;
  return frames.flatMap((frame) => {
    const { notices, ...meta } = frame.schema.meta ?? {};
    if (!notices) return frame;
    const left = notices.filter(isNew);
    if (left.length === 0 && frame.schema.fields.length === 0) return [];
    return { ...frame, schema: { ...frame.schema, meta: { ...meta, ...(left.length > 0 && { notices: left }) } } };
  });
}

/** The JSON of frames has at least as many bytes. */
export function toLeastBytes(frames: readonly Frame[]): number {
  let bytes = 0;
  for (const { data } of frames) {
    for (const cells of data.values) {
      // With a comma each; a text also has its quotes.
      bytes += 2 * cells.length;
      for (const cell of cells) if (typeof cell === "string") bytes += cell.length + 1;
    }
  }
  return bytes;
}

function toField({ name, type, unit }: Column): Field {
  return { name, type, ...(unit !== undefined && { config: { unit } }) };
}

function toCells({ name, type }: Column, rows: readonly Row[]): unknown[] {
  const convert = type === "time" ? toEpochMs : type === "string" ? toText : (value: unknown) => value ?? null;
  return rows.map((row) => convert(row[name]));
}

/** Epoch milliseconds; null for an unknown time. */
function toEpochMs(value: unknown): number | null {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** The message of a problem; a list joined with commas. */
function toText(value: unknown): string | null {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "object" && value !== null) return "message" in value ? String(value.message) : null;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : null;
}

interface Line {
  readonly field: Field;
  readonly times: number[];
  readonly values: (number | null)[];
}

/** One line per combination of labels and number, in the order of first occurrence. */
async function toLines({ name, values: units }: Metric, rows: readonly Row[], budget: Budget): Promise<Line[]> {
  const numbers = Object.entries(units);
  const labelNames = Object.keys(rows[0] ?? {}).filter((key) => key !== "time" && !(key in units));
  const found = new Map<string, Line[]>();
  for (const row of rows) {
    const wait = budget.turn();
    if (wait) await wait;
    const key = labelNames.map((label) => String(row[label])).join("\n");
    let lines = found.get(key);
    if (!lines) {
      const labels = Object.fromEntries(labelNames.flatMap((label) => toLabel(label, row[label])));
      lines = numbers.map(([number, unit]) => ({
        field: { name: numbers.length === 1 ? name : number, type: "number", labels, config: { unit } },
        times: [],
        values: [],
      }));
      found.set(key, lines);
    }
    const at = Date.parse(row["time"] as string);
    for (const [index, line] of lines.entries()) {
      line.times.push(at);
      line.values.push((row[numbers[index]?.[0] ?? ""] ?? null) as number | null);
    }
  }
  return withNames([...found.values()].flat(), numbers.length > 1);
}

function toLabel(name: string, value: unknown): [string, string][] {
  return typeof value === "string" ? [[name, value]] : [];
}

/**
 * A legend shows only what distinguishes the lines: the first label, and the others where several
 * lines share it.
 */
function withNames(lines: readonly Line[], isMany: boolean): Line[] {
  const short = lines.map(({ field }) => {
    const [first = field.name] = Object.values(field.labels ?? {});
    return isMany ? `${first} ${field.name}` : first;
  });
  const times = Map.groupBy(short, (one) => one);
  return lines.map((line, index) => {
    const one = short[index] ?? "";
    const [, ...others] = Object.values(line.field.labels ?? {});
    const isShared = (times.get(one)?.length ?? 0) > 1 && others.length > 0;
    const displayNameFromDS = isShared ? `${one} (${others.join(", ")})` : one;
    return { ...line, field: { ...line.field, config: { ...line.field.config, displayNameFromDS } } };
  });
}

/** Lines with the same times share a frame, which has the times once. */
function toTimeGroups(
  lines: readonly Line[],
): { readonly times: readonly number[]; readonly group: readonly Line[] }[] {
  const groups = Map.groupBy(lines, ({ times }) => times.join());
  return [...groups.values()].map((group) => ({ times: group[0]?.times ?? [], group }));
}
