import pLimit from "p-limit";
import { createChanges } from "../../lib/broadcast.ts";
import { abortable } from "../../lib/abort.ts";
import { inTurns } from "../../lib/budget/budget.ts";
import type { Asker } from "../../lib/budget/fair-limit.ts";
import { toOpsError } from "../../lib/errors.ts";
import type { Container, ContainerKind, ContainerRef } from "../container.ts";
import type { ContainerObserver } from "../events.ts";
import type { ContainerListing, ContainerSource } from "../source.ts";
import type { EngineOptions } from "./address.ts";
import { createEngine, type Engine, type EngineSettings, type EngineView, findEngine } from "./engine/engine.ts";
import { createEventBroadcaster } from "./engine/event-feed.ts";
import type { Snapshot } from "./engine/inventory.ts";
import { createHealthProber } from "./health-exec.ts";
import { toDockerError } from "./http/errors.ts";
import { createImageReader } from "./images.ts";
import { readAround } from "./logs/around.ts";
import { readBeginning } from "./logs/beginning.ts";
import { createFollower } from "./logs/follow.ts";
import { readLogs } from "./logs/read.ts";
import { type Reading, runReading } from "./logs/reading.ts";
import { readStored } from "./logs/stored.ts";
import { createRestarter } from "./restart.ts";
import { createCgroupReader } from "./stats/cgroup.ts";
import { createStatsReader } from "./stats/read.ts";
import { createSampler } from "./stats/sampler.ts";

export interface ContainerSourceOptions extends Omit<EngineSettings, "fullLimit" | "changes" | "broadcaster"> {
  readonly engines: readonly EngineOptions[];
  readonly observer?: ContainerObserver;
  /** Per sample. @default 2000 */
  readonly statsTimeoutMs?: number;
  /** Shortest window of a CPU figure. @default 500 */
  readonly statsWindowMs?: number;
  /** How long a container is sampled after somebody asked. @default 60000 */
  readonly statsLeaseMs?: number;
  /**
   * Where this machine's cgroups are mounted, null to ask the engines only. @default
   * "/sys/fs/cgroup"
   */
  readonly cgroupRoot?: string | null;
  /** @default 5000 */
  readonly logsTimeoutMs?: number;
  /** How long a restart may take beyond the container's stop timeout. @default 15000 */
  readonly restartGraceMs?: number;
}

/**
 * The port to the container engines, over dockerode. An engine is watched from the first call that
 * needs its containers (`list`, `inspectNow` ...) until `close`; lists are answered from memory.
 */
export function createContainerSource(options: ContainerSourceOptions): ContainerSource {
  const { logsTimeoutMs = 5000 } = options;
  const changes = createChanges();
  const broadcaster = createEventBroadcaster(options.observer);
  const settings = { ...options, fullLimit: pLimit(32), changes, broadcaster };
  const follow = createFollower(logsTimeoutMs);
  const engines = new Map(options.engines.map((engine) => [engine.name, createEngine(engine, settings)]));
  const sampler = createSampler({
    reader: createStatsReader({
      cgroups: options.cgroupRoot === null ? null : createCgroupReader({ root: options.cgroupRoot }),
      timeoutMs: options.statsTimeoutMs ?? 2000,
    }),
    windowMs: options.statsWindowMs ?? 500,
    leaseMs: options.statsLeaseMs ?? 60_000,
    periodMs: 1500,
  });
  const readImages = createImageReader({
    services: options.rules.services,
    timeoutMs: options.inspectTimeoutMs ?? 2000,
  });
  const probe = createHealthProber();
  const restarter = createRestarter(options.restartGraceMs ?? 15_000);

  const measure = async (ref: ContainerRef, asker: Asker) => {
    try {
      return await sampler.measure(findEngine(engines, ref), ref.fullId, asker);
    } catch (error) {
      return toOpsError(error);
    }
  };

  return {
    ...createLister([...engines.values()]),
    lastListed: (engine) => engines.get(engine)?.lastListed() ?? null,
    everSeen: (engine) => engines.get(engine)?.everSeen() ?? null,
    findByName: async (name, engine, caller) => engines.get(engine)?.findByName(name, caller) ?? [],
    heard: () => [...engines.values()].flatMap((engine) => engine.heard()),
    images: async (signal) =>
      (await Promise.all([...engines.values()].map((engine) => readImages(engine, signal)))).flat(),
    changes: (signal) => changes.watch(signal),
    events: (accepts, signal) => broadcaster.read(accepts, signal),
    inspectNow: async (ref, caller) => restarter.inspect(findEngine(engines, ref), ref, caller),
    async stats(refs, budget) {
      const { signal } = budget;
      try {
        signal.throwIfAborted();
        const measured = await inTurns(refs, budget, (ref) => measure(ref, budget));
        return await abortable(Promise.all(measured), signal);
      } catch (error) {
        return refs.map(({ engine }) => toDockerError(error, engine));
      }
    },
    statsVersion: (refs) => sampler.version(refs, (ref) => findEngine(engines, ref)),
    statsHistory: (ref) => sampler.history(findEngine(engines, ref), ref.fullId),
    statsHistoryCached: ({ fullId }) => sampler.historyCached(fullId),
    async follow(ref, followOptions, signal) {
      const engine = findEngine(engines, ref);
      return follow(engine, ref, followOptions, signal).catch(failOf(engine));
    },
    async logs(ref, logOptions, budget) {
      const engine = findEngine(engines, ref);
      const { around, pattern, ...wanted } = logOptions;
      const times = { timeoutMs: logsTimeoutMs, budget };
      const read = ({ clock, ...reading }: Reading) =>
        around
          ? readAround(engine, ref, { ...wanted, ...reading, around }, { ...times, clock })
          : readLogs(engine, ref, { ...wanted, ...reading }, { ...times, clock, placed: true });
      return runReading(engine, pattern, times, read).catch(failOf(engine));
    },
    async logBeginning(ref, budget) {
      const engine = findEngine(engines, ref);
      const read = () => readBeginning(engine, ref, { timeoutMs: logsTimeoutMs, budget });
      return engine.limits.logs.run(budget, read).catch(failOf(engine));
    },
    async *stored(ref, storedOptions, signal) {
      const engine = findEngine(engines, ref);
      try {
        yield* readStored(engine, ref, storedOptions, signal);
      } catch (error) {
        failOf(engine)(error);
      }
    },
    restart: async (ref, stopSeconds, check) => restarter.restart(findEngine(engines, ref), ref, stopSeconds, check),
    probe: async (ref) => probe(findEngine(engines, ref), ref),
    markRestart: async (ref) => restarter.mark(findEngine(engines, ref), ref),
    locate: (place) => restarter.locate([...engines.values()], place),
    restartedSince: async (ref, since, until) => restarter.restartedSince(findEngine(engines, ref), ref, since, until),
    async close() {
      sampler.close();
      await restarter.settle();
      for (const engine of engines.values()) engine.close();
    },
  };
}

