import { type TimelineEntry, type TimelineKind, toEntry } from "./timeline.ts";

/** What happened while this process ran, and no record tells: bounded. */
export interface TimelineMemory {
  add(entry: TimelineEntry): void;
  /** More is known of an entry now; nothing where it is forgotten. */
  replace(entry: TimelineEntry, by: TimelineEntry): void;
  /** From now on entries of this kind are seen; the first call for a subject (an engine, a queue source) counts. */
  begin(kind: TimelineKind, subject: string, at: string): void;
  /** Oldest first. */
  entries(kind: TimelineKind): readonly TimelineEntry[];
  /** Since when each subject of this kind is seen. */
  begun(kind: TimelineKind): ReadonlyMap<string, string>;
  /** Entries of before were forgotten; null when none was. */
  forgottenUntil(kind: TimelineKind): string | null;
}

/** Of each kind, so that one that happens all the time drives out no other. */
const mostEntries = 1000;
const mostSubjects = 1000;

interface Ring {
  readonly entries: TimelineEntry[];
  readonly begun: Map<string, string>;
  forgotten: string | null;
}

export function createTimelineMemory(): TimelineMemory {
  const rings = new Map<TimelineKind, Ring>();
  const ringOf = (kind: TimelineKind): Ring => {
    const ring = rings.get(kind) ?? { entries: [], begun: new Map<string, string>(), forgotten: null };
    rings.set(kind, ring);
    return ring;
  };
  return {
    add(entry) {
      const ring = ringOf(entry.kind);
      ring.entries.push(entry);
      if (ring.entries.length > mostEntries) ring.forgotten = ring.entries.shift()?.time ?? null;
    },
    replace(entry, by) {
      const { entries } = ringOf(entry.kind);
      const index = entries.lastIndexOf(entry);
      if (index >= 0) entries[index] = by;
    },
    begin(kind, subject, at) {
      const { begun } = ringOf(kind);
      if (!begun.has(subject) && begun.size < mostSubjects) begun.set(subject, at);
    },
    entries: (kind) => ringOf(kind).entries,
    begun: (kind) => ringOf(kind).begun,
    forgottenUntil: (kind) => ringOf(kind).forgotten,
  };
}

export interface StateLog {
  /** To be told of every sample. The first one of a subject is an entry only when it is not `well`. */
  sample(
    subject: string,
    state: string,
    at: string,
    toChange: (from: string | null) => Partial<TimelineEntry> & { readonly message: string },
  ): void;
}

/** Subjects whose last state is kept. */
const mostStates = 5000;

/** Finds the changes in states that are seen only now and then. */
export function createStateLog(memory: TimelineMemory, kind: TimelineKind, well: string): StateLog {
  const last = new Map<string, { readonly state: string; readonly at: string }>();
  return {
    sample(subject, state, at, toChange) {
      const before = last.get(subject);
      if (before && before.at >= at) return;
      if (!before && last.size >= mostStates) return;
      last.set(subject, { state, at });
      if (before ? before.state === state : state === well) return;
      memory.add(
        toEntry({
          kind,
          time: at,
          after: before?.at ?? null,
          from: before?.state ?? null,
          to: state,
          ...toChange(before?.state ?? null),
        }),
      );
    },
  };
}
