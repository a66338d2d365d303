import {
  ConsoleContainerLogDocument,
  type ConsoleContainerLogSubscription,
  ConsoleRoleLogDocument,
  type ConsoleRoleLogSubscription,
} from "../../../../generated/console.ts";
import { OpsError } from "../../../../client/error.ts";
import { type Failure, follow, type Sink } from "../../data/client.ts";
import { type LogPages, type PageTurn, toLineRow } from "./pages.ts";
import { disorderMs, readRound } from "./poll.ts";
import type { LogRow } from "./row.ts";
import { isSingle, toFilterVariables } from "./target.ts";

/** What comes of a followed log, and where it goes on. */
export interface StreamEvents {
  /** Asked each time that the stream is opened: from when on, and most of the lines until now. `behindMs`: lines may be out of order by so much. */
  resume(behindMs: number): { readonly since: string | null; readonly tail: number };
  /** @param dropped lines that were left out before these */
  rows(rows: readonly LogRow[], dropped: number): void;
  /** Something happened to a container. */
  notice(text: string, tone: "muted" | "warn" | "bad"): void;
  /** The connection is lost, and will be opened again. With a refusal no stream is possible now: lines are asked for in rounds until one is. */
  broken(refusal: Failure | null): void;
  /** The connection works: after each message, and once the gateway has accepted the stream. */
  opened(): void;
  /** The gateway refuses to go on. */
  refused(failure: OpsError): void;
}

/** A page that is hidden for so long gives its stream back, ms: a token has only a few. */
const hiddenMs = 10_000;

const noticeTexts = {
  STOPPED: "the container is not running; lines continue at its next start",
  RESUMED: "it runs again",
  ENGINE_LOST: "its engine does not answer; lines continue when it does, none will be missing",
  JOINED: "is followed from here on",
  LEFT: "no longer belongs to the role",
  TRUNCATED: "wrote more than is read at once; its oldest lines are missing",
  UNREADABLE: "its log cannot be read; it is tried again",
} as const;

/**
 * Follows the log of these pages until the returned function is called. One container is followed line by line, others merged. A page that is hidden stops, and
 * goes on after the last line once it is seen again.
 */
export function openStream(pages: LogPages, events: StreamEvents): () => void {
  let stop: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const leave = () => {
    stop?.();
    stop = null;
  };
  const update = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(leave, hiddenMs);
    else stop ??= openNow(pages, events);
  };
  stop = openNow(pages, events);
  update();
  document.addEventListener("visibilitychange", update);
  return () => {
    document.removeEventListener("visibilitychange", update);
    clearTimeout(timer);
    leave();
  };
}

function openNow(pages: LogPages, events: StreamEvents): () => void {
  const toSink: ToSink = (next) => ({
    next: (data) => {
      next(data);
      events.opened();
    },
    opened: events.opened,
    broken: events.broken,
    poll: (abort) =>
      readRound(
        {
          resume: events.resume,
          read: (turn, tail) => readRows(pages, turn, tail, abort),
          rows: (rows) => events.rows(rows, 0),
        },
        abort,
      ),
    ended: events.refused,
  });
  const open = isSingle(pages.target) ? followContainer : followRole;
  return open(pages, events, toSink);
}

async function readRows(pages: LogPages, turn: PageTurn, tail: number, abort: AbortSignal) {
  try {
    const { lines, hasNewer, endCursor } = await pages.read(turn, tail, abort);
    return { rows: lines.map((line) => pages.toRow(line)), nextCursor: hasNewer ? endCursor : null };
  } catch (error) {
    if (abort.aborted || error instanceof OpsError) return null;
    throw error;
  }
}

type ToSink = <Data>(next: (data: Data) => void) => Sink<Data>;

function followContainer({ target, filter, sources }: LogPages, events: StreamEvents, toSink: ToSink): () => void {
  const { names, engine } = target;
  const name = names?.[0] ?? "";
  const source = sources.named(name, engine);
  const sink = toSink<ConsoleContainerLogSubscription>(({ containerLogs: batch }) => {
    if (!batch) return;
    const rows = batch.lines.map(({ timestamp, level, message }) => toLineRow(timestamp, level, message, source));
    events.rows(rows, batch.dropped);
    if (batch.notice) events.notice(noticeTexts[batch.notice], batch.notice === "ENGINE_LOST" ? "bad" : "warn");
    if (batch.ended === "container_gone") events.notice("the container is gone", "bad");
  });
  const variables = () => ({ name, engine, ...toFilterVariables(filter), ...events.resume(0) });
  return follow(ConsoleContainerLogDocument, variables, sink);
}

function followRole(pages: LogPages, events: StreamEvents, toSink: ToSink): () => void {
  let isOpening = true;
  const sink = toSink<ConsoleRoleLogSubscription>(({ logs: batch }) => {
    if (!batch) return;
    const rows = batch.lines.map((line) => pages.toRow(line));
    events.rows(rows, batch.dropped);
    for (const { notice, container, error } of batch.notices) {
      // Every container joins a stream that is opened: that is no news.
      if (notice === "JOINED" && isOpening) continue;
      const isBad = notice === "ENGINE_LOST" || notice === "UNREADABLE";
      const text = `${container.name}: ${noticeTexts[notice]}${error ? ` (${error.message})` : ""}`;
      events.notice(text, isBad ? "bad" : notice === "JOINED" || notice === "RESUMED" ? "muted" : "warn");
    }
    if (rows.length > 0) isOpening = false;
  });
  const variables = () => {
    isOpening = true;
    return { ...pages.target, ...toFilterVariables(pages.filter), ...events.resume(disorderMs) };
  };
  return follow(ConsoleRoleLogDocument, variables, sink);
}
