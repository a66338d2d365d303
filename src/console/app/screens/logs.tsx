import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Failure } from "../data/client.ts";
import { containers, containersFailure } from "../data/containers.ts";
import { overlay } from "../page/keys.ts";
import { params, setParams } from "../page/url.ts";
import { missingScope } from "../session/viewer.ts";
import { copyText } from "../parts/copy.ts";
import { formatNumber } from "../../../facts/format.ts";
import { useIsNarrow } from "../parts/list.tsx";
import { toText } from "../parts/logs/export.ts";
import { createHighlighter } from "../parts/logs/highlight.ts";
import { type LogMark, toMarks } from "../parts/logs/marks.ts";
import { parseMoment, toSortable } from "../parts/logs/moment.ts";
import { Choices, LogPicker } from "../parts/logs/picker.tsx";
import { type LogRow, toRowHash } from "../parts/logs/row.ts";
import { LogSession } from "../parts/logs/session.ts";
import { isSingle, type LogFilter, LogSources, type LogTarget, toFilter, toTarget } from "../parts/logs/target.ts";
import { isWrapped, Toolbar } from "../parts/logs/toolbar.tsx";
import { LogView } from "../parts/logs/view.tsx";
import { Banner, FailureNotice, Skeleton } from "../parts/notice.tsx";

/**
 * The log of a role, of one container or of several: followed, or around a moment. Without a
 * target, the logs to choose from.
 */
export function Logs() {
  const missing = missingScope("ops:logs");
  const target = toTarget(params.value, containers.value);
  if (missing)
    return (
      <>
        <div class="heading">
          <h1>Logs</h1>
        </div>
        <Banner tone="neutral">{missing}: you need a token with that scope to read logs.</Banner>
      </>
    );
  if (!target) return <LogPicker rows={containers.value} failure={containersFailure.value} />;
  // Their roles and engines name the lines.
  if (containers.value === null && !containersFailure.value) return <Skeleton rows={12} />;
  return <Log target={target} filter={toFilter(params.value)} />;
}

function Log({ target, filter }: { readonly target: LogTarget; readonly filter: LogFilter }) {
  const { asked, session } = useSession(target, filter);
  usePlace(asked, session);
  useFollowKeys(session);
  const style = useLineStyle(session);
  const isMarked = useMark();
  const [copied, setCopied] = useState<string | null>(null);
  const isCopying = useRef<ReturnType<typeof setTimeout>>(undefined);

  const copy = async (text: string, what: string) => {
    await copyText(text);
    setCopied(`Copied ${what}`);
    clearTimeout(isCopying.current);
    isCopying.current = setTimeout(() => setCopied(null), 1500);
  };
  const copyShown = async () => {
    const selected = getSelection()?.toString() ?? "";
    if (selected.trim() !== "") return copy(selected, "the selection");
    const shown = [...document.querySelectorAll<HTMLElement>(".log-rows [data-row]")]
      .filter((element) => isInside(element))
      .map(({ dataset }) => session.buffer.get(Number(dataset["row"])))
      .filter((row) => row !== undefined);
    return copy(toText(shown), `${formatNumber(shown.filter(({ note }) => !note).length)} lines`);
  };
  const onRow = (number: number, clicked: HTMLElement) => {
    const row = session.buffer.get(number);
    if (!row) return;
    const what = clicked.closest<HTMLElement>("[data-copy]")?.dataset["copy"];
    if (what === "line") void copy(row.text, "the line");
    else if (what === "link") void copy(new URL(style.toHref(row), window.location.href).href, "the link");
    else if (clicked.closest("[data-gap]")) void session.loadGap(number);
    else if (clicked.closest(".log-open") || (clicked.closest(".log-text") && getSelection()?.isCollapsed !== false)) {
      session.pause();
      session.toggle(number);
    }
  };

  const { isLoading, failure, parts, pages } = session;
  const wrongSearch = toSearchFailure(asked);
  const isRefused = session.version.value >= 0 && failure.value !== null && session.buffer.size === 0;
  const label = `Log of ${target.role ?? target.names?.join(", ")}`;
  return (
    <div class={`log-screen ${asked.isLoading.value ? "asking" : ""}`}>
      <h1 class="hidden-text">{label}</h1>
      <Toolbar session={session} target={target} filter={filter} wrongSearch={wrongSearch} onCopy={copyShown} />
      {failure.value !== wrongSearch && <FailureNotice failure={failure.value} what="Log" />}
      {isRefused &&
        (wrongSearch ? (
          <p class="log-empty muted">This expression cannot be searched for.</p>
        ) : (
          <Choices target={target} rows={containers.value ?? []} />
        ))}
      {parts.value.map(({ container, error }) => (
        <Banner key={`${container.engine}/${container.name}`} tone="warn">
          Lines of {container.name} are missing: {error?.message}
        </Banner>
      ))}
      {isLoading.value ? (
        <Skeleton rows={12} />
      ) : isRefused ? null : (
        <LogView
          key={JSON.stringify([pages.target, pages.filter])}
          session={session}
          style={style}
          isWrapped={isWrapped()}
          isMarked={isMarked}
          label={label}
          onRow={onRow}
        />
      )}
      {!isLoading.value && !isRefused && session.buffer.size === 0 && (
        <p class="log-empty muted">{toEmptyReason(pages.filter)}</p>
      )}
      {!session.isFollowing.value && !isLoading.value && !isRefused && <EndButton session={session} />}
      <p class="log-copied" role="status">
        {copied}
      </p>
    </div>
  );
}

