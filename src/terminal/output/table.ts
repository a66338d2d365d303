import stringWidth from "string-width";
import { type Paint, type Tone, toOneLine } from "./style.ts";

export interface Column<Row> {
  /** In capitals at the top. */
  readonly head: string;
  readonly text: (row: Row) => string;
  readonly tone?: (row: Row) => Tone;
  /** Only with `-o wide`. */
  readonly isWide?: boolean;
  readonly isNumber?: boolean;
  /** May be cut where the terminal is too narrow; the first such column from the right is cut first. */
  readonly mayCut?: boolean;
}

interface TableOptions {
  readonly paint: Paint;
  /** Columns of the terminal; null cuts nothing. */
  readonly width: number | null;
  readonly isWide?: boolean;
  readonly hasHead?: boolean;
}

const gap = "  ";
/** A cut column has at least as many characters. */
const leastCut = 8;

/** Rows under each other, one line each. */
export function toTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { paint, width, isWide = false, hasHead = true }: TableOptions,
): string[] {
  const shown = columns.filter((column) => isWide || !column.isWide);
  const cells = rows.map((row) => shown.map((column) => toOneLine(column.text(row))));
  const heads = shown.map(({ head }) => head);
  const widths = shown.map((_, index) =>
    Math.max(hasHead ? stringWidth(heads[index] ?? "") : 0, ...cells.map((line) => stringWidth(line[index] ?? ""))),
  );
  if (width !== null) shrink(widths, shown, width);
  const toLine = (line: readonly string[], tones: readonly Tone[]) =>
    shown
      .map((column, index) => {
        const text = cut(line[index] ?? "", widths[index] ?? 0);
        const blanks = " ".repeat(Math.max(0, (widths[index] ?? 0) - stringWidth(text)));
        const painted = paint(tones[index] ?? "plain", text);
        return column.isNumber ? blanks + painted : painted + blanks;
      })
      .join(gap)
      .trimEnd();
  const body = cells.map((line, number) =>
    toLine(
      line,
      shown.map((column) => column.tone?.(rows[number] as Row) ?? "plain"),
    ),
  );
  if (!hasHead) return body;
  return [
    toLine(
      heads,
      heads.map(() => "muted" as const),
    ),
    ...body,
  ];
}

/** Takes from the columns that may be cut, the right one first, until all fit. */
function shrink<Row>(widths: number[], columns: readonly Column<Row>[], width: number): void {
  let over = widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1) - width;
  for (let index = columns.length - 1; index >= 0 && over > 0; index -= 1) {
    const own = widths[index] ?? 0;
    if (!columns[index]?.mayCut || own <= leastCut) continue;
    const taken = Math.min(over, own - leastCut);
    widths[index] = own - taken;
    over -= taken;
  }
}

/** The start of a text, with an ellipsis where something is left out. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let shown = "";
  let used = 1;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    used += stringWidth(segment);
    if (used > width) break;
    shown += segment;
  }
  return `${shown}…`;
}
