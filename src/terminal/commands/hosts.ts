import { compareHosts, type HostNumberName, hostNumberNames, hostNumbers, toHostState } from "../../facts/host.ts";
import { formatFact } from "../../facts/number.ts";
import { Hosts, type HostsQuery } from "../../client/client.ts";
import { formatText } from "../../facts/format.ts";
import { defineList } from "../list.ts";

type Row = NonNullable<HostsQuery["hosts"]>[number];

/** Which columns are left out first if there is no room for all. */
const drops: Readonly<Partial<Record<HostNumberName, { readonly drop: number }>>> = {
  networkReceiveBytesPerSec: { drop: 2 },
  networkTransmitBytesPerSec: { drop: 1 },
};

export const hostsCommand = defineList({
  name: "hosts",
  summary: "hosts: CPU, memory, disk and load, from Prometheus",
  columns: [
    { head: "HOST", text: ({ name }: Row) => name, mayCut: "middle", least: 16 },
    {
      head: "STATE",
      text: (row) => toHostState(row).word,
      tone: (row) => toHostState(row).tone,
    },
    ...hostNumberNames.map((name) => ({
      head: hostNumbers[name].label.toUpperCase(),
      text: (row: Row) => formatFact(hostNumbers[name], row[name]),
      isNumber: true,
      ...drops[name],
    })),
    { head: "INSTANCE", text: ({ instance }) => instance, isWide: true },
    { head: "REASON", text: ({ reason }) => formatText(reason), isWide: true },
  ],
  nameOf: ({ name }) => name,
  empty: "Prometheus has no hosts. Does it scrape node-exporter?",
  read: async (client, _values, _asked, signal) => {
    const { data, errors } = await client.queryPartial(Hosts, {}, { signal });
    return { rows: (data.hosts ?? []).toSorted(compareHosts), errors };
  },
});
