import { setImmediate as nextRound, setTimeout as sleep } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { type Asker, Waiters } from "../../../lib/budget/fair-limit.ts";
import { OpsError } from "../../../lib/errors.ts";
import type { ContainerRef, ContainerStats, StatsPoint } from "../../container.ts";
import { type StatsWindow, toContainerStats, toWindow } from "../../stats/stats.ts";
import { toDockerError } from "../http/errors.ts";
import type { SampledEngine, StatsReader } from "./read.ts";

export interface Sampler {
  /**
   * Null for a container that is not running or has vanished. From memory if its sample is fresh;
   * else joins the sampling under way or starts one.
   */
  measure(engine: SampledEngine, fullId: string, asker: Asker): Promise<ContainerStats | null>;
  /** As ContainerSource.statsVersion. Also continues sampling. */
  version(refs: readonly ContainerRef[], toEngine: (ref: ContainerRef) => SampledEngine): number | null;
  /** The remembered points. Also continues sampling. */
  history(engine: SampledEngine, fullId: string): readonly StatsPoint[];
  /** The same points; starts no sampling. */
  historyCached(fullId: string): readonly StatsPoint[];
  /** Aborts all sampling. */
  close(): void;
}

interface SamplerOptions {
  readonly reader: StatsReader;
  /** Shortest window of a CPU figure, and so the wait for a first answer. */
  readonly windowMs: number;
  /** How long a container is sampled after it was last asked about. */
  readonly leaseMs: number;
  readonly periodMs: number;
}

/** Oldest sample that is answered, ms. */
const maxAgeMs = 2000;
/**
 * How long a container that did not run is reported so from memory, ms: it may run again by now.
 */
const stillMs = 250;

/** What was known of some containers when their version was asked. */
interface Check {
  readonly changes: number;
  /** Until when this is valid if nothing changes, ms of `performance.now()`. */
  readonly until: number;
  readonly stats: readonly (ContainerStats | null)[];
  readonly version: number;
}

/** One container that somebody asked about. */
interface Entry {
  readonly engine: SampledEngine;
  readonly fullId: string;
  askedAt: number;
  window: StatsWindow | null;
  known: { readonly at: number; readonly stats: ContainerStats | null } | null;
  sampling: Sampling | null;
}

interface Sampling {
  readonly stats: Promise<ContainerStats | null>;
  /** Callers that wait for it. Its samples are taken when the first of them gets its turn. */
  readonly waiters: Waiters;
}

/**
 * Samplings without a request share the turns of one owner, so they delay no request by more than
 * one turn.
 */
const ours: Asker = { owner: "sampler", order: 0 };
/**
 * Most samplings without a request at a time: each one that waits for its turn holds about 4 kB.
 * Each engine gets a few of them, so an engine that does not answer delays no other.
 */
const mostOurs = 1000;
const leastOfEngine = 4;
/** How long samplings are started without a break, before other work gets its turn, ms. */
const turnMs = 1;

/**
 * Samples the containers that were asked about lately, so that asking again costs nothing; samples
 * nothing when nobody asks. A container that cannot be sampled is dropped until it is asked about
 * again.
 */
