import type { Environment } from "../../lib/environment.ts";
import type { QueuePoint } from "../../queues/history.ts";
import { rowRules, seriesComplexity, toEnvArg, toNamesArg, toRangeArgs } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { toAscending } from "../range.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";
import type { QueueSeriesSource } from "./series-loader.ts";

interface QueueSample {
  readonly time: string;
  readonly queue: string;
  readonly source: string;
  readonly env: Environment | null;
  readonly value: number | null;
}

interface Series {
  readonly value: keyof Omit<QueuePoint, "time">;
  readonly description: string;
}

const series: Readonly<Record<string, Series>> = {
  queueDepth: { value: "depth", description: "Jobs that could run and were not taken, of each queue." },
  queueProcessedPerSec: {
    value: "processedPerSec",
    description: "Successes in the step that ends there, each second, of each queue.",
  },
  queueFailures: { value: "failures", description: "Failures in the step that ends there, of each queue." },
  queueOldestAge: {
    value: "oldestAgeSeconds",
    description: "For how long the oldest job that could run had been waiting, seconds, of each queue; null also without one.",
  },
};

const sourceRules =
  "Of queues that had a job in the range, or that are named. A source that does not know it has no rows, and is in `queueSeriesSources`; null when all cannot.";

/** QueueSample and QueueSeriesSource, and the history of queues as flat rows. */
export function addQueueSeries(builder: Builder, refs: Refs, scalars: Scalars): void {
  const sample = builder.objectRef<QueueSample>("QueueSample").implement({
    description: "A number of one queue at one time, as QueuePoint has it.",
    fields: (t) =>
      exposeAll(t, {
        "time: DateTime!": "The end of the step.",
        "queue: String!": "Its name.",
        "source: String!": "Configured name of its source.",
        "env: Environment": "Its environment, null when unknown.",
        "value: Float": "Null where it cannot be known.",
      }),
  });
  const source = builder.objectRef<QueueSeriesSource>("QueueSeriesSource").implement({
    description: "How much of a range one queue source knows.",
    fields: (t) =>
      exposeAll(t, {
        "name: String!": "Its configured name.",
        "env: Environment": "Environment of its queues, null when unknown.",
        "exact: Boolean": "As QueueHistory.exact; null where nothing is known.",
        "since: DateTime": "As QueueHistory.since, the latest of its queues.",
        "error: Problem": "Why it could not; null when it could.",
      }),
  });
  type Arg = Parameters<typeof toRangeArgs>[0];
  const toArgs = (arg: Arg) => ({
    ...toRangeArgs(arg),
    env: toEnvArg(arg, scalars),
    queues: toNamesArg(arg, "queues"),
    sources: toNamesArg(arg, "queue sources"),
  });
  for (const [name, { value, description }] of Object.entries(series)) {
    builder.queryField(name, (t) =>
      t.field({
        type: [sample],
        nullable: true,
        complexity: seriesComplexity,
        description: `${description} ${rowRules} ${sourceRules}`,
        args: toArgs(t.arg),
        resolve: async (_root, args, { loaders, budget }) => {
          const answer = await loaders.queueSeries(args);
          if (answer.failure) throw answer.failure;
          return toAscending(budget, () =>
            answer.series.map(({ points, queue, source: from, env }) =>
              points.map((point): QueueSample => ({ time: point.time, queue, source: from, env, value: point[value] })),
            ),
          );
        },
      }),
    );
  }
  builder.queryField("queueSeriesSources", (t) =>
    t.field({
      type: [source],
      nullable: true,
      complexity: seriesComplexity,
      description:
        "What the sources know of a range, also when none knows anything. Beside series fields of the same arguments it asks nothing more of them.",
      args: toArgs(t.arg),
      resolve: async (_root, args, { loaders }) => [...(await loaders.queueSeries(args)).sources],
    }),
  );
}
