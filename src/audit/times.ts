import type { AuditRecord } from "./audit.ts";

/**
 * How far the clock of a record may go back, or be ahead of the clock that judges it, ms. More than
 * that is a fault.
 */
const mostStepMs = 600_000;
/**
 * How long an entry may limit what begins, ms: budgets and the longest cooldown are those of an
 * hour. Older entries are no reason to refuse anything.
 */
const limitingMs = 3_600_000 + mostStepMs;
/**
 * Clock steps that are longer ago than this no longer matter, ms: an honest record continues after
 * them.
 */
const oldMs = 86_400_000;

type Timed = Pick<AuditRecord, "seq" | "at">;

/**
 * The time of the next entry. It is never before that of the newest entry, so that a clock that
 * goes back frees nothing, unless the newest entry's time is still to come.
 */
export function toEntryTime(now: Date, newest: string | null): Date {
  const aheadMs = newest === null ? 0 : Date.parse(newest) - now.getTime();
  return aheadMs > 0 && aheadMs <= mostStepMs ? new Date(now.getTime() + aheadMs) : now;
}

/**
 * Whether an entry is so old that it limits nothing, and neither do the entries before it: their
 * times are at most a step later.
 */
export function isPast({ at }: Pick<AuditRecord, "at">, now: number): boolean {
  return now - Date.parse(at) > limitingMs;
}

/** Of an entry whose time is before that of an earlier one. */
export function toStepFault(seq: number, earlier: number): string {
  return `seq ${seq} has a time before that of seq ${earlier}`;
}

/** The fault of a time that no clock can have shown; null without one. */
function judgeTime({ seq, at }: Timed, now: number): string | null {
  const ms = Date.parse(at);
  if (!Number.isFinite(ms)) return `seq ${seq} has no time`;
  return ms - now > mostStepMs ? `seq ${seq} has a time in the future` : null;
}

/** Compares the times of a chain in its order. */
export interface TimeCheck {
  /** The next entry. Returns the fault, null without one. */
  push(entry: Timed): string | null;
  /** What a successful check says about the clocks; "" if they never went back far. */
  note(): string;
}

/** `now`: the clock of the record, unix ms. */
export function createTimeCheck(now: () => number = Date.now): TimeCheck {
  let newest: Timed | null = null;
  const old: string[] = [];
  return {
    push(entry) {
      const [at, newestAt] = [Date.parse(entry.at), newest ? Date.parse(newest.at) : Number.NEGATIVE_INFINITY];
      const wrong = judgeTime(entry, now());
      if (wrong !== null) return wrong;
      const step = newest && newestAt - at > mostStepMs ? toStepFault(entry.seq, newest.seq) : null;
      if (step !== null && now() - newestAt <= oldMs) return step;
      if (step !== null) old.push(step);
      if (step !== null || at >= newestAt) newest = { seq: entry.seq, at: entry.at };
      return null;
    },
    note() {
      const more = old.length > 1 ? `, and ${old.length - 1} more like it` : "";
      return old[0] === undefined ? "" : `, although ${old[0]}${more}, more than a day ago`;
    },
  };
}

/**
 * Compares the times of entries from the newest back, as far as they may limit what begins: an
 * entry that is much older than one before it would hide that one. Returns the fault of the next
 * one, null without one.
 */
export function createBackwardTimeCheck(now: number): (entry: Timed) => string | null {
  let oldest: Timed | null = null;
  return (entry) => {
    const wrong = judgeTime(entry, now);
    if (wrong !== null) return wrong;
    const aheadMs = oldest ? Date.parse(entry.at) - Date.parse(oldest.at) : Number.NEGATIVE_INFINITY;
    if (oldest && aheadMs > mostStepMs && !isPast(entry, now)) return toStepFault(oldest.seq, entry.seq);
    if (aheadMs < 0) oldest = { seq: entry.seq, at: entry.at };
    return null;
  };
}
