import { createHash } from "node:crypto";
import { repeat } from "../lib/abort.ts";
import { toProblem } from "../lib/errors.ts";
import { createChangeLog, type Logger } from "../lib/logger.ts";
import { formatDuration } from "../lib/text.ts";
import { containerKinds, mostSubjects, type Subject, type TimelineMemory } from "./memory.ts";
import { createRings } from "./rings.ts";
import { byTime, isSameSubject, type TimelineEntry, type TimelineKind, timelineKinds, toEntry } from "./timeline.ts";

/** An entry, and what is the same for it in every gateway. */
export interface SharedEntry {
  readonly key: string;
  readonly entry: TimelineEntry;
}

/** What gateways observe; engines are one kind, `gap`. */
interface Watch extends Subject {
  readonly kind: TimelineKind;
  /** How long ago one of them last did, ms. */
  readonly idleMs: number;
}

/** What other gateways have written so far. */
export interface Found {
  /** Those that were asked for, in the order in which they were written. */
  readonly entries: readonly SharedEntry[];
  readonly watches: readonly Watch[];
}

interface Exchange {
  /** The number of the last entry that is known here, and its key; null before the first. */
  readonly after: number;
  readonly lastKey: string | null;
  /** What this gateway observes. */
  readonly watching: readonly Watch[];
  /** Entries older than this are deleted, and of each kind and place all but the last `mostEntries`. */
  readonly days: number;
  /** What is written, from what was found; it is decided for one gateway at a time. */
  readonly choose: (found: Found) => readonly SharedEntry[];
}

/** Where gateways share what they observe. Rejects with OpsError `postgres_unavailable`. */
export interface TimelineStore {
  /** The next entries after a number, and the number of the last one. Not `isWhole`: there are more. */
  read(after: number): Promise<{ readonly entries: readonly SharedEntry[]; readonly seq: number; readonly isWhole: boolean }>;
  /**
   * Reads, decides and writes in one transaction. Returns the number of the last entry; after a failure it may have been made all the same. Null, and nothing is written, where the
   * last known entry is not there: the database lost its end, as in a failover to a standby that was behind.
   */
  exchange(exchange: Exchange): Promise<number | null>;
}

interface SharedTimelineOptions {
  readonly store: TimelineStore;
  readonly logger: Logger;
  /** How long entries are retained. */
  readonly days: number;
}

/** A timeline that gateways share. What is observed here is shown at once, and written at the next `sync`. */
export interface SharedTimeline extends TimelineMemory {
  /** Writes what is new here, and reads what others wrote. Never rejects: what was not written stays for the next call. */
  sync(): Promise<void>;
  /** Calls `sync` every 5 s, and within a second after something was observed. Returns what ends it, after a last call. */
  start(): () => Promise<void>;
}

/** What was not observed for this long was observed by no gateway, ms. Engines are observed all the time, and that is written every 5 s; the others as often as a client asks. */
const restMs = { engine: 15_000, sampled: 60_000 };
/** Two gaps of an engine within this time are one, ms. */
const sameGapMs = 60_000;
/** How often to look, ms: for what is new here, and for what is new elsewhere. */
const [ownMs, othersMs] = [1000, 5000];
/** Entries that wait to be written. */
const mostPending = 10_000;
const dayMs = 86_400_000;
const sampledKinds: ReadonlySet<TimelineKind> = new Set(["queue_state", "host_alert"]);

interface OwnWatch extends Subject {
  readonly kind: TimelineKind;
  /** When it was last sampled here, unix ms; engines are observed all the time. */
  sampledMs: number;
  /** Whether no gateway observed it just before; null: not known yet. */
  isResumed: boolean | null;
}

/**
 * The memory of a gateway, with what all gateways observed: `store` has each event once, and every gateway has all of it in memory, so that nothing is asked for an answer. An
 * event of an engine is the same in every gateway by its time; a change of a sampled state by `isRecorded`.
 */
