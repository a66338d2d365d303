import type { Measured } from "../../postgres/statements.ts";
import type { QueueMetrics } from "../../queue.ts";
import { type SampledRates, toQueueMetrics } from "../../metrics.ts";
import type { QueueStats, QueueTotals } from "./client.ts";
import type { RabbitmqFacts } from "./dead-letters.ts";

/** Below this uptime there is no rate, seconds. */
const leastUptime = 60;
const rateWindow = 300;

/** What is known of one queue. */
export interface RabbitmqQueue {
  readonly totals: QueueTotals;
  readonly stats: QueueStats | undefined;
  /** Messages in its own dead letter queues; null where it has none or they are shared. */
  readonly dead: number | null;
  /** Messages in the queues that return them for a retry; null in the same cases. */
  readonly retrying: number | null;
  /** Whether it takes dead letters of other queues, and so needs no consumers. */
  readonly isDeadLetterQueue: boolean;
}

type Broker = Pick<RabbitmqFacts, "hasRates" | "uptime">;

/** Whether a queue's state means that it does not respond, and its numbers are missing or old. */
export function isDown({ state, messages_ready: ready }: QueueTotals): boolean {
  return (
    ready === null || ready === undefined || /^(?:down|stopped|crashed|minority|noproc|terminated)/.test(state ?? "")
  );
}

/**
 * Messages done since the broker's start: acknowledged, or delivered without acknowledgement. Null
 * where they are not counted.
 */
export function toDone(stats: QueueStats | undefined, { hasRates }: Broker): number | null {
  if (!hasRates || typeof stats?.messages !== "number") return null;
  const counts = stats.message_stats;
  return (counts?.ack ?? 0) + (counts?.deliver_no_ack ?? 0) + (counts?.get_no_ack ?? 0);
}

/**
 * The broker's own rate of the last 5 minutes, per second. The broker counts the time before its
 * start as idle; this corrects for it.
 */
export function toBrokerRate(stats: QueueStats | undefined, facts: Broker): number | null {
  const { hasRates, uptime } = facts;
  if (!hasRates || uptime === null || uptime < leastUptime || typeof stats?.messages !== "number") return null;
  const counts = stats.message_stats;
  const details = [counts?.ack_details, counts?.deliver_no_ack_details, counts?.get_no_ack_details];
  const rate = details.reduce((sum, one) => sum + (one?.avg_rate ?? 0), 0);
  return rate * (rateWindow / Math.min(rateWindow, uptime));
}

/**
 * `done` has the sampled rates of `toDone`, `failed` those of arrivals in the dead letter queues.
 * `now` in milliseconds since 1970.
 */
export function toRabbitmqMetrics(
  identity: Pick<QueueMetrics, "name" | "source" | "observedAt">,
  queue: RabbitmqQueue,
  facts: Broker,
  { done, failed }: Readonly<Record<"done" | "failed", SampledRates>>,
  now: number,
): QueueMetrics {
  const { totals, stats } = queue;
  const consumers = stats?.consumers ?? null;
  const measured: Measured = {
    depth: totals.messages_ready ?? 0,
    active: totals.messages_unacknowledged ?? null,
    dead: queue.dead,
    retrying: queue.retrying,
    oldest_age: toAge(queue, now),
    // Dead letters stay there until a person looks, so missing consumers are no alarm.
    workers: consumers === 0 && queue.isDeadLetterQueue ? null : consumers,
  };
  const brokerRate = toBrokerRate(stats, facts);
  const rateSeconds = brokerRate === null ? done.windowSeconds : Math.min(rateWindow, facts.uptime ?? rateWindow);
  return toQueueMetrics(identity, measured, {
    processedPerSec: brokerRate ?? done.processedPerSec,
    failures: failed.failures,
    failuresRecent: failed.failuresRecent,
    windowSeconds: failed.failures === null ? rateSeconds : failed.windowSeconds,
    // The broker's own rate covers at most the time since its start.
    restSeconds: brokerRate === 0 ? rateSeconds : done.restSeconds,
  });
}

/** Age of the next message, by its publisher's clock; only where publishers set timestamps. */
function toAge({ totals, stats }: RabbitmqQueue, now: number): number | null {
  const published = stats?.head_message_timestamp;
  if (!totals.messages_ready || typeof published !== "number") return null;
  return Math.max(0, now / 1000 - published);
}

/**
 * The number of messages that left lags behind the number held. If they still do not add up after
 * this time, milliseconds, messages were purged or expired.
 */
const settledMs = 30_000;

/**
 * Counts arrivals in dead letter queues, because RabbitMQ does not. Adds back the messages that
 * left, so that a consumer does not hide arrivals. `now`: a monotonic clock, milliseconds.
 */
export function createArrivals(now: () => number = () => performance.now()) {
  /**
   * `base`: messages that do not count as arrivals. `shortSince`: when there began to be fewer than
   * before.
   */
  const seen = new Map<
    string,
    { readonly base: number; readonly arrived: number; readonly shortSince: number | null }
  >();
  return {
    /**
     * Call it at each read, with the number of messages, and of those that consumers took. Returns
     * the arrivals since the first read.
     */
    count(key: string, held: number, left: number | null): number {
      const ever = held + (left ?? 0);
      const before = seen.get(key) ?? { base: ever, arrived: 0, shortSince: null };
      const arrived = Math.max(before.arrived, ever - before.base);
      const shortSince = ever - before.base < before.arrived ? (before.shortSince ?? now()) : null;
      const isGone = shortSince !== null && now() - shortSince >= settledMs;
      seen.set(key, isGone ? { base: ever - arrived, arrived, shortSince: null } : { ...before, arrived, shortSince });
      return arrived;
    },
    /** Drops all other queues, which are gone. */
    retain(keys: Pick<ReadonlySet<string>, "has">): void {
      for (const key of seen.keys()) if (!keys.has(key)) seen.delete(key);
    },
  };
}
