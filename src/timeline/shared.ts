import { repeat } from "../lib/abort.ts";
import { createSharedBudget } from "../lib/budget/budget.ts";
import { mapSteps, type Steps, takeSteps } from "../lib/budget/steps.ts";
import type { Logger } from "../lib/logger.ts";
import { createSharing, toSharedKey } from "../state/sharing.ts";
import { createNewest, createTimelineMemory, sampledKinds, type TimelineMemory } from "./memory.ts";
import { createRings, mostEntries } from "./rings.ts";
import {
  type TimelineEntry,
  type TimelineKind,
  timelineKinds,
  toLatest,
  toSortedByTime,
  toSubject,
} from "./timeline.ts";

/** An entry, and its key, which is the same in every gateway. */
export interface SharedEntry {
  readonly key: string;
  readonly entry: TimelineEntry;
}

/**
 * An entry as read; null for a row that is no event, or of a kind that only a newer version knows.
 */
export interface ReadEntry {
  readonly key: string;
  readonly entry: TimelineEntry | null;
}

interface Exchange {
  /** The number of the last entry known here, and its key; null before the first. */
  readonly after: number;
  readonly lastKey: string | null;
  /** Deletes entries older than this, and of each kind and place all but the last `mostEntries`. */
  readonly days: number;
  /**
   * Decides what to write, given what others have written meanwhile, in that order; runs for one
   * gateway at a time.
   */
  readonly choose: (others: readonly ReadEntry[]) => Promise<readonly SharedEntry[]>;
}

/** Where gateways share their observations. Rejects with OpsError `postgres_unavailable`. */
export interface TimelineStore {
  /**
   * The next entries after a number, and the number of the last one. `isWhole` is false if there
   * are more.
   */
  read(
    after: number,
  ): Promise<{ readonly entries: readonly ReadEntry[]; readonly seq: number; readonly isWhole: boolean }>;
  /**
   * Reads, decides and writes in one transaction. Returns the number of the last entry; after a
   * failure the entries may still have been written. Returns null, and writes nothing, if the last
   * known entry is missing: the database lost its end, as in a failover to a standby that was
   * behind.
   */
  exchange(exchange: Exchange): Promise<number | null>;
}

interface SharedTimelineOptions {
  readonly store: TimelineStore;
  readonly logger: Logger;
  /** How long entries are retained. */
  readonly days: number;
}

/**
 * A timeline that gateways share. Observations of this gateway appear at once, and are written at
 * the next `sync`.
 */
export interface SharedTimeline extends TimelineMemory {
  /**
   * Writes this gateway's new entries, and reads those of others. Never rejects: what was not
   * written stays for the next call.
   */
  sync(): Promise<void>;
  /**
   * Calls `sync` every 5 s, and within a second after an observation. Returns a function that stops
   * this, after a last call.
   */
  start(): () => Promise<void>;
}

/** How often to check, ms: for new entries here, and for new ones elsewhere. */
const [ownMs, othersMs] = [1000, 5000];
const dayMs = 86_400_000;

/**
 * The memory of a gateway, with the observations of all gateways: `store` has each event once, and
 * every gateway holds all of it in memory, so that answers need no query. An engine's event is the
 * same in every gateway by its time; a change of a sampled state by `isRecorded`. Each gateway
 * keeps its own gaps and start times of observation: it does not call complete what it has not seen
 * itself.
 */
