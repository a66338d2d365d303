import { type Builder, exposeAll } from "../builder.ts";
import { changeJob, type GroupRetried, type JobChanged, retryErrorGroup } from "./jobs-loader.ts";

const source = { required: true, description: "Configured name of the source." } as const;
const reason = { required: true, description: "Why, for the audit record; 1 to 200 characters." } as const;
const jobId = { required: true, description: "The job's id, as in `jobIds` of its error." } as const;
const queue = { description: "The queue that it must be in. pg-boss finds it faster with it." } as const;
const rules =
  "Off unless JOBS=on (jobs_disabled); by the system's own statements or functions, as the role of CONTROL_DATABASE_URL; goes on when the caller leaves; " +
  "recorded in the audit file, and not done where that cannot be written.";

/** JobChange, ErrorGroupRetry, and the mutations retryJob, discardJob and retryErrorGroup. */
export function addJobControl(builder: Builder): void {
  const jobChange = builder.objectRef<JobChanged>("JobChange").implement({
    description: "A job that was retried or discarded.",
    fields: (t) => ({
      source: t.exposeString("source", { description: "Configured name of its source." }),
      queue: t.exposeString("queue", {
        nullable: true,
        authScopes: { read: true },
        description: "Its queue. Needs ops:read beside ops:operate; null without it.",
      }),
      jobId: t.exposeString("jobId", { description: "Its id." }),
      state: t.exposeString("state", { description: "Its state after that, as its system calls it." }),
    }),
  });
  const skippedJob = builder.objectRef<GroupRetried["skipped"][number]>("SkippedJob").implement({
    description: "A job of an error group that was left as it is.",
    fields: (t) =>
      exposeAll(t, {
        "jobId: String!": "Its id.",
        "code: String!": "`job_conflict`, or `job_not_found` where it is gone.",
        "message: String!": "Its state, and why.",
      }),
  });
  const errorGroupRetry = builder.objectRef<GroupRetried>("ErrorGroupRetry").implement({
    description: "What became of the jobs of an error group.",
    fields: (t) => ({
      ...exposeAll(t, {
        "source: String!": "Configured name of their source.",
        "queue: String!": "Their queue.",
        "left: Int!": "Jobs of the group that were not tried: the same again goes on with them.",
        "error: Problem": "What ended it before `limit` were tried; null for nothing.",
      }),
      count: t.int({ description: "How many were retried.", resolve: ({ retried }) => retried.length }),
      jobIds: t.stringList({
        nullable: true,
        authScopes: { read: true },
        description: "Their ids, newest failure first, at most 100. Needs ops:read beside ops:operate; null without it.",
        resolve: ({ retried }: GroupRetried) => [...retried],
      }),
      skipped: t.field({
        type: [skippedJob],
        nullable: true,
        authScopes: { read: true },
        description: "Those that have not failed any more, or are gone. Needs ops:read beside ops:operate; null without it.",
        resolve: ({ skipped }) => skipped,
      }),
    }),
  });
  builder.mutationFields((t) => ({
    retryJob: t.field({
      type: jobChange,
      nullable: true,
      description:
        "Runs a job again now that has failed: for good, or that waits for its next attempt. One that waits, runs or is done is a job_conflict with its " +
        `state. ${rules}`,
      args: {
        source: t.arg.string(source),
        jobId: t.arg.string(jobId),
        queue: t.arg.string(queue),
        reason: t.arg.string(reason),
      },
      resolve: (_root, args, context) => changeJob("retry", args, { jobId: args.jobId, queue: args.queue ?? null }, context),
    }),
    discardJob: t.field({
      type: jobChange,
      nullable: true,
      description:
        "Sees to it that a job which waits, or has failed and would be tried again, never runs. Its row stays. One that runs is a job_conflict, but for River, which asks " +
        `its worker to stop. ${rules}`,
      args: {
        source: t.arg.string(source),
        jobId: t.arg.string(jobId),
        queue: t.arg.string(queue),
        reason: t.arg.string(reason),
      },
      resolve: (_root, args, context) => changeJob("discard", args, { jobId: args.jobId, queue: args.queue ?? null }, context),
    }),
    retryErrorGroup: t.field({
      type: errorGroupRetry,
      nullable: true,
      description:
        "As retryJob, for the jobs of one queue that failed in the last 60 minutes with one error, newest first, one by one. Those that somebody has discarded stay so. " +
        `Every job counts for the token's 1,000 of an hour (job_budget). ${rules}`,
      args: {
        source: t.arg.string(source),
        queue: t.arg.string({ required: true, description: "Their queue." }),
        fingerprint: t.arg.string({ required: true, description: "The error's, as in `jobErrors`." }),
        limit: t.arg.int({ defaultValue: 100, required: true, description: "How many at most, 1 to 100." }),
        reason: t.arg.string(reason),
      },
      resolve: (_root, args, context) => retryErrorGroup(args, context),
    }),
  }));
}