function EndButton({ session }: { readonly session: LogSession }) {
  const count = session.unseen.value;
  return (
    <button type="button" class="button primary log-end" onClick={() => session.toEnd()}>
      ‖ paused{count > 0 ? `, ${formatNumber(count)} new ${count === 1 ? "line" : "lines"}` : ""} · to the end ↓
    </button>
  );
}

function toEmptyReason({ level, search, isRegex }: LogFilter): string {
  if (search) {
    const what = `${isRegex ? "matches" : "contains"} “${search}”${level ? ` at ${level.toLowerCase()} or above` : ""}`;
    return `No line ${what} yet. The search reads lines as they were written: to find status=200 in a JSON line, search for "status":200.`;
  }
  if (level) return `No lines at ${level.toLowerCase()} or above yet. New ones appear here.`;
  return "No lines yet. New ones appear here.";
}

/**
 * What is wrong with a session's search; null when nothing is. Only the gateway knows what its RE2
 * understands.
 */
function toSearchFailure({ failure, pages: { filter } }: LogSession): Failure | null {
  return filter.isRegex && filter.search && failure.value?.code === "invalid_request" ? failure.value : null;
}

/**
 * The session that the address asks for, and the one that is shown: with another filter the lines
 * before stay in view until there are others, and for as long as the search is wrong.
 */
function useSession(
  target: LogTarget,
  filter: LogFilter,
): { readonly asked: LogSession; readonly session: LogSession } {
  const place = JSON.stringify(target);
  const key = place + JSON.stringify(filter);
  const asked = useMemo(() => new LogSession(target, filter, new LogSources(target, containers.peek() ?? [])), [key]);
  const shown = useRef(asked);
  const isReady = !asked.isLoading.value && toSearchFailure(asked) === null;
  if (isReady || JSON.stringify(shown.current.pages.target) !== place) shown.current = asked;
  const session = shown.current;
  const isWrong = toSearchFailure(asked) !== null;
  useEffect(() => {
    if (session === asked) return;
    // A token has few streams: the next log may need this one's.
    if (isWrong) session.resume();
    else session.suspend();
  }, [asked, session, isWrong]);
  useEffect(
    () => () => {
      if (asked !== shown.current) asked.close();
    },
    [asked],
  );
  useEffect(() => () => session.close(), [session]);
  return { asked, session };
}

/**
 * Moves the session to where the address says, and the address to where the reader went. A wrong
 * search has no places: then it is the one shown that moves.
 */
function usePlace(asked: LogSession, session: LogSession): void {
  const at = params.value.get("at");
  const before = useRef<LogSession | null>(null);
  useEffect(() => {
    const next = toSearchFailure(asked) ? session : asked;
    const previous = before.current;
    // A new filter keeps the reader at the time that they were reading.
    if (at === null && previous && previous !== next && !previous.isFollowing.peek() && previous.topAt)
      return next.toMoment(previous.topAt, []);
    const moment = at === null ? null : parseMoment(at, Date.now());
    if (moment === null) next.toEnd();
    else if (moment !== at) setParams({ at: moment });
    else if (next.has(moment) && params.peek().has("line")) next.pause();
    else next.toMoment(moment, readMarks(moment));
  }, [asked, at]);
  useEffect(() => {
    before.current = session;
  });
  const isFollowing = session.isFollowing.value;
  useEffect(() => {
    if (isFollowing && params.peek().has("at")) setParams({ at: null, line: null, to: null, mark: null });
  }, [isFollowing]);
}

/**
 * The lines that the address asks for, at a moment. A link to a line has none: the line itself is
 * marked.
 */
function readMarks(at: string): readonly LogMark[] {
  const query = params.peek();
  const to = query.get("to");
  return query.has("line") ? [] : toMarks(at, to === null ? null : parseMoment(to, Date.now()), query.get("mark"));
}

/**
 * `f` and End: the end of the log; `f` again: pause. Home: the oldest line in memory, and those
 * before it.
 */
function useFollowKeys(session: LogSession): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || overlay.value) return;
      if (event.target instanceof HTMLElement && event.target.matches("input, textarea, select")) return;
      if (event.key === "End" || (event.key === "f" && !session.isFollowing.value)) session.toEnd();
      else if (event.key === "f") session.pause();
      else if (event.key === "Home") session.toStart();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [session]);
}

function useLineStyle(session: LogSession) {
  const { target, filter } = session.pages;
  const { search, isRegex, matchCase } = filter;
  const isNarrow = useIsNarrow();
  void session.version.value;
  const hasSource = !isSingle(target) && session.sourceCount > 1;
  const query = new URLSearchParams(params.value);
  for (const name of ["at", "line", "to", "mark"]) query.delete(name);
  const base = query.toString();
  return useMemo(() => {
    const toHref = (row: LogRow) => `/logs?${base}&at=${row.at}&line=${toRowHash(row)}`;
    return { highlight: createHighlighter({ text: search, isRegex, matchCase }), hasSource, isNarrow, toHref };
  }, [search, isRegex, matchCase, hasSource, isNarrow, base]);
}

/** Whether a row is the one that the address names. */
function useMark(): (row: LogRow) => boolean {
  const [at, line] = [params.value.get("at"), params.value.get("line")];
  return useMemo(() => {
    const moment = at === null || line === null ? null : parseMoment(at, Date.now());
    if (moment === null) return () => false;
    const marked = toSortable(moment);
    return (row: LogRow) => row.at === marked && toRowHash(row) === line;
  }, [at, line]);
}

function isInside(element: HTMLElement): boolean {
  const box = element.closest(".log-scroll")?.getBoundingClientRect();
  const { top, bottom } = element.getBoundingClientRect();
  return box !== undefined && bottom > box.top && top < box.bottom;
}
