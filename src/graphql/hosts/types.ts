import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";

/** Host and Thresholds, and the queries that return them. */
export function addHost(builder: Builder, refs: Refs, scalars: Scalars): void {
  builder.node(refs.host, {
    description: "One machine as node-exporter and Prometheus see it. A number is null where there is no usable sample.",
    id: { description: "Its id in the whole schema, for `node`: of this instance.", resolve: ({ instance }) => instance },
    loadOne: async (id, { loaders }) => (await loaders.hosts.report()).hosts.find(({ instance }) => instance === id) ?? null,
    fields: (t) => ({
      name: t.exposeString("name", { description: "Node name; the instance without its port where that is missing." }),
      instance: t.exposeString("instance", { description: "Prometheus' instance label." }),
      status: t.expose("status", { type: scalars.hostStatus, description: "Whether its exporter answers." }),
      cpuUtil: t.exposeFloat("cpuUtil", {
        nullable: true,
        description: "Busy share of all CPUs, 0..1 (not idle, iowait or steal).",
      }),
      memUtil: t.exposeFloat("memUtil", { nullable: true, description: "Used share of memory, 0..1 (1 - available / total)." }),
      diskUtil: t.exposeFloat("diskUtil", { nullable: true, description: "Used share of its fullest real file system, 0..1." }),
      load1: t.exposeFloat("load1", { nullable: true, description: "Load average over one minute." }),
      networkReceiveBytesPerSec: t.exposeFloat("networkReceiveBytesPerSec", {
        nullable: true,
        description: "Bytes received per second on its real interfaces.",
      }),
      networkTransmitBytesPerSec: t.exposeFloat("networkTransmitBytesPerSec", {
        nullable: true,
        description: "Bytes sent per second on its real interfaces.",
      }),
      alert: t.exposeBoolean("alert", { description: "At or above the CPU or the memory threshold, or down." }),
      reason: t.exposeString("reason", { nullable: true, description: "Why a number is null; null when none is." }),
    }),
  });
  refs.thresholds.implement({
    description: "Utilisation, 0..1, at which a host raises its alert flag.",
    fields: (t) => ({
      cpu: t.exposeFloat("cpu", { description: "CPU_THRESHOLD." }),
      mem: t.exposeFloat("mem", { description: "MEM_THRESHOLD." }),
    }),
  });
  builder.queryFields((t) => ({
    hosts: t.field({
      type: [refs.host],
      nullable: true,
      description:
        "All hosts by name, from one question to Prometheus; null, with prometheus_unavailable, when it has nothing usable.",
      resolve: async (_root, _args, { loaders }) => (await loaders.hosts.report()).hosts,
    }),
    host: t.field({
      type: refs.host,
      nullable: true,
      description: "One host by node name, instance or address; null when Prometheus knows none.",
      args: { name: t.arg.string({ required: true, description: "Node name, instance, or instance without its port." }) },
      resolve: (_root, { name }, { loaders }) => loaders.hosts.byName.load(name),
    }),
    hostsUpdatedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When Prometheus evaluated the numbers of `hosts`.",
      resolve: async (_root, _args, { loaders }) => (await loaders.hosts.report()).updatedAt,
    }),
    thresholds: t.field({
      type: refs.thresholds,
      nullable: true,
      description: "The configured thresholds.",
      resolve: (_root, _args, { sources }) => sources.thresholds,
    }),
  }));
}