export function createSampler({ reader, windowMs, leaseMs, periodMs }: SamplerOptions): Sampler {
  const entries = new Map<string, Entry>();
  /** Of the containers sampled last: at most 1,000 with 120 points each, about 15 MB. */
  const histories = new LRUCache<string, readonly TimedPoint[]>({ max: 1000 });
  const checks = new WeakMap<readonly ContainerRef[], Check>();
  /**
   * What is to be sampled without a request, by engine: first what waits, then how many are under
   * way.
   */
  const due = new Map<SampledEngine, { readonly waiting: Set<Entry>; running: number }>();
  const closing = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  /** Changes of what is known of some container. */
  let changes = 0;
  let versions = 0;

  const read = async (entry: Entry, waiters: Waiters) => {
    const timed = await reader.read(entry.engine, entry.fullId, entry.window === null, waiters, closing.signal);
    entry.window = timed && toWindow(entry.window, timed, windowMs);
    return entry.window;
  };
  const sample = async (entry: Entry, waiters: Waiters) => {
    try {
      let window = await read(entry, waiters);
      if (window?.previous === null) {
        // A timer may fire a millisecond early.
        const restMs = window.current.at + windowMs + 2 - performance.now();
        await sleep(Math.max(0, restMs), undefined, { signal: closing.signal });
        window = await read(entry, waiters);
      }
      const stats = window && toContainerStats(window.previous?.sample ?? null, window.current.sample);
      const { at } = window?.current ?? { at: performance.now() };
      entry.known = { at, stats };
      if (stats) histories.set(entry.fullId, withPoint(histories.get(entry.fullId) ?? [], at, stats));
      return stats;
    } catch (error) {
      entries.delete(entry.fullId);
      if (error instanceof OpsError && error.code === "container_not_found") return null;
      throw toDockerError(error, entry.engine.name);
    } finally {
      changes++;
      entry.sampling = null;
    }
  };
  const refresh = (entry: Entry, asker: Asker): Promise<ContainerStats | null> => {
    if (!entry.sampling) {
      const waiters = new Waiters();
      entry.sampling = { waiters, stats: sample(entry, waiters) };
    }
    entry.sampling.waiters.join(asker);
    return entry.sampling.stats;
  };

  /** Starts the next samplings of an engine that nobody waits for. */
  const startOurs = (engine: SampledEngine) => {
    const own = due.get(engine);
    if (!own) return;
    const end = () => {
      own.running--;
      startOurs(engine);
    };
    const most = Math.max(leastOfEngine, Math.floor(mostOurs / due.size));
    for (const entry of own.waiting) {
      if (own.running >= most) return;
      own.waiting.delete(entry);
      if (entry.sampling || entries.get(entry.fullId) !== entry) continue;
      own.running++;
      refresh(entry, ours).then(end, end);
    }
    if (own.running === 0) due.delete(engine);
  };
  const sampleSoon = (entry: Entry) => {
    const own = due.get(entry.engine) ?? { waiting: new Set(), running: 0 };
    due.set(entry.engine, own);
    own.waiting.add(entry);
    startOurs(entry.engine);
  };

  const tick = async () => {
    const now = performance.now();
    let turnEndsAt = now + turnMs;
    for (const entry of entries.values()) {
      if (performance.now() >= turnEndsAt) {
        await nextRound();
        turnEndsAt = performance.now() + turnMs;
      }
      if (entry.sampling) continue;
      if (now - entry.askedAt > leaseMs) entries.delete(entry.fullId);
      else sampleSoon(entry);
    }
    timer = entries.size === 0 || closing.signal.aborted ? null : setTimeout(() => void tick(), periodMs).unref();
  };
  const touch = (engine: SampledEngine, fullId: string): Entry => {
    const now = performance.now();
    const entry = entries.get(fullId) ?? { engine, fullId, askedAt: now, window: null, known: null, sampling: null };
    entry.askedAt = now;
    entries.set(fullId, entry);
    if (!closing.signal.aborted) timer ??= setTimeout(() => void tick(), periodMs).unref();
    return entry;
  };
  const findFresh = ({ known, askedAt }: Entry) =>
    known && askedAt - known.at <= (known.stats ? maxAgeMs : stillMs) ? known.stats : undefined;
  return {
    version(refs, toEngine) {
      const now = performance.now();
      const last = checks.get(refs);
      if (last?.changes === changes && now < last.until) return last.version;
      const stats: (ContainerStats | null)[] = [];
      // Each is touched again well before its lease ends.
      let until = now + leaseMs / 4;
      for (const ref of refs) {
        const entry = touch(toEngine(ref), ref.fullId);
        const fresh = findFresh(entry);
        if (fresh === undefined) return null;
        until = Math.min(until, (entry.known?.at ?? 0) + (fresh ? maxAgeMs : stillMs));
        stats.push(fresh);
      }
      const isSame = last?.stats.every((one, index) => one === stats[index]) ?? false;
      const version = isSame && last ? last.version : ++versions;
      checks.set(refs, { changes, until, stats, version });
      return version;
    },
    async measure(engine, fullId, asker) {
      const entry = touch(engine, fullId);
      const fresh = findFresh(entry);
      return fresh === undefined ? refresh(entry, asker) : fresh;
    },
    history(engine, fullId) {
      const entry = touch(engine, fullId);
      if (!entry.known && !entry.sampling) sampleSoon(entry);
      return toPoints(histories.get(fullId));
    },
    historyCached: (fullId) => toPoints(histories.peek(fullId)),
    close() {
      closing.abort();
      if (timer) clearTimeout(timer);
      entries.clear();
      due.clear();
    },
  };
}

function toPoints(points: readonly TimedPoint[] = []): readonly StatsPoint[] {
  return recent(points, performance.now()).map(({ point }) => point);
}

/** Age limit of a point, and distance between two, milliseconds: at most 120 points. */
const historyMs = 600_000;
const stepMs = 5000;

/** A point and its sampling time, milliseconds of a monotonic clock. */
export interface TimedPoint {
  readonly at: number;
  readonly point: StatsPoint;
}

/**
 * The points after one more sample, oldest first: one each five seconds, of the last ten minutes.
 * The same array when it adds none.
 */
export function withPoint(points: readonly TimedPoint[], at: number, stats: ContainerStats): readonly TimedPoint[] {
  const last = points.at(-1);
  // A slightly early tick still counts.
  if (last && at - last.at < stepMs * 0.9) return points;
  const { sampledAt, cpuPct, memPct, memUsedBytes } = stats;
  return [...recent(points, at), { at, point: { sampledAt, cpuPct, memPct, memUsedBytes } }];
}

/** The points of the last ten minutes. */
export function recent(points: readonly TimedPoint[], now: number): readonly TimedPoint[] {
  return points.filter(({ at }) => now - at <= historyMs);
}
