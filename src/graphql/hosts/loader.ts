import { maySee } from "../../auth/principal.ts";
import { type HostHistory, toHostHistory } from "../../hosts/history.ts";
import type { Host, HostReport } from "../../hosts/host.ts";
import { once } from "../../lib/cache.ts";
import { type Known, type KnownLoader, onceKnown } from "../../lib/known.ts";
import { OpsError } from "../../lib/errors.ts";
import type { HistoryRange } from "../../lib/range.ts";
import { noteHosts } from "../list-lengths.ts";
import { createRangeLoaders } from "../range.ts";
import type { Caller, Sources } from "../sources.ts";

export interface HostLoaders {
  /** All hosts, in one Prometheus query. */
  report(): Promise<HostReport>;
  /** Finds a host by its node name, its instance, or its instance without the port. */
  index(): Known<ReadonlyMap<string, Host>>;
  /**
   * History over one range by instance, in one Prometheus query for all of them; all points are
   * null where nothing is known.
   */
  history(range: HistoryRange): KnownLoader<string, HostHistory>;
}

/**
 * Hosts have no environment of their own: a limited token sees them only where ENV names one of its
 * environments.
 */
export function createHostLoaders(sources: Sources, { principal, signal, budget }: Caller): HostLoaders {
  const requireVisible = () => {
    if (!maySee(principal, sources.env))
      throw new OpsError("forbidden", "The hosts belong to no environment of this token");
  };
  const report = once(async () => {
    requireVisible();
    const read = await sources.hosts.report(signal);
    noteHosts(sources, read.hosts.length);
    return read;
  });
  const history = createRangeLoaders<string, HostHistory>(
    budget,
    async (range, instances) => {
      requireVisible();
      const found = await sources.hosts.history(range, instances, signal);
      return instances.map((instance) => found.get(instance) ?? toHostHistory(range, []));
    },
    (instance) => instance,
  );
  return { report, index: onceKnown(async () => toIndex((await report()).hosts)), history };
}

function toIndex(hosts: readonly Host[]): Map<string, Host> {
  const index = new Map<string, Host>();
  for (const host of hosts) index.set(host.instance.replace(/:\d+$/, ""), host);
  for (const host of hosts) index.set(host.instance, host);
  for (const host of hosts) index.set(host.name, host);
  return index;
}
