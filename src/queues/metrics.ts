import type { Measured } from "./postgres/statements.ts";
import type { JobCounters, Quantiles, QueueMetrics } from "./queue.ts";

const processedWindowSeconds = 300;

/**
 * Makes the port's metrics from measured values; what was not measured is null. `sampled` fills the
 * windows that the rows do not cover.
 */
export function toQueueMetrics(
  { name, source, observedAt }: Pick<QueueMetrics, "name" | "source" | "observedAt">,
  measured: Measured,
  sampled: SampledRates | null = null,
): QueueMetrics {
  const { processed, paused } = measured;
  return {
    name,
    source,
    depth: measured.depth ?? 0,
    processedPerSec:
      typeof processed === "number" ? processed / processedWindowSeconds : number(sampled?.processedPerSec),
    ...toFailures(measured, sampled),
    active: number(measured.active),
    deferred: number(measured.deferred),
    retrying: number(measured.retrying),
    dead: number(measured.dead),
    oldestAgeSeconds: number(measured.oldest_age),
    waitSeconds: toQuantiles(measured.wait_p50, measured.wait_p95),
    runSeconds: toQuantiles(measured.run_p50, measured.run_p95),
    ...(measured.oldest_run !== undefined && { oldestRunSeconds: measured.oldest_run }),
    ...(typeof measured.taken_age === "number" && { takenSeconds: measured.taken_age }),
    ...(typeof measured.running_ids === "number" && { runningIds: measured.running_ids }),
    ...(sampled && { restSeconds: sampled.restSeconds }),
    paused: typeof paused === "number" ? paused === 1 : null,
    workers: number(measured.workers),
    exact: sampled === null,
    windowSeconds: usesSamples(measured, sampled) ? number(sampled?.windowSeconds) : null,
    observedAt,
  };
}

/** Whether the rate or the failures come from samples. */
function usesSamples({ processed, failures }: Measured, sampled: SampledRates | null): boolean {
  const { processedPerSec = null, failures: sampledFailures = null } = sampled ?? {};
  const hasRate = typeof processed !== "number" && processedPerSec !== null;
  return hasRate || (typeof failures !== "number" && sampledFailures !== null);
}

/**
 * Uses samples only where the rows do not count failures. Rows may count them even where the rate
 * is sampled.
 */
function toFailures(
  { failures, failures_recent: recent, failures_seen: seen, failures_seen_recent: seenRecent }: Measured,
  sampled: SampledRates | null,
): Pick<QueueMetrics, "failuresLastHour" | "failuresRecent" | "failuresSeen"> {
  if (typeof failures === "number") return { failuresLastHour: failures, failuresRecent: number(recent) };
  return {
    ...(typeof seen === "number" && { failuresSeen: { lastHour: seen, recent: seenRecent ?? 0 } }),
    failuresLastHour: number(sampled?.failures),
    failuresRecent: number(sampled?.failuresRecent),
  };
}

function number(value: number | null | undefined): number | null {
  return value ?? null;
}

function toQuantiles(p50: number | null | undefined, p95: number | null | undefined): Quantiles | null {
  return typeof p50 === "number" && typeof p95 === "number" ? { p50, p95 } : null;
}

/** Rates from samples of a queue's counters. Null until the samples are a minute apart. */
export interface SampledRates {
  readonly processedPerSec: number | null;
  /** Failures since the oldest sample, at most an hour ago. */
  readonly failures: number | null;
  /** Failures in 300 s, at the rate since the sample from which `processedPerSec` is counted. */
  readonly failuresRecent: number | null;
  /** How far the samples reach back, seconds. */
  readonly windowSeconds: number | null;
  /**
   * For how long the samples show that nothing succeeded, seconds; null where successes are not
   * counted.
   */
  readonly restSeconds: number | null;
}

interface Sample extends JobCounters {
  /** Milliseconds. */
  readonly at: number;
}

const stepMs = 10_000;
const sampleMs = 61 * 60_000;
const hourMs = 3_600_000;
const rateMs = 300_000;
/** A shorter window gives no rate. */
const leastMs = 60_000;

/**
 * Computes the rates of systems that delete the rows of finished jobs, from differences between
 * real samples. Samples are taken at reads, so only while clients poll. `now`: a monotonic clock,
 * milliseconds.
 */
