import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "./scalars.ts";
import { checkFirst, costOfFirst, first } from "./page-args.ts";

/** ErrorGroup, and the query for all of them. */
export function addErrorGroups(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.errorGroup.implement({
    description: "One error over all queues in the last 60 minutes: failures whose texts differ in values alone.",
    fields: (t) => ({
      fingerprint: t.exposeString("fingerprint", { description: "Which error it is, 12 hex digits: that of JobError." }),
      error: t.exposeString("error", { description: "The newest of its texts, secrets redacted, cut at 2,000 characters." }),
      count: t.exposeInt("count", { description: "How many in the last 60 minutes; at least so many where not `complete`." }),
      complete: t.exposeBoolean("complete", {
        description: "False where a source had more different texts than it could tell: then `count` is a lower bound.",
      }),
      firstSeen: t.expose("firstSeen", { type: "DateTime", description: "When the first one failed, of the last 60 minutes." }),
      lastSeen: t.field({ type: "DateTime", description: "When the newest one failed.", resolve: ({ timestamp }) => timestamp }),
      attempts: t.exposeInt("attempts", {
        nullable: true,
        description: "Most attempts that one of the jobs has had; null where no system counts them.",
      }),
      queues: t.field({
        type: [refs.queueFailures],
        description: "Where it happened, most failures first; together they are `count`.",
        resolve: ({ queues }) => queues,
      }),
      releases: t.field({
        type: [refs.releaseFailures],
        description: "Which releases it hit, most failures first; together they are `count`.",
        resolve: ({ releases }) => releases,
      }),
      jobs: t.field({
        type: [refs.failedJob],
        description: "The newest failed jobs, newest first, at most 5.",
        resolve: ({ jobs }) => jobs,
      }),
    }),
  });
  refs.queueFailures.implement({
    description: "Failures of one queue.",
    fields: (t) => ({
      name: t.exposeString("name", { description: "Name of the queue." }),
      source: t.exposeString("source", { description: "Configured name of the queue's source." }),
      count: t.exposeInt("count", { description: "How many in the last 60 minutes." }),
    }),
  });
  refs.failedJob.implement({
    description: "A job that failed.",
    fields: (t) => ({
      queue: t.exposeString("queue", { description: "Name of its queue." }),
      source: t.exposeString("source", { description: "Configured name of the queue's source." }),
      jobId: t.exposeString("jobId", { description: "Its id." }),
    }),
  });
  builder.queryField("errorGroups", (t) =>
    t.field({
      type: [refs.errorGroup],
      nullable: true,
      complexity: costOfFirst,
      description: "Recent errors over all queues and sources, each once, newest first.",
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
