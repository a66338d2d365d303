import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";

/** ContainerStats, and the fields of Container that read it through the stats loader. */
export function addStats(builder: Builder, refs: Refs): void {
  refs.containerStats.implement({
    description: "What a container uses, by the docker CLI's formulas. A field is null where the engine has no figure.",
    fields: (t) => ({
      cpuPct: t.exposeFloat("cpuPct", {
        nullable: true,
        description: "Per cent of one CPU over about a second; may exceed 100.",
      }),
      memPct: t.exposeFloat("memPct", {
        nullable: true,
        description: "Used memory without inactive file cache, per cent of the limit (of the host's memory without one).",
      }),
      memUsedBytes: t.exposeFloat("memUsedBytes", { nullable: true, description: "Used memory, bytes." }),
      memLimitBytes: t.exposeFloat("memLimitBytes", { nullable: true, description: "Memory limit, bytes." }),
      pids: t.exposeInt("pids", { nullable: true, description: "Processes and threads." }),
      sampledAt: t.expose("sampledAt", { type: "DateTime", description: "When the sample was taken." }),
    }),
  });
  const cost = { field: 10 };
  builder.objectFields(refs.container, (t) => ({
    stats: t.field({
      type: refs.containerStats,
      nullable: true,
      complexity: cost,
      description: "What it uses now; null when it is not running. The first sample takes about a second.",
      resolve: (container, _args, { loaders }) => loaders.containers.stats.load(container),
    }),
    cpuPct: t.float({
      nullable: true,
      complexity: cost,
      description: "`stats.cpuPct`, flat for tables.",
      resolve: async (container, _args, { loaders }) => (await loaders.containers.stats.load(container))?.cpuPct ?? null,
    }),
    memPct: t.float({
      nullable: true,
      complexity: cost,
      description: "`stats.memPct`, flat for tables.",
      resolve: async (container, _args, { loaders }) => (await loaders.containers.stats.load(container))?.memPct ?? null,
    }),
  }));
}
