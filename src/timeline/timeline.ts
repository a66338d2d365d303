import { mapSteps, type Steps } from "../lib/budget/steps.ts";
import { parseJson } from "../lib/http-client.ts";
import { toSortedBy } from "../lib/sort.ts";
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

/** One event and its group; the group is all null where unknown or absent. */
export interface TimelineEntry extends ServiceGroup {
  readonly kind: TimelineKind;
  /** RFC 3339 UTC, as exactly as known; for a sampled state, when it was first seen. */
  readonly time: string;
  /**
   * For a sampled state: when the previous state was last seen, so the change lies in between. Null
   * when `time` is exact, or there was no earlier sample.
   */
  readonly after: string | null;
  /** One line for people. */
  readonly message: string;
  /** Who did it; null when unknown. */
  readonly who: string | null;
  /** Null if it concerns none. */
  readonly container: TimelineContainer | null;
  readonly queue: { readonly name: string; readonly source: string } | null;
  readonly host: string | null;
  /**
   * For a gap: the configured name of its engine; null for all engines. Null for other entries:
   * their container has it.
   */
  readonly engine: string | null;
  /** For a change: the states before and after it; the first is null when unknown. */
  readonly from: string | null;
  readonly to: string | null;
  /**
   * For `container_death`: the exit code, null when unknown; and whether someone requested the end.
   */
  readonly exitCode: number | null;
  readonly requested: boolean;
}

/** The container of an entry, as it was then. */
export interface TimelineContainer extends Pick<Container, "fullId" | "id" | "name" | "engine"> {
  /** These three are null if only the audit record has the container. */
  readonly role: string | null;
  readonly version: string | null;
  readonly kind: Container["kind"] | null;
}

/** Since when entries of one kind are recorded. */
export interface TimelineCoverage {
  readonly kind: TimelineKind;
  /** False when nothing of this kind is recorded; `note` says why. */
  readonly known: boolean;
  /** Earlier entries are missing. Null: as far back as its record goes. */
  readonly since: string | null;
  /** Whether it is observed only while clients request it. */
  readonly sampled: boolean;
  /** What is missing nevertheless. */
  readonly note: string | null;
}

export interface Timeline {
  /** Newest first. */
  readonly entries: readonly TimelineEntry[];
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

/** An entry with only the given fields set. */
export function toEntry(
  given: Pick<TimelineEntry, "kind" | "time" | "message"> & Partial<TimelineEntry>,
): TimelineEntry {
  return { ...blank, ...given };
}

const parts = {
  container: ["fullId", "id", "name", "engine"],
  queue: ["name", "source"],
} as const;
/** Fields of a container beyond the texts that it always has. */
const maybeTexts = ["role", "version", "kind"] as const;
const texts = ["service", "destination", "env", "who", "host", "engine", "from", "to"] as const;

/** An entry from JSON; null if it is invalid, or of a kind that this version does not know. */
export function parseEntry(text: string): TimelineEntry | null {
  const given = parseJson(text);
  if (!isObject(given)) return null;
  const entry = { ...blank, ...given };
  const { kind, time, after, message, exitCode, requested } = entry as Readonly<Record<string, unknown>>;
  const isKnown =
    timelineKinds.some((one) => one === kind) &&
    isTime(time) &&
    (after === null || isTime(after)) &&
    typeof message === "string" &&
    typeof requested === "boolean" &&
    (exitCode === null || (Number.isInteger(exitCode) && Math.abs(exitCode as number) < 2 ** 31)) &&
    texts.every((name) => isTextOrNull(entry[name])) &&
    Object.entries(parts).every(([name, fields]) => hasTexts(entry[name as keyof typeof parts], fields)) &&
    maybeTexts.every((name) => isTextOrNull((entry.container as Partial<TimelineContainer> | null)?.[name] ?? null));
  return isKnown ? (entry as unknown as TimelineEntry) : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}

function hasTexts(value: unknown, fields: readonly string[]): boolean {
  return value === null || (isObject(value) && fields.every((field) => typeof value[field] === "string"));
}

export function toTimelineContainer({ fullId, id, name, engine, role, version, kind }: Container): TimelineContainer {
  return { fullId, id, name, engine, role, version, kind };
}

/**
 * The entries of a range (unix milliseconds, inclusive), newest first; of equal times, the one
 * given last comes first.
 */
export function* orderEntries(
  entries: readonly TimelineEntry[],
  range: { readonly from: number; readonly to: number },
): Steps<TimelineEntry[]> {
  const moments = yield* mapSteps(entries, (entry) => ({ entry, ...toMoment(entry) }));
  return moments
    .filter(({ ms }) => ms >= range.from && ms <= range.to)
    .toSorted(compareMoments)
    .toReversed()
    .map(({ entry }) => entry);
}

/** Entries with equal times keep their order. */
export function byTime(a: TimelineEntry, b: TimelineEntry): number {
  return compareMoments(toMoment(a), toMoment(b));
}

/** Oldest first; of equal times in the given order. */
export function toSortedByTime(entries: readonly TimelineEntry[]): TimelineEntry[] {
  return entries
    .map((entry) => ({ entry, ...toMoment(entry) }))
    .toSorted(compareMoments)
    .map(({ entry }) => entry);
}

interface Moment {
  readonly ms: number;
  /** Within the second, because the engines' times are that exact. */
  readonly nanoseconds: number;
}

function toMoment({ time }: Pick<TimelineEntry, "time">): Moment {
  return { ms: Date.parse(time), nanoseconds: toNanoseconds(time) };
}

function compareMoments(a: Moment, b: Moment): number {
  return a.ms - b.ms || a.nanoseconds - b.nanoseconds;
}

function toNanoseconds(time: string): number {
  return Number((/\.(\d{1,9})Z$/.exec(time)?.[1] ?? "").padEnd(9, "0"));
}

/** The latest of some times; null without one. */
export function toLatest(times: readonly string[]): string | null {
  return times.toSorted((a, b) => Date.parse(a) - Date.parse(b)).at(-1) ?? null;
}

/** The subject of a sampled kind's states: the same for its entries in every gateway. */
export function toSubject({ kind, queue, host }: Pick<TimelineEntry, "kind" | "queue" | "host">): string {
  return JSON.stringify([kind, queue?.source, queue?.name, host]);
}

/**
 * Largest difference between the audit record's and the engine's time of one restart, milliseconds:
 * clocks differ, and stopping takes a while.
 */
const sameRestartMs = 60_000;

/**
 * Each restart once. If both record the same one, the audit record's entry wins, with the container
 * as the engine knows it.
 */
export function mergeRestarts(audited: readonly TimelineEntry[], seen: readonly TimelineEntry[]): TimelineEntry[] {
  const left = new Set(seen);
  const seenOf = Map.groupBy(seen, ({ container }) => container?.fullId);
  const merged = audited.map((entry) => {
    const { container, time } = entry;
    const at = Date.parse(time);
    const apart = (one: TimelineEntry) => Math.abs(Date.parse(one.time) - at);
    const near = (seenOf.get(container?.fullId) ?? []).filter((one) => left.has(one) && apart(one) <= sameRestartMs);
    const [same] = toSortedBy(near, apart);
    if (!same) return entry;
    left.delete(same);
    const { service, destination, env, container: seenContainer } = same;
    return { ...entry, service, destination, env: entry.env ?? env, container: seenContainer };
  });
  return [...merged, ...left];
}
