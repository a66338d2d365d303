import { describeMetric, type NumberFact } from "../facts/number.ts";
import { mapSteps, type Steps } from "../lib/budget/steps.ts";

/**
 * OpenMetrics 1.0, or the older text format 0.0.4, which `promtool check metrics` and old scrapers
 * read.
 */
export type Format = "openmetrics" | "text";

export const contentTypes: Readonly<Record<Format, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  text: "text/plain; version=0.0.4; charset=utf-8",
};

export interface Sample {
  /** The part of the sample's name after its family's, such as "_bucket". */
  readonly suffix?: string;
  /** As `toLabels` writes them. */
  readonly labels: string;
  readonly value: number;
}

/** All samples of one name. `name` ends with "_total" for a counter, with "_info" for an info. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter" | "info" | "histogram";
  /** The samples, or their lines. */
  readonly samples: readonly Sample[] | string;
}

/** `value` is that of its only sample, null when it is unknown, or all samples. */
export function toFamily(
  type: Family["type"],
  name: string,
  help: string,
  value: number | null | readonly Sample[],
): Family {
  const samples = typeof value === "number" ? [{ labels: "", value }] : (value ?? []);
  return { name, help, type, samples };
}

type Labels = Readonly<Record<string, string | number | null | undefined>>;

/** Values that others choose are cut at this length, in UTF-16 units. */
const longestLabel = 256;

/**
 * `name="value",...` without braces. Omits a label without a value, which Prometheus treats the
 * same.
 */
export function toLabels(labels: Labels): string {
  // Joined, the text is one piece of memory: labels of thousands of rows are held between scrapes.
  const parts: string[] = [];
  for (const name in labels) {
    const value = labels[name];
    if (value === null || value === undefined || value === "") continue;
    parts.push(parts.length > 0 ? "," : "", name, '="', escapeLabel(String(value).slice(0, longestLabel)), '"');
  }
  return parts.join("");
}

const special = /[\\"\n]/;

function escapeLabel(text: string): string {
  if (!special.test(text)) return text;
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/**
 * The body of a scrape, without empty families. Sources: OpenMetrics 1.0, and "Exposition formats"
 * of the Prometheus docs.
 */
export function toText(families: readonly Family[], format: Format): string {
  let text = "";
  for (const family of families) if (family.samples.length > 0) text += toFamilyText(family, format);
  return format === "openmetrics" ? `${text}# EOF\n` : text;
}

function toFamilyText({ name, help, type, samples }: Family, format: Format): string {
  const isOpen = format === "openmetrics";
  // In OpenMetrics the suffix belongs to the sample, not to the family.
  const title = isOpen ? name.replace(type === "counter" ? /_total$/ : /_info$/, "") : name;
  let text = `# HELP ${title} ${escapeHelp(help, isOpen)}\n# TYPE ${title} ${!isOpen && type === "info" ? "gauge" : type}\n`;
  const unit = isOpen && type !== "info" ? /_(seconds|bytes|ratio)$/.exec(title)?.[1] : undefined;
  if (unit) text += `# UNIT ${title} ${unit}\n`;
  if (typeof samples === "string") return text + samples;
  for (const sample of samples) text += toLine(name, sample);
  return text;
}

function toLine(name: string, { suffix, labels, value }: Sample): string {
  return `${suffix ? name + suffix : name}${labels && `{${labels}}`} ${toNumber(value)}\n`;
}

function escapeHelp(help: string, isOpen: boolean): string {
  const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return isOpen ? text.replaceAll('"', '\\"') : text;
}

function toNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}

/** The value of a row for one family; null and undefined are unknown and give no sample. */
type Value = string | number | boolean | null | undefined;

/**
 * One family over the rows of a table: its name, its help, the row's field or a function for its
 * value, and its kind (a gauge when absent). For a state set the kind is all its states: the sample
 * of the row's state is 1, those of the others are 0.
 */
export type Column<Row> = readonly [
  name: string,
  help: string,
  value: keyof Row | ((row: Row) => Value),
  kind?: "counter" | "info" | readonly string[] | undefined,
];

export interface Table<Row> {
  /** Prefix of the names of all its families; names it in reports of dropped series. */
  readonly prefix: string;
  /**
   * Only the first rows up to this number are shown: values that others choose must not create
   * endless series.
   */
  readonly maxRows: number;
  readonly labels: (row: Row) => string;
  readonly columns: readonly Column<Row>[];
}

/** A column for each number that is exported. */
export function toNumberColumns<Row extends object>(
  prefix: string,
  numbers: { readonly [Name in keyof Row & string]?: NumberFact },
): readonly Column<Row>[] {
  return Object.entries<NumberFact>(numbers as Readonly<Record<string, NumberFact>>).flatMap(
    ([name, fact]): Column<Row>[] => {
      const { metric } = fact;
      if (metric === undefined) return [];
      const kind = metric.endsWith("_total") ? "counter" : undefined;
      return [[`${prefix}_${metric}`, describeMetric(fact), name as keyof Row, kind]];
    },
  );
}

export interface Filled {
  readonly families: readonly Family[];
  /** Number of series left out because of `maxRows`. */
  readonly dropped: { readonly prefix: string; readonly series: number };
}

/** What one row adds to its table. Lines are made of it for the rows that are shown alone. */
export interface WrittenRow {
  readonly labels: string;
  /** Of each column. */
  readonly values: readonly Value[];
}

export function writeRow<Row>({ labels, columns }: Table<Row>, row: Row): WrittenRow {
  return { labels: labels(row), values: columns.map(([, , value]) => readValue(row, value)) };
}

/** The families of a table with these rows. */
export function* joinRows<Row>({ prefix, maxRows, columns }: Table<Row>, rows: readonly WrittenRow[]): Steps<Filled> {
  const shown = rows.slice(0, maxRows);
  const families = yield* mapSteps(columns, (column, index): Family => {
    const [name, help, , kind = "gauge"] = column;
    let samples = "";
    for (const row of shown)
      for (const sample of toSamples(kind, row.values[index], row.labels)) samples += toLine(name, sample);
    return { name, help, type: typeof kind === "string" ? kind : "gauge", samples };
  });
  const series = rows.slice(maxRows).reduce((sum, row) => sum + countSeries(columns, row), 0);
  return { families, dropped: { prefix, series } };
}

/** The same of rows that were not written; without samples when `rows` is null (unknown). */
export function* fill<Row>(table: Table<Row>, rows: readonly Row[] | null): Steps<Filled> {
  return yield* joinRows(table, yield* mapSteps(rows ?? [], (row) => writeRow(table, row)));
}

export function readValue<Row>(row: Row, value: Column<Row>[2]): Value {
  return typeof value === "function" ? value(row) : (row[value] as Value);
}

function isKnown(value: Value): boolean {
  return value !== null && value !== undefined && !Number.isNaN(value);
}

function countSeries<Row>(columns: Table<Row>["columns"], { values }: WrittenRow): number {
  return columns.reduce((sum, [, , , kind], index) => {
    if (!isKnown(values[index])) return sum;
    return sum + (typeof kind === "object" ? kind.length : 1);
  }, 0);
}

function toSamples(kind: NonNullable<Column<never>[3]> | "gauge", found: Value, labels: string): readonly Sample[] {
  if (!isKnown(found)) return [];
  if (typeof kind !== "object") return [{ labels, value: Number(found) }];
  return kind.map((state) => ({ labels: `${labels},state="${state}"`, value: state === found ? 1 : 0 }));
}
