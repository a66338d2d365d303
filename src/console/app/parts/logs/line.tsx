import { Component, type ComponentChildren } from "preact";
import { now } from "../../page/clock.ts";
import { href } from "../../page/url.ts";
import { formatClock, formatNumber, formatDuration, formatLocalTime } from "../../../../facts/format.ts";
import { Shape } from "../state.tsx";
import type { Highlighter } from "./highlight.ts";
import { indentJson, type LineParts, partsOf } from "./json.ts";
import type { LogBreak, LogNote, LogRow } from "./row.ts";

/** Longer lines are cut until they are opened. */
const maxShown = 2000;

/** How the rows of a log are drawn. */
export interface LineStyle {
  readonly highlight: Highlighter | null;
  readonly hasSource: boolean;
  readonly isNarrow: boolean;
  /** The address of a line. */
  readonly toHref: (row: LogRow) => string;
}

interface LineProps {
  readonly row: LogRow;
  readonly number: number;
  readonly isOpen: boolean;
  readonly isMarked: boolean;
  readonly style: LineStyle;
}

/**
 * One row. It is drawn again only when something about it changed: a followed log has sixty new
 * ones in a frame.
 */
export class Line extends Component<LineProps> {
  override shouldComponentUpdate(next: LineProps): boolean {
    const { row, isOpen, isMarked, style } = this.props;
    return row !== next.row || isOpen !== next.isOpen || isMarked !== next.isMarked || style !== next.style;
  }

  override render({ row, number, isOpen, isMarked, style }: LineProps) {
    const { highlight, hasSource, isNarrow, toHref } = style;
    if (row.note) return <Note note={row.note} number={number} />;
    const parts = partsOf(row);
    return (
      <div
        class={`log-line ${isMarked ? "marked" : ""}`}
        data-row={number}
        aria-current={isMarked ? "true" : undefined}
      >
        <a
          class="log-time"
          tabIndex={-1}
          href={toHref(row)}
          title={`${formatLocalTime(row.at)}\n${row.at}\nClick: link to this line`}
        >
          {formatClock(row.at, { millis: !isNarrow })}
        </a>
        {hasSource && (
          <span class="log-source cut isolate" title={`${row.source?.name} on ${row.source?.engine}`}>
            {row.source?.short}
          </span>
        )}
        <span class={`log-level ${toTone(row.level)}`}>{row.level ?? ""}</span>
        <button
          type="button"
          class={`log-open ${parts.isJson ? "json" : ""}`}
          tabIndex={-1}
          data-row-link
          aria-expanded={isOpen}
          aria-label={isOpen ? "Close the line" : "Show the whole line"}
        >
          {isOpen ? "▾" : "▸"}
        </button>
        <span class="log-text isolate">
          <LineText text={row.text} parts={parts} highlight={highlight} />
        </span>
        {isOpen && <Whole row={row} parts={parts} />}
      </div>
    );
  }
}

interface LineTextProps {
  readonly text: string;
  readonly parts: LineParts;
  readonly highlight?: Highlighter | null;
  /** Characters. */
  readonly most?: number;
}

/**
 * The short form of a line: its message, then its other fields. What a search found across a name
 * and its value, as they are written, marks both.
 */
export function LineText({
  text,
  parts: { prefix, message, fields },
  highlight = null,
  most = maxShown,
}: LineTextProps) {
  let left = most - message.length;
  const shown = fields.filter(([name, value]) => (left -= name.length + value.length + 2) > 0);
  const found = fields.length > 0 ? (highlight?.(text) ?? []) : [];
  return (
    <>
      {prefix && <span class="log-prefix wide-only">{mark(prefix, highlight)}</span>}
      {mark(message.slice(0, most), highlight)}
      {shown.map(([name, value, [from, to]]) => {
        const marked = mark(value, highlight);
        const isAcross = marked === value && found.some(([begin, end]) => begin < to && end > from);
        return (
          <span key={name} class="log-field">
            {" "}
            {isAcross ? (
              <mark>
                {name}={value}
              </mark>
            ) : (
              <>
                {name}={marked}
              </>
            )}
          </span>
        );
      })}
      {left < 0 && <span class="log-field"> …</span>}
    </>
  );
}

function mark(text: string, highlight: Highlighter | null): ComponentChildren {
  const found = highlight?.(text) ?? [];
  if (found.length === 0) return text;
  const parts: ComponentChildren[] = [];
  let end = 0;
  for (const [from, to] of found) {
    parts.push(text.slice(end, from), <mark key={from}>{text.slice(from, to)}</mark>);
    end = to;
  }
  return [...parts, text.slice(end)];
}

/** All of a line, and where it is from. */
function Whole({ row: { at, text, source }, parts }: { readonly row: LogRow; readonly parts: LineParts }) {
  return (
    <div class="log-whole">
      <div class="log-facts muted">
        <span>{formatLocalTime(at)}</span>
        {source && (
          <a class="link isolate" href={href("/container", { name: source.name, engine: source.engine })}>
            {source.name}
          </a>
        )}
        <button type="button" class="button" data-copy="line">
          Copy line
        </button>
        <button type="button" class="button" data-copy="link">
          Copy link
        </button>
      </div>
      <pre class="isolate" tabIndex={0} aria-label="The whole line">
        {(parts.isJson && indentJson(text)) || text}
      </pre>
    </div>
  );
}

function toTone(level: string | null): string {
  if (level === "error" || level === "fatal") return "bad";
  return level === "warn" ? "warn" : "";
}

function Note({ note, number }: { readonly note: LogNote; readonly number: number }) {
  return (
    <div class="log-note" data-row={number}>
      <span class="isolate">
        <NoteText note={note} />
      </span>
    </div>
  );
}

function NoteText({ note }: { readonly note: LogNote }) {
  if (note.kind === "event") {
    const { text, tone } = note;
    return tone === "muted" || tone === "mark" ? (
      <span class={tone}>{text}</span>
    ) : (
      <>
        <Shape tone={tone} /> {text}
      </>
    );
  }
  if (note.kind === "break") return <Break note={note} />;
  return (
    <>
      <Shape tone="warn" />{" "}
      {note.count === null
        ? "lines may be missing here"
        : `${formatNumber(note.count)} ${note.count === 1 ? "line" : "lines"} left out`}{" "}
      <button type="button" class="button quiet" data-gap>
        load them
      </button>
    </>
  );
}

function Break({ note: { lostAt, backAt, limit } }: { readonly note: LogBreak }) {
  const seconds = Math.round(((backAt ?? now.value) - lostAt) / 1000);
  if (limit !== null)
    return (
      <>
        <Shape tone={backAt === null ? "warn" : "ok"} /> {limit}:{" "}
        {backAt === null
          ? "checks for new lines every 3 s"
          : `checked for new lines every 3 s for ${formatDuration(seconds)}`}
      </>
    );
  if (backAt !== null)
    return (
      <>
        <Shape tone="ok" /> connection lost for {formatDuration(seconds)} at {formatClock(lostAt)}, continued
      </>
    );
  return (
    <>
      <Shape tone="bad" /> connection lost for {formatDuration(Math.max(0, seconds))}; the log will continue from here
    </>
  );
}
