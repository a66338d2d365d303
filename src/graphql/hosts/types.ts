import { hostNumbers } from "../../facts/host.ts";
import { describeNumber } from "../../facts/number.ts";
import type { Thresholds } from "../../hosts/host.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";

/** Host and Thresholds, and the queries that return them. */
export function addHost(builder: Builder, refs: Refs, scalars: Scalars): void {
  builder.node(refs.host, {
    description:
      "One machine, as node-exporter and Prometheus report it. A number is null when there is no usable sample.",
    id: { description: "Its global id, for `node`. It names this instance.", resolve: ({ instance }) => instance },
    loadOne: async (id, { loaders }) =>
      (await loaders.hosts.report()).hosts.find(({ instance }) => instance === id) ?? null,
    fields: (t) => ({
      ...exposeAll(t, {
        "name: String!": "Node name; without one, the instance without its port.",
        "instance: String!": "Prometheus' instance label.",
        "cpuUtil: Float": describeNumber(hostNumbers.cpuUtil),
        "memUtil: Float": describeNumber(hostNumbers.memUtil),
        "diskUtil: Float": describeNumber(hostNumbers.diskUtil),
        "diskMountpoint: String": "Where its fullest real file system is mounted; null where unknown.",
        "diskDevice: String": "The device of its fullest real file system; null where unknown.",
        "load1: Float": describeNumber(hostNumbers.load1),
        "networkReceiveBytesPerSec: Float": describeNumber(hostNumbers.networkReceiveBytesPerSec),
        "networkTransmitBytesPerSec: Float": describeNumber(hostNumbers.networkTransmitBytesPerSec),
        "alert: Boolean!": "Whether the host is at or above the CPU or memory threshold, or down.",
        "reason: String": "Why a number is null; null when none is.",
      }),
      status: t.expose("status", { type: scalars.hostStatus, description: "Whether its exporter answers." }),
    }),
  });
  const thresholds = builder.objectRef<Thresholds>("Thresholds").implement({
    description: "Utilisation, 0..1, at which a host raises its alert flag.",
    fields: (t) =>
      exposeAll(t, {
        "cpu: Float!": "CPU threshold, set by WALLET_CORE_OPS_CPU_THRESHOLD.",
        "mem: Float!": "Memory threshold, set by WALLET_CORE_OPS_MEM_THRESHOLD.",
      }),
  });
  builder.queryFields((t) => ({
    hosts: t.field({
      type: [refs.host],
      nullable: true,
      description:
        "All hosts by name, from one request to Prometheus. Null, with " +
        "prometheus_unavailable, when it has nothing usable.",
      resolve: async (_root, _args, { loaders }) => (await loaders.hosts.report()).hosts,
    }),
    host: t.field({
      type: refs.host,
      nullable: true,
      description: "One host by node name, instance or address; null when Prometheus knows none.",
      args: {
        name: t.arg.string({ required: true, description: "Node name, instance, or instance without its port." }),
      },
      resolve: async (_root, { name }, { loaders }) => (await loaders.hosts.index()).get(name) ?? null,
    }),
    hostsUpdatedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When Prometheus evaluated the numbers of `hosts`.",
      resolve: async (_root, _args, { loaders }) => (await loaders.hosts.report()).updatedAt,
    }),
    thresholds: t.field({
      type: thresholds,
      nullable: true,
      description: "The configured thresholds.",
      resolve: (_root, _args, { sources }) => sources.thresholds,
    }),
  }));
}
