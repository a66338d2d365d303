import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { PayloadName, Row } from "./filters.ts";

/** A column of a table: its name is that of the document's field. */
export interface Column {
  readonly name: string;
  /** `time`: RFC 3339 in the row. */
  readonly type: "string" | "number" | "boolean" | "time";
  /** Of Grafana's units: percentunit (0..1), percent (0..100), s, short ... */
  readonly unit?: string;
}

/** What a document answers. Rows are null when they could not be read. */
export interface Answer {
  readonly rows: readonly object[] | object | null;
  /** Parts that may have failed beside those that did not. */
  readonly parts?: readonly Part[] | null;
  readonly problems?: readonly { readonly code: string; readonly message: string }[] | null;
}

/** A queue source, or an engine. */
interface Part {
  readonly name: string;
  readonly env?: string | null;
  /** Of a range: nothing is known of before; null when all of it is known. */
  readonly since?: string | null;
  readonly error?: { readonly code: string; readonly message: string } | null;
}

/** One thing that panels can show. */
export interface Metric {
  readonly name: string;
  readonly label: string;
  readonly document: TypedDocumentNode<never, never>;
  /** Fields of the query builder that it has. */
  readonly payloads: readonly PayloadName[];
  /** Null for a series. */
  readonly columns: readonly Column[] | null;
  /** Of a series: its numbers, by the field's name, with their units. Other fields than these and `time` are labels. */
  readonly values: Readonly<Record<string, string>>;
  readonly toRows: (answer: Answer) => readonly Row[] | null;
  /** What is to be said of an answer to a range that begins at `from`. */
  readonly toRemarks?: (answer: Answer, from: string) => readonly string[];
}

/** A metric whose answer is a table; with a column `time`, oldest first. */
export function table<Data extends Answer, Variables>(
  name: string,
  label: string,
  document: TypedDocumentNode<Data, Variables>,
  columns: readonly Column[],
  payloads: readonly PayloadName[],
): Metric {
  const hasTime = columns.some((column) => column.name === "time");
  const toTableRows = (answer: Answer) => (hasTime ? (toRows(answer)?.toSorted(byTime) ?? null) : toRows(answer));
  return { name, label, document: document as never, payloads, columns, values: {}, toRows: toTableRows };
}

/** Oldest first, by RFC 3339 in UTC with seconds. */
export function byTime(a: Row, b: Row): number {
  return Date.parse(String(a["time"])) - Date.parse(String(b["time"]));
}

/** A metric whose answer is lines over time. */
export function series<Data extends { readonly rows: readonly { readonly time: string }[] | null }, Variables>(
  name: string,
  label: string,
  document: TypedDocumentNode<Data, Variables>,
  values: Readonly<Record<string, string>>,
  payloads: readonly PayloadName[],
): Metric {
  const all: readonly PayloadName[] = [...payloads, "step"];
  return { name, label, document: document as never, payloads: all, columns: null, values, toRows };
}

/** Rows with the environment of their source, where the document tells that of sources alone. */
export function toRows({ rows, parts }: Answer): readonly Row[] | null {
  if (rows === null) return null;
  const list = (Array.isArray(rows) ? rows : [rows]) as readonly Row[];
  const envs = new Map(parts?.map(({ name, env }) => [name, env ?? null]));
  return list.map((row) => ("env" in row || !("source" in row) ? row : { ...row, env: envs.get(String(row["source"])) ?? null }));
}
