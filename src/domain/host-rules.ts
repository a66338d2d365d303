import type { Host, HostReport, Thresholds } from "./host.ts";

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
