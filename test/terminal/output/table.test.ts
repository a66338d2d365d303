import stringWidth from "string-width";
import { expect, it } from "vitest";
import { createPaint } from "../../../src/terminal/output/style.ts";
import { type Column, cut, cutMiddle, toTable } from "../../../src/terminal/output/table.ts";
import { hostile, tamed } from "../../support/terminal.ts";

type Row = Readonly<Record<string, string>>;

const column = (head: string, more: Partial<Column<Row>> = {}): Column<Row> => ({
  head,
  text: (row) => row[head] ?? "",
  ...more,
});
const plain = createPaint("never", {}, {});
const toLines = (rows: readonly Row[], columns: readonly Column<Row>[], width: number | null = null, more = {}) =>
  toTable(rows, columns, { paint: plain, width, ...more });

it("a table aligns texts left and numbers right, by their width in cells", () => {
  const columns = [column("NAME"), column("N", { isNumber: true }), column("END")];
  const rows = [
    { NAME: "日本", N: "5", END: "x" },
    { NAME: "ab", N: "1,000", END: "" },
  ];
  expect(toLines(rows, columns)).toEqual(["NAME      N  END", "日本      5  x", "ab    1,000"]);
  expect(toLines(rows, columns, null, { hasHead: false })).toEqual(["日本      5  x", "ab    1,000"]);
});

it("a column of which no row has text is left out", () => {
  expect(toLines([{ A: "1" }, { A: "2" }], [column("A"), column("EMPTY")])).toEqual(["A", "1", "2"]);
});

it("wide columns show with -o wide alone, which leaves nothing out", () => {
  const columns = [column("A", { drop: 1 }), column("B", { isWide: true })];
  const rows = [{ A: "a".repeat(30), B: "b" }];
  expect(toLines(rows, columns)[0]).toBe("A");
  expect(toLines(rows, columns, 10, { isWide: true })[1]).toBe(`${"a".repeat(30)}  b`);
});

it("columns leave by their number, before others are cut below their least", () => {
  const columns = [
    column("NAME", { mayCut: "middle", least: 11 }),
    column("SECOND", { drop: 2 }),
    column("FIRST", { drop: 1 }),
    column("STATE"),
  ];
  const rows = [{ NAME: "shop-web-staging-2", SECOND: "second", FIRST: "first", STATE: "running" }];
  const heads = (width: number) => toLines(rows, columns, width)[0]?.split(/\s+/);
  expect(heads(80)).toEqual(["NAME", "SECOND", "FIRST", "STATE"]);
  expect(heads(32)).toEqual(["NAME", "SECOND", "STATE"]);
  expect(heads(20)).toEqual(["NAME", "STATE"]);
  expect(toLines(rows, columns, 20)[1]).toBe("shop-…ing-2  running");
});

it("of those that may be cut the widest is cut first", () => {
  const columns = [column("A", { mayCut: true }), column("B", { mayCut: true })];
  const rows = [{ A: "a".repeat(12), B: "b".repeat(100) }];
  expect(toLines(rows, columns, 30)[1]).toBe(`${"a".repeat(12)}  ${"b".repeat(15)}…`);
  expect(toLines(rows, columns, 20)[1]).toBe(`${"a".repeat(8)}…  ${"b".repeat(8)}…`);
});

it("no line is wider than its terminal, however narrow that is", () => {
  const columns = [column("NAME", { mayCut: true }), column("日本日本"), column("N", { isNumber: true, drop: 1 })];
  const rows = [{ NAME: "日本".repeat(40), 日本日本: "👩‍👩‍👧".repeat(9), N: "12345678" }];
  for (let width = 1; width < 120; width += 1)
    for (const line of toLines(rows, columns, width))
      expect([width, stringWidth(line) <= width]).toEqual([width, true]);
});

it("a text with controls is one line that acts in no terminal", () => {
  expect(toLines([{ A: hostile }], [column("A")])[1]).toBe(tamed);
});

it("a tone colours the text, not its blanks", () => {
  const paint = createPaint("always", {}, {});
  const lines = toTable([{ A: "x" }], [column("A", { tone: () => "bad" }), column("B")], {
    paint,
    width: null,
    hasHead: false,
  });
  expect(lines).toEqual(["\u001b[31mx\u001b[39m"]);
});

it.each([
  ["abcdef", 6, "abcdef", "abcdef"],
  ["abcdefg", 6, "abcde…", "abc…fg"],
  ["abcdefg", 1, "…", "…"],
  ["日本語日本語", 6, "日本…", "日…語"],
  ["e\u0301e\u0301e\u0301", 2, "e\u0301…", "e\u0301…"],
])("%s in %i cells is %s, or %s", (text, width, start, middle) => {
  expect([cut(text, width), cutMiddle(text, width)]).toEqual([start, middle]);
});

it("columns of a low drop leave a narrow table first, before any cut", () => {
  const columns = [
    { head: "NAME", text: () => "a-long-name-of-a-row", mayCut: true, least: 12 },
    { head: "MORE", text: () => "more", drop: 1 },
    { head: "LESS", text: () => "less", drop: 2 },
  ];
  const table = (width: number) => toTable([1], columns, { width, paint: plain })[1];
  expect(table(40)).toBe("a-long-name-of-a-row  more  less");
  expect(table(24)).toBe("a-long-name…  more  less");
  expect(table(18)).toBe("a-long-name…  less");
  expect([40, 24, 18, 12].map((width) => stringWidth(table(width) ?? "") <= width)).toEqual([true, true, true, true]);
});
