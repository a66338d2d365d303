import stringWidth from "string-width";
import { formatClock, formatDuration, formatEnum } from "../../facts/format.ts";
import { formatGapCount, formatProblemCount, noProblems } from "../../facts/problem.ts";
import type { Paint } from "../output/style.ts";
import { toDetail } from "./details.ts";
import { keyHelp } from "./keys.ts";
import { type Section, toLists, toSections } from "./sections.ts";
import { type SectionName, sectionNames, selectedIndex, type TopData, type View } from "./state.ts";
import { type Piece, toEnds, toLine } from "./text.ts";

/** Of the terminal, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What a screen shows. */
export interface Screen {
  readonly data: TopData;
  readonly view: View;
  /** Name or address of the gateway. */
  readonly place: string;
  readonly nowMs: number;
}

const least: Size = { columns: 40, rows: 10 };

/** The whole screen: as many lines as it has rows, each at most as wide. */
export function toScreen(screen: Screen, size: Size, paint: Paint): readonly string[] {
  const { columns, rows } = size;
  if (columns < least.columns || rows < least.rows) {
    const texts = [
      `The terminal is ${columns}x${rows}:`,
      `top needs at least ${least.columns}x${least.rows}.`,
      "q quits",
    ];
    return fill(
      texts.map((text) => toLine([["plain", text]], columns, paint)),
      rows,
    );
  }
  const { data, view } = screen;
  // What is shown is outdated, and must not look current.
  const look: Paint = data.link.state === "lost" ? (_tone, text) => paint("muted", text) : paint;
  const body = rows - 3;
  const lines =
    view.open === null
      ? toBody(screen, { columns, rows: body }, look)
      : toOpened(screen, { columns, rows: body }, look);
  return [
    toHeader(screen, columns, paint),
    toSentence(data, columns, look),
    ...fill(lines, body),
    toFooter(view, columns, paint),
  ];
}

function fill(lines: readonly string[], rows: number): readonly string[] {
  return Array.from({ length: rows }, (_, index) => lines[index] ?? "");
}

function toHeader({ data, view, place }: Screen, width: number, paint: Paint): string {
  const { env, link, answeredAtMs } = data;
  const first: readonly Piece[] = [
    ["strong", place],
    ["plain", `  ${env === null ? "all environments" : formatEnum(env)}`],
  ];
  const time = answeredAtMs === null ? "" : `${formatClock(answeredAtMs)}  `;
  const paused: readonly Piece[] = view.isPaused ? [["warn", "paused  "]] : [];
  if (link.state === "lost") {
    const text = `no connection since ${formatClock(link.sinceMs)}`;
    return toEnds(first, [...paused, ["bad", width < 80 ? text : `${text} (${link.reason})`]], width, paint);
  }
  const state: Piece =
    link.state === "connecting"
      ? ["muted", "connecting…"]
      : data.isStreamed
        ? ["ok", "live"]
        : ["warn", "asking every 3 s"];
  return toEnds(first, [...paused, ["muted", time], state], width, paint);
}

/** The problems in one sentence. */
function toSentence({ problems: { value, error } }: TopData, width: number, paint: Paint): string {
  if (value === null) {
    return toLine([error === null ? ["muted", "Reading problems…"] : ["bad", "Problems cannot be read"]], width, paint);
  }
  const { criticalCount, warningCount, gaps, quietSince, checkedAt } = value;
  const count = criticalCount + warningCount;
  const unchecked = formatGapCount(gaps.length);
  if (count === 0) {
    const since =
      quietSince === null ? "" : `, for ${formatDuration((Date.parse(checkedAt) - Date.parse(quietSince)) / 1000)}`;
    return toLine([[gaps.length > 0 ? "warn" : "ok", `${noProblems}${since}${unchecked}`]], width, paint);
  }
  const kinds = [
    ...(criticalCount > 0 ? [`${criticalCount} critical`] : []),
    ...(warningCount > 0 ? [`${warningCount} ${warningCount === 1 ? "warning" : "warnings"}`] : []),
  ];
  const text = `${formatProblemCount(count)}: ${kinds.join(", ")}${unchecked}`;
  return toLine([[criticalCount > 0 ? "bad" : "warn", text]], width, paint);
}

