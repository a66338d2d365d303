import { isHot } from "../facts/host.ts";
import type { HistoryRange } from "../lib/range.ts";
import type { HostHistory } from "./history.ts";

/**
 * One machine, from node-exporter. Utilisations are 0..1; null where Prometheus has no usable
 * sample.
 */
export interface Host {
  /** Node name from node_uname_info, else the instance without its port; unique in an answer. */
  readonly name: string;
  /** Prometheus' `instance` label. */
  readonly instance: string;
  /** `down` when its exporter does not answer Prometheus: the last two scrapes failed (up == 0). */
  readonly status: "up" | "down";
  readonly cpuUtil: number | null;
  readonly memUtil: number | null;
  /** The fullest real file system, and where that is. */
  readonly diskUtil: number | null;
  readonly diskMountpoint: string | null;
  readonly diskDevice: string | null;
  readonly load1: number | null;
  readonly networkReceiveBytesPerSec: number | null;
  readonly networkTransmitBytesPerSec: number | null;
  /** True at or above either threshold, and for a host that is down. */
  readonly alert: boolean;
  /** Why values are null; null when all are known. */
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

/**
 * The port to the host metrics. Rejects with prometheus_unavailable when nothing usable is there.
 */
export interface HostSource {
  report(signal: AbortSignal): Promise<HostReport>;
  /** The report that `report` would return at once; null where it would ask. */
  reportCached(): HostReport | null;
  /**
   * The past by `Host.instance`, which is unique; the names are those of `report`. Hosts without
   * data are missing. Rejects with prometheus_unavailable, and with invalid_request for a range
   * whose answer is too large.
   */
  history(
    range: HistoryRange,
    instances: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, HostHistory>>;
  close(): Promise<void>;
}

/** A host before the rules that need its values or the other hosts. */
export type HostReading = Omit<Host, "name" | "alert"> & {
  /** node_uname_info's nodename; null when missing. */
  readonly nodename: string | null;
};

/**
 * True at or above either threshold, and for a host that is down. An unknown value (null) raises no
 * alert.
 */
export function isAlerting(reading: Pick<Host, "status" | "cpuUtil" | "memUtil">, thresholds: Thresholds): boolean {
  if (reading.status === "down") return true;
  return isHot(reading.cpuUtil, thresholds.cpu) || isHot(reading.memUtil, thresholds.mem);
}

/** Adds alerts and unique names; sorts by name. Instances must differ. */
export function assembleReport(
  readings: readonly HostReading[],
  thresholds: Thresholds,
  updatedAt: string,
): HostReport {
  const names = nameHosts(readings);
  const hosts = readings.map(({ nodename: _nodename, ...reading }, index): Host => {
    return { name: names[index] ?? reading.instance, ...reading, alert: isAlerting(reading, thresholds) };
  });
  return { hosts: hosts.toSorted((a, b) => (a.name < b.name ? -1 : 1)), thresholds, updatedAt };
}

/**
 * A unique name for each: the node name, else the instance without its port. Hosts with the same
 * name ("localhost", cloned machines) all get their instance appended, so that no name depends on
 * the order of the answer.
 */
export function nameHosts(hosts: readonly { readonly nodename: string | null; readonly instance: string }[]): string[] {
  let names = hosts.map((host) => host.nodename || withoutPort(host.instance));
  // A node may have the name of a result ("a (b:1)"), so repeat. It ends, because every round makes
  // names longer and instances differ.
  for (;;) {
    const count = new Map<string, number>();
    for (const name of names) count.set(name, (count.get(name) ?? 0) + 1);
    if (count.size === names.length) return names;
    names = names.map((name, index) => ((count.get(name) ?? 0) > 1 ? `${name} (${hosts[index]?.instance})` : name));
  }
}

/** `10.0.0.1:9100` -> `10.0.0.1`, `[::1]:9100` -> `::1`; other text is unchanged. */
function withoutPort(instance: string): string {
  return /^\[(.+)\]:\d+$/.exec(instance)?.[1] ?? /^([^:]+):\d+$/.exec(instance)?.[1] ?? instance;
}
