import { abortable } from "../../domain/abortable.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerStats, StatsPoint } from "../../domain/container.ts";
import { toContainerStats } from "../../domain/stats.ts";
import { type StatsWindow, toWindow } from "../../domain/stats-window.ts";
import { OpsError } from "../../errors.ts";
import type { Engine } from "./engine.ts";
import { toDockerError } from "./failure.ts";
import { createStatsHistory } from "./sampler-history.ts";
import type { StatsReader } from "./stats-reader.ts";

export interface Sampler {
  /** Null for a container that is not running or has vanished. From memory when its sample is fresh; else joins or starts one. */
  measure(engine: Engine, fullId: string, signal: AbortSignal): Promise<ContainerStats | null>;
  /** The points remembered, and a reason to keep on sampling. */
  history(engine: Engine, fullId: string): readonly StatsPoint[];
  /** Ends everything that is under way. */
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

/** Answers never hold an older sample, ms. */
const maxAgeMs = 2000;
/** Nor is one that did not run then told to be so for longer, ms: it may run again by now. */
const stillMs = 250;

/** One container that somebody asked about. */
interface Entry {
  readonly engine: Engine;
  readonly fullId: string;
  askedAt: number;
  window: StatsWindow | null;
  known: { readonly at: number; readonly stats: ContainerStats | null } | null;
  sampling: Promise<ContainerStats | null> | null;
}

/**
 * Samples the containers that were asked about lately, so that asking about them again costs nothing; samples nothing when nobody
 * asks. One that cannot be sampled is left alone until it is asked about again.
 */
export function createSampler({ reader, windowMs, leaseMs, periodMs }: SamplerOptions): Sampler {
  const entries = new Map<string, Entry>();
  const history = createStatsHistory();
  const closing = new AbortController();
  let timer: NodeJS.Timeout | null = null;

  const read = async (entry: Entry) => {
    const timed = await reader.read(entry.engine, entry.fullId, entry.window === null, closing.signal);
    entry.window = timed && toWindow(entry.window, timed, windowMs);
    return entry.window;
  };
  const sample = async (entry: Entry) => {
    try {
      let window = await read(entry);
      if (window?.previous === null) {
        // A timer may end a millisecond early.
        const restMs = window.current.at + windowMs + 2 - performance.now();
        await sleep(Math.max(0, restMs), undefined, { signal: closing.signal });
        window = await read(entry);
      }
      const stats = window && toContainerStats(window.previous?.sample ?? null, window.current.sample);
      const { at } = window?.current ?? { at: performance.now() };
      entry.known = { at, stats };
      if (stats) history.add(entry.fullId, at, stats);
      return stats;
    } catch (error) {
      entries.delete(entry.fullId);
      if (error instanceof OpsError && error.code === "container_not_found") return null;
      throw toDockerError(error, entry.engine.name);
    } finally {
      entry.sampling = null;
    }
  };
  const refresh = (entry: Entry) => (entry.sampling ??= sample(entry));

  const tick = () => {
    const now = performance.now();
    for (const entry of entries.values()) {
      if (entry.sampling) continue;
      if (now - entry.askedAt > leaseMs) entries.delete(entry.fullId);
      else refresh(entry).catch(() => {});
    }
    timer = entries.size === 0 ? null : setTimeout(tick, periodMs).unref();
  };
  const touch = (engine: Engine, fullId: string): Entry => {
    const now = performance.now();
    const entry = entries.get(fullId) ?? { engine, fullId, askedAt: now, window: null, known: null, sampling: null };
    entry.askedAt = now;
    entries.set(fullId, entry);
    if (!closing.signal.aborted) timer ??= setTimeout(tick, periodMs).unref();
    return entry;
  };
  return {
    async measure(engine, fullId, signal) {
      const entry = touch(engine, fullId);
      if (entry.known && entry.askedAt - entry.known.at <= (entry.known.stats ? maxAgeMs : stillMs)) return entry.known.stats;
      try {
        signal.throwIfAborted();
        return await abortable(refresh(entry), signal);
      } catch (error) {
        throw toDockerError(error, engine.name);
      }
    },
    history(engine, fullId) {
      const entry = touch(engine, fullId);
      if (!entry.known) refresh(entry).catch(() => {});
      return history.of(fullId);
    },
    close() {
      closing.abort();
      if (timer) clearTimeout(timer);
      entries.clear();
    },
  };
}
