import type { QueueMetrics } from "../../queues/queue.ts";
import { type QueueState, queueThresholds, toDrainSeconds, toQueueState } from "../../queues/state.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { Refs } from "../refs.ts";
import { toEnumValues } from "../scalars.ts";
import type { QueueSourceStatus } from "./loader.ts";

type Fields = Parameters<Exclude<Parameters<Refs["queue"]["implement"]>[0]["fields"], undefined>>[0];

/** Job durations as separate numbers: a table wants columns. */
function toQuantileFields(t: Fields) {
  const quantile = (of: "waitSeconds" | "runSeconds", at: "p50" | "p95", description: string) =>
    t.float({
      nullable: true,
      description: `${description} Of jobs that succeeded in the last 5 minutes, seconds; null without one, or where it is not recorded.`,
      resolve: (queue) => queue[of]?.[at] ?? null,
    });
  return {
    waitP50Seconds: quantile("waitSeconds", "p50", "Median time from when a job could run to its start."),
    waitP95Seconds: quantile("waitSeconds", "p95", "95 of 100 started sooner after they could run."),
    runP50Seconds: quantile("runSeconds", "p50", "Median time from the start of the last attempt to its end."),
    runP95Seconds: quantile("runSeconds", "p95", "95 of 100 ended sooner after that start."),
  };
}

/** Queue and QueueSource, and the queries that return them. */
export function addQueue(builder: Builder, refs: Refs): void {
  const state = builder.enumType("QueueState", {
    description: "The first of these states that is true of the queue.",
    values: toEnumValues<QueueState>(stateDescriptions),
  });
  builder.node(refs.queue, {
    description: "One queue: a job type of the runner, or a worker queue.",
    id: { description: "Its id in the whole schema, for `node`: of this name in this source.", resolve: toQueueKey },
    loadOne: async (key, { loaders }) => (await loaders.queues.all()).find((queue) => toQueueKey(queue) === key) ?? null,
    fields: (t) => ({
      ...exposeAll(t, {
        "name: String!": "Job type or queue name, as its system calls it.",
        "source: String!": "Configured name of the source that it comes from.",
        "depth: Int!": "Jobs that could run now: waiting and due, not running, not deferred.",
        "processedPerSec: Float":
          "Successful completions in the last 5 minutes, divided by 300 seconds. Null where the system does not keep them, until there are samples.",
        "failuresLastHour: Int":
          "Failed attempts in the last 60 minutes where the system records attempts, else jobs that ended failed. Null where it has neither.",
        "active: Int": "Jobs that a worker is running. Null where the system does not record it.",
        "deferred: Int": "Jobs that wait for a time to come, and did not fail. Null where the system does not record it.",
        "retrying: Int": "Jobs that failed and wait for another attempt, due or not. Null where the system does not record it.",
        "dead: Int": "Jobs that failed for good and are still stored. Null where the system does not record it.",
        "oldestAgeSeconds: Float":
          "For how long the oldest job that could run has been waiting since it could; null without one.",
        "paused: Boolean": "Null where queues cannot be paused.",
        "workers: Int": "Workers that take jobs from it now. Null where the system does not know them.",
        "exact: Boolean!":
          "False when the rate or the failures come from samples of counters (see windowSeconds), or numbers are estimates.",
        "windowSeconds: Float":
          "Where sampled: how far the samples reach back, at most 3600 s. Failures, where they are sampled too, are those since then; the rate is that of its last 300 s.",
        "observedAt: DateTime!": "When its source was read.",
      }),
      ...toQuantileFields(t),
      state: t.field({ type: state, description: "How it is.", resolve: toQueueState }),
      drainSeconds: t.float({
        nullable: true,
        description: "Time to clear what waits at the present rate; null when that would never be, or the rate is not known.",
        resolve: toDrainSeconds,
      }),
    }),
  });
  const queueSource = builder.objectRef<QueueSourceStatus>("QueueSource").implement({
    description: "A place that queues are read from.",
    fields: (t) => ({
      ...exposeAll(t, {
        "name: String!": "Its configured name.",
        "kind: String!": "The job system: table, river, pgboss ...",
        "env: Environment": "Environment of its queues, null when unknown.",
      }),
      numbersOk: t.boolean({
        nullable: true,
        description:
          "Whether its numbers could be read: its queues are known then. Null for a job system that was found and is not supported: that is no outage, and `error` says why.",
        resolve: (source) => source.numbersOk(),
      }),
      ok: t.boolean({
        description:
          "Whether both its numbers and its errors could be read. False also for a job system that is not supported, with `queue_unsupported` in `error`.",
        resolve: async (source) => (await source.error()) === null,
      }),
      error: t.field({
        type: refs.problem,
        nullable: true,
        description: "Why not; null when they could.",
        resolve: (source) => source.error(),
      }),
    }),
  });
  builder.queryField("queues", (t) =>
    t.field({
      type: [refs.queue],
      nullable: true,
      description:
        "Known queues by name, empty ones too. Queues of a source that could not be read are absent: see `queueSources`. " +
        "Null, with queues_unavailable, when no source could be read.",
      resolve: (_root, _args, { loaders }) => loaders.queues.all(),
    }),
  );
  builder.queryField("queue", (t) =>
    t.field({
      type: refs.queue,
      nullable: true,
      description: "One queue by its exact name; null when it is not known.",
      args: {
        name: t.arg.string({ required: true, description: "Exact name." }),
        source: t.arg.string({ description: "Name of its source, where several have a queue of this name." }),
      },
      resolve: async (_root, { name, source }, { loaders }) =>
        (await loaders.queues.all()).find((queue) => queue.name === name && (!source || queue.source === source)) ?? null,
    }),
  );
  builder.queryField("queueSources", (t) =>
    t.field({
      type: [queueSource],
      nullable: true,
      description:
        "The places that queues are read from, and whether they could be read for this request, with the job systems that were found beside them and are not supported. " +
        "Empty when none is configured.",
      resolve: (_root, _args, { loaders }) => loaders.queues.statuses(),
    }),
  );
}

function toQueueKey({ source, name }: QueueMetrics): string {
  return JSON.stringify([source, name]);
}

const { stalledSeconds, stalledRuns, stalledBehindActiveLeast, stalledBehindActiveMost } = queueThresholds;
const { failingFailures, failingRatio, backlogAgeSeconds, backlogDrainSeconds } = queueThresholds;

const stateDescriptions = {
  paused: "It is paused.",
  no_workers: "Jobs could run, and the system says that nobody takes them.",
  stalled:
    `A job could have run for more than ${stalledSeconds} s, and nothing ended in the last 5 minutes. Where something runs: ${stalledRuns} times the p95 ` +
    `of the queue's run times, at least ${stalledBehindActiveLeast} s and at most ${stalledBehindActiveMost} s, which also holds while no run time is known.`,
  failing: `At least ${failingFailures} failures in the last hour, and at least ${failingRatio * 100} % of what ended in the last 5 minutes failed.`,
  backlog: `A job waits longer than ${backlogAgeSeconds} s, or what waits takes more than ${backlogDrainSeconds} s to clear.`,
  idle: "Nothing waits, runs, or ended in the last 5 minutes.",
  ok: "None of the others.",
} satisfies Record<QueueState, string>;
