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
  /**
   * May be cut if the terminal is too narrow, at its end or in its middle; of several, the widest
   * is cut first.
   */
  readonly mayCut?: boolean | "middle";
  /** Characters that a cut leaves. @default 8 */
  readonly least?: number;
  /**
   * Is left out if the terminal is too narrow even with everything cut; the lowest number goes
   * first.
   */
  readonly drop?: number;
}

interface TableOptions {
  readonly paint: Paint;
  /** Columns of the terminal; null cuts nothing. */
  readonly width: number | null;
  readonly isWide?: boolean;
  readonly hasHead?: boolean;
}

const gap = "  ";
const usualLeast = 8;

/**
 * Rows under each other, one line each. A column without any text is left out. A line is never
 * wider than `width`, unless `isWide`, which leaves nothing out.
 */
export function toTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { paint, width, isWide = false, hasHead = true }: TableOptions,
): string[] {
  const asked = columns
    .filter((column) => isWide || !column.isWide)
    .map((column) => {
      const cells = rows.map((row) => toOneLine(column.text(row)));
      const longest = Math.max(0, ...cells.map((text) => stringWidth(text)));
      return { ...column, cells, longest, width: hasHead ? Math.max(stringWidth(column.head), longest) : longest };
    })
    .filter(({ longest }) => rows.length === 0 || longest > 0);
  const shown = width === null ? asked : fit(asked, width, isWide);
  const toLine = (texts: readonly string[], tones: readonly Tone[]) =>
    shown
      .map((column, index) => {
        const text = (column.mayCut === "middle" ? cutMiddle : cut)(texts[index] ?? "", column.width);
        const blanks = " ".repeat(Math.max(0, column.width - stringWidth(text)));
        const painted = paint(tones[index] ?? "plain", text);
        return column.isNumber ? blanks + painted : painted + blanks;
      })
      .join(gap)
      .trimEnd();
  const body = rows.map((row, number) =>
    toLine(
      shown.map(({ cells }) => cells[number] ?? ""),
      shown.map(({ tone }) => tone?.(row) ?? "plain"),
    ),
  );
  if (!hasHead) return body;
  const heads = shown.map(({ head }) => head);
  return [
    toLine(
      heads,
      heads.map(() => "muted" as const),
    ),
    ...body,
  ];
}

interface Sized {
  readonly mayCut?: boolean | "middle";
  readonly least?: number;
  readonly drop?: number;
  readonly width: number;
}

/**
 * The columns that a line of `width` has room for, cut where they must be. With `isWide` all of
 * them, cut only where they may be.
 */
function fit<C extends Sized>(columns: readonly C[], width: number, isWide: boolean): readonly C[] {
  const leastOf = (column: C) => (column.mayCut ? Math.min(column.width, column.least ?? usualLeast) : column.width);
  const dropped = isWide
    ? []
    : columns.filter(({ drop }) => drop !== undefined).toSorted((one, other) => (one.drop ?? 0) - (other.drop ?? 0));
  let left = columns;
  for (const next of dropped) {
    if (toTotal(left.map(leastOf)) <= width) break;
    left = left.filter((column) => column !== next);
  }
  const fitted = shrink(left, width, leastOf);
  if (isWide) return fitted;
  // Narrower than any real terminal: a part of each column, then of as many as fit.
  let forced = shrink(fitted, width, ({ width: own }) => Math.min(own, 4));
  while (forced.length > 1 && toTotal(forced.map(({ width: own }) => own)) > width) forced = forced.slice(0, -1);
  return shrink(forced, width, () => 1);
}

function toTotal(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1);
}

/** Shortens the widest column that is above its minimum, until all fit or none is. */
function shrink<C extends Sized>(columns: readonly C[], width: number, leastOf: (column: C) => number): readonly C[] {
  const widths = columns.map((column) => Math.max(leastOf(column), Math.min(column.width, width)));
  const leasts = columns.map(leastOf);
  for (let over = toTotal(widths) - width; over > 0; over -= 1) {
    let widest = -1;
    for (const [index, own] of widths.entries())
      if (own > (leasts[index] ?? 0) && own > (widths[widest] ?? 0)) widest = index;
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return columns.map((column, index) => ({ ...column, width: widths[index] ?? 0 }));
}

/** The start of a text, with an ellipsis where something is left out. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  return `${take(toCharacters(text), width - 1).join("")}…`;
}

/**
 * The start and the end of a text, with an ellipsis between: names often differ in their end only.
 */
export function cutMiddle(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  const characters = toCharacters(text);
  const tail = take(characters.toReversed(), Math.floor((width - 1) / 2)).toReversed();
  return `${take(characters, Math.ceil((width - 1) / 2)).join("")}…${tail.join("")}`;
}

function toCharacters(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}

/** The first characters that fit into the width together. */
function take(characters: readonly string[], width: number): readonly string[] {
  let used = 0;
  const end = characters.findIndex((character) => (used += stringWidth(character)) > width);
  return end < 0 ? characters : characters.slice(0, end);
}
