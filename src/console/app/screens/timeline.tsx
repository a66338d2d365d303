import { useEffect, useRef } from "preact/hooks";
import {
  ConsoleTimelineDocument,
  type ConsoleTimelineQuery,
  type TimelineRowFragment,
} from "../../../generated/console.ts";
import { now } from "../page/clock.ts";
import { useFeed } from "../data/feed.ts";
import { failureOf, oldFromOf } from "../data/live.ts";
import type { FeedRow } from "../data/pages.ts";
import { params, setParams } from "../page/url.ts";
import { useEnv } from "../data/usage.ts";
import { formatDay, formatLocalTime } from "../../../facts/format.ts";
import { ranges } from "../parts/graph/range.tsx";
import { useHeldTop } from "../parts/held.tsx";
import { Empty, FailureNotice, LastKnown, Skeleton } from "../parts/notice.tsx";
import { Older } from "../parts/older.tsx";
import { timelineKinds } from "../../../facts/timeline.ts";
import { EntryRow } from "../parts/timeline/entry.tsx";

type Kind = TimelineRowFragment["kind"];
type Rows = readonly FeedRow<TimelineRowFragment>[];

const names = Object.keys(timelineKinds) as Kind[];

/** Everything that happened, newest first, live. */
export function Timeline() {
  const query = params.value;
  const chosen = names.filter((kind) => query.get("kind")?.split(",").includes(kind.toLowerCase()));
  const [from, to] = [query.get("from"), query.get("to")];
  const range = from ?? query.get("range") ?? "24h";
  const feed = useFeed(
    ConsoleTimelineDocument,
    { env: useEnv(), kinds: chosen.length === 0 ? null : chosen, from: range, to },
    {
      first: 100,
      everyMs: to === null ? 2000 : 30_000,
      toPage: ({ timeline }) => timeline,
      toTime: ({ time }) => Date.parse(time),
    },
  );
  const text = (query.get("q") ?? "").toLowerCase();
  const destination = query.get("destination");
  const rows = feed.rows?.filter(
    ({ node }) =>
      (!destination || node.destination === null || node.destination === destination) &&
      [node.message, node.container, node.queue, node.host, node.who, node.version, node.role]
        .join(" ")
        .toLowerCase()
        .includes(text),
  );
  const failure = failureOf(feed.head, "timeline");
  return (
    <>
      <div class="heading">
        <h1>Timeline</h1>
        <div class="right">
          <input
            class="input"
            data-search
            type="search"
            aria-label="Filter the timeline"
            placeholder="text, container, who …"
            value={query.get("q") ?? ""}
            onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
          />
          <Range from={from} to={to} range={range} />
        </div>
      </div>
      <Kinds chosen={chosen} />
      <FailureNotice failure={failure} what="Timeline" />
      {rows ? (
        <LastKnown from={oldFromOf(feed.head, "timeline")}>
          <Entries rows={rows} isFiltered={text !== "" || chosen.length > 0} feed={feed} />
        </LastKnown>
      ) : failure ? null : (
        <Skeleton rows={10} />
      )}
      <Coverage coverage={feed.head.data?.timeline?.coverage} />
    </>
  );
}

function Range({
  from,
  to,
  range,
}: {
  readonly from: string | null;
  readonly to: string | null;
  readonly range: string;
}) {
  if (from !== null || to !== null)
    return (
      <>
        <span class="muted">
          {from === null ? "" : `from ${formatLocalTime(from)}`} {to === null ? "" : `to ${formatLocalTime(to)}`}
        </span>
        <button type="button" class="button" onClick={() => setParams({ from: null, to: null })}>
          Back to now
        </button>
      </>
    );
  return (
    <select
      class="input"
      aria-label="Range"
      value={range}
      onChange={({ currentTarget }) => setParams({ range: currentTarget.value === "24h" ? null : currentTarget.value })}
    >
      {ranges
        .filter(({ minutes }) => minutes >= 60)
        .map(({ name, label }) => (
          <option key={name} value={name}>
            last {label}
          </option>
        ))}
    </select>
  );
}

