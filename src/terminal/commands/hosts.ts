import { toHostState } from "../../facts/host.ts";
import { Hosts, type HostsQuery } from "../../client/client.ts";
import { formatBytes, formatLoad, formatShare, formatText } from "../../facts/format.ts";
import { defineList } from "../list.ts";

type Row = NonNullable<HostsQuery["hosts"]>[number];

export const hostsCommand = defineList({
  name: "hosts",
  summary: "machines: CPU, memory, disk and load, as Prometheus measured them",
  columns: [
    { head: "HOST", text: ({ name }: Row) => name, mayCut: "middle", least: 16 },
    {
      head: "STATE",
      text: (row) => toHostState(row).word,
      tone: (row) => toHostState(row).tone,
    },
    { head: "CPU", text: ({ cpuUtil }) => formatShare(cpuUtil), isNumber: true },
    { head: "MEMORY", text: ({ memUtil }) => formatShare(memUtil), isNumber: true },
    { head: "DISK", text: ({ diskUtil }) => formatShare(diskUtil), isNumber: true },
    { head: "LOAD", text: ({ load1 }) => formatLoad(load1), isNumber: true },
    {
      head: "IN",
      text: ({ networkReceiveBytesPerSec }) => toSpeed(networkReceiveBytesPerSec),
      isNumber: true,
      drop: 2,
    },
    {
      head: "OUT",
      text: ({ networkTransmitBytesPerSec }) => toSpeed(networkTransmitBytesPerSec),
      isNumber: true,
      drop: 1,
    },
    { head: "INSTANCE", text: ({ instance }) => instance, isWide: true },
    { head: "REASON", text: ({ reason }) => formatText(reason), isWide: true },
  ],
  nameOf: ({ name }) => name,
  empty: "Prometheus knows no host: does it scrape node-exporter?",
  read: async (client, _values, _asked, signal) => {
    const { data, errors } = await client.queryPartial(Hosts, {}, { signal });
    return { rows: data.hosts ?? [], errors };
  },
});

function toSpeed(bytes: number | null): string {
  return bytes === null ? "–" : `${formatBytes(bytes)}/s`;
}