export function createSharedTimeline({ store, logger, days }: SharedTimelineOptions): SharedTimeline {
  const budget = createSharedBudget(new AbortController().signal);
  let recorded = createRings();
  /** Everything in `recorded`. */
  const known = new Map<string, TimelineEntry>();
  const keys = new WeakMap<TimelineEntry, string>();
  /** Observed here and not written yet, including more complete versions of recorded entries. */
  const pending = new Map<string, TimelineEntry>();
  /** The same by kind, and the time of the newest that was forgotten earlier. */
  const pendingOf = new Map(timelineKinds.map((kind) => [kind, new Map<string, TimelineEntry>()]));
  const lost = new Map<TimelineKind, string>();
  const newest = createNewest();
  const own = createTimelineMemory();
  /** The changes of sampled states in `known`, and in `pending`. */
  const [knownChanges, pendingChanges] = [createChanges(), createChanges()];
  let [seq, lastKey] = [0, null as string | null];
  /** Whether the history has been read once. */
  let isLoaded = false;

  const toKey = (entry: TimelineEntry): string => {
    const key = keys.get(entry) ?? toEntryKey(entry);
    keys.set(entry, key);
    return key;
  };
  const forget = (entry: TimelineEntry | null) => {
    if (entry === null) return;
    known.delete(toKey(entry));
    knownChanges.delete(entry);
  };
  const learn = ({ key, entry }: ReadEntry) => {
    if (entry === null) return;
    const before = known.get(key);
    if (before) knownChanges.delete(before);
    keys.set(entry, key);
    known.set(key, entry);
    knownChanges.add(entry);
    newest.note(entry);
    if (!before || !recorded.replace(before, entry)) forget(recorded.add(entry));
  };
  /** `chosen`: the entries that are written before it. */
  const isNew = (key: string, entry: TimelineEntry, chosen: Changes): boolean => {
    const before = known.get(key);
    // A gateway that was watching when the signal came knows more.
    if (before) return entry.requested && !before.requested;
    if (!sampledKinds.has(entry.kind)) return true;
    const others = [...knownChanges.like(entry), ...chosen.like(entry)];
    return !isAmong(toChange(entry), others, [...others, ...pendingChanges.like(entry)]);
  };
  const setPending = (key: string, entry: TimelineEntry) => {
    const before = pending.get(key);
    if (before) pendingChanges.delete(before);
    pending.set(key, entry);
    pendingOf.get(entry.kind)?.set(key, entry);
    pendingChanges.add(entry);
  };
  const deletePending = (key: string, entry: TimelineEntry) => {
    pending.delete(key);
    pendingOf.get(entry.kind)?.delete(key);
    pendingChanges.delete(entry);
  };
  const settle = ([key, entry]: readonly [string, TimelineEntry]) => {
    if (pending.get(key) === entry) deletePending(key, entry);
  };
  const keep = (entry: TimelineEntry) => {
    if (!pending.has(toKey(entry))) setPending(toKey(entry), entry);
  };
  const observe = (entry: TimelineEntry) => {
    const key = toKey(entry);
    if (!isNew(key, entry, none)) return;
    newest.note(entry);
    setPending(key, entry);
    const ofKind = pendingOf.get(entry.kind) ?? pending;
    if (ofKind.size <= mostEntries) return;
    // Nothing can be written: frequent entries must displace no other kind.
    const [oldest] = ofKind;
    if (!oldest) return;
    deletePending(...oldest);
    lost.set(entry.kind, oldest[1].time);
  };
  const read = async (entries: readonly ReadEntry[], last: number) => {
    await takeSteps(mapSteps(entries, learn), budget);
    [seq, lastKey] = [last, entries.at(-1)?.key ?? lastKey];
  };
  const exchange = async () => {
    // There may be many new ones: read them in parts, and without the lock.
    for (let isWhole = isLoaded && sharing.error() === null; !isWhole;) {
      const part = await store.read(seq);
      await read(part.entries, part.seq);
      isWhole = part.isWhole;
    }
    isLoaded = true;
    let waiting: (readonly [string, TimelineEntry])[] = [];
    let written: SharedEntry[] = [];
    let others: readonly ReadEntry[] = [];
    const choose = async (found: readonly ReadEntry[]): Promise<readonly SharedEntry[]> => {
      others = found;
      await takeSteps(mapSteps(others, learn), budget);
      waiting = [...pending];
      written = await takeSteps(chooseNew(waiting), budget);
      return written;
    };
    const last = await store.exchange({ after: seq, lastKey, days, choose });
    if (last === null) {
      await startAgain();
      return;
    }
    await read([...others, ...written], last);
    await takeSteps(mapSteps(waiting, settle), budget);
    await takeSteps(recorded.forgetBefore(new Date(Date.now() - days * dayMs).toISOString(), forget), budget);
  };
  function* chooseNew(waiting: readonly (readonly [string, TimelineEntry])[]): Steps<SharedEntry[]> {
    const [chosen, changes] = [[] as SharedEntry[], createChanges()];
    for (const [key, entry] of waiting) {
      yield;
      if (!isNew(key, entry, changes)) continue;
      chosen.push({ key, entry });
      changes.add(entry);
    }
    return chosen;
  }
  /** Writes the entries known here again if the database lost them. */
  const startAgain = async () => {
    logger.warn(
      { upstream: "timeline" },
      "The database lost the end of the timeline: what is known here is written again",
    );
    for (const kind of timelineKinds) await takeSteps(mapSteps(recorded.entries(kind), keep), budget);
    recorded = createRings();
    known.clear();
    knownChanges.clear();
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
      const waiting = [...(pendingOf.get(kind)?.values() ?? [])];
      const written = recorded.entries(kind);
      if (waiting.length === 0) return written;
      return toSortedByTime([...written.filter((entry) => !pending.has(toKey(entry))), ...waiting]);
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

/** The key of an event, which is the same in every gateway that observes it. */
function toEntryKey({ kind, engine, container, queue, host, time, to }: TimelineEntry): string {
  const subject = [engine ?? container?.engine, container?.fullId, queue?.source, queue?.name, host];
  return toSharedKey([kind, ...subject, time, to]);
}

/**
 * A change of a sampled state, and the time span that contains it, unix ms: after `begin`, at the
 * latest at `end`.
 */
interface Change {
  readonly to: string | null;
  readonly begin: number;
  readonly end: number;
}

function toChange({ to, after, time }: TimelineEntry): Change {
  return { to, begin: after === null ? Number.NEGATIVE_INFINITY : Date.parse(after), end: Date.parse(time) };
}

/** Changes by subject: an outage changes thousands of states at once, but few of each subject. */
function createChanges() {
  const bySubject = new Map<string, Map<TimelineEntry, Change>>();
  return {
    add(entry: TimelineEntry): void {
      if (!sampledKinds.has(entry.kind)) return;
      const subject = toSubject(entry);
      const own = bySubject.get(subject);
      if (own) own.set(entry, toChange(entry));
      else bySubject.set(subject, new Map([[entry, toChange(entry)]]));
    },
    delete(entry: TimelineEntry): void {
      if (!sampledKinds.has(entry.kind)) return;
      const subject = toSubject(entry);
      const own = bySubject.get(subject);
      if (own?.delete(entry) && own.size === 0) bySubject.delete(subject);
    },
    clear: () => bySubject.clear(),
    /** Those of the same subject. */
    like: (entry: TimelineEntry): Iterable<Change> => bySubject.get(toSubject(entry))?.values() ?? [],
  };
}

type Changes = Pick<ReturnType<typeof createChanges>, "like">;
const none: Changes = { like: () => [] };

/**
 * Whether a change of a sampled state is among the recorded ones of its subject. Each gateway
 * samples at its own times, and knows that a change lies between its last two samples. So another
 * gateway recorded the same change if both lead to the same state, could have happened at the same
 * time, and no other state was `seen` between them.
 */
export function isRecorded(entry: TimelineEntry, recorded: readonly TimelineEntry[]): boolean {
  const changes = recorded.map(toChange);
  return isAmong(toChange(entry), changes, changes);
}

function isAmong({ to, begin, end }: Change, recorded: readonly Change[], seen: readonly Change[]): boolean {
  // The other states seen last before it and first after it.
  let [before, after] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const other of seen) {
    if (other.to === to) continue;
    if (other.end < end) before = Math.max(before, other.end);
    if (other.end > end) after = Math.min(after, other.end);
  }
  return recorded.some((one) => {
    if (one.to !== to || one.begin >= end || begin >= one.end) return false;
    return one.end <= end ? before <= one.end : after >= one.end;
  });
}
