import { useMemo } from "preact/hooks";
import { ConsoleHostContainersDocument } from "../../../generated/console.ts";
import { type ContainerRow, containers } from "./containers.ts";
import { useLive } from "./live.ts";

/**
 * The containers of each machine by its name, as Prometheus knows it. Null before the first answer.
 */
export function useContainersByHost(): ReadonlyMap<string, readonly ContainerRow[]> | null {
  const { data } = useLive(ConsoleHostContainersDocument, {}, { everyMs: 15_000 }).value;
  const rows = containers.value;
  return useMemo(() => {
    if (!data?.containers || rows === null) return null;
    const hosts = new Map(data.containers.map(({ id, hostMetrics }) => [id, hostMetrics?.name]));
    const byHost = new Map<string, ContainerRow[]>();
    for (const row of rows) {
      const host = hosts.get(row.id);
      if (host === undefined) continue;
      const members = byHost.get(host) ?? [];
      if (members.length === 0) byHost.set(host, members);
      members.push(row);
    }
    return byHost;
  }, [data, rows]);
}
