import { type Arg, toFlagArg } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { changeErrorGroup, changeJob, type ErrorGroupChanged, type JobChanged } from "./jobs-loader.ts";
import { needs } from "../scopes.ts";

const source = { required: true, description: "Configured name of the source." } as const;
const reason = { required: true, description: "Why, for the audit record; 1 to 200 characters." } as const;
const jobId = { required: true, description: "The job's id, as in `jobIds` of its error." } as const;
const queue = { description: "The queue that the job must be in. With it, pg-boss finds the job faster." } as const;
const groupQueue = { required: true, description: "Their queue." } as const;
const fingerprint = { required: true, description: "Fingerprint of the error, as in `jobErrors`." } as const;
const limit = { defaultValue: 100, required: true, description: "How many at most, 1 to 100." } as const;
const idempotencyKey = {
  description:
    "Repeating the key with the same token returns the recorded result for 24 " +
    "hours, with what is `left` now, and changes nothing.",
} as const;
const dryRun = "Change nothing: report what would be changed.";
const rules =
  "Off unless WALLET_CORE_OPS_JOBS=on (jobs_disabled). Uses the job system's own " +
  "statements or functions, as the role of WALLET_CORE_OPS_CONTROL_DATABASE_URL.";
const groupRules =
  "Each job counts towards the token's 1,000 jobs an hour (job_budget). `dryRun` " +
  `has the same conditions, but records and counts nothing. ${rules}`;

function toJobArgs(arg: Arg) {
  return { source: arg.string(source), jobId: arg.string(jobId), queue: arg.string(queue), reason: arg.string(reason) };
}

function toGroupArgs(arg: Arg) {
  return {
    source: arg.string(source),
    queue: arg.string(groupQueue),
    fingerprint: arg.string(fingerprint),
    limit: arg.int(limit),
    reason: arg.string(reason),
    idempotencyKey: arg.string(idempotencyKey),
    dryRun: toFlagArg(arg, dryRun),
  };
}

/**
 * JobChange, ErrorGroupChange, and the mutations retryJob, discardJob, retryErrorGroup and
 * discardErrorGroup.
 */
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
  const skippedJob = builder.objectRef<ErrorGroupChanged["skipped"][number]>("SkippedJob").implement({
    description: "A job of an error group that was not changed.",
    fields: (t) =>
      exposeAll(t, {
        "jobId: String!": "Its id.",
        "code: String!": "`job_conflict`, or `job_not_found` when it is gone.",
        "message: String!": "Its state, and why it was not changed.",
      }),
  });
  const errorGroupChange = builder.objectRef<ErrorGroupChanged>("ErrorGroupChange").implement({
    description: "Result of retrying or discarding an error group or, with `dryRun`, what it would be.",
    fields: (t) => ({
      ...exposeAll(t, {
        "source: String!": "Configured name of their source.",
        "queue: String!": "Their queue.",
        "left: Int!": "Jobs of the group beyond those that were tried. Repeating the mutation continues with them.",
        "error: Problem": "Why it stopped before `limit` jobs were tried; null when it did not.",
      }),
      count: t.int({
        description: "How many were retried or discarded. With `dryRun`: how many would be, 0 to `limit`.",
        resolve: ({ changed }) => changed.length,
      }),
      jobIds: t.stringList({
        nullable: true,
        extensions: needs("ops:read"),
        description:
          "Their ids, newest failure first, at most 100. Needs ops:read as well as ops:operate; null without ops:read.",
        resolve: ({ changed }: ErrorGroupChanged) => [...changed],
      }),
      skipped: t.field({
        type: [skippedJob],
        nullable: true,
        extensions: needs("ops:read"),
        description:
          "Jobs whose state changed meanwhile, or that are gone. Needs " +
          "ops:read as well as ops:operate; null without ops:read.",
        resolve: ({ skipped }) => skipped,
      }),
    }),
  });
  builder.mutationFields((t) => ({
    retryJob: t.field({
      type: jobChange,
      nullable: true,
      description:
        "Runs a failed job again now, whether it failed for good or waits for its next attempt. A job " +
        `that waits for its first attempt, runs or is done returns job_conflict with its state. ${rules}`,
      args: toJobArgs(t.arg),
      resolve: (_root, args, context) =>
        changeJob("retry", args, { jobId: args.jobId, queue: args.queue ?? null }, context),
    }),
    discardJob: t.field({
      type: jobChange,
      nullable: true,
      description:
        "Cancels a waiting or retryable job; its row is kept. A running job returns " +
        `job_conflict; River instead asks its worker to stop. ${rules}`,
      args: toJobArgs(t.arg),
      resolve: (_root, args, context) =>
        changeJob("discard", args, { jobId: args.jobId, queue: args.queue ?? null }, context),
    }),
    retryErrorGroup: t.field({
      type: errorGroupChange,
      nullable: true,
      description:
        "Retries the jobs of one queue that failed with one error in the last 60 minutes. Jobs are " +
        "retried one by one, newest failure first, as by retryJob. Jobs that somebody has discarded or cancelled are left out. " +
        groupRules,
      args: toGroupArgs(t.arg),
      resolve: (_root, args, context) => changeErrorGroup("retry", args, context),
    }),
    discardErrorGroup: t.field({
      type: errorGroupChange,
      nullable: true,
      description:
        "Discards the jobs of one queue that failed with one error in the last 60 minutes and that a " +
        "worker would try again; of a source of kind `table`, those that failed. Jobs are discarded " +
        `one by one, newest failure first, as by discardJob. Running ones are left alone. ${groupRules}`,
      args: toGroupArgs(t.arg),
      resolve: (_root, args, context) => changeErrorGroup("discard", args, context),
    }),
  }));
}