export function createSharedTimeline({ store, logger, days }: SharedTimelineOptions): SharedTimeline {
  let recorded = createRings();
  /** Of everything in `recorded`. */
  const known = new Map<string, TimelineEntry>();
  const keys = new WeakMap<TimelineEntry, string>();
  /** Observed here, and not written yet; also a more complete one of a recorded entry. */
  const pending = new Map<string, TimelineEntry>();
  const found = new Map<string, Watch & { readonly readMs: number }>();
  const own = new Map<string, OwnWatch>();
  let [seq, lastKey] = [0, null as string | null];
  /** Whether little is to be read. */
  let isLoaded = false;
  let trouble: string | null = "what gateways share has not been read yet";
  const change = createChangeLog();

  const toKey = (entry: TimelineEntry): string => {
    const key = keys.get(entry) ?? toSharedKey(entry);
    keys.set(entry, key);
    return key;
  };
  const forget = (entry: TimelineEntry | null) => void (entry && known.delete(toKey(entry)));
  const learn = ({ key, entry }: SharedEntry) => {
    const before = known.get(key);
    keys.set(entry, key);
    known.set(key, entry);
    if (!before || !recorded.replace(before, entry)) forget(recorded.add(entry));
  };
  /** `waiting`: what would be written with it. */
  const isNew = (
    key: string,
    entry: TimelineEntry,
    chosen: readonly SharedEntry[],
    waiting: Iterable<TimelineEntry>,
  ): boolean => {
    const before = known.get(key);
    // Who was watching when the signal came knows more.
    if (before) return entry.requested && !before.requested;
    if (entry.kind !== "gap" && !sampledKinds.has(entry.kind)) return true;
    const same = (entries: Iterable<TimelineEntry>) => [...entries].filter((one) => isSameSubject(one, entry));
    const others = [...same(recorded.entries(entry.kind)), ...same(chosen.map((one) => one.entry))];
    if (entry.kind === "gap") return !others.some((one) => toDistanceMs(one, entry) <= sameGapMs);
    return !isRecorded(entry, others, [...others, ...same(waiting)]);
  };
  const observe = (entry: TimelineEntry) => {
    const key = toKey(entry);
    if (!isNew(key, entry, [], pending.values())) return;
    pending.set(key, entry);
    // While nothing can be written.
    if (pending.size > mostPending) pending.delete(pending.keys().next().value ?? "");
  };

  /** Nobody knows what happened on an engine while no gateway observed it. */
  const judgeRest = (watch: OwnWatch) => {
    const before = found.get(toWatchKey(watch));
    const idleMs = before ? before.idleMs + Date.now() - before.readMs : 0;
    watch.isResumed = idleMs > (watch.kind === "gap" ? restMs.engine : restMs.sampled);
    if (!watch.isResumed || watch.kind !== "gap") return;
    const [time, after] = [toIso(Date.now()), toIso(Date.now() - idleMs)];
    const message = `${watch.name} was observed by no gateway for ${formatDuration(idleMs / 1000)}: events of its containers are missing`;
    observe(toEntry({ kind: "gap", time, after, message, engine: watch.name }));
  };

  const read = (entries: readonly SharedEntry[], last: number) => {
    entries.forEach(learn);
    [seq, lastKey] = [last, entries.at(-1)?.key ?? lastKey];
  };
  const exchange = async () => {
    while (!isLoaded) {
      const part = await store.read(seq);
      read(part.entries, part.seq);
      isLoaded = part.isWhole;
    }
    const nowMs = Date.now();
    let waiting: (readonly [string, TimelineEntry])[] = [];
    let written: SharedEntry[] = [];
    let others: readonly SharedEntry[] = [];
    const choose = ({ entries, watches }: Found): readonly SharedEntry[] => {
      others = entries;
      others.forEach(learn);
      for (const watch of watches) found.set(toWatchKey(watch), { ...watch, readMs: Date.now() });
      for (const watch of own.values()) if (watch.isResumed === null) judgeRest(watch);
      waiting = [...pending];
      written = [];
      for (const [key, entry] of waiting) if (isNew(key, entry, written, pending.values())) written.push({ key, entry });
      return written;
    };
    const watching = [...own.values()].map((watch) => toWatch(watch, nowMs));
    const last = await store.exchange({ after: seq, lastKey, watching, days, choose });
    if (last === null) {
      await startAgain();
      return;
    }
    read([...others, ...written], last);
    for (const [key, entry] of waiting) if (pending.get(key) === entry) pending.delete(key);
    recorded.forgetBefore(toIso(nowMs - days * dayMs)).forEach(forget);
  };
  /** What is known here is written again where the database lost it. */
  const startAgain = async () => {
    logger.warn({ upstream: "timeline" }, "The database lost the end of the timeline: what is known here is written again");
    for (const entry of timelineKinds.flatMap((kind) => recorded.entries(kind)))
      if (!pending.has(toKey(entry))) pending.set(toKey(entry), entry);
    recorded = createRings();
    known.clear();
    [seq, lastKey, isLoaded] = [0, null, false];
    await exchange();
  };
  const sync = async () => {
    try {
      await exchange();
      trouble = null;
      change("", () => logger.info({ upstream: "timeline" }, "The timeline is shared again"));
    } catch (error) {
      isLoaded = false;
      const { message } = toProblem(error);
      trouble = message;
      change(message, () => logger.warn({ upstream: "timeline", cause: message }, "The timeline cannot be shared"));
    }
  };

  return {
    add: observe,
    // A more complete one has the same key.
    replace: (_, by) => observe(by),
    begin(kind, subject) {
      const watch = { ...subject, kind: toWatchKind(kind) };
      const key = toWatchKey(watch);
      const sampledMs = Date.parse(subject.since);
      const one = own.get(key);
      if (one) one.sampledMs = sampledMs;
      else if (own.size < mostSubjects) {
        const made: OwnWatch = { ...watch, sampledMs, isResumed: null };
        own.set(key, made);
        if (isLoaded) judgeRest(made);
      }
      return own.get(key)?.isResumed ?? false;
    },
    entries(kind) {
      const waiting = [...pending.values()].filter((entry) => entry.kind === kind);
      const written = recorded.entries(kind);
      if (waiting.length === 0) return written;
      return [...written.filter((entry) => !pending.has(toKey(entry))), ...waiting].toSorted(byTime);
    },
    begun(kind) {
      const oldest = Date.now() - days * dayMs;
      const all = new Map<string, Subject & { readonly kind: TimelineKind }>([...own, ...found]);
      return [...all.values()]
        .filter((watch) => watch.kind === toWatchKind(kind))
        .map(({ name, env, since }) => ({
          name,
          env,
          since: Date.parse(since) < oldest ? toIso(oldest) : since,
        }));
    },
    forgottenUntil: (kind, accepts) => recorded.forgottenUntil(kind, accepts),
    trouble: () => trouble,
    sync,
    start() {
      let dueMs = 0;
      const stop = repeat(ownMs, async () => {
        if (performance.now() < dueMs && (pending.size === 0 || trouble !== null)) return;
        await sync();
        dueMs = performance.now() + othersMs;
      });
      return async () => {
        await stop();
        if (pending.size > 0 && trouble === null) await sync();
      };
    },
  };
}

