import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { type OutputFormat, toText } from "../../../src/terminal/output/print.ts";
import { createPaint } from "../../../src/terminal/output/style.ts";
import { acting, hostile, tamed } from "../../support/terminal.ts";

interface Row {
  readonly name: string;
  readonly inside?: unknown;
}

const print = (rows: readonly Row[], format: OutputFormat, hasHead = true) =>
  toText(rows, {
    format,
    columns: [{ head: "NAME", text: ({ name }) => name }],
    nameOf: ({ name }) => name,
    paint: createPaint("never", {}, {}),
    width: null,
    hasHead,
  });

it.each<[OutputFormat, string]>([
  ["table", "NAME\na\n"],
  ["wide", "NAME\na\n"],
  ["json", '[\n  {\n    "name": "a",\n    "inside": [\n      null\n    ]\n  }\n]\n'],
  ["jsonl", '{"name":"a","inside":[null]}\n'],
  ["yaml", "- name: a\n  inside:\n    - null\n"],
  ["name", "a\n"],
])("one row as %s", (format, text) => {
  expect(print([{ name: "a", inside: [null] }], format)).toBe(text);
});

it.each<[OutputFormat, string]>([
  ["json", "[]\n"],
  ["jsonl", ""],
  ["yaml", "[]\n"],
  ["name", ""],
])("no row as %s is %j", (format, text) => {
  expect(print([], format)).toBe(text);
});

it("texts that readers of YAML 1.1 take for other values are quoted", () => {
  const texts = [
    "yes",
    "off",
    "12:30:00",
    "2026-11-27T10:00:00Z",
    "2026-11-27",
    "1_000",
    "0o7",
    "0x1f",
    "=",
    "<<",
    "~",
    ".5",
  ];
  const text = print([{ name: "a", inside: texts }], "yaml");
  expect(text).toBe(`- name: a\n  inside:\n${texts.map((one) => `    - "${one}"\n`).join("")}`);
});

it.each([" \n", "\n", " \na", "\n b\n", "  a\n"])("YAML has the blanks of %j", (name) => {
  expect(parse(print([{ name, inside: [name] }], "yaml"))).toEqual([{ name, inside: [name] }]);
});

it("hostile text acts in no format, and is whole where it is data", () => {
  expect(print([{ name: hostile }], "name")).toBe(`${tamed}\n`);
  expect(print([{ name: hostile }], "table", false)).toBe(`${tamed}\n`);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...Array.from(hostile), "a", " ", "- ", ": ", '"', "'", "\\", "👩‍👧", "\u00ad", "\ufeff")),
      (parts) => {
        const rows = [{ name: parts.join(""), inside: { [`k${parts.join("")}`]: parts } }];
        for (const format of ["json", "jsonl", "yaml"] as const) {
          const text = print(rows, format);
          expect(text).not.toMatch(acting);
          const read: unknown = format === "yaml" ? parse(text) : JSON.parse(text);
          expect(read).toEqual(format === "jsonl" ? rows[0] : rows);
        }
      },
    ),
  );
});
