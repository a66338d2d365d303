import type { HostHistory, HostPoint } from "../../hosts/history.ts";
import { type Arg, rowRules, seriesComplexity, toHistoryRangeArgs, toNamesArg, toRangeArgs } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { OpsContext } from "../context.ts";
import { isAmong, type SeriesRangeArgs, toAscending, toHistoryRange, toSeriesRanges } from "../range.ts";
import type { Refs } from "../refs.ts";
import { type SeriesKind, toSeriesKind, toSuccessor } from "../series.ts";

interface HostSample {
  readonly time: string;
  readonly host: string;
  readonly instance: string;
  readonly value: number | null;
}

interface HostSeriesArgs extends SeriesRangeArgs {
  readonly hosts?: readonly string[] | null | undefined;
}

/** The numbers that have a series, and the separate field that each one had. */
const kinds = {
  cpu_util: {
    value: "cpuUtil",
    own: "hostCpuUtil",
    about: "Busy share of all CPUs of each host, 0..1, averaged over at least 5 minutes.",
  },
  mem_util: { value: "memUtil", own: "hostMemUtil", about: "Used share of memory of each host, 0..1." },
  disk_util: {
    value: "diskUtil",
    own: "hostDiskUtil",
    about: "Used share of the fullest real file system of each host, 0..1.",
  },
  load: { value: "load1", own: "hostLoad1", about: "Load average over one minute of each host." },
} as const satisfies Record<string, SeriesKind<keyof HostPoint>>;

/** HostSample, and the history of hosts as flat rows. */
export function addHostSeries(builder: Builder): void {
  const sample = builder.objectRef<HostSample>("HostSample").implement({
    description:
      `A number of one host at one time, as in HostPoint. ${rowRules} The rows ` +
      "cover the hosts that Prometheus knows now. A field is null, with " +
      "prometheus_unavailable, when Prometheus does not answer.",
    fields: (t) =>
      exposeAll(t, {
        "time: DateTime!": "When.",
        "host: String!": "Its name, as Host.name.",
        "instance: String!": "As Host.instance, which differs where hosts have the same name.",
        "value: Float": "Null where it is unknown or the host was down.",
      }),
  });
  const kindType = toSeriesKind(builder, "HostSeriesKind", kinds);
  builder.queryField("hostSeries", (t) =>
    t.field({
      type: [sample],
      nullable: true,
      complexity: seriesComplexity,
      description: "One number of each host over a range. See HostSample for the rows.",
      args: { kind: t.arg({ type: kindType, required: true, description: "Which number." }), ...toArgs(t.arg) },
      resolve: (_root, { kind, ...args }, context) => loadSamples(kinds[kind].value, args, context),
    }),
  );
  for (const [kind, { value, own, about }] of Object.entries(kinds)) {
    builder.queryField(own, (t) =>
      t.field({
        type: [sample],
        nullable: true,
        complexity: seriesComplexity,
        description: `${about} See HostSample for the rows.`,
        deprecationReason: toSuccessor("hostSeries", kind),
        args: toArgs(t.arg),
        resolve: (_root, args, context) => loadSamples(value, args, context),
      }),
    );
  }
}

function toArgs(arg: Arg) {
  return { ...toRangeArgs(arg), hosts: toNamesArg(arg, "hosts") };
}

async function loadSamples(
  value: (typeof kinds)[keyof typeof kinds]["value"],
  args: HostSeriesArgs,
  context: OpsContext,
) {
  const histories = await loadHostSeries(args, context);
  return toAscending(context.budget, () =>
    histories.map(({ host, instance, points }) =>
      points.map((point): HostSample => ({ time: point.time, host, instance, value: point[value] })),
    ),
  );
}

/** One Prometheus query for all hosts and numbers of a range, and one for its current step. */
export async function loadHostSeries(
  { hosts: names, ...args }: HostSeriesArgs,
  { loaders }: OpsContext,
): Promise<readonly { readonly host: string; readonly instance: string; readonly points: readonly HostPoint[] }[]> {
  const hosts = (await loaders.hosts.report()).hosts.filter(({ name }) => isAmong(name, names));
  const parts = toSeriesRanges(args, loaders.nowMs, hosts.length).map((range) => loaders.hosts.history(range));
  const found = await Promise.all(parts.map((loader) => loader.loadEach(hosts.map(({ instance }) => instance))));
  return hosts.map(({ name, instance }, index) => {
    const points = found.flatMap((histories) => histories[index]?.points ?? []);
    return { host: name, instance, points };
  });
}

/** HostHistory and HostPoint, and Host.history. */
export function addHostHistory(builder: Builder, refs: Refs): void {
  const hostPoint = builder.objectRef<HostPoint>("HostPoint").implement({
    description:
      "A host at one time. A number is null where it is unknown or the " +
      "host was down; an earlier value is never repeated.",
    fields: (t) =>
      exposeAll(t, {
        "time: DateTime!": "When.",
        "up: Boolean": "Whether its exporter answered Prometheus; null where Prometheus did not scrape it.",
        "cpuUtil: Float":
          "As Host.cpuUtil, averaged over the step that ends at `time`: at least 5 minutes, at most an hour.",
        "memUtil: Float": "As Host.memUtil.",
        "diskUtil: Float": "As Host.diskUtil.",
        "load1: Float": "As Host.load1.",
      }),
  });
  const hostHistory = builder.objectRef<HostHistory>("HostHistory").implement({
    description: "The history of a host, from Prometheus.",
    fields: (t) => ({
      stepSeconds: t.exposeInt("stepSeconds", {
        description:
          "Seconds between points: the step, or its next multiple that is at least Prometheus' scrape interval.",
      }),
      points: t.expose("points", { type: [hostPoint], description: "Oldest first, up to the end of the range." }),
    }),
  });
  builder.objectField(refs.host, "history", (t) =>
    t.field({
      type: hostHistory,
      nullable: true,
      complexity: { field: 400, multiplier: 1 },
      description:
        "Its utilisation over a range, at most 11,000 points. All selected hosts share one request " +
        "to Prometheus. Null, with prometheus_unavailable, when Prometheus does not answer. Null, " +
        "with invalid_request, when the whole response is larger than 10 MB.",
      args: toHistoryRangeArgs(t.arg),
      resolve: async (host, args, { loaders }) =>
        loaders.hosts.history(toHistoryRange(args, loaders.nowMs)).load(host.instance),
    }),
  );
}
