import { type Builder, exposeAll } from "../builder.ts";
import { changeJob, type GroupRetried, type JobChanged, retryErrorGroup } from "./jobs-loader.ts";
import { needs } from "../scopes.ts";

const source = { required: true, description: "Configured name of the source." } as const;
const reason = { required: true, description: "Why, for the audit record; 1 to 200 characters." } as const;
const jobId = { required: true, description: "The job's id, as in `jobIds` of its error." } as const;
const queue = { description: "The queue that the job must be in. With it, pg-boss finds the job faster." } as const;
const rules =
  "Off unless JOBS=on (jobs_disabled). Uses the job system's own statements or functions, as the role of CONTROL_DATABASE_URL.";

/** JobChange, ErrorGroupRetry, and the mutations retryJob, discardJob and retryErrorGroup. */
export function addJobControl(builder: Builder): void {
  const jobChange = builder.objectRef<JobChanged>("JobChange").implement({
    description: "A job that was retried or discarded.",
    fields: (t) => ({
      source: t.exposeString("source", { description: "Configured name of its source." }),
      queue: t.exposeString("queue", {
        nullable: true,
        extensions: needs("ops:read"),
        description: "Its queue. Needs ops:read as well as ops:operate; null without ops:read.",
      }),
      jobId: t.exposeString("jobId", { description: "Its id." }),
      state: t.exposeString("state", { description: "Its new state, as its job system calls it." }),
    }),
  });
  const skippedJob = builder.objectRef<GroupRetried["skipped"][number]>("SkippedJob").implement({
    description: "A job of an error group that was not retried.",
    fields: (t) =>
      exposeAll(t, {
        "jobId: String!": "Its id.",
        "code: String!": "`job_conflict`, or `job_not_found` when it is gone.",
        "message: String!": "Its state, and why.",
      }),
  });
  const errorGroupRetry = builder.objectRef<GroupRetried>("ErrorGroupRetry").implement({
    description: "Result of retrying an error group.",
    fields: (t) => ({
      ...exposeAll(t, {
        "source: String!": "Configured name of their source.",
        "queue: String!": "Their queue.",
        "left: Int!": "Jobs of the group that were not tried. Repeating the mutation continues with them.",
        "error: Problem": "Why it stopped before `limit` jobs were tried; null when it did not.",
      }),
      count: t.int({ description: "How many were retried.", resolve: ({ retried }) => retried.length }),
      jobIds: t.stringList({
        nullable: true,
        extensions: needs("ops:read"),
        description:
          "Their ids, newest failure first, at most 100. Needs ops:read as well as ops:operate; null without ops:read.",
        resolve: ({ retried }: GroupRetried) => [...retried],
      }),
      skipped: t.field({
        type: [skippedJob],
        nullable: true,
        extensions: needs("ops:read"),
        description: "Jobs that are no longer failed, or are gone. Needs ops:read as well as ops:operate; null without ops:read.",
        resolve: ({ skipped }) => skipped,
      }),
    }),
  });
  builder.mutationFields((t) => ({
    retryJob: t.field({
      type: jobChange,
      nullable: true,
      description: `Runs a failed job again now, whether it failed for good or waits for its next attempt. A job that waits for its first attempt, runs or is done returns job_conflict with its state. ${rules}`,
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
      description: `Cancels a waiting or retryable job; its row is kept. A running job returns job_conflict; River instead asks its worker to stop. ${rules}`,
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
      description: `Retries the jobs of one queue that failed with one error in the last 60 minutes. Jobs are retried one by one, newest failure first, as by retryJob. Discarded jobs stay discarded. Each job counts towards the token's 1,000 jobs an hour (job_budget). ${rules}`,
      args: {
        source: t.arg.string(source),
        queue: t.arg.string({ required: true, description: "Their queue." }),
        fingerprint: t.arg.string({ required: true, description: "Fingerprint of the error, as in `jobErrors`." }),
        limit: t.arg.int({ defaultValue: 100, required: true, description: "How many at most, 1 to 100." }),
        reason: t.arg.string(reason),
      },
      resolve: (_root, args, context) => retryErrorGroup(args, context),
    }),
  }));
}
