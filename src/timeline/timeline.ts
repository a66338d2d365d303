import type { Container } from "../containers/container.ts";
import type { ServiceGroup } from "../releases/service-group.ts";

export const timelineKinds = [
  "deploy",
  "restart",
  "container_death",
  "oom_kill",
  "health",
  "queue_state",
  "host_alert",
  "gap",
] as const;
export type TimelineKind = (typeof timelineKinds)[number];

/** One thing that happened, and to which group; all null where it is about none, or that is not known. */
export interface TimelineEntry extends ServiceGroup {
  readonly kind: TimelineKind;
  /** RFC 3339 UTC, as exact as it is known; of what was sampled, when it was first seen. */
  readonly time: string;
  /** Of what was sampled: when it was last seen otherwise, so that it happened in between. Null when the time is its own, or nothing was seen before. */
  readonly after: string | null;
  /** One line for people. */
  readonly message: string;
  /** Who did it; null when nobody is known. */
  readonly who: string | null;
  /** Null where it is about none. */
  readonly container: TimelineContainer | null;
  readonly queue: { readonly name: string; readonly source: string } | null;
  readonly host: string | null;
  /** Of a gap: the configured name of its engine; null where it is about all of them. Of others it is that of the container. */
  readonly engine: string | null;
  /** Of a change: the states before and after it; the first is null when it is not known. */
  readonly from: string | null;
  readonly to: string | null;
  /** Of `container_death`: the code that it ended with, null when unknown; and whether somebody had told it to end. */
  readonly exitCode: number | null;
  readonly requested: boolean;
}

/** The container of an entry, as it was then. */
export interface TimelineContainer extends Pick<Container, "fullId" | "id" | "name" | "engine"> {
  /** These three are null where only the audit record tells of it. */
  readonly role: string | null;
  readonly version: string | null;
  readonly kind: Container["kind"] | null;
}

/** From when on entries of one kind are known. */
export interface TimelineCoverage {
  readonly kind: TimelineKind;
  /** False when nothing is known of this kind; `note` says why. */
  readonly known: boolean;
  /** Entries of before are missing. Null: as far back as its record goes. */
  readonly since: string | null;
  /** Whether it is only seen while somebody asks for it. */
  readonly sampled: boolean;
  /** What is missing all the same. */
  readonly note: string | null;
}

export interface Timeline {
  /** Oldest first. */
  readonly entries: readonly TimelineEntry[];
  /** Whether the range has older ones, that were left out. */
  readonly truncated: boolean;
  readonly coverage: readonly TimelineCoverage[];
}

const blank = {
  after: null,
  service: null,
  destination: null,
  env: null,
  who: null,
  container: null,
  queue: null,
  host: null,
  engine: null,
  from: null,
  to: null,
  exitCode: null,
  requested: false,
};

/** An entry with nothing but what is given. */
export function toEntry(given: Pick<TimelineEntry, "kind" | "time" | "message"> & Partial<TimelineEntry>): TimelineEntry {
  return { ...blank, ...given };
}

export function toTimelineContainer({ fullId, id, name, engine, role, version, kind }: Container): TimelineContainer {
  return { fullId, id, name, engine, role, version, kind };
}

/** The newest `first` entries of a range (unix milliseconds, both ends in it), oldest first; of one time, in the order given. */
export function orderEntries(
  entries: readonly TimelineEntry[],
  range: { readonly from: number; readonly to: number },
  first: number,
): Pick<Timeline, "entries" | "truncated"> {
  const within = entries.filter(({ time }) => Date.parse(time) >= range.from && Date.parse(time) <= range.to);
  const ordered = within.toSorted(byTime);
  return { entries: ordered.slice(-first), truncated: ordered.length > first };
}

function byTime(a: TimelineEntry, b: TimelineEntry): number {
  return Date.parse(a.time) - Date.parse(b.time) || toNanoseconds(a.time) - toNanoseconds(b.time);
}

/** Of its second: the engines' times are that exact. */
function toNanoseconds(time: string): number {
  return Number((/\.(\d{1,9})Z$/.exec(time)?.[1] ?? "").padEnd(9, "0"));
}

/** So far apart the audit record and the engine may speak of the same restart, milliseconds: its clock is another, and stopping takes a while. */
const sameRestartMs = 60_000;

/** Restarts, each once: where the audit record and the engine tell of the same one, that of the record, with the container as the engine knows it. */
export function mergeRestarts(audited: readonly TimelineEntry[], seen: readonly TimelineEntry[]): TimelineEntry[] {
  const left = new Set(seen);
  const merged = audited.map((entry) => {
    const { container, time } = entry;
    const at = Date.parse(time);
    const same = [...left]
      .filter((one) => one.container?.fullId === container?.fullId && Math.abs(Date.parse(one.time) - at) <= sameRestartMs)
      .toSorted((a, b) => Math.abs(Date.parse(a.time) - at) - Math.abs(Date.parse(b.time) - at))[0];
    if (!same) return entry;
    left.delete(same);
    const { service, destination, env, container: seenContainer } = same;
    return { ...entry, service, destination, env: entry.env ?? env, container: seenContainer };
  });
  return [...merged, ...left];
}
