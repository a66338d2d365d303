import type { HistoryRange } from "../lib/range.ts";
import type { HostHistory } from "./history.ts";

/** One machine as node-exporter sees it. Utilisations are 0..1; null where Prometheus has no usable sample. */
export interface Host {
  /** Node name from node_uname_info; the instance without its port where that is missing; unique in an answer. */
  readonly name: string;
  /** Prometheus' `instance` label. */
  readonly instance: string;
  /** `down` when its exporter does not answer Prometheus (up == 0). */
  readonly status: "up" | "down";
  readonly cpuUtil: number | null;
  readonly memUtil: number | null;
  /** The fullest real file system. */
  readonly diskUtil: number | null;
  readonly load1: number | null;
  readonly networkReceiveBytesPerSec: number | null;
  readonly networkTransmitBytesPerSec: number | null;
  /** True at or above either threshold, and for a host that is down. */
  readonly alert: boolean;
  /** Why a value is null, null when none is. */
  readonly reason: string | null;
}

export interface Thresholds {
  readonly cpu: number;
  readonly mem: number;
}

export interface HostReport {
  /** Sorted by name. */
  readonly hosts: readonly Host[];
  readonly thresholds: Thresholds;
  /** Evaluation time of the numbers at Prometheus, RFC 3339 UTC with seconds. */
  readonly updatedAt: string;
}

/** The port to the host metrics. Rejects with prometheus_unavailable when there is nothing usable at all. */
export interface HostSource {
  report(signal: AbortSignal): Promise<HostReport>;
  /**
   * The past, by `Host.instance`, which is what tells hosts apart: their names are those of `report`. Hosts of which nothing is known are
   * missing. Rejects with prometheus_unavailable, and with invalid_request for a range that holds more than can be answered.
   */
  history(range: HistoryRange, instances: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, HostHistory>>;
  close(): Promise<void>;
}

/** A host before the rules that need its values, or the other hosts, are applied. */
export type HostReading = Omit<Host, "name" | "alert"> & {
  /** node_uname_info's nodename, null where that is missing. */
  readonly nodename: string | null;
};

/** True at or above either threshold, and for a host that is down; an unknown value (null) raises no alert of its own. */
export function isAlerting(reading: Pick<Host, "status" | "cpuUtil" | "memUtil">, thresholds: Thresholds): boolean {
  if (reading.status === "down") return true;
  return (reading.cpuUtil ?? -1) >= thresholds.cpu || (reading.memUtil ?? -1) >= thresholds.mem;
}

/** The answer to "which host is hot": alerts and unique names added, sorted by name. Instances must differ. */
export function assembleReport(readings: readonly HostReading[], thresholds: Thresholds, updatedAt: string): HostReport {
  const names = nameHosts(readings);
  const hosts = readings.map(({ nodename: _nodename, ...reading }, index): Host => {
    return { name: names[index] ?? reading.instance, ...reading, alert: isAlerting(reading, thresholds) };
  });
  return { hosts: hosts.toSorted((a, b) => (a.name < b.name ? -1 : 1)), thresholds, updatedAt };
}

/**
 * A unique name for each: the node name, else the instance without its port. Hosts that share one ("localhost", cloned machines)
 * all get their instance appended, so that no name depends on the order of the answer.
 */
export function nameHosts(hosts: readonly { readonly nodename: string | null; readonly instance: string }[]): string[] {
  let names = hosts.map((host) => host.nodename || withoutPort(host.instance));
  // A node may be called like the result ("a (b:1)"), so repeat. Every round makes names longer and instances differ: it ends.
  for (;;) {
    const count = new Map<string, number>();
    for (const name of names) count.set(name, (count.get(name) ?? 0) + 1);
    if (count.size === names.length) return names;
    names = names.map((name, index) => ((count.get(name) ?? 0) > 1 ? `${name} (${hosts[index]?.instance})` : name));
  }
}

/** `10.0.0.1:9100` -> `10.0.0.1`, `[::1]:9100` -> `::1`; anything else as it is. */
function withoutPort(instance: string): string {
  return /^\[(.+)\]:\d+$/.exec(instance)?.[1] ?? /^([^:]+):\d+$/.exec(instance)?.[1] ?? instance;
}