function Kinds({ chosen }: { readonly chosen: readonly Kind[] }) {
  const toggle = (kind: Kind) => {
    const next = chosen.includes(kind) ? chosen.filter((one) => one !== kind) : [...chosen, kind];
    setParams({ kind: next.map((one) => one.toLowerCase()).join(",") });
  };
  return (
    <div class="filters" role="group" aria-label="Kinds">
      {names.map((kind) => (
        <button key={kind} type="button" class="chip" aria-pressed={chosen.includes(kind)} onClick={() => toggle(kind)}>
          {timelineKinds[kind]}
        </button>
      ))}
      {chosen.length > 0 && (
        <button type="button" class="button quiet" onClick={() => setParams({ kind: null })}>
          all kinds
        </button>
      )}
    </div>
  );
}

interface EntriesProps {
  readonly rows: Rows;
  readonly isFiltered: boolean;
  readonly feed: Parameters<typeof Older>[0]["feed"];
}

function Entries({ rows: all, isFiltered, feed }: EntriesProps) {
  const { rows, button, box } = useHeldTop(all, ({ time }) => Date.parse(time));
  const end = useRef<HTMLDivElement>(null);
  const load = useRef(feed.loadOlder);
  load.current = feed.loadOlder;
  useEffect(() => {
    const watch = new IntersectionObserver(
      (seen) => seen.some(({ isIntersecting }) => isIntersecting) && load.current(),
      {
        rootMargin: "400px",
      },
    );
    if (end.current) watch.observe(end.current);
    return () => watch.disconnect();
    // Again after each page: an end that stays in view is not reported twice.
  }, [feed.rows?.length, feed.hasOlder]);
  const days = toDays(rows);
  return (
    <div class="feed" ref={box}>
      {button}
      {all.length === 0 && !feed.hasOlder && (
        <Empty>
          {isFiltered
            ? "Nothing in this range matches the filter."
            : "No events in this range. The list below shows how far back each kind goes."}
        </Empty>
      )}
      {days.map(([day, entries]) => (
        <section key={day} aria-label={day}>
          <h2 class="day">{toDayWords(day)}</h2>
          <ol>
            {entries.map(({ cursor, node }) => (
              <EntryRow key={cursor} entry={node} />
            ))}
          </ol>
        </section>
      ))}
      <div ref={end} />
      <Older feed={feed} what="entries" />
    </div>
  );
}

function toDays(rows: Rows): readonly (readonly [string, Rows])[] {
  return Object.entries(Object.groupBy(rows, ({ node }) => formatDay(Date.parse(node.time)))).map(([day, entries]) => [
    day,
    entries ?? [],
  ]);
}

function toDayWords(day: string): string {
  if (day === formatDay(now.peek())) return "Today";
  if (day === formatDay(now.peek() - 86_400_000)) return "Yesterday";
  return day;
}

type CoverageRows = NonNullable<ConsoleTimelineQuery["timeline"]>["coverage"];

/** Since when each kind is known: earlier events are missing in the feed. */
function Coverage({ coverage }: { readonly coverage: CoverageRows | undefined }) {
  if (!coverage) return null;
  return (
    <section class="section">
      <header>
        <h2>What this timeline covers</h2>
      </header>
      <dl class="facts spaced">
        {coverage.map(({ kind, known, sampled, since, note }) => (
          <Known key={kind} kind={kind}>
            {known
              ? since === null
                ? "as far as the audit record goes"
                : `since ${formatLocalTime(since)}`
              : "nothing"}
            {sampled && <span class="muted">, sampled (~)</span>}
            {note !== null && <span class="muted">; {note}</span>}
          </Known>
        ))}
      </dl>
    </section>
  );
}

function Known({ kind, children }: { readonly kind: Kind; readonly children: preact.ComponentChildren }) {
  return (
    <>
      <dt>{timelineKinds[kind]}</dt>
      <dd>{children}</dd>
    </>
  );
}
