import type { OpsError } from "../../../../client/error.ts";
import { type LogBatch, LogReader, ofContainer, ofRole } from "../../../../client/log-reader.ts";
import type { SeenLines } from "../../../../client/log-seen.ts";
import { logNotices } from "../../../../facts/log.ts";
import { ConsoleContainerLogDocument, ConsoleRoleLogDocument } from "../../../../generated/console.ts";
import { keepOpen, openStream, whileVisible } from "../../data/client.ts";
import type { LogPages, PageLine } from "./pages.ts";
import type { LogRow } from "./row.ts";
import { isSingle, toFilterVariables } from "./target.ts";

/** Receives what happens in a followed log. */
export interface StreamEvents {
  rows(rows: readonly LogRow[]): void;
  /** Lines are missing before this row. `count` is null when their number is unknown. */
  missing(count: number | null, before: LogRow | undefined): void;
  /** Something happened to a container. */
  notice(text: string, tone: "muted" | "warn" | "bad"): void;
  /** The connection is lost, or the gateway gives no stream for now; it will be opened again. */
  readonly broken: (error: OpsError) => void;
  /** The stream works: with each message, and once the gateway has accepted it. */
  readonly opened: () => void;
  /** The gateway refuses to go on. */
  readonly refused: (failure: OpsError) => void;
}

/**
 * How many lines a stream begins with, and at most; and how many a page has while there is no
 * stream.
 */
const [newestLines, mostLines, pageLines] = [500, 5000, 1000];

/** A page that is hidden this long closes its stream, ms, because a token may have only a few. */
const hiddenMs = 10_000;

/**
 * Follows the log of these pages until the returned function is called. What was seen of it does
 * not come again. A hidden page stops, and continues after the last line once it is visible again.
 */
export function followPages(pages: LogPages, seen: SeenLines, events: StreamEvents): () => void {
  return whileVisible(() => openNow(pages, seen, events), hiddenMs);
}

function openNow(pages: LogPages, seen: SeenLines, events: StreamEvents): () => void {
  const single = isSingle(pages.target);
  const toRow = (line: PageLine) => pages.toRow(line);
  const stop = keepOpen(
    new LogReader<PageLine>({
      seen,
      isSingle: single,
      open: (...args) => openBatches(pages, ...args),
      readPage: (turn, signal) => pages.read(turn, turn.at || turn.after ? pageLines : newestLines, signal),
      show: (lines) => events.rows(lines.map(toRow)),
      note: ({ name, notice, reason }) => {
        const { text, tone } = logNotices[notice];
        events.notice(`${single ? "" : `${name}: `}${text}${reason === null ? "" : ` (${reason})`}`, tone);
      },
      miss: (count, before) => events.missing(count, before && toRow(before)),
      opened: events.opened,
      broken: events.broken,
      gone: () => {
        events.notice("the container is gone", "bad");
        stop();
      },
    }),
    events.refused,
  );
  return stop;
}

function openBatches(
  { target, filter, sources }: LogPages,
  since: string | null,
  signal: AbortSignal,
  onOpen: () => void,
): AsyncIterable<LogBatch<PageLine>> {
  const wanted = { ...toFilterVariables(filter), since, tail: since === null ? newestLines : mostLines };
  if (!isSingle(target)) return ofRole(openStream(ConsoleRoleLogDocument, { ...target, ...wanted }, signal, onOpen));
  const { names, engine } = target;
  const name = names?.[0] ?? "";
  const messages = openStream(ConsoleContainerLogDocument, { name, engine, ...wanted }, signal, onOpen);
  return ofContainer(messages, { version: "", destination: null, ...sources.named(name, engine) });
}
