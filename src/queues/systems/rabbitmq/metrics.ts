import type { Measured } from "../../postgres/readings.ts";
import type { QueueMetrics } from "../../queue.ts";
import { type SampledRates, toQueueMetrics } from "../../rates.ts";
import type { QueueStats, QueueTotals } from "./client.ts";
import type { RabbitmqFacts } from "./dead-letters.ts";

/** Rates over less than this are none, seconds. */
const leastUptime = 60;
const rateWindow = 300;

/** What is known of one queue. */
export interface RabbitmqQueue {
  readonly totals: QueueTotals;
  readonly stats: QueueStats | undefined;
  /** Messages in the queues that take only its dead letters, null where there is none or they are shared. */
  readonly dead: number | null;
  /** The same of those that bring them back. */
  readonly retrying: number | null;
  /** Others' dead letters come here, so that nobody need take from it. */
  readonly isDeadLetterQueue: boolean;
}

type Broker = Pick<RabbitmqFacts, "hasRates" | "uptime">;

/** A state in which a queue answers nobody, and its numbers are missing or old. */
export function isDown({ state, messages_ready: ready }: QueueTotals): boolean {
  return ready === null || ready === undefined || /^(?:down|stopped|crashed|minority|noproc|terminated)/.test(state ?? "");
}

/** Messages that consumers have done with since the broker's start: acknowledged, or delivered where nobody acknowledges. Null where it is not counted. */
export function toDone(stats: QueueStats | undefined, { hasRates }: Broker): number | null {
  if (!hasRates || typeof stats?.messages !== "number") return null;
  const counts = stats.message_stats;
  return (counts?.ack ?? 0) + (counts?.deliver_no_ack ?? 0) + (counts?.get_no_ack ?? 0);
}

/**
 * The broker's own rate of the last 5 minutes, per second. It takes the time before its start for idle: that is taken out.
 * Source: shared/upstreams.md 5.1.
 */
export function toBrokerRate(stats: QueueStats | undefined, facts: Broker): number | null {
  const { hasRates, uptime } = facts;
  if (!hasRates || uptime === null || uptime < leastUptime || typeof stats?.messages !== "number") return null;
  const counts = stats.message_stats;
  const details = [counts?.ack_details, counts?.deliver_no_ack_details, counts?.get_no_ack_details];
  const rate = details.reduce((sum, one) => sum + (one?.avg_rate ?? 0), 0);
  return rate * (rateWindow / Math.min(rateWindow, uptime));
}

/** `done` and `failed` are sampled of `toDone`, and of the arrivals in its dead letter queues. `now` in milliseconds since 1970. */
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
    // Dead letters lie there until a person looks: that nobody takes them is no alarm.
    workers: consumers === 0 && queue.isDeadLetterQueue ? null : consumers,
  };
  const brokerRate = toBrokerRate(stats, facts);
  const rateSeconds = brokerRate === null ? done.windowSeconds : Math.min(rateWindow, facts.uptime ?? rateWindow);
  return toQueueMetrics(identity, measured, {
    processedPerSec: brokerRate ?? done.processedPerSec,
    failures: failed.failures,
    failuresRecent: failed.failuresRecent,
    windowSeconds: failed.failures === null ? rateSeconds : failed.windowSeconds,
  });
}

/** Of the next message, by its publisher's clock: only where publishers set timestamps. */
function toAge({ totals, stats }: RabbitmqQueue, now: number): number | null {
  const published = stats?.head_message_timestamp;
  if (!totals.messages_ready || typeof published !== "number") return null;
  return Math.max(0, now / 1000 - published);
}

/** Counts what arrived in dead letter queues: RabbitMQ does not. What left is added back, so that somebody who takes from them hides nothing. */
export interface Arrivals {
  /** To be told at each read: how many messages it has, and how many left it by consumers. Returns the arrivals since the first read. */
  count(key: string, held: number, left: number | null): number;
  /** Forgets all other queues: they are gone. */
  retain(keys: Pick<ReadonlySet<string>, "has">): void;
}

/** What left is told later than what is held; when that still does not add up after this time, milliseconds, messages were purged or expired. */
const settledMs = 30_000;

/** `now` in milliseconds, of a clock that only goes on. */
export function createArrivals(now: () => number = () => performance.now()): Arrivals {
  /** `base`: what was there and does not count. `shortSince`: since when there is less than there was. */
  const seen = new Map<string, { readonly base: number; readonly arrived: number; readonly shortSince: number | null }>();
  return {
    count(key, held, left) {
      const ever = held + (left ?? 0);
      const before = seen.get(key) ?? { base: ever, arrived: 0, shortSince: null };
      const arrived = ever - before.base;
      if (arrived >= before.arrived) seen.set(key, { ...before, arrived, shortSince: null });
      else {
        const shortSince = before.shortSince ?? now();
        const isGone = now() - shortSince >= settledMs;
        seen.set(
          key,
          isGone ? { base: ever - before.arrived, arrived: before.arrived, shortSince: null } : { ...before, shortSince },
        );
      }
      return seen.get(key)?.arrived ?? 0;
    },
    retain(keys) {
      for (const key of seen.keys()) if (!keys.has(key)) seen.delete(key);
    },
  };
}
