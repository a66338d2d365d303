import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { describeOwners } from "../queues/owners.ts";
import type { PayloadName, Row } from "./filters.ts";

type Owners = Parameters<typeof describeOwners>[0];

/** A column of a table, named as the document's field. */
export interface Column {
  readonly name: string;
  /** `time`: RFC 3339 in the row. */
  readonly type: "string" | "number" | "boolean" | "time";
  /** A Grafana unit: percentunit (0..1), percent (0..100), s, short ... */
  readonly unit?: string;
}

/** The answer of a document. `rows` is null when they could not be read. */
export interface Answer {
  readonly rows: readonly object[] | object | null;
  /** Sources, each with its own error. */
  readonly parts?: readonly Part[] | null;
  readonly problems?: readonly { readonly code: string; readonly message: string }[] | null;
}

/** A queue source or an engine. */
interface Part {
  readonly name: string;
  readonly env?: string | null;
  /** For a range: start of the known part; null when the whole range is known. */
  readonly since?: string | null;
  readonly error?: { readonly code: string; readonly message: string } | null;
}

/** One metric that panels can show. */
export interface Metric {
  readonly name: string;
  readonly label: string;
  readonly document: TypedDocumentNode<never, never>;
  /** Variables that are the same in every query of it. */
  readonly constants?: Readonly<Record<string, string>>;
  /** Its fields in the query builder. */
  readonly payloads: readonly PayloadName[];
  /** Null for a series. */
  readonly columns: readonly Column[] | null;
  /**
   * For a series: its numbers by field name, with their units. All other fields except `time` are
   * labels.
   */
  readonly values: Readonly<Record<string, string>>;
  readonly toRows: (answer: Answer) => readonly Row[] | null;
  /** Remarks on an answer to a range that begins at `from`. */
  readonly toRemarks?: (answer: Answer, from: string) => readonly string[];
}

/** A metric whose answer is a table; oldest first if it has a column `time`. */
export function table<Data extends Answer, Variables>(
  name: string,
  label: string,
  document: TypedDocumentNode<Data, Variables>,
  columns: readonly Column[],
  payloads: readonly PayloadName[],
): Metric {
  const hasTime = columns.some((column) => column.name === "time");
  const toTableRows = (answer: Answer) => (hasTime ? (toRows(answer)?.toSorted(byTime) ?? null) : toRows(answer));
  return {
    name,
    label,
    document: document as never,
    constants: {},
    payloads,
    columns,
    values: {},
    toRows: toTableRows,
  };
}

/** Oldest first; `time` is RFC 3339. */
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
  constants: Readonly<Record<string, string>> = {},
): Metric {
  const all: readonly PayloadName[] = [...payloads, "step"];
  return { name, label, document: document as never, constants, payloads: all, columns: null, values, toRows };
}

/**
 * Rows with the environment of their source, where the document gives it only for sources, and the
 * services of a queue as one text.
 */
export function toRows({ rows, parts }: Answer): readonly Row[] | null {
  if (rows === null) return null;
  const list = (Array.isArray(rows) ? rows : [rows]) as readonly Row[];
  const envs = new Map(parts?.map(({ name, env }) => [name, env ?? null]));
  return list.map((row) => ({
    ...row,
    ...("env" in row || !("source" in row) ? {} : { env: envs.get(String(row["source"])) ?? null }),
    ...("owners" in row ? { service: describeOwners(row["owners"] as Owners) } : {}),
  }));
}
