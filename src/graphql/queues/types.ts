import { describeQueueNumber, type QueueNumberName, queueNumberNames, toQueueNumber } from "../../facts/queue.ts";
import { toConfiguredOwner } from "../../queues/owners.ts";
import { type QueueMetrics, toQueueKey } from "../../queues/queue.ts";
import { type QueueState, queueStateRules, toDrainSeconds, toQueueState } from "../../queues/state.ts";
import { toSourceEnvArg } from "../args.ts";
import { type Builder, exposeAll, ofRow } from "../builder.ts";
import type { Refs } from "../refs.ts";
import { type Scalars, toEnumValues } from "../scalars.ts";
import type { QueueSourceStatus } from "./loader.ts";

type Fields = Parameters<Exclude<Parameters<Refs["queue"]["implement"]>[0]["fields"], undefined>>[0];

/** Numbers that a row holds in another form. */
const derived: { readonly [Name in QueueNumberName]?: (queue: QueueMetrics) => number | null } = {
  drainSeconds: toDrainSeconds,
  waitP50Seconds: ({ waitSeconds }) => waitSeconds?.p50 ?? null,
  waitP95Seconds: ({ waitSeconds }) => waitSeconds?.p95 ?? null,
  runP50Seconds: ({ runSeconds }) => runSeconds?.p50 ?? null,
  runP95Seconds: ({ runSeconds }) => runSeconds?.p95 ?? null,
};

type PlainName = QueueNumberName & keyof QueueMetrics;

const mayBeMore = " May exceed the sum of the queue's errors: see JobError.count.";

/** All but `orphans`, which needs a lookup of the queue's workers (`lost-jobs.ts`). */
function toNumberFields(t: Fields) {
  const fields = queueNumberNames.flatMap((name) => {
    if (name === "orphans") return [];
    const { unit, absent } = toQueueNumber(name);
    const options = {
      type: unit === "count" ? ("Int" as const) : ("Float" as const),
      nullable: absent !== undefined,
      description: describeQueueNumber(name) + (name === "failuresLastHour" ? mayBeMore : ""),
    };
    const resolve = derived[name];
    const field = resolve
      ? t.field({ ...ofRow, ...options, nullable: true, resolve })
      : t.expose(name as PlainName, options as never);
    return [[name, field] as const];
  });
  return Object.fromEntries(fields);
}

/** Queue and QueueSource, and the queries that return them. */
export function addQueue(builder: Builder, refs: Refs, scalars: Scalars): void {
  const state = builder.enumType("QueueState", {
    description:
      "State of a queue: the first that holds, in this order: PAUSED, " +
      "NO_WORKERS, STALLED, FAILING, BACKLOG, UNKNOWN, IDLE, OK.",
    values: toEnumValues<QueueState>(queueStateRules),
  });
  builder.node(refs.queue, {
    description: "One queue of a job system, or one job type where the source groups jobs by type.",
    id: {
      description: "Its global id, for `node`. It names the queue of this name in this source.",
      resolve: toQueueKey,
    },
    loadOne: async (key, { loaders }) =>
      (await loaders.queues.all()).find((queue) => toQueueKey(queue) === key) ?? null,
    fields: (t) => ({
      ...exposeAll(t, {
        "name: String!": "Job type or queue name, as its system calls it.",
        "source: String!": "Configured name of the source that it comes from.",
        "paused: Boolean": "Whether the queue is paused; null where queues cannot be paused.",
        "exact: Boolean!":
          "False when the rate or the failures come from samples of counters (see " +
          "windowSeconds), when numbers are estimates, or when the times of a table are " +
          "in a zone that WALLET_CORE_OPS_QUEUES_FILE does not name.",
        "windowSeconds: Float":
          "How far the samples reach back, at most 3600 s; null where nothing is sampled. Sampled " +
          "failures are counted over this time. The rate covers its last 300 s.",
        "observedAt: DateTime!": "When its source was read.",
      }),
      ...toNumberFields(t),
      state: t.field({
        ...ofRow,
        type: state,
        description: "The first state in QueueState's order that holds.",
        resolve: toQueueState,
      }),
    }),
  });
  const queueSource = builder.objectRef<QueueSourceStatus>("QueueSource").implement({
    description: "A source of queues.",
    fields: (t) => ({
      ...exposeAll(t, {
        "name: String!": "Its configured name.",
        "kind: String!":
          "The job system: table, river, pgboss ... `postgres` for a database " +
          "that could not be searched for job systems yet.",
        "place: String":
          "Name of the database or broker that it reads, as in WALLET_CORE_OPS_DATABASE_URL, " +
          "WALLET_CORE_OPS_RABBITMQ_URL or WALLET_CORE_OPS_REDIS_URL; null where these have no names.",
        "env: Environment": "Environment of its queues, null when unknown.",
      }),
      owner: t.field({
        ...ofRow,
        type: refs.queueOwner,
        nullable: true,
        description: "The service that works on its queues, as configured. Null otherwise: see `Queue.owners`.",
        resolve: ({ owner }) => owner && toConfiguredOwner(owner),
      }),
      // What these read from the sources is in the row's version (inputs.ts).
      numbersOk: t.boolean({
        ...ofRow,
        nullable: true,
        description:
          "Whether its numbers could be read. If so, its queues are listed. Null for a job system that " +
          "was detected but is not supported. That is not an outage; `error` says why.",
        resolve: (source) => source.numbersOk(),
      }),
      ok: t.boolean({
        ...ofRow,
        description:
          "Whether both its numbers and its errors could be read. False also for a job " +
          "system that is not supported, with `queue_unsupported` in `error`.",
        resolve: async (source) => (await source.error()) === null,
      }),
      error: t.field({
        ...ofRow,
        type: refs.problem,
        nullable: true,
        description: "Why it could not be read; null when it could.",
        resolve: (source) => source.error(),
      }),
    }),
  });
  builder.queryField("queues", (t) =>
    t.field({
      type: [refs.queue],
      nullable: true,
      description:
        "Known queues by name, including empty ones. Queues of a source that " +
        "could not be read are absent: see `queueSources`. " +
        "Null, with queues_unavailable, when no source could be read.",
      args: { env: toSourceEnvArg(t.arg, scalars) },
      resolve: (_root, { env }, { loaders }) => loaders.queues.all(env),
    }),
  );
  builder.queryField("queue", (t) =>
    t.field({
      type: refs.queue,
      nullable: true,
      description:
        "One queue by its exact name; null when unknown. Returns queue_ambiguous when several sources have one.",
      args: {
        name: t.arg.string({ required: true, description: "Exact name." }),
        source: t.arg.string({ description: "Configured name of its source, if several have a queue of this name." }),
      },
      resolve: (_root, { name, source }, { loaders }) => loaders.queues.one(name, source ?? null),
    }),
  );
  builder.queryField("queueSources", (t) =>
    t.field({
      type: [queueSource],
      nullable: true,
      description:
        "The sources of queues, and whether they could be read for this request. Includes job systems " +
        "that were detected but are not supported. Empty when none is configured.",
      args: { env: toSourceEnvArg(t.arg, scalars) },
      resolve: (_root, { env }, { loaders }) => loaders.queues.statuses(env),
    }),
  );
}