function toFooter({ filter, isTyping, open, awaitsSection }: View, width: number, paint: Paint): string {
  if (isTyping)
    return toLine(
      [
        ["strong", `/${filter}▏`],
        ["muted", "  Enter keeps it, Esc clears it"],
      ],
      width,
      paint,
    );
  if (awaitsSection) return toLine([["muted", "g: then n problems, c roles, q queues, h hosts"]], width, paint);
  if (open !== null) return toLine([["muted", "Esc back  j k scroll  q quit"]], width, paint);
  const first: readonly Piece[] =
    filter === ""
      ? []
      : [
          ["strong", `/${filter}`],
          ["muted", "  Esc shows all  "],
        ];
  return toLine(
    [...first, ["muted", "? keys  q quit  j k move  Enter details  / filter  e environment  space pause"]],
    width,
    paint,
  );
}

function toOpened({ data, view, nowMs }: Screen, { columns, rows }: Size, paint: Paint): readonly string[] {
  const lines =
    view.open === "help"
      ? keyHelp.map(([keys, what]) =>
          toLine(
            [
              ["strong", keys.padEnd(14)],
              ["plain", what],
            ],
            columns - 2,
            paint,
          ),
        )
      : toDetail({ data, section: view.section, id: view.id, nowMs, width: columns - 2, paint });
  const room = rows - 1;
  const start = Math.min(view.scroll, Math.max(0, lines.length - room));
  return ["", ...lines.slice(start, start + room).map((line) => `  ${line}`)];
}

/** The marker of the selected row has two columns. */
const margin = 2;

function toBody({ data, view, nowMs }: Screen, { columns, rows }: Size, paint: Paint): readonly string[] {
  const sections = toSections({ data, filter: view.filter, nowMs, columns });
  const selected = selectedIndex(view, toLists(sections));
  const wants = sections.map(({ name, notes, ids }) => ({ name, count: notes.length + ids.length }));
  const shares = toShares(wants, view.section, rows - sections.length);
  const used = sections.length + shares.reduce((sum, share) => sum + share, 0);
  // Blank lines only if nothing is cut because of them.
  const hasGaps = rows - used >= sections.length - 1;
  return sections.flatMap((section, index) => {
    const gap = hasGaps && index > 0 ? [""] : [];
    const isFocused = section.name === view.section;
    const lines = toSectionLines(section, {
      share: shares[index] ?? 0,
      selected: isFocused ? selected : -1,
      columns,
      paint,
    });
    const isBare = isFocused && selected < 0;
    return [
      ...gap,
      ...lines.map((line, at) => (isBare && at === 0 ? `${paint("strong", "›")}${line.slice(1)}` : line)),
    ];
  });
}

interface SectionLines {
  /** Lines beside the heading. */
  readonly share: number;
  /** Index of the selected row; -1: none of this section. */
  readonly selected: number;
  readonly columns: number;
  readonly paint: Paint;
}

function toSectionLines(
  { notes, ids, lines }: Section,
  { share, selected, columns, paint }: SectionLines,
): readonly string[] {
  const width = columns - margin;
  // Notes take only a part of a small share, so that at least one row is left.
  const noted = Math.min(notes.length, ids.length > 0 ? Math.max(share - ids.length, Math.floor(share / 2)) : share);
  const room = Math.min(ids.length, share - noted);
  const start = selected < room ? 0 : Math.min(selected - room + 1, ids.length - room);
  const more = ids.length - room + (notes.length - noted);
  const [heading = "", ...rows] = lines({ width, paint, more });
  return [
    `  ${heading}`,
    ...notes.slice(0, noted).map((note) => `  ${toLine([note], width, paint)}`),
    ...rows
      .slice(start, start + room)
      .map((row, index) => (start + index === selected ? `${paint("strong", "›")} ${row}` : `  ${row}`)),
  ];
}

interface Want {
  readonly name: SectionName;
  readonly count: number;
}

/**
 * Lines of each section: each gets one, then three, as far as there are lines; then the focused
 * one, and after it the others from the top, get what they need.
 */
function toShares(wants: readonly Want[], focused: SectionName, available: number): readonly number[] {
  const shares = wants.map(() => 0);
  let left = available;
  const raise = (index: number, to: number) => {
    const more = Math.max(0, Math.min(to, wants[index]?.count ?? 0) - (shares[index] ?? 0));
    const given = Math.min(more, left);
    shares[index] = (shares[index] ?? 0) + given;
    left -= given;
  };
  const own = sectionNames.indexOf(focused);
  raise(own, 1);
  for (const to of [1, 3]) for (const index of wants.keys()) raise(index, to);
  raise(own, Number.POSITIVE_INFINITY);
  for (const index of wants.keys()) raise(index, Number.POSITIVE_INFINITY);
  return shares;
}

/** Whether a line takes the whole width of the screen. */
export function isFull(line: string, { columns }: Size): boolean {
  return stringWidth(line) >= columns;
}
