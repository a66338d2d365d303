/** Clocks that differ by more than this are a problem, s. */
export const mostClockSkew = 2;

/** Another clock is ahead of ours by at least and at most so much, ms. */
export interface ClockOffset {
  readonly least: number;
  readonly most: number;
}

/** One answer that tells the time of another clock. */
interface TimedAnswer {
  /** Unix ms. */
  readonly theirMs: number;
  /** That time is truncated to whole steps. */
  readonly stepMs: number;
  /** When we sent the request, and when the answer came, by our clock, unix ms. */
  readonly sentMs: number;
  readonly receivedMs?: number;
}

/**
 * The other clock was read between request and answer. Null for an answer without a time, or if our
 * own clock was set meanwhile.
 */
export function measureOffset({ theirMs, stepMs, sentMs, receivedMs = Date.now() }: TimedAnswer): ClockOffset | null {
  if (!Number.isFinite(theirMs) || receivedMs < sentMs) return null;
  return { least: theirMs - receivedMs, most: theirMs + stepMs - sentMs };
}

/**
 * Combines two answers. If they contradict each other, a clock was set between them: the later one
 * counts.
 */
export function refineOffset(known: ClockOffset | null, later: ClockOffset | null): ClockOffset | null {
  if (known === null || later === null) return later ?? known;
  const [least, most] = [Math.max(known.least, later.least), Math.min(known.most, later.most)];
  return least <= most ? { least, most } : later;
}

/**
 * How far another clock is ahead of ours (negative: behind), s, in tenths, as far as that is
 * certain: leaves out what the round trip and the step of the time may explain.
 */
export function toClockSkew({ least, most }: ClockOffset): number {
  const certain = least > 0 ? least : Math.min(0, most);
  // Never -0.
  return Math.trunc(certain / 100) / 10 || 0;
}

/** Whether two clocks differ so much that their times must not be compared. */
export function isSkewed(skew: number | null): skew is number {
  return skew !== null && Math.abs(skew) > mostClockSkew;
}

/** `90 s ahead of the gateway's` */
export function describeSkew(skew: number): string {
  return `${Math.abs(skew)} s ${skew > 0 ? "ahead of" : "behind"} the gateway's`;
}

/** The warning of `check` for a clock that differs; none for one that does not. */
export function warnOfSkew(skew: number | null): readonly string[] {
  return isSkewed(skew) ? [`its clock is ${describeSkew(skew)}: synchronise both (NTP)`] : [];
}

/** The time of a PostgreSQL server, unix ms. */
export const readClock = "select (extract(epoch from clock_timestamp()) * 1000)::float8 as now";

/** A database's clock, once measured. */
export interface DatabaseClock {
  /** `state`, or `queues` for the database of the queues: `queues:<name>` where it has a name. */
  readonly name: string;
  /** How far it is ahead of ours, s; null until measured. */
  readonly clockSkew: number | null;
}

/** Compares another clock with ours, at most once in `everyMs`. */
export function createClock(everyMs: number) {
  let offset: ClockOffset | null = null;
  let dueMs = 0;
  return {
    /** Reads the other clock's time, unix ms, when due. Rejects as `read`. */
    async measure(read: () => Promise<number | undefined>): Promise<void> {
      if (performance.now() < dueMs) return;
      dueMs = performance.now() + everyMs;
      const sentMs = Date.now();
      offset = refineOffset(offset, measureOffset({ theirMs: (await read()) ?? Number.NaN, stepMs: 0, sentMs }));
    },
    /** Null until measured. */
    offset: (): ClockOffset | null => offset,
    /** As `toClockSkew`; null until measured. */
    skew: (): number | null => offset && toClockSkew(offset),
  };
}
