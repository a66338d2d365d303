import { useEffect, useRef, useState } from "preact/hooks";
import { isPassing } from "../../../../client/error.ts";
import type { Failure } from "../../data/client.ts";
import { containers } from "../../data/containers.ts";
import { go, href, params, setParams } from "../../page/url.ts";
import { formatClock, formatNumber, formatDay } from "../../../../facts/format.ts";
import { mostDownloaded, readAll, save, toText } from "./export.ts";
import { parseMoment } from "./moment.ts";
import type { LogSession } from "./session.ts";
import { levels, type LogFilter, type LogTarget } from "./target.ts";

/** Typing rests this long before the gateway is asked, ms. */
const searchRestMs = 400;

/** What is gone when the place in time changes. */
const noPlace = { at: null, line: null, to: null, mark: null } as const;

interface ToolbarProps {
  readonly session: LogSession;
  readonly target: LogTarget;
  readonly filter: LogFilter;
  /** Why the gateway refuses the search. */
  readonly wrongSearch: Failure | null;
  /** Copies what is selected, or else in view. Resolves to the number of lines. */
  readonly onCopy: () => Promise<void>;
}

/** What is shown of a log: all of it is in the address. */
export function Toolbar({ session, target, filter, wrongSearch, onCopy }: ToolbarProps) {
  const [isUnfolded, setUnfolded] = useState(false);
  return (
    <div class={`log-tools ${isUnfolded ? "unfolded" : ""}`} role="toolbar" aria-label="Log">
      <TargetSelect target={target} />
      <button
        type="button"
        class="button narrow-only"
        aria-expanded={isUnfolded}
        onClick={() => setUnfolded((value) => !value)}
      >
        Filter
      </button>
      <Levels filter={filter} />
      <Search filter={filter} failure={wrongSearch} />
      <Toggle param="wrap" label="wrap" title="Wrap long lines" isOn={isWrapped()} />
      <Moment />
      <Menu session={session} onCopy={onCopy} />
      <button
        type="button"
        class="button log-follow"
        aria-pressed={session.isFollowing.value}
        title={
          session.failure.value?.message ??
          (session.limit.value === null
            ? "Follow the end (f)"
            : `${session.limit.value}: checks for new lines every 3 s`)
        }
        onClick={() => (session.isFollowing.value ? session.pause() : session.toEnd())}
      >
        {toFollowWord(session)}
      </button>
    </div>
  );
}

function toFollowWord({ isFollowing, failure, limit }: LogSession): string {
  if (!isFollowing.value) return "▶ follow";
  // Lines may be on the screen from before.
  if (failure.value) return isPassing(failure.value) ? "… retrying" : "✕ no log";
  return limit.value === null ? "‖ following" : "‖ every 3 s";
}

/** The role or containers, and the replicas of the role. */
function TargetSelect({ target: { role, names, service, destination, env } }: { readonly target: LogTarget }) {
  const place = [service, destination ?? env?.toLowerCase()].filter(Boolean).join(" ");
  const rows = (containers.value ?? []).filter(
    (row) => role !== null && row.role === role && (!service || row.service === service),
  );
  return (
    <>
      <a class="button log-target" href={href("/logs")} title="Choose another log">
        <span class="cut isolate strong">
          {role ?? (names?.length === 1 ? names[0] : `${names?.length} containers`)}
        </span>
        {place && <span class="muted cut isolate">{place}</span>}▾
      </a>
      {rows.length > 1 && (
        <select
          class="input foldable"
          aria-label="Replica"
          value=""
          onChange={({ currentTarget }) => {
            const row = rows[Number(currentTarget.value)];
            if (row) go(href("/logs", { name: row.name, engine: row.engine, level: params.value.get("level") }));
          }}
        >
          <option value="">all {rows.length} replicas</option>
          {rows.map((row, index) => (
            <option key={row.id} value={index}>
              {row.name} on {row.engine}
            </option>
          ))}
        </select>
      )}
    </>
  );
}

/** The least severe level: it and the more severe ones are pressed. */
function Levels({ filter }: { readonly filter: LogFilter }) {
  const least = levels.findIndex((word) => word === filter.level?.toLowerCase());
  return (
    <div class="log-levels foldable" role="group" aria-label="Levels">
      {levels.map((word, index) => (
        <button
          key={word}
          type="button"
          class={`chip ${word}`}
          aria-pressed={least >= 0 && index >= least}
          title={index === least ? "Show all levels" : `Only ${word} and more severe`}
          onClick={() =>
            setParams({
              level: index === least ? null : word,
              strict: index === least ? null : params.value.get("strict"),
            })
          }
        >
          {word}
        </button>
      ))}
      {least > 0 && (
        <button
          type="button"
          class="chip"
          aria-pressed={!filter.levelStrict}
          title="Lines without a level"
          onClick={() => setParams({ strict: filter.levelStrict ? null : "1" })}
        >
          no level
        </button>
      )}
    </div>
  );
}

