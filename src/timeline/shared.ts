import { repeat } from "../lib/abort.ts";
import type { Logger } from "../lib/logger.ts";
import { createSharing, toSharedKey } from "../state/sharing.ts";
import { createNewest, createTimelineMemory, sampledKinds, type TimelineMemory } from "./memory.ts";
import { createRings, mostEntries } from "./rings.ts";
import { byTime, type TimelineEntry, type TimelineKind, timelineKinds, toLatest, toSubject } from "./timeline.ts";

/** An entry, and what is the same for it in every gateway. */
export interface SharedEntry {
  readonly key: string;
  readonly entry: TimelineEntry;
}

/** An entry as it was read; null for a row that is no event, or of a kind that only a newer version knows. */
export interface ReadEntry {
  readonly key: string;
  readonly entry: TimelineEntry | null;
}

interface Exchange {
  /** The number of the last entry that is known here, and its key; null before the first. */
  readonly after: number;
  readonly lastKey: string | null;
  /** Entries older than this are deleted, and of each kind and place all but the last `mostEntries`. */
  readonly days: number;
  /** What is written, from what others have written meanwhile, in that order; it is decided for one gateway at a time. */
  readonly choose: (others: readonly ReadEntry[]) => readonly SharedEntry[];
}

/** Where gateways share what they observe. Rejects with OpsError `postgres_unavailable`. */
export interface TimelineStore {
  /** The next entries after a number, and the number of the last one. Not `isWhole`: there are more. */
  read(
    after: number,
  ): Promise<{ readonly entries: readonly ReadEntry[]; readonly seq: number; readonly isWhole: boolean }>;
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

/** How often to look, ms: for what is new here, and for what is new elsewhere. */
const [ownMs, othersMs] = [1000, 5000];
const dayMs = 86_400_000;

/**
 * The memory of a gateway, with what all gateways observed: `store` has each event once, and every gateway has all of it in memory, so that nothing is asked for an answer. An
 * event of an engine is the same in every gateway by its time; a change of a sampled state by `isRecorded`. Since when something is observed, and gaps, are each gateway's own:
 * what it has not seen itself, it does not call complete.
 */
export function createSharedTimeline({ store, logger, days }: SharedTimelineOptions): SharedTimeline {
  let recorded = createRings();
  /** Of everything in `recorded`. */
  const known = new Map<string, TimelineEntry>();
  const keys = new WeakMap<TimelineEntry, string>();
  /** Observed here, and not written yet; also a more complete one of a recorded entry. */
  const pending = new Map<string, TimelineEntry>();
  /** How many of each kind wait to be written, and the time of the newest that was forgotten before. */
  const waitingOf = new Map<TimelineKind, number>();
  const lost = new Map<TimelineKind, string>();
  const newest = createNewest();
  const own = createTimelineMemory();
  let [seq, lastKey] = [0, null as string | null];
  /** Whether the history was read once. */
  let isLoaded = false;

  const toKey = (entry: TimelineEntry): string => {
    const key = keys.get(entry) ?? toEntryKey(entry);
    keys.set(entry, key);
    return key;
  };
  const forget = (entry: TimelineEntry | null) => void (entry && known.delete(toKey(entry)));
  const learn = ({ key, entry }: ReadEntry) => {
    if (entry === null) return;
    const before = known.get(key);
    keys.set(entry, key);
    known.set(key, entry);
    newest.note(entry);
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
    if (!sampledKinds.has(entry.kind)) return true;
    const subject = toSubject(entry);
    const same = (entries: Iterable<TimelineEntry>) => [...entries].filter((one) => toSubject(one) === subject);
    const others = [...same(recorded.entries(entry.kind)), ...same(chosen.map((one) => one.entry))];
    return !isRecorded(entry, others, [...others, ...same(waiting)]);
  };
  const setPending = (key: string, entry: TimelineEntry) => {
    if (!pending.has(key)) waitingOf.set(entry.kind, (waitingOf.get(entry.kind) ?? 0) + 1);
    pending.set(key, entry);
  };
  const deletePending = (key: string, { kind }: TimelineEntry) => {
    if (pending.delete(key)) waitingOf.set(kind, (waitingOf.get(kind) ?? 0) - 1);
  };
  const observe = (entry: TimelineEntry) => {
    const key = toKey(entry);
    if (!isNew(key, entry, [], pending.values())) return;
    newest.note(entry);
    setPending(key, entry);
    if ((waitingOf.get(entry.kind) ?? 0) <= mostEntries) return;
    // Nothing can be written: what is frequent displaces no other kind.
    for (const [oldKey, old] of pending) {
      if (old.kind !== entry.kind) continue;
      deletePending(oldKey, old);
      lost.set(old.kind, old.time);
      return;
    }
  };
  const read = (entries: readonly ReadEntry[], last: number) => {
    entries.forEach(learn);
    [seq, lastKey] = [last, entries.at(-1)?.key ?? lastKey];
  };
  const exchange = async () => {
    // Much may be new: in parts, and without the lock.
    for (let isWhole = isLoaded && sharing.error() === null; !isWhole;) {
      const part = await store.read(seq);
      read(part.entries, part.seq);
      isWhole = part.isWhole;
    }
    isLoaded = true;
    let waiting: (readonly [string, TimelineEntry])[] = [];
    let written: SharedEntry[] = [];
    let others: readonly ReadEntry[] = [];
    const choose = (found: readonly ReadEntry[]): readonly SharedEntry[] => {
      others = found;
      others.forEach(learn);
      waiting = [...pending];
      written = [];
      for (const [key, entry] of waiting)
        if (isNew(key, entry, written, pending.values())) written.push({ key, entry });
      return written;
    };
    const last = await store.exchange({ after: seq, lastKey, days, choose });
    if (last === null) {
      await startAgain();
      return;
    }
    read([...others, ...written], last);
    for (const [key, entry] of waiting) if (pending.get(key) === entry) deletePending(key, entry);
    recorded.forgetBefore(new Date(Date.now() - days * dayMs).toISOString()).forEach(forget);
  };
  /** What is known here is written again where the database lost it. */
  const startAgain = async () => {
    logger.warn(
      { upstream: "timeline" },
      "The database lost the end of the timeline: what is known here is written again",
    );
    for (const entry of timelineKinds.flatMap((kind) => recorded.entries(kind)))
      if (!pending.has(toKey(entry))) setPending(toKey(entry), entry);
    recorded = createRings();
    known.clear();
    [seq, lastKey, isLoaded] = [0, null, false];
    await exchange();
  };
  const sharing = createSharing(exchange, { logger, upstream: "timeline", what: "Events" });

  return {
    add: (entry) => (entry.kind === "gap" ? own.add(entry) : observe(entry)),
    // A more complete one has the same key.
    replace: (_, by) => observe(by),
    begin: (kind, subject) => own.begin(kind, subject),
    entries(kind) {
      if (kind === "gap") return own.entries(kind);
      const waiting = [...pending.values()].filter((entry) => entry.kind === kind);
      const written = recorded.entries(kind);
      if (waiting.length === 0) return written;
      return [...written.filter((entry) => !pending.has(toKey(entry))), ...waiting].toSorted(byTime);
    },
    latest: newest.get,
    begun: (kind) => own.begun(kind),
    forgottenUntil(kind, accepts) {
      const times = [own, recorded].map((memory) => memory.forgottenUntil(kind, accepts));
      return toLatest([...times, lost.get(kind)].flatMap((time) => time ?? []));
    },
    note: () =>
      sharing.error()?.message ??
      (isLoaded ? "what came before is from other gateways" : "what gateways share has not been read yet"),
    sync: sharing.sync,
    start() {
      let dueMs = 0;
      const stop = repeat(ownMs, async () => {
        if (performance.now() < dueMs && (pending.size === 0 || sharing.error() !== null)) return;
        await sharing.sync();
        dueMs = performance.now() + othersMs;
      });
      return async () => {
        await stop();
        if (pending.size > 0 && sharing.error() === null) await sharing.sync();
      };
    },
  };
}

/** What is the same for an event in every gateway that observes it. */
function toEntryKey({ kind, engine, container, queue, host, time, to }: TimelineEntry): string {
  const subject = [engine ?? container?.engine, container?.fullId, queue?.source, queue?.name, host];
  return toSharedKey([kind, ...subject, time, to]);
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
