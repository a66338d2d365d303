import type { ErrorGroup, JobErrorGroup, QueueFailures } from "../../queues/errors.ts";
import { checkFirst, costOfFirst, first, toSourceEnvArg } from "../args.ts";
import { type Builder, exposeAll, ofRow } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";

/** Only failures whose rows have a text count. */
const ofLastAttempts =
  "BullMQ and asynq store only the text of a job's last failed attempt, so one failure of each " +
  "job counts here, while Queue.failuresLastHour counts every failed attempt.";

/** JobError, the query for all of them, and Queue.errors. */
export function addJobErrors(builder: Builder, refs: Refs, scalars: Scalars): void {
  const jobError = builder.objectRef<JobErrorGroup>("JobError").implement({
    description:
      "Failures of one queue in the last 60 minutes with the same error: their texts differ " +
      "only in values (numbers, ids, UUIDs, hex, quoted values, times).",
    fields: (t) => ({
      ...exposeAll(t, {
        "queue: String!": "Name of the queue.",
        "source: String!": "Configured name of the queue's source.",
        "jobId: String!": "Id of the newest failed job of the group.",
        "error: String!": "Its newest text, secrets redacted, cut at 2,000 characters.",
        "timestamp: DateTime!": "When the newest failure happened.",
        "count: Int!": `Failures in the last 60 minutes; a lower bound when \`complete\` is false. ${ofLastAttempts}`,
        "fingerprint: String!": "Identifies the error, 12 hex digits. The same in every queue and over time.",
        "firstSeen: DateTime!": "When the first failure of the last 60 minutes happened.",
        "attempts: Int": "Highest number of attempts of any of its jobs; null where the system does not count them.",
        "jobIds: [String!]!": "Ids of the newest failed jobs, newest first, at most 5.",
        "complete: Boolean!":
          "False when its source had more different texts than it returns. Then `count` is a lower bound.",
      }),
      releases: t.field({
        ...ofRow,
        type: [refs.releaseFailures],
        description: "The releases it happened in, most failures first. Their counts sum to `count`.",
        resolve: ({ releases }) => releases,
      }),
    }),
  });
  refs.releaseFailures.implement({
    description:
      "Failures of workers that ran one release of one service and destination. The " +
      "worker's host name in a job's row identifies its container.",
    fields: (t) =>
      exposeAll(t, {
        "version: String":
          "As Container.version. Null when the row names no worker, or one " +
          "in no known container that the token may see.",
        "service: String": "As Container.service; null also when `version` is.",
        "destination: String": "As Container.destination; null also when `version` is.",
        "env: Environment": "As Container.env; null also when `version` is.",
        "count: Int!": "How many in the last 60 minutes.",
      }),
  });
  builder.queryField("jobErrors", (t) =>
    t.field({
      type: [jobError],
      nullable: true,
      complexity: costOfFirst,
      description:
        "Recent errors, newest first, each once for each queue that it happened in. REST returns " +
        "the newest 50 as `errors` of /queues. Null when no source could be read.",
      args: {
        first: t.arg.int(first),
        env: toSourceEnvArg(t.arg, scalars),
        queue: t.arg.string({ description: "Only this queue." }),
      },
      resolve: async (_root, args, { loaders }) => {
        const errors = await loaders.queues.errors(args.env);
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
        "Its failures with an error in the last 60 minutes, by the worker's release, most first. " +
        "Null when they could not be read; empty where the system stores no errors.",
      resolve: async (queue, _args, { loaders }) => loaders.queues.releases(queue),
    }),
  }));
}

/** ErrorGroup, and the query for all of them. */
export function addErrorGroups(builder: Builder, refs: Refs, scalars: Scalars): void {
  const errorGroup = builder.objectRef<ErrorGroup>("ErrorGroup").implement({
    description: "One error across all queues in the last 60 minutes. The texts of its failures differ only in values.",
    fields: (t) => ({
      ...exposeAll(t, {
        "fingerprint: String!": "Identifies the error, 12 hex digits; the same as JobError.fingerprint.",
        "error: String!": "Its newest text, secrets redacted, cut at 2,000 characters.",
        "count: Int!": `Failures in the last 60 minutes; a lower bound when \`complete\` is false. ${ofLastAttempts}`,
        "complete: Boolean!":
          "False when a source had more different texts than it returns. Then `count` is a lower bound.",
        "firstSeen: DateTime!": "When the first failure of the last 60 minutes happened.",
        "attempts: Int": "Highest number of attempts of any of its jobs; null where no system counts them.",
      }),
      lastSeen: t.field({
        type: "DateTime",
        description: "When the newest failure happened.",
        resolve: ({ timestamp }) => timestamp,
      }),
      queues: t.field({
        type: [queueFailures],
        description: "The queues it happened in, most failures first. Their counts sum to `count`.",
        resolve: ({ queues }) => queues,
      }),
      releases: t.field({
        type: [refs.releaseFailures],
        description: "The releases it happened in, most failures first. Their counts sum to `count`.",
        resolve: ({ releases }) => releases,
      }),
      jobs: t.field({
        type: [refs.failedJob],
        description: "The newest failed jobs, newest first, at most 5.",
        resolve: ({ jobs, error, fingerprint }) => jobs.map((job) => ({ ...job, error, fingerprint })),
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
  refs.failedJob.implement({
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
        "Recent errors, newest first, each once across all queues and " +
        "sources. `jobErrors` lists them once for each queue.",
      args: {
        first: t.arg.int(first),
        env: toSourceEnvArg(t.arg, scalars),
      },
      resolve: async (_root, args, { loaders }) =>
        (await loaders.queues.errorGroups(args.env ?? null)).slice(0, checkFirst(args.first)),
    }),
  );
}
