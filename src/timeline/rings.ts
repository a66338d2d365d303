import { toOwnerEnv } from "../auth/principal.ts";
import type { Steps } from "../lib/budget/steps.ts";
import { byTime, type TimelineEntry, type TimelineKind, toLatest } from "./timeline.ts";

/**
 * Which tokens may see an entry: those for its environment (null: only those for every
 * environment); for a gap, those that see its engine.
 */
export type Place = Pick<TimelineEntry, "env" | "engine">;

/**
 * One ring for each kind and place, so that frequent events displace no others, and reveal nothing
 * to those who may not see them.
 */
export const mostEntries = 1000;

interface Ring {
  readonly place: Place;
  readonly entries: TimelineEntry[];
  /** Time of its newest forgotten entry. */
  forgotten: string | null;
}

/** Entries by kind and place, the last of each by time. */
export interface Rings {
  /** Returns the entry that it forgets in exchange, which may be this one. */
  add(entry: TimelineEntry): TimelineEntry | null;
  /**
   * Replaces an entry by a more complete one of the same place and time. False if the entry is
   * forgotten.
   */
  replace(entry: TimelineEntry, by: TimelineEntry): boolean;
  /** Forgets entries older than this time, and calls `onForgotten` for each. */
  forgetBefore(time: string, onForgotten: (entry: TimelineEntry) => void): Steps<void>;
  /** Oldest first within one place. */
  readonly entries: (kind: TimelineKind) => readonly TimelineEntry[];
  /** Time of the newest forgotten entry of these places; null without one. */
  readonly forgottenUntil: (kind: TimelineKind, accepts: (place: Place) => boolean) => string | null;
}

/** The environment and engine whose tokens may see an entry. */
export function toPlace({ env, engine, container }: TimelineEntry): Place {
  return { env: toOwnerEnv({ env, kind: container?.kind ?? null }), engine };
}

export function createRings(): Rings {
  const rings = new Map<TimelineKind, Map<string, Ring>>();
  const ringsOf = (kind: TimelineKind) => [...(rings.get(kind)?.values() ?? [])];
  const ringOf = (entry: TimelineEntry): Ring => {
    const own = rings.get(entry.kind) ?? new Map<string, Ring>();
    const { env, engine } = toPlace(entry);
    const id = JSON.stringify([env, engine]);
    const ring = own.get(id) ?? { place: { env, engine }, entries: [], forgotten: null };
    rings.set(entry.kind, own.set(id, ring));
    return ring;
  };
  const shift = (ring: Ring): TimelineEntry | null => {
    const oldest = ring.entries.shift() ?? null;
    if (oldest) ring.forgotten = toLatest([ring.forgotten ?? oldest.time, oldest.time]);
    return oldest;
  };
  return {
    add(entry) {
      const ring = ringOf(entry);
      ring.entries.splice(ring.entries.findLastIndex((one) => byTime(one, entry) <= 0) + 1, 0, entry);
      return ring.entries.length > mostEntries ? shift(ring) : null;
    },
    replace(entry, by) {
      const { entries } = ringOf(entry);
      const index = entries.lastIndexOf(entry);
      if (index >= 0) entries[index] = by;
      return index >= 0;
    },
    *forgetBefore(time, onForgotten) {
      for (const ring of [...rings.keys()].flatMap(ringsOf)) {
        while (ring.entries[0] && Date.parse(ring.entries[0].time) < Date.parse(time)) {
          onForgotten(shift(ring) as TimelineEntry);
          yield;
        }
      }
    },
    entries: (kind) => ringsOf(kind).flatMap(({ entries }) => entries),
    forgottenUntil(kind, accepts) {
      return toLatest(
        ringsOf(kind).flatMap(({ place, forgotten }) => (forgotten !== null && accepts(place) ? forgotten : [])),
      );
    },
  };
}
