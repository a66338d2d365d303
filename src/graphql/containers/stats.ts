import type { Container, ContainerCounters, ContainerStats, StatsPoint } from "../../containers/container.ts";
import { containerNumbers } from "../../facts/container.ts";
import { describeNumber } from "../../facts/number.ts";
import { inTurns } from "../../lib/budget/budget.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { type Known, whenKnown } from "../../lib/known.ts";
import type { OpsContext } from "../context.ts";
import { preloaded } from "../preload.ts";
import type { Refs } from "../refs.ts";
import { toEnumValues } from "../scalars.ts";

/** ContainerStats and StatsPoint, and the fields of Container that read them. */
export function addStats(builder: Builder, refs: Refs): void {
  addContainerStats(builder, refs);
  const statsPoint = builder.objectRef<StatsPoint>("StatsPoint").implement({
    description: "What a container used at one moment, for a sparkline.",
    fields: (t) =>
      exposeAll(t, {
        "cpuPct: Float": "As in ContainerStats; null for its first sample.",
        "memPct: Float": "As in ContainerStats.",
        "memUsedBytes: Float": "Used memory, bytes.",
        "sampledAt: DateTime!": "When the sample was taken.",
      }),
  });
  const cost = { field: 10 };
  builder.objectFields(refs.container, (t) => ({
    stats: t.field({
      type: refs.containerStats,
      nullable: true,
      complexity: cost,
      description:
        "What it uses now, at most 2 s old; null when it is not running. The first request takes half a second.",
      ...reading,
      resolve: (container, _args, context) => load(container, context),
    }),
    statsHistory: t.field({
      type: [statsPoint],
      complexity: { ...cost, multiplier: 120 },
      description:
        "The last 10 minutes, oldest first, one point every 5 s. Sampled while clients " +
        "request it at least once a minute; empty on the first request.",
      resolve: (container, _args, { sources }): StatsPoint[] => [...sources.containers.statsHistory(container)],
    }),
    cpuPct: t.float({
      nullable: true,
      complexity: cost,
      description: "`stats.cpuPct` as a flat field, for tables.",
      ...reading,
      resolve: (container, _args, context) => whenKnown(load(container, context), (stats) => stats?.cpuPct ?? null),
    }),
    memPct: t.float({
      nullable: true,
      complexity: cost,
      description: "`stats.memPct` as a flat field, for tables.",
      ...reading,
      resolve: (container, _args, context) => whenKnown(load(container, context), (stats) => stats?.memPct ?? null),
    }),
  }));
}

const still: ReadonlySet<string> = new Set(["created", "exited", "dead"]);

/** A container that is not running is not measured, and shows no old figures. */
export function isMeasured({ status }: Container): boolean {
  return !still.has(status);
}

function load(container: Container, { loaders }: OpsContext): Known<ContainerStats | null> {
  return isMeasured(container) ? loaders.containers.stats.load(container) : null;
}

const reading = preloaded<Container>((containers, { loaders }) =>
  loaders.containers.stats.loadAll(containers.filter(isMeasured)),
);
/** Counters are read only on request. */
const counting = preloaded<ContainerStats>(async (all, { budget }) => {
  await Promise.allSettled(await inTurns(all, budget, async ({ counters }) => counters(budget)));
});

function addContainerStats(builder: Builder, refs: Refs): void {
  const source = builder.enumType("StatsSource", {
    description: "Where the numbers of a container come from. Both sources give the docker CLI's numbers.",
    values: toEnumValues({
      engine: "The engine's API.",
      cgroup: "The container's cgroup files (v1 or v2): its engine is on the gateway's own machine.",
    }),
  });
  refs.containerStats.implement({
    description: "What a container uses, by the docker CLI's formulas. A field is null when its number is unknown.",
    fields: (t) => {
      const figure = (name: "cpuPct" | "memPct" | "memUsedBytes" | "memLimitBytes") =>
        t.exposeFloat(name, { nullable: true, description: describeNumber(containerNumbers[name]) });
      const counter = (name: keyof ContainerCounters, type: "Float" | "Int" = "Float") =>
        t.field({
          type,
          nullable: true,
          description: describeNumber(containerNumbers[name]),
          ...counting,
          resolve: ({ counters }, _args, { budget }) => whenKnown(counters(budget), (found) => found[name]),
        });
      return {
        cpuPct: figure("cpuPct"),
        cpuPeriods: counter("cpuPeriods"),
        cpuThrottledPeriods: counter("cpuThrottledPeriods"),
        cpuThrottledSeconds: counter("cpuThrottledSeconds"),
        memPct: figure("memPct"),
        memUsedBytes: figure("memUsedBytes"),
        memLimitBytes: figure("memLimitBytes"),
        pids: counter("pids", "Int"),
        networkReceiveBytes: counter("networkReceiveBytes"),
        networkTransmitBytes: counter("networkTransmitBytes"),
        blockReadBytes: counter("blockReadBytes"),
        blockWriteBytes: counter("blockWriteBytes"),
        source: t.expose("source", { type: source, description: "Where these numbers come from." }),
        sampledAt: t.expose("sampledAt", {
          type: "DateTime",
          description: "When the sample was taken; counters since the start may be 2 s newer.",
        }),
      };
    },
  });
}
