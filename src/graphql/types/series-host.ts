import type { HostPoint } from "../../domain/host-history.ts";
import type { Builder } from "../builder.ts";
import type { OpsContext } from "../context.ts";
import { type SeriesRangeArgs, toSeriesRange } from "../history-args.ts";
import { isAmong, toAscending } from "../loaders/series-filter.ts";
import type { Refs } from "../refs.ts";
import { rowRules, seriesComplexity, toNamesArg, toRangeArgs } from "./series-args.ts";

interface HostSample {
  readonly time: string;
  readonly host: string;
  readonly value: number | null;
}

interface HostSeriesArgs extends SeriesRangeArgs {
  readonly hosts?: readonly string[] | null | undefined;
}

const series = {
  hostCpuUtil: { value: "cpuUtil", description: "Busy share of all CPUs, 0..1, of each host; over at least 5 minutes." },
  hostMemUtil: { value: "memUtil", description: "Used share of memory, 0..1, of each host." },
  hostDiskUtil: { value: "diskUtil", description: "Used share of its fullest real file system, 0..1, of each host." },
  hostLoad1: { value: "load1", description: "Load average over one minute of each host." },
} as const;

/** HostSample, and the past of hosts as flat rows. */
export function addHostSeries(builder: Builder, _refs: Refs): void {
  const sample = builder.objectRef<HostSample>("HostSample").implement({
    description: "A number of one host at one time, as HostPoint has it.",
    fields: (t) => ({
      time: t.expose("time", { type: "DateTime", description: "That time." }),
      host: t.exposeString("host", { description: "Its name, as Host.name." }),
      value: t.exposeFloat("value", { nullable: true, description: "Null where it is not known, and where the host was down." }),
    }),
  });
  for (const [name, { value, description }] of Object.entries(series)) {
    builder.queryField(name, (t) =>
      t.field({
        type: [sample],
        nullable: true,
        complexity: seriesComplexity,
        description: `${description} ${rowRules} Of the hosts that Prometheus knows now; null, with prometheus_unavailable, when it does not answer.`,
        args: { ...toRangeArgs(t.arg), hosts: toNamesArg(t.arg, "hosts") },
        resolve: async (_root, args, context) => {
          const histories = await loadHostSeries(args, context);
          return toAscending(context.budget, () =>
            histories.map(({ host, points }) =>
              points.map((point): HostSample => ({ time: point.time, host, value: point[value] })),
            ),
          );
        },
      }),
    );
  }
}

/** One question to Prometheus for all hosts and numbers of a range. */
export async function loadHostSeries(
  { hosts: names, ...args }: HostSeriesArgs,
  { loaders }: OpsContext,
): Promise<readonly { readonly host: string; readonly points: readonly HostPoint[] }[]> {
  const hosts = (await loaders.hosts.report()).hosts.filter(({ name }) => isAmong(name, names));
  const range = toSeriesRange(args, loaders.nowMs, hosts.length);
  if (range === null) return [];
  const loader = loaders.hosts.history(range);
  return Promise.all(hosts.map(async ({ name, instance }) => ({ host: name, points: (await loader.load(instance)).points })));
}
