import DataLoader from "dataloader";
import type { Host, HostReport } from "../../domain/host.ts";
import { maySee } from "../../domain/principal.ts";
import { OpsError } from "../../errors.ts";
import type { Caller, Sources } from "../context.ts";
import { once } from "./once.ts";

export interface HostLoaders {
  /** All hosts in one question to Prometheus. */
  report(): Promise<HostReport>;
  /** By node name, by instance, or by the instance's address without its port; null when Prometheus knows none. */
  readonly byName: DataLoader<string, Host | null>;
}

/** Hosts carry no environment of their own: a limited token sees them only where ENV names one of its environments. */
export function createHostLoaders(sources: Sources, { principal, signal }: Caller): HostLoaders {
  const report = once(async () => {
    if (!maySee(principal, sources.env)) throw new OpsError("forbidden", "The hosts belong to no environment of this token");
    return sources.hosts.report(signal);
  });
  const byName = new DataLoader<string, Host | null>(async (names) => {
    const index = toIndex((await report()).hosts);
    return names.map((name) => index.get(name) ?? null);
  });
  return { report, byName };
}

function toIndex(hosts: readonly Host[]): Map<string, Host> {
  const index = new Map<string, Host>();
  for (const host of hosts) index.set(host.instance.replace(/:\d+$/, ""), host);
  for (const host of hosts) index.set(host.instance, host);
  for (const host of hosts) index.set(host.name, host);
  return index;
}
