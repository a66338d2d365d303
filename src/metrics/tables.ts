import type { Family, Sample } from "./exposition.ts";

/** What a row says to one family: null and undefined are not known, and no sample. */
type Value = number | boolean | null | undefined;

/** One family over the rows of a table. */
export interface Column<Row> {
  readonly name: string;
  readonly help: string;
  readonly type?: "gauge" | "counter" | "info";
  /** Of a state set: all its states, and the one that the row is in. Its sample is 1, those of the others are 0. */
  readonly states?: readonly string[];
  readonly value: (row: Row) => Value | string;
}

export interface Table<Row> {
  /** First words of the names of all its families; says what was dropped. */
  readonly prefix: string;
  /** So many rows are shown at most, the first ones: what others choose must not make series without end. */
  readonly maxRows: number;
  readonly labels: (row: Row) => string;
  readonly columns: readonly Column<Row>[];
}

export interface Filled {
  readonly families: readonly Family[];
  /** Series that were left out, as there were more rows than `maxRows`. */
  readonly dropped: { readonly prefix: string; readonly series: number };
}

/** The families of a table. Nothing is known of it where `rows` is null. */
export function fill<Row>({ prefix, maxRows, labels, columns }: Table<Row>, rows: readonly Row[] | null): Filled {
  const shown = (rows ?? []).slice(0, maxRows);
  const rest = (rows ?? []).slice(maxRows);
  const labelled = shown.map(labels);
  const families = columns.map((column): Family => {
    const samples: Sample[] = [];
    for (const [index, row] of shown.entries()) addSamples(samples, column, row, labelled[index] as string);
    return { name: column.name, help: column.help, type: column.type ?? "gauge", samples };
  });
  const left: Sample[] = [];
  for (const row of rest) for (const column of columns) addSamples(left, column, row, "");
  return { families, dropped: { prefix, series: left.length } };
}

function addSamples<Row>(samples: Sample[], { value, states }: Column<Row>, row: Row, labels: string): void {
  const told = value(row);
  if (told === null || told === undefined || Number.isNaN(told)) return;
  if (!states) {
    samples.push({ labels, value: Number(told) });
    return;
  }
  for (const state of states) samples.push({ labels: `${labels},state="${state}"`, value: state === told ? 1 : 0 });
}
