import stringWidth from "string-width";
import { type Paint, toOneLine, type Tone } from "../output/style.ts";
import { cut } from "../output/table.ts";

/** A part of a line and its look. */
export type Piece = readonly [tone: Tone, text: string];

const blocks = "▁▂▃▄▅▆▇█";

/**
 * Values as blocks, the newest at the right end. The scale starts at 0 and ends with the largest
 * value, at least `least`. Unknown is a blank.
 */
export function toSparkline(values: readonly (number | null)[], width: number, least = 1): string {
  const shown = values.slice(-width);
  const most = Math.max(least, ...shown.map((value) => value ?? 0));
  const text = shown.map((value) =>
    value === null
      ? " "
      : (blocks[Math.min(blocks.length - 1, Math.floor((Math.max(0, value) / most) * blocks.length))] ?? " "),
  );
  return text.join("").padStart(width);
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/**
 * A part of 1 as a bar. Unknown is blank. @param value 0..1, others count as the nearest of them
 */
export function toBar(value: number | null, width: number): string {
  if (value === null) return " ".repeat(width);
  const filled = Math.round(Math.min(1, Math.max(0, value)) * width * 8);
  const bar = "█".repeat(Math.floor(filled / 8)) + (eighths[filled % 8] ?? "");
  return bar.padEnd(width, "░");
}

/** Pieces as one line of at most `width` columns. */
export function toLine(pieces: readonly Piece[], width: number, paint: Paint): string {
  let left = width;
  return pieces
    .map(([tone, text]) => {
      if (left <= 0) return "";
      const shown = cut(toOneLine(text), left);
      left -= stringWidth(shown);
      return paint(tone, shown);
    })
    .join("");
}

/** `first` at the left and `last` at the right end; where both do not fit, `first` is cut. */
export function toEnds(first: readonly Piece[], last: readonly Piece[], width: number, paint: Paint): string {
  const widthOf = (pieces: readonly Piece[]) => pieces.reduce((sum, [, text]) => sum + stringWidth(toOneLine(text)), 0);
  const own = Math.min(width, widthOf(last));
  const rest = Math.max(0, width - own - 1);
  const blank = " ".repeat(Math.max(0, width - own - Math.min(rest, widthOf(first))));
  return toLine(first, rest, paint) + blank + toLine(last, own, paint);
}

/** A text as lines of at most `width` columns, broken at blanks where there are some. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of toOneLine(text).split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (stringWidth(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = "";
    for (const { segment } of new Intl.Segmenter().segment(word)) {
      if (stringWidth(line + segment) > width) {
        lines.push(line);
        line = "";
      }
      line += segment;
    }
  }
  return [...lines, line];
}