function Search({ filter, failure }: { readonly filter: LogFilter; readonly failure: Failure | null }) {
  const [text, setText] = useState(filter.search);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setText(filter.search), [filter.search]);
  const apply = (search: string) => {
    clearTimeout(timer.current);
    setParams({ search });
  };
  const onInput = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    const search = currentTarget.value;
    setText(search);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => apply(search), searchRestMs);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <div class="log-search foldable" role="search">
      <input
        class="input"
        type="search"
        data-search
        aria-label="Search on the server"
        aria-invalid={failure !== null}
        title={
          'Finds this text in the lines as they were written: a field shown as status=200 may be written as "status":200'
        }
        placeholder="search on the server …  /"
        maxLength={200}
        value={text}
        onInput={onInput}
        onKeyDown={(event) => {
          if (event.key === "Enter") apply(text);
        }}
      />
      <Toggle param="regex" label=".*" title="Regular expression (RE2)" />
      <Toggle param="case" label="Aa" title="Match case" />
      {failure && (
        <span class="log-wrong bad" role="alert">
          {failure.message}
        </span>
      )}
    </div>
  );
}

/** Whether long lines are wrapped: on a phone they are, unless the address says otherwise. */
export function isWrapped(): boolean {
  const given = params.value.get("wrap");
  return given === null ? matchMedia("(max-width: 700px)").matches : given === "1";
}

interface ToggleProps {
  readonly param: string;
  readonly label: string;
  readonly title: string;
  readonly isOn?: boolean;
}

function Toggle({ param, label, title, isOn = params.value.get(param) === "1" }: ToggleProps) {
  return (
    <button
      type="button"
      class="button foldable"
      aria-pressed={isOn}
      aria-label={title}
      title={title}
      onClick={() => setParams({ [param]: isOn ? (param === "wrap" ? "0" : null) : "1" })}
    >
      {label}
    </button>
  );
}

/** Time travel: where in the log. */
function Moment() {
  const at = params.value.get("at");
  const [text, setText] = useState("");
  const [isWrong, setWrong] = useState(false);
  useEffect(() => {
    const shown = at ? parseMoment(at, Date.now()) : null;
    setText(
      shown
        ? `${formatDay(shown) === formatDay(Date.now()) ? "" : `${formatDay(shown)} `}${formatClock(shown)}`
        : (at ?? ""),
    );
    setWrong(at !== null && shown === null);
  }, [at]);
  const apply = (event: Event) => {
    event.preventDefault();
    const moment = text.trim() === "" ? null : parseMoment(text, Date.now());
    setWrong(text.trim() !== "" && moment === null);
    if (text.trim() === "" || moment) setParams({ ...noPlace, at: moment }, { replace: false });
  };
  return (
    <form class="log-moment foldable" onSubmit={apply}>
      <input
        class="input"
        aria-label="Go to a time"
        aria-invalid={isWrong}
        title={
          isWrong
            ? "Not a time. Try 09:41:10, 10m, or 2026-11-27 09:41"
            : "Go to a time: 09:41:10, 10m, or 2026-11-27 09:41; empty for now"
        }
        placeholder="now"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      {isWrong && (
        <span class="bad" role="alert">
          not a time
        </span>
      )}
    </form>
  );
}

/** Copies and downloads. */
function Menu({ session, onCopy }: { readonly session: LogSession; readonly onCopy: () => Promise<void> }) {
  const [progress, setProgress] = useState<string | null>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const name = `${params.value.get("name") ?? params.value.get("role") ?? "log"}-${new Date().toISOString().replaceAll(":", "")}.log`;
  const download = async () => {
    const abort = new AbortController();
    running.current = abort;
    setProgress("0 lines");
    try {
      save(await readAll(session.pages, (count) => setProgress(`${formatNumber(count)} lines`), abort.signal), name);
      setProgress(null);
    } catch (error) {
      if (!abort.signal.aborted) setProgress(error instanceof Error ? error.message : String(error));
    }
    running.current = null;
  };
  return (
    <details class="person log-menu foldable">
      <summary class="button" aria-label="Copy and download">
        ⤓
      </summary>
      <div class="menu">
        <button type="button" class="button" onClick={() => void onCopy()}>
          Copy the selection, or the visible lines
        </button>
        <button type="button" class="button" onClick={() => save(toText(session.buffer.rows()), name)}>
          Download {formatNumber(session.buffer.size)} loaded lines
        </button>
        <button type="button" class="button" disabled={running.current !== null} onClick={() => void download()}>
          Download the newest {formatNumber(mostDownloaded)} from the server
        </button>
        {progress !== null && (
          <p class="muted" role="status">
            {progress}{" "}
            {running.current && (
              <button
                type="button"
                class="button"
                onClick={() => {
                  running.current?.abort();
                  setProgress(null);
                }}
              >
                Stop
              </button>
            )}
          </p>
        )}
      </div>
    </details>
  );
}