/** Rejects with the failure of an engine call as an OpsError. */
function failOf({ name }: Engine): (error: unknown) => never {
  return (error) => {
    throw toDockerError(error, name);
  };
}

type Lister = Pick<ContainerSource, "list" | "listCached" | "listRetired" | "listRunning">;

/**
 * Merges the engines' snapshots into one list: core containers first, then by name and engine.
 * Sorts again only when a snapshot has changed.
 */
export function createLister(engines: readonly Pick<Engine, "view" | "viewCached">[]): Lister {
  let snapshots: readonly (Snapshot | null)[] = [];
  let containers: readonly Container[] = [];
  const toListing = (views: readonly EngineView[]): ContainerListing => {
    if (views.some(({ snapshot }, index) => snapshot !== snapshots[index])) {
      snapshots = views.map(({ snapshot }) => snapshot);
      const rows = snapshots.flatMap((snapshot) => snapshot?.visible ?? []);
      containers = sortAgain(containers, rows);
    }
    return { containers, engines: views.map(({ status }) => status) };
  };
  const viewAll = (signal: AbortSignal) => Promise.all(engines.map(async (engine) => engine.view(signal)));
  return {
    list: async (signal) => toListing(await viewAll(signal)),
    listCached() {
      const views = engines.map((engine) => engine.viewCached());
      return views.every((view) => view !== null) ? toListing(views) : null;
    },
    listRetired: async (signal) => (await viewAll(signal)).flatMap(({ snapshot }) => snapshot?.listRetired() ?? []),
    async listRunning(signal) {
      const views = await viewAll(signal);
      const running = views.flatMap(({ snapshot }) => snapshot?.listRunning() ?? []);
      return { containers: running, engines: views.map(({ status }) => status) };
    },
  };
}

/**
 * Sorts rows of which most are in `before`, the list that was sorted last: those are in order
 * already.
 */
function sortAgain(before: readonly Container[], rows: readonly Container[]): readonly Container[] {
  const fresh = new Set(rows);
  const known = before.filter((row) => fresh.delete(row));
  if (fresh.size > known.length / 10) return [...known, ...fresh].toSorted(byKindAndName);
  const sorted: Container[] = [];
  let begin = 0;
  for (const row of [...fresh].toSorted(byKindAndName)) {
    const end = findPlace(known, row, begin);
    for (; begin < end; begin += 1) sorted.push(known[begin] as Container);
    sorted.push(row);
  }
  return [...sorted, ...known.slice(begin)];
}

/** The first index from `begin` on at which a row comes after this one. */
function findPlace(sorted: readonly Container[], row: Container, begin: number): number {
  let [low, high] = [begin, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (byKindAndName(sorted[middle] as Container, row) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

const rank: Readonly<Record<ContainerKind, number>> = { core: 0, accessory: 1, other: 2 };

function byKindAndName(a: Container, b: Container): number {
  if (a.kind !== b.kind) return rank[a.kind] - rank[b.kind];
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.engine < b.engine ? -1 : 1;
}
