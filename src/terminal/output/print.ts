import { Document, isScalar, parseDocument, Scalar, visit } from "yaml";
import { type Column, toTable } from "./table.ts";
import { type Paint, toOneLine } from "./style.ts";

export const outputFormats = ["table", "wide", "json", "jsonl", "yaml", "name"] as const;
export type OutputFormat = (typeof outputFormats)[number];

interface PrintOptions<Row> {
  readonly format: OutputFormat;
  readonly columns: readonly Column<Row>[];
  /** The value that a script passes on: the name of a container, the id of a job. */
  readonly nameOf: (row: Row) => string;
  readonly paint: Paint;
  readonly width: number | null;
  readonly hasHead: boolean;
}

/**
 * Rows as text that ends with a line end, or is empty. JSON and YAML have the fields as the schema
 * names them, and no escape byte.
 */
export function toText<Row>(
  rows: readonly Row[],
  { format, columns, nameOf, paint, width, hasHead }: PrintOptions<Row>,
): string {
  switch (format) {
    case "json":
      return toDocument(rows, format);
    case "jsonl":
      return rows.map((row) => `${toSafe(JSON.stringify(row))}\n`).join("");
    case "yaml":
      return toDocument(rows, format);
    case "name":
      return rows.map((row) => `${toOneLine(nameOf(row))}\n`).join("");
    default:
      return toTable(rows, columns, { paint, width, isWide: format === "wide", hasHead })
        .map((line) => `${line}\n`)
        .join("");
  }
}

/**
 * One value as JSON or YAML, with the fields as the schema names them, and no escape byte. Ends
 * with a line end.
 */
export function toDocument(value: unknown, format: "json" | "yaml"): string {
  return format === "json" ? `${toSafe(JSON.stringify(value, null, 2))}\n` : toYaml(value);
}

/**
 * Characters that would act on a terminal or be invisible there: DEL, C1, and those that change the
 * reading direction. JSON and YAML escape C0 by themselves.
 */
const unsafe = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

export function toSafe(json: string): string {
  return json.replaceAll(unsafe, (character) =>
    Array.from({ length: character.length }, (_, index) => `\\u${toHex(character.charCodeAt(index), 4)}`).join(""),
  );
}

function toYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, node) => {
      // Escapes mean something in double quotes alone.
      if (
        typeof node.value === "string" &&
        (isOtherInYaml11(node.value) ||
          // As a block, its first line would lose its blanks.
          /^\s[^]*\n/.test(node.value) ||
          node.value.includes("\t") ||
          node.value.search(unsafe) >= 0)
      )
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString().replaceAll(unsafe, (character) => `\\U${toHex(character.codePointAt(0) ?? 0, 8)}`);
}

/**
 * Whether readers of YAML 1.1, such as PyYAML, take a plain text for another value: `yes`, a date,
 * `12:30:00`, `1_000`.
 */
function isOtherInYaml11(text: string): boolean {
  if (text === "=" || text === "<<") return true;
  if (!/^[\w.+~: -]{1,40}$/.test(text)) return false;
  const { contents } = parseDocument(text, { version: "1.1", logLevel: "silent" });
  return !isScalar(contents) || typeof contents.value !== "string";
}

function toHex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
