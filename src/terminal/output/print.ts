import { stringify } from "yaml";
import { type Column, toTable } from "./table.ts";
import { type Paint, toOneLine } from "./style.ts";

export const outputFormats = ["table", "wide", "json", "jsonl", "yaml", "name"] as const;
export type OutputFormat = (typeof outputFormats)[number];

interface PrintOptions<Row> {
  readonly format: OutputFormat;
  readonly columns: readonly Column<Row>[];
  /** What a script would pass on: the name of a container, the id of a job. */
  readonly nameOf: (row: Row) => string;
  readonly paint: Paint;
  readonly width: number | null;
  readonly hasHead: boolean;
}

/** Rows as text that ends with a line end, or is empty. JSON and YAML have the fields as the schema names them, and no escape byte. */
export function toText<Row>(rows: readonly Row[], { format, columns, nameOf, paint, width, hasHead }: PrintOptions<Row>): string {
  switch (format) {
    case "json":
      return `${toSafe(JSON.stringify(rows, null, 2))}\n`;
    case "jsonl":
      return rows.map((row) => `${toSafe(JSON.stringify(row))}\n`).join("");
    case "yaml":
      return toSafe(stringify(rows));
    case "name":
      return rows.map((row) => `${toOneLine(nameOf(row))}\n`).join("");
    default:
      return toTable(rows, columns, { paint, width, isWide: format === "wide", hasHead })
        .map((line) => `${line}\n`)
        .join("");
  }
}

/** One value as JSON or YAML, with the fields as the schema names them, and no escape byte. Ends with a line end. */
export function toDocument(value: unknown, format: "json" | "yaml"): string {
  return format === "json" ? `${toSafe(JSON.stringify(value, null, 2))}\n` : toSafe(stringify(value));
}

/** JSON escapes C0 by itself; DEL, C1 and what turns the reading direction would reach a terminal as they are. The escapes are the same in YAML's double quotes. */
export function toSafe(text: string): string {
  return text.replaceAll(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}