export function createSamples(now: () => number = () => performance.now()) {
  /**
   * Oldest first. The last sample is from the newest read; each read replaces it until it is a step
   * away from the one before.
   */
  const rings = new Map<string, Sample[]>();

  return {
    /**
     * Call it at each read. Retains one sample per 10 s for the last 5 minutes, and one per minute
     * before that. If a counter went down, it was reset (a restart, a purge), and its samples are
     * dropped.
     */
    add(queue: string, counters: JobCounters): void {
      const at = now();
      const ring = rings.get(queue) ?? [];
      rings.set(queue, ring);
      const last = ring.at(-1);
      if (last && beganAnew(counters, last)) ring.length = 0;
      const before = ring.at(-2);
      if (before && (ring.at(-1)?.at ?? 0) - before.at < stepMs) ring.pop();
      ring.push({ at, ...counters });
      while (ring[1] && at - ring[1].at >= sampleMs) ring.shift();
      thin(ring, at - rateMs - stepMs);
    },
    rates(queue: string): SampledRates {
      const ring = rings.get(queue) ?? [];
      const newest = ring.at(-1);
      if (!newest) return unknownRates;
      const first = startOf(ring, newest.at - hourMs);
      const begin = startOf(ring, newest.at - rateMs);
      if (!first || !begin || newest.at - begin.at < leastMs) return unknownRates;
      const processed = difference(newest.processed, begin.processed);
      const failed = difference(newest.failures, begin.failures);
      const ms = newest.at - begin.at;
      return {
        processedPerSec: processed === null ? null : processed / (ms / 1000),
        failures: difference(newest.failures, first.failures),
        failuresRecent: failed === null ? null : failed * (rateMs / ms),
        windowSeconds: Math.min(hourMs, newest.at - first.at) / 1000,
        restSeconds: toRest(ring),
      };
    },
    /** Drops the samples of all other queues, which are gone. */
    retain(queues: Pick<ReadonlySet<string>, "has">): void {
      for (const queue of rings.keys()) if (!queues.has(queue)) rings.delete(queue);
    },
  };
}

/** The rates of a queue without samples a minute apart. */
export const unknownRates: SampledRates = {
  processedPerSec: null,
  failures: null,
  failuresRecent: null,
  windowSeconds: null,
  restSeconds: null,
};

/**
 * For how long the count of successes has not changed: the age of the first sample with the current
 * count.
 */
function toRest(ring: readonly Sample[]): number | null {
  const newest = ring.at(-1);
  if (!newest || newest.processed === null) return null;
  const moved = ring.findLastIndex(({ processed }) => processed !== newest.processed);
  return (newest.at - (ring[moved + 1] ?? newest).at) / 1000;
}

/**
 * Retains one sample per minute of those older than `before`, so that a queue needs 100 samples
 * instead of 366.
 */
function thin(ring: Sample[], before: number): void {
  const index = ring.findLastIndex(({ at }) => at < before);
  const [older, middle] = [ring[index - 1], ring[index]];
  if (index >= 2 && older && middle && middle.at - older.at < leastMs) ring.splice(index, 1);
}

/**
 * The sample that a window begins with: its oldest one, or the newest one before the window if that
 * is too recent (no reads for a while).
 */
function startOf(ring: readonly Sample[], from: number): Sample | undefined {
  const index = ring.findIndex(({ at }) => at >= from);
  const inside = ring[index];
  const newest = ring.at(-1);
  if (inside && newest && newest.at - inside.at >= leastMs) return inside;
  return ring[index - 1] ?? inside;
}

/**
 * Whether the counters of two successive reads cannot be compared, because they started again in
 * between.
 */
export function beganAnew(now: JobCounters, before: JobCounters): boolean {
  return now.since !== before.since || isLess(now.processed, before.processed) || isLess(now.failures, before.failures);
}

function isLess(now: number | null, before: number | null): boolean {
  return now !== null && before !== null && now < before;
}

export function difference(now: number | null, before: number | null): number | null {
  return now === null || before === null ? null : now - before;
}

/**
 * The maximum number of queue names remembered per source, besides the configured ones. A "queue"
 * column with more values does not hold queue names.
 */
