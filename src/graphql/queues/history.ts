import type { Environment } from "../../lib/environment.ts";
import { OpsError } from "../../lib/errors.ts";
import type { QueueHistory, QueuePoint } from "../../queues/history.ts";
import {
  type Arg,
  rowRules,
  seriesComplexity,
  toEnvArg,
  toHistoryRangeArgs,
  toNamesArg,
  toRangeArgs,
} from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { OpsContext } from "../context.ts";
import { pointsAdvice, toAscending, toHistoryRange } from "../range.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";
import { type SeriesKind, toSeriesKind, toSuccessor } from "../series.ts";
import type { QueueSeriesArgs, QueueSeriesSource } from "./series-loader.ts";

interface QueueSample {
  readonly time: string;
  readonly queue: string;
  readonly source: string;
  readonly env: Environment | null;
  readonly value: number | null;
}

/** The numbers that have a series, and the separate field that each one had. */
const kinds = {
  depth: { value: "depth", own: "queueDepth", about: "Runnable jobs that no worker had taken, for each queue." },
  processed_per_sec: {
    value: "processedPerSec",
    own: "queueProcessedPerSec",
    about: "Successes a second in the step that ends at `time`, for each queue.",
  },
  failures: {
    value: "failures",
    own: "queueFailures",
    about: "Failures in the step that ends at `time`, for each queue.",
  },
  oldest_age_seconds: {
    value: "oldestAgeSeconds",
    own: "queueOldestAge",
    about: "How long the oldest runnable job had been waiting, seconds, for each queue; null also without one.",
  },
} as const satisfies Record<string, SeriesKind<keyof QueuePoint>>;

const sourceRules =
  "The rows cover the queues that are named or had a job in the range. A source without a number " +
  "has no rows of it; `queueSeriesSources` says why. A field is null when no source has its number.";

/** QueueSample and QueueSeriesSource, and the history of queues as flat rows. */
export function addQueueSeries(builder: Builder, refs: Refs, scalars: Scalars): void {
  const sample = builder.objectRef<QueueSample>("QueueSample").implement({
    description: `A number of one queue at one time, as in QueuePoint. ${rowRules} ${sourceRules}`,
    fields: (t) =>
      exposeAll(t, {
        "time: DateTime!": "The end of the step.",
        "queue: String!": "Its name.",
        "source: String!": "Configured name of its source.",
        "env: Environment": "Its environment, null when unknown.",
        "value: Float": "Null when it is unknown.",
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
        "error: Problem": "Why it could not be read; null when it could.",
      }),
  });
  const toArgs = (arg: Arg) => ({
    ...toRangeArgs(arg),
    env: toEnvArg(arg, scalars),
    queues: toNamesArg(arg, "queues"),
    sources: toNamesArg(arg, "queue sources"),
  });
  const kindType = toSeriesKind(builder, "QueueSeriesKind", kinds);
  builder.queryField("queueSeries", (t) =>
    t.field({
      type: [sample],
      nullable: true,
      complexity: seriesComplexity,
      description: "One number of each queue over a range. See QueueSample for the rows.",
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
        description: `${about} See QueueSample for the rows.`,
        deprecationReason: toSuccessor("queueSeries", kind),
        args: toArgs(t.arg),
        resolve: (_root, args, context) => loadSamples(value, args, context),
      }),
    );
  }
  builder.queryField("queueSeriesSources", (t) =>
    t.field({
      type: [source],
      nullable: true,
      complexity: seriesComplexity,
      description:
        "How much of a range each source knows, even when none knows anything. Next to " +
        "series fields with the same arguments it causes no further requests.",
      args: toArgs(t.arg),
      resolve: async (_root, args, { loaders }) => [...(await loaders.queueSeries(args)).sources],
    }),
  );
}

async function loadSamples(
  value: (typeof kinds)[keyof typeof kinds]["value"],
  args: QueueSeriesArgs,
  { loaders, budget }: OpsContext,
) {
  const answer = await loaders.queueSeries(args);
  if (answer.failure) throw answer.failure;
  return toAscending(budget, () =>
    answer.series.map(({ points, queue, source: from, env }) =>
      points.map((point): QueueSample => ({ time: point.time, queue, source: from, env, value: point[value] })),
    ),
  );
}

/** QueueHistory and QueuePoint, and Queue.history. */
export function addQueueHistory(builder: Builder, refs: Refs): void {
  const queuePoint = builder.objectRef<QueuePoint>("QueuePoint").implement({
    description:
      "A queue at one time, and what happened in the step that ends then. A number is null when it is unknown.",
    fields: (t) =>
      exposeAll(t, {
        "time: DateTime!": "The end of the step.",
        "depth: Int":
          "Runnable jobs at that time that no worker had taken. Where " +
          "starts are not recorded, jobs that had not ended.",
        "processedPerSec: Float": "Successes a second in the step.",
        "failures: Int": "Failures in the step, as Queue.failuresLastHour counts them.",
        "oldestAgeSeconds: Float":
          "How long the oldest job of `depth` had been waiting, seconds; null also without one.",
        "waitP50Seconds: Float": "Median waiting time of jobs taken in the step, seconds.",
        "waitP95Seconds: Float": "95th percentile of the waiting time of jobs taken in the step, seconds.",
        "runP95Seconds: Float":
          "95th percentile of the running time of successes in the step, " +
          "seconds. Null also where starts are not recorded.",
      }),
  });
  const queueHistory = builder.objectRef<QueueHistory>("QueueHistory").implement({
    description: "The history of a queue.",
    fields: (t) => ({
      points: t.expose("points", { type: [queuePoint], description: "Oldest first, one for each step." }),
      ...exposeAll(t, {
        "exact: Boolean!":
          "True when every number is exact: computed from the jobs' own rows, and no job was " +
          "tried more than once. A row keeps only the times of its last attempt, so depth and " +
          "waits miss earlier attempts. False too while the times of a table are in a zone " +
          "that WALLET_CORE_OPS_QUEUES_FILE does not name.",
        "sampled: Boolean!":
          "True when the history consists of samples taken while clients requested them. False when it is " +
          "computed from rows; it then reaches back before the gateway's start.",
        "since: DateTime":
          "Points before this time are null: older rows or samples are not stored. Null when the whole range is known.",
      }),
    }),
  });
  builder.objectField(refs.queue, "history", (t) =>
    t.field({
      type: queueHistory,
      nullable: true,
      complexity: { field: 1000, multiplier: 1 },
      description:
        "Its depth, rate, failures and waiting times over a range, at most 11,000 points. " +
        "Returns query_refused when that would cost the database too much.",
      args: toHistoryRangeArgs(t.arg),
      resolve: async (queue, args, { loaders, signal, budget }) => {
        const range = toHistoryRange(args, loaders.nowMs);
        const source = (await loaders.queues.visible()).find(({ name }) => name === queue.source);
        if (!source?.history) throw new OpsError("query_refused", "No history is available for this queue");
        await budget.read(range.steps, pointsAdvice);
        return (await source.history([queue.name], range, signal)).get(queue.name) ?? null;
      },
    }),
  );
}
