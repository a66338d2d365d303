import { isDiskFull } from "../../facts/host.ts";
import type { HostPoint } from "../../hosts/history.ts";
import type { Host } from "../../hosts/host.ts";
import type { HistoryRange } from "../../lib/range.ts";
import type { HostLoaders } from "../hosts/loader.ts";
import type { Sources } from "../sources.ts";

/** How far back the start of a full file system is searched, and how precisely, seconds. */
const [searchedSeconds, stepSeconds] = [86_400, 300];
/** When a search that found nothing is repeated, ms. */
const againMs = 60_000;

/** Hosts whose history one check reads. */
const mostSearched = 20;

interface Found {
  /** RFC 3339. */
  readonly since: string | null;
  readonly searchedMs: number;
}

/** By instance: hosts whose fullest file system is full. */
const foundOf = new WeakMap<Sources, Map<string, Found>>();

/**
 * Since when the fullest file system of each host is full, to 5 minutes, from Prometheus: that
 * knows it after a restart of the gateway too. Searched once for each time it becomes full. Null if
 * it was full all day, or Prometheus does not say.
 */
export async function findFullSince(
  sources: Sources,
  hosts: readonly Host[],
  loaders: HostLoaders,
  nowMs: number,
): Promise<(host: Host) => string | null> {
  const before = foundOf.get(sources) ?? new Map<string, Found>();
  const full = hosts.filter(({ diskUtil }) => isDiskFull(diskUtil));
  const known = new Map(
    full.flatMap(({ instance }) => {
      const found = before.get(instance);
      return found && (found.since !== null || nowMs - found.searchedMs < againMs) ? [[instance, found] as const] : [];
    }),
  );
  foundOf.set(sources, known);
  const unsearched = full.filter(({ instance }) => !known.has(instance)).slice(0, mostSearched);
  const histories = loaders.history(toRange(nowMs));
  await Promise.all(
    unsearched.map(async ({ instance }) => {
      const points = await readPoints(histories, instance);
      known.set(instance, { since: findStart(points), searchedMs: nowMs });
    }),
  );
  return ({ instance }) => known.get(instance)?.since ?? null;
}

async function readPoints(histories: ReturnType<HostLoaders["history"]>, instance: string) {
  try {
    return (await histories.load(instance)).points;
  } catch {
    return [];
  }
}

function toRange(nowMs: number): HistoryRange {
  const steps = searchedSeconds / stepSeconds;
  const last = Math.floor(nowMs / 1000 / stepSeconds) * stepSeconds;
  return { from: last - (steps - 1) * stepSeconds, step: stepSeconds, steps };
}

/** The first point after the last one that was not full. Points without a value say nothing. */
function findStart(points: readonly HostPoint[]): string | null {
  const last = points.findLastIndex(({ diskUtil }) => diskUtil !== null && !isDiskFull(diskUtil));
  const first = points.find(({ diskUtil }, index) => index > last && diskUtil !== null);
  return last < 0 ? null : (first?.time ?? null);
}