export const knownQueuesLimit = 10_000;

/**
 * The queues of one source that are listed even when empty: the configured ones, and those seen
 * since the start.
 */
export function createKnownQueues(configured: readonly string[]) {
  /** The names unseen for longest come first. */
  const seen = new Set<string>();
  return {
    /**
     * Takes all queue names of one read and remembers every one. Beyond the limit it forgets those
     * unseen for longest.
     */
    see(names: Iterable<string>): void {
      const read = new Set(names);
      for (const name of read) {
        seen.delete(name);
        seen.add(name);
      }
      const most = Math.max(knownQueuesLimit, read.size);
      for (const name of seen) {
        if (seen.size <= most) break;
        seen.delete(name);
      }
    },
    names: (): ReadonlySet<string> => new Set([...configured, ...seen]),
  };
}

/**
 * Largest p95 of run times, seconds, in a clock hour and in the one before; null where none was
 * read.
 */
interface UsualRun {
  readonly hour: number;
  readonly largest: number;
  readonly before: number | null;
}

/** The oldest running job of a queue at the last read. */
interface Oldest {
  readonly seconds: number;
  /** Milliseconds. */
  readonly at: number;
  readonly observedAt: string;
}

/**
 * If two reads are further apart than this, the run time of a job that ended in between is too
 * uncertain.
 */
const mostRestMs = 60_000;
/** Tolerance between the ages of two reads, seconds. */
const jitterSeconds = 0.5;

/**
 * Remembers how long jobs usually run, for the queues of one source: while a worker hangs nothing
 * ends, and the rows no longer show it.
 */
export function createRunTimes(now: () => number = Date.now) {
  let known: ReadonlyMap<string, UsualRun> = new Map();
  let oldest: ReadonlyMap<string, Oldest> = new Map();

  /**
   * If the oldest running job of the last read has ended since, the longest it can have run,
   * seconds; else null.
   */
  const toEndedRun = ({ name, observedAt, oldestRunSeconds = null }: QueueMetrics): number | null => {
    const before = oldest.get(name);
    // This is the same read again.
    if (!before || before.observedAt === observedAt) return null;
    const rest = now() - before.at;
    const most = before.seconds + rest / 1000;
    const hasEnded = oldestRunSeconds === null || oldestRunSeconds < most - jitterSeconds;
    return hasEnded && rest <= mostRestMs ? most : null;
  };
  const toOldest = ({ name, observedAt, oldestRunSeconds }: QueueMetrics): readonly (readonly [string, Oldest])[] => {
    if (typeof oldestRunSeconds !== "number") return [];
    const before = oldest.get(name);
    return [[name, before?.observedAt === observedAt ? before : { seconds: oldestRunSeconds, at: now(), observedAt }]];
  };
  return {
    /** Takes run times from before the first `add`, seconds; they count as read now. */
    learn(p95s: ReadonlyMap<string, number>): void {
      const hour = Math.floor(now() / hourMs);
      known = new Map(
        [...p95s].map(([name, p95]) => [
          name,
          toUsualRun(known.get(name), p95, hour) ?? { hour, largest: p95, before: null },
        ]),
      );
    },
    /**
     * Returns the queues with their `usualRunSeconds`, and records their current run times. Forgets
     * all other queues.
     */
    add(queues: readonly QueueMetrics[]): readonly QueueMetrics[] {
      const hour = Math.floor(now() / hourMs);
      const next = new Map<string, UsualRun>();
      const shown = queues.map((queue) => {
        const own = toUsualRun(known.get(queue.name), queue.runSeconds?.p95 ?? toEndedRun(queue), hour);
        if (own) next.set(queue.name, own);
        return { ...queue, usualRunSeconds: own ? Math.max(own.largest, own.before ?? 0) : null };
      });
      known = next;
      oldest = new Map(queues.flatMap(toOldest));
      return shown;
    },
  };
}

function toUsualRun(known: UsualRun | undefined, p95: number | null, hour: number): UsualRun | undefined {
  if (p95 === null) return known;
  if (known?.hour === hour) return { ...known, largest: Math.max(known.largest, p95) };
  return { hour, largest: p95, before: known?.hour === hour - 1 ? known.largest : null };
}