/** What is the same for an event in every gateway that observes it. */
function toSharedKey({ kind, engine, container, queue, host, time, to }: TimelineEntry): string {
  const subject = [engine ?? container?.engine, container?.fullId, queue?.source, queue?.name, host];
  return createHash("sha256")
    .update(JSON.stringify([kind, ...subject, time, to]))
    .digest("base64url");
}

/**
 * Whether a change of a sampled state is among the recorded ones of its subject. Each gateway samples at times of its own, and knows that a change lies between its last two
 * samples. So it is one that another gateway recorded if both lead to the same state, could have been at the same time, and no other state was `seen` between them.
 */
export function isRecorded(
  entry: TimelineEntry,
  recorded: readonly TimelineEntry[],
  seen: readonly TimelineEntry[] = recorded,
): boolean {
  const [begin, end] = toSpan(entry);
  return recorded.some((one) => {
    const [otherBegin, otherEnd] = toSpan(one);
    if (one.to !== entry.to || otherBegin >= end || begin >= otherEnd) return false;
    const [first, last] = [Math.min(end, otherEnd), Math.max(end, otherEnd)];
    return !seen.some((between) => between.to !== entry.to && toEnd(between) > first && toEnd(between) < last);
  });
}

/** The time in which a change lies, unix ms: after the first, at the latest at the second. */
function toSpan(entry: TimelineEntry): [begin: number, end: number] {
  return [entry.after === null ? Number.NEGATIVE_INFINITY : Date.parse(entry.after), toEnd(entry)];
}

function toEnd({ time }: TimelineEntry): number {
  return Date.parse(time);
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}

function toDistanceMs(a: TimelineEntry, b: TimelineEntry): number {
  return Math.abs(toEnd(a) - toEnd(b));
}

function toWatchKind(kind: TimelineKind): TimelineKind {
  return containerKinds.includes(kind) ? "gap" : kind;
}

function toWatchKey({ kind, name }: { readonly kind: TimelineKind; readonly name: string }): string {
  return JSON.stringify([kind, name]);
}

function toWatch({ kind, name, env, since, sampledMs }: OwnWatch, nowMs: number): Watch {
  return { kind, name, env, since, idleMs: kind === "gap" ? 0 : Math.max(0, nowMs - sampledMs) };
}
