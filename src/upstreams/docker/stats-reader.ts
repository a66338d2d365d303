import { setImmediate } from "node:timers/promises";
import pLimit, { type LimitFunction } from "p-limit";
import { isEmpty, toLife } from "../../domain/stats.ts";
import type { TimedSample } from "../../domain/stats-window.ts";
import type { CgroupReader } from "./cgroup.ts";
import type { Engine } from "./engine.ts";
import { toSample, toStartedAt } from "./stats-answer.ts";

export interface StatsReader {
  /**
   * One sample, null for a container that is not running. Rejects with an OpsError; container_not_found when it has vanished. One that `begins`
   * a window has the life that was last known: when the next one, by an inspection after it, has the same, it was right.
   */
  read(engine: Engine, fullId: string, begins: boolean, ended: AbortSignal): Promise<TimedSample | null>;
}

interface StatsReaderOptions {
  /** Null to ask the engines only. */
  readonly cgroups: CgroupReader | null;
  /** For each sample. */
  readonly timeoutMs: number;
  /** Samples in flight on one engine: a limit of their own, so that hanging ones hold up nothing else. */
  readonly concurrency: number;
}

async function readHere(cgroups: CgroupReader, fullId: string): Promise<TimedSample | null> {
  await setImmediate();
  const at = performance.now();
  const sample = cgroups.read(fullId);
  return sample && { at, sample };
}

/** Reads the container's cgroup where it is here, and asks its engine where it is not. */
export function createStatsReader({ cgroups, timeoutMs, concurrency }: StatsReaderOptions): StatsReader {
  // Files are read in one go for each container, and other work gets its turn in between.
  const oneByOne = pLimit(1);
  const limits = new WeakMap<Engine, LimitFunction>();
  const limitOf = (engine: Engine) => {
    const limit = limits.get(engine) ?? pLimit(concurrency);
    limits.set(engine, limit);
    return limit;
  };
  return {
    async read(engine, fullId, begins, ended) {
      const here = cgroups && (await oneByOne(() => readHere(cgroups, fullId)));
      if (here) return here;
      return limitOf(engine)(() => engine.ask(timeoutMs, (signal) => askEngine(engine, fullId, begins, signal), ended));
    },
  };
}

async function askEngine(engine: Engine, fullId: string, begins: boolean, signal: AbortSignal): Promise<TimedSample | null> {
  const at = performance.now();
  const sample = toSample(await engine.client.call(fullId, "stats", { stream: "false", "one-shot": "true" }, signal));
  if (isEmpty(sample)) return null;
  const known = begins ? engine.inventory.snapshot(false).facts.get(fullId)?.startedAt : null;
  // After the sample, never before: only so does it tell whether the container was started in between.
  const startedAt = known ?? toStartedAt(await engine.client.call(fullId, "json", {}, signal));
  return { at, sample: { ...sample, life: toLife(sample.readAt, startedAt) } };
}
