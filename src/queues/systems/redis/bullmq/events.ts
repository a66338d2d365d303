import type { Reply } from "../connection.ts";

/** One entry of a queue's event stream. */
export interface QueueEvent {
  /** Milliseconds since 1970, by the clock of Redis. */
  readonly at: number;
  readonly event: string;
  readonly jobId: string;
  /** Where the job was before, from the event; "" if it does not say. */
  readonly prev: string;
}

/** Counts of a queue's events; each event counts once. */
export interface EventCounter {
  /** The last entry; null before the first read. */
  readonly lastId: string | null;
  readonly completed: number;
  readonly failed: number;
  /** How often entries may have been missed: counts on both sides of a gap cannot be compared. */
  readonly gaps: number;
}

export const noEvents: EventCounter = { lastId: null, completed: 0, failed: 0, gaps: 0 };

/** BullMQ retains about this many events by default. */
export const eventsLimit = 10_000;

/**
 * The counter after another read. `entries` are those after `lastId`, oldest first. In the first
 * read they are the newest entries, from before counting began, and are not counted. `oldest` is
 * the id of the stream's oldest entry.
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

/**
 * Whether a queue's workers count what they do (option `metrics`). A counter left behind by workers
 * that stopped counting stands still.
 */
export interface MetricsMemory {
  readonly isOn: boolean;
  /** The counter when it last grew, and the count of events at that time. */
  readonly count: number | null;
  readonly events: number;
}

export const noMetrics: MetricsMemory = { isOn: false, count: null, events: 0 };

/**
 * How many events without growth it takes for metrics to count as off. The two are not read at the
 * same moment.
 */
const uncounted = 20;

export function watchMetrics(memory: MetricsMemory, count: number | null, events: number): MetricsMemory {
  if (count === null) return noMetrics;
  if (count !== memory.count) return { isOn: true, count, events };
  return events - memory.events >= uncounted ? { ...memory, isOn: false } : memory;
}

/** Parses entries of XRANGE. */
export function toEvents(reply: Reply): (readonly [string, QueueEvent])[] {
  if (!Array.isArray(reply)) return [];
  return (reply as unknown[]).flatMap((entry) => {
    const [id, fields] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof id !== "string" || !/^\d{1,16}-\d+$/.test(id) || !Array.isArray(fields)) return [];
    const value = (name: string) => {
      const index = fields.findIndex((field, at) => at % 2 === 0 && field === name);
      return index < 0 ? "" : String(fields[index + 1] ?? "");
    };
    return [
      [
        id,
        { at: Number(id.split("-")[0]), event: value("event"), jobId: value("jobId"), prev: value("prev") },
      ] as const,
    ];
  });
}

function isLater(a: string, b: string): boolean {
  const [aTime = "", aNumber = ""] = a.split("-");
  const [bTime = "", bNumber = ""] = b.split("-");
  return aTime === bTime ? BigInt(aNumber) > BigInt(bNumber) : BigInt(aTime) > BigInt(bTime);
}
