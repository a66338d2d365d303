import type { Reply } from "../connection.ts";

/** One entry of the stream of a queue's events. */
export interface QueueEvent {
  /** Milliseconds since 1970, by the clock of Redis. */
  readonly at: number;
  readonly event: string;
  readonly jobId: string;
  /** Where the job was before, as the event says it; "" where it does not. */
  readonly prev: string;
}

/** What was read of a queue's events so far: each is counted once. */
export interface EventCounter {
  /** The last entry; null before the first read. */
  readonly lastId: string | null;
  readonly completed: number;
  readonly failed: number;
  /** How often entries may have been missed: the counts are not to be compared across that. */
  readonly gaps: number;
}

export const noEvents: EventCounter = { lastId: null, completed: 0, failed: 0, gaps: 0 };

/** BullMQ keeps about so many by default. */
export const eventsLimit = 10_000;

/**
 * The counter after another read. `entries` are those after `lastId`, oldest first; of the first read the newest ones, which began before we counted. `oldest` is
 * the id of the oldest entry that is there.
 */
export function countEvents(
  counter: EventCounter,
  entries: readonly (readonly [string, QueueEvent])[],
  oldest: string | null,
): EventCounter {
  const lastId = entries.at(-1)?.[0] ?? counter.lastId ?? "0-0";
  if (counter.lastId === null) return { ...counter, lastId };
  const isMissed = counter.lastId !== "0-0" && oldest !== null && isLater(oldest, counter.lastId);
  const count = (name: string) => entries.filter(([, { event }]) => event === name).length;
  return {
    lastId,
    completed: counter.completed + count("completed"),
    failed: counter.failed + count("failed"),
    gaps: counter.gaps + (isMissed ? 1 : 0),
  };
}

/** Whether the workers of a queue count what they do (option `metrics`): a counter that was left behind by workers that no longer do stands still. */
export interface MetricsMemory {
  readonly isOn: boolean;
  /** When it last grew: its count, and that of the events. */
  readonly count: number | null;
  readonly events: number;
}

export const noMetrics: MetricsMemory = { isOn: false, count: null, events: 0 };

/** So many jobs ended without being counted: the two are not read at the same moment. */
const uncounted = 20;

export function watchMetrics(memory: MetricsMemory, count: number | null, events: number): MetricsMemory {
  if (count === null) return noMetrics;
  if (count !== memory.count) return { isOn: true, count, events };
  return events - memory.events >= uncounted ? { ...memory, isOn: false } : memory;
}

/** Entries of XRANGE. */
export function toEvents(reply: Reply): (readonly [string, QueueEvent])[] {
  if (!Array.isArray(reply)) return [];
  return (reply as unknown[]).flatMap((entry) => {
    const [id, fields] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof id !== "string" || !/^\d{1,16}-\d+$/.test(id) || !Array.isArray(fields)) return [];
    const value = (name: string) => {
      const index = fields.findIndex((field, at) => at % 2 === 0 && field === name);
      return index < 0 ? "" : String(fields[index + 1]);
    };
    return [[id, { at: Number(id.split("-")[0]), event: value("event"), jobId: value("jobId"), prev: value("prev") }] as const];
  });
}

function isLater(a: string, b: string): boolean {
  const [aTime = "", aNumber = ""] = a.split("-");
  const [bTime = "", bNumber = ""] = b.split("-");
  return aTime === bTime ? BigInt(aNumber) > BigInt(bNumber) : BigInt(aTime) > BigInt(bTime);
}
