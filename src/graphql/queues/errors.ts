import type { ErrorGroup, FailedJob, JobErrorGroup, QueueFailures } from "../../queues/errors.ts";
import { checkFirst, costOfFirst, first } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";

/** JobError, the query for all of them, and Queue.errors. */
export function addJobErrors(builder: Builder, refs: Refs): void {
  const jobError = builder.objectRef<JobErrorGroup>("JobError").implement({
    description:
      "Failures of one queue in the last 60 minutes that are one error: their texts differ in values alone (numbers, ids, UUIDs, hex, quoted values, times).",
    fields: (t) => ({
      ...exposeAll(t, {
        "queue: String!": "Name of the queue.",
        "source: String!": "Configured name of the queue's source.",
        "jobId: String!": "Id of the newest failed job of the group.",
        "error: String!": "The newest of its texts, secrets redacted, cut at 2,000 characters.",
        "timestamp: DateTime!": "When the newest one failed: last seen.",
        "count: Int!": "How many in the last 60 minutes; at least so many where not `complete`.",
        "fingerprint: String!": "Which error it is, 12 hex digits: the same in every queue, and over time.",
        "firstSeen: DateTime!": "When the first one failed, of the last 60 minutes.",
        "attempts: Int": "Most attempts that one of the jobs has had; null where the system does not count them.",
        "jobIds: [String!]!": "Ids of the newest failed jobs, newest first, at most 5.",
        "complete: Boolean!": "False where its source had more different texts than it returns: then `count` is a lower bound.",
      }),
      releases: t.field({
        type: [refs.releaseFailures],
        description: "Which releases it hit, most failures first; together they are `count`.",
        resolve: ({ releases }) => releases,
      }),
    }),
  });
  refs.releaseFailures.implement({
    description:
      "Failures whose workers ran one release of one service and destination: a job's row has the worker's host name, and that is a container's.",
    fields: (t) =>
      exposeAll(t, {
        "version: String":
          "As Container.version. Null for failures whose worker is not named, or is in no container that is known and visible to the token.",
        "service: String": "As Container.service; null also as `version`.",
        "destination: String": "As Container.destination; null also as `version`.",
        "env: Environment": "As Container.env; null also as `version`.",
        "count: Int!": "How many in the last 60 minutes.",
      }),
  });
  builder.queryField("jobErrors", (t) =>
    t.field({
      type: [jobError],
      nullable: true,
      complexity: costOfFirst,
      description:
        "Recent errors, each once for each queue that it happened in, newest first; REST has the newest 50 as `errors` of /queues. Null when no source could be read.",
      args: { first: t.arg.int(first), queue: t.arg.string({ description: "Only this queue." }) },
      resolve: async (_root, args, { loaders }) => {
        const errors = await loaders.queues.errors();
        return errors.filter((error) => !args.queue || error.queue === args.queue).slice(0, checkFirst(args.first));
      },
    }),
  );
  builder.objectFields(refs.queue, (t) => ({
    errors: t.field({
      type: [jobError],
      nullable: true,
      complexity: costOfFirst,
      description: "Its recent failures, grouped by fingerprint, newest first; null when they could not be read.",
      args: { first: t.arg.int(first) },
      resolve: async (queue, args, { loaders }) =>
        (await loaders.queues.errorsByQueue.load(queue)).slice(0, checkFirst(args.first)),
    }),
    failuresByRelease: t.field({
      type: [refs.releaseFailures],
      nullable: true,
      description:
        "Its failures of the last 60 minutes that left an error, by the release of the worker, most first. Null when they could not be read; empty where the " +
        "system keeps no errors.",
      resolve: (queue, _args, { loaders }) => loaders.queues.releases(queue),
    }),
  }));
}

/** ErrorGroup, and the query for all of them. */
export function addErrorGroups(builder: Builder, refs: Refs, scalars: Scalars): void {
  const errorGroup = builder.objectRef<ErrorGroup>("ErrorGroup").implement({
    description: "One error over all queues in the last 60 minutes: failures whose texts differ in values alone.",
    fields: (t) => ({
      ...exposeAll(t, {
        "fingerprint: String!": "Which error it is, 12 hex digits: that of JobError.",
        "error: String!": "The newest of its texts, secrets redacted, cut at 2,000 characters.",
        "count: Int!": "How many in the last 60 minutes; at least so many where not `complete`.",
        "complete: Boolean!": "False where a source had more different texts than it returns: then `count` is a lower bound.",
        "firstSeen: DateTime!": "When the first one failed, of the last 60 minutes.",
        "attempts: Int": "Most attempts that one of the jobs has had; null where no system counts them.",
      }),
      lastSeen: t.field({ type: "DateTime", description: "When the newest one failed.", resolve: ({ timestamp }) => timestamp }),
      queues: t.field({
        type: [queueFailures],
        description: "Where it happened, most failures first; together they are `count`.",
        resolve: ({ queues }) => queues,
      }),
      releases: t.field({
        type: [refs.releaseFailures],
        description: "Which releases it hit, most failures first; together they are `count`.",
        resolve: ({ releases }) => releases,
      }),
      jobs: t.field({
        type: [failedJob],
        description: "The newest failed jobs, newest first, at most 5.",
        resolve: ({ jobs }) => jobs,
      }),
    }),
  });
  const queueFailures = builder.objectRef<QueueFailures>("QueueFailures").implement({
    description: "Failures of one queue.",
    fields: (t) =>
      exposeAll(t, {
        "name: String!": "Name of the queue.",
        "source: String!": "Configured name of the queue's source.",
        "count: Int!": "How many in the last 60 minutes.",
      }),
  });
  const failedJob = builder.objectRef<FailedJob>("FailedJob").implement({
    description: "A job that failed.",
    fields: (t) =>
      exposeAll(t, {
        "queue: String!": "Name of its queue.",
        "source: String!": "Configured name of the queue's source.",
        "jobId: String!": "Its id.",
      }),
  });
  builder.queryField("errorGroups", (t) =>
    t.field({
      type: [errorGroup],
      nullable: true,
      complexity: costOfFirst,
      description:
        "Recent errors, each once over all queues and sources, newest first; `jobErrors` has them once for each queue.",
      args: {
        first: t.arg.int(first),
        env: t.arg({
          type: scalars.environment,
          description: "Only sources of this environment; forbidden when the token does not list it.",
        }),
      },
      resolve: async (_root, args, { loaders }) =>
        (await loaders.queues.errorGroups(args.env ?? null)).slice(0, checkFirst(args.first)),
    }),
  );
}
