import stringWidth from "string-width";
import { type Paint, type Tone, toOneLine } from "../output/style.ts";

/** A label and its value; without a value it is left out. */
export type Fact = readonly [label: string, value: string | null, tone?: Tone];

/** A part of a page: facts with aligned labels, then lines as they are. */
export interface Section {
  /** Null: the first part, which needs none. */
  readonly title: string | null;
  readonly facts?: readonly Fact[];
  readonly lines?: readonly string[];
}

/**
 * Sections one under the other, as text for people. Untrusted texts must each be a single line
 * already.
 */
export function toPage(title: string, sections: readonly Section[], paint: Paint, width: number | null): string {
  const labels = sections.flatMap(({ facts = [] }) => facts.map(([label]) => stringWidth(label)));
  const indent = Math.max(0, ...labels) + 4;
  const blocks = sections.flatMap(({ title: head, facts = [], lines = [] }) => {
    const body = [
      ...facts.flatMap(([label, value, tone = "plain"]) => {
        if (value === null || value === "") return [];
        const [first = "", ...more] = wrap(toOneLine(value), width === null ? null : width - indent).map((line) =>
          paint(tone, line),
        );
        const blanks = " ".repeat(Math.max(0, indent - 2 - stringWidth(label)));
        return [`  ${paint("muted", label)}${blanks}${first}`, ...more.map((line) => " ".repeat(indent) + line)];
      }),
      ...lines.flatMap((line) =>
        wrap(line, width === null ? null : width - 4).map((part, index) => `${index === 0 ? "  " : "    "}${part}`),
      ),
    ];
    if (body.length === 0) return [];
    return [[...(head === null ? [] : [paint("strong", head)]), ...body].join("\n")];
  });
  return `${[paint("strong", title), ...blocks].join("\n\n")}\n`;
}

/** A text in lines of at most `width` cells, between words; a longer word has a line of its own. */
function wrap(text: string, width: number | null): string[] {
  if (width === null || stringWidth(text) <= width) return [text];
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && stringWidth(`${last} ${word}`) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
