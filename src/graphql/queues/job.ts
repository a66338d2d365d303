import { resolveCursorConnection } from "@pothos/plugin-relay";
import { OpsError, toOpsError } from "../../lib/errors.ts";
import {
  argsLimit,
  attemptsLimit,
  type JobArgs,
  type JobPlace,
  type JobState,
  jobsLimit,
  type PlacedJob,
  traceLimit,
} from "../../queues/job.ts";
import { checkPage, parseCursor, toCursor, toFlagArg, toPageCost } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { Refs } from "../refs.ts";
import { toEnumValues } from "../scalars.ts";
import { needs } from "../scopes.ts";
import { type JobAddress, toJobKey } from "./job-loader.ts";

const workerRules =
  "Null when the row names no worker, when no container or several have " +
  "its host name, or when the token may not see it.";

/** Job, JobAttempt and JobArgs, the queries job and jobs, and the job of a FailedJob. */
export function addJobs(builder: Builder, refs: Refs): void {
  const state = builder.enumType("JobState", {
    description: "State of a job, the same for all job systems.",
    values: toEnumValues<JobState>({
      available: "It waits for a worker, and may run now.",
      scheduled: "It waits for its time.",
      running: "A worker runs it.",
      retrying: "It failed, and waits for another attempt.",
      failed: "It failed for good: dead, discarded, expired.",
      completed: "It succeeded.",
      cancelled: "It was given up before it ended.",
      blocked: "It waits for something else: another job, a limit, or its release.",
    }),
  });
  const jobArgs = builder.objectRef<JobArgs>("JobArgs").implement({
    description: "Arguments of a job.",
    fields: (t) =>
      exposeAll(t, {
        "text: String!":
          "JSON as the job system stores it, its recognised secrets redacted, cut at " +
          `${argsLimit} characters. So it may not be valid JSON.`,
        "truncated: Boolean!": "Whether it was cut.",
      }),
  });
  refs.jobAttempt.implement({
    description: "A failed attempt of a job.",
    fields: (t) => ({
      ...exposeAll(t, {
        "number: Int": "1 for the first. Null where it is not recorded.",
        "at: DateTime": "When it failed. Null where it is not recorded.",
        "startedAt: DateTime": "When it began. Null where it is not recorded.",
        "error: String!": "Its error, secrets redacted, cut at 2,000 characters.",
        "trace: String": `Its stack trace, secrets redacted, cut at ${traceLimit} characters. Null if not recorded.`,
        "worker: String": "Its worker, as the job's row names it. Null where it is not recorded.",
      }),
      container: t.field({
        type: refs.container,
        nullable: true,
        description: `The container that its worker ran in, also a stopped one. ${workerRules}`,
        resolve: async ({ host }, _args, { loaders }) => (await loaders.jobs.workerOf(host)).container,
      }),
      version: t.string({
        nullable: true,
        description: `The release that its worker ran, as Container.version. ${workerRules}`,
        resolve: async ({ host }, _args, { loaders }) => (await loaders.jobs.workerOf(host)).version,
      }),
    }),
  });
  builder.node(refs.job, {
    description: "A job, as its system stores it.",
    id: {
      description: "Its global id, for `node`. It names the job of this id in this queue and source.",
      resolve: toJobKey,
    },
    loadOne: async (key, { loaders }) => {
      const address = parseJobKey(key);
      return address && loaders.jobs.one.load(address).catch(orNull);
    },
    fields: (t) => ({
      ...exposeAll(t, {
        "jobId: String!": "Its id in its system. Unique in its queue, not among sources.",
        "source: String!": "Configured name of its source.",
        "queue: String!": "Name of its queue, as Queue.name.",
        "kind: String": "Its type or class. Null where the system does not record it beside the queue.",
        "systemState: String!": "Its state as its system calls it.",
        "priority: Int": "Its priority, in its system's numbers. Null where it is not recorded.",
        "createdAt: DateTime": "When it was created. Null where it is not recorded.",
        "scheduledAt: DateTime": "The earliest time at which it may or could have run. Null where it is not recorded.",
        "startedAt: DateTime": "When its last attempt began. Null before the first, and where it is not recorded.",
        "finishedAt: DateTime": "When it ended for good. Null before, and where it is not recorded.",
        "attempt: Int": "Number of its attempts so far. Null where it is not recorded.",
        "maxAttempts: Int": "Number of attempts after which it is given up. Null where it is not recorded.",
        "worker: String": "Worker of its last attempt, as the row names it. Null where it is not recorded.",
      }),
      state: t.expose("state", {
        type: state,
        nullable: true,
        description: "Its state. Null for a state of its system that has no equivalent here: see `systemState`.",
      }),
      container: t.field({
        type: refs.container,
        nullable: true,
        description: `The container that \`worker\` runs, or ran, in. ${workerRules}`,
        resolve: async ({ host }, _args, { loaders }) => (await loaders.jobs.workerOf(host)).container,
      }),
      version: t.string({
        nullable: true,
        description: `The release that \`worker\` runs, or ran, as Container.version. ${workerRules}`,
        resolve: async ({ host }, _args, { loaders }) => (await loaders.jobs.workerOf(host)).version,
      }),
      attempts: t.field({
        type: [refs.jobAttempt],
        nullable: true,
        description:
          `Its failed attempts, newest first, at most ${attemptsLimit}. Most systems ` +
          "store only the last one. Null when they could not be read.",
        resolve: async (job, _args, { loaders }) => loaders.jobs.attempts.load(job),
      }),
      args: t.field({
        type: jobArgs,
        nullable: true,
        extensions: needs("ops:logs"),
        description:
          "Its arguments, null unless `show`: they may hold personal data. Needs the scope ops:logs. " +
          "Error operation_not_supported where the system stores no readable arguments.",
        args: { show: toFlagArg(t.arg, "Whether to show them.") },
        resolve: async (job, { show }, { loaders }) => (show ? loaders.jobs.args.load(job) : null),
      }),
    }),
  });
  builder.objectFields(refs.failedJob, (t) => ({
    job: t.field({
      type: refs.job,
      nullable: true,
      description: "The job now. Null when it is gone, or its system's jobs cannot be read one by one.",
      resolve: async (failed, _args, { loaders }) => loaders.jobs.ofFailure(failed),
    }),
    attempt: t.field({
      type: refs.jobAttempt,
      nullable: true,
      description:
        "Its newest attempt that failed with this error, else its newest failed attempt. Null " +
        "when the job is gone, or its system's jobs cannot be read one by one.",
      resolve: async (failed, _args, { loaders }) => loaders.jobs.attemptOfFailure(failed),
    }),
  }));
  builder.queryFields((t) => ({
    job: t.field({
      type: refs.job,
      nullable: true,
      description:
        "One job; null when it does not exist. Error operation_not_supported " +
        "where its system's jobs cannot be read one by one.",
      args: {
        source: t.arg.string({ required: true, description: "Configured name of its source." }),
        id: t.arg.string({ required: true, description: "Its id in its system: `jobId`, not the global `id`." }),
        queue: t.arg.string({
          description:
            "The queue that it must be in. With it, pg-boss, whose ids are " +
            "unique only in a queue, finds the job faster.",
        }),
      },
      resolve: (_root, { source, id, queue }, { loaders }) =>
        loaders.jobs.one.load({ source, jobId: id, queue: checkQueue(queue) }),
    }),
    jobs: t.connection(
      {
        type: refs.job,
        nullable: true,
        complexity: toPageCost(50, size),
        description:
          "Jobs of a source, newest first: FAILED, COMPLETED and CANCELLED ones by their end where the " +
          "system has it, others by their creation. Returns 20, or 1 to 100 by `first` or `last`. Error " +
          "query_refused, which names the missing index, where this would read too much of a huge table; " +
          "operation_not_supported where its system's jobs cannot be read one by one.",
        args: {
          source: t.arg.string({ required: true, description: "Configured name of the source." }),
          queue: t.arg.string({ description: "Only this queue, by its exact name." }),
          state: t.arg({ type: state, description: "Only jobs in this state." }),
        },
        resolve: (_root, { source, state: wanted, queue: named, ...args }, { loaders }) => {
          checkPage(args, size);
          const [queue, inState] = [checkQueue(named), wanted ?? null];
          const scope = [source, queue ?? "", inState ?? ""];
          const [after, before] = [toPlace("after", args.after, scope), toPlace("before", args.before, scope)];
          return resolveCursorConnection<Promise<readonly PlacedJob[]>>(
            {
              args,
              defaultSize: size.usual,
              maxSize: size.most,
              toCursor: ({ place }) => toCursor(list, ...scope, place.time, place.id),
            },
            ({ limit, inverted }) =>
              loaders.jobs.page(source, { queue, state: inState, after, before, inverted, limit }),
          );
        },
      },
      { name: "JobConnection", description: "A page of jobs." },
      { name: "JobEdge", description: "A job of a page." },
    ),
  }));
}

const list = "jobs";
const size = { usual: 20, most: jobsLimit };

/** Ensures text that PostgreSQL can store. Throws invalid_request. */
function checkQueue(queue: string | null | undefined): string | null {
  if (queue === null || queue === undefined) return null;
  if (/^[^\0\p{Cs}]{1,500}$/u.test(queue)) return queue;
  throw new OpsError("invalid_request", "queue must have 1 to 500 characters");
}

/**
 * The place in a cursor of the list with this source, queue and state; null without one. Throws
 * invalid_request.
 */
function toPlace(
  argument: "after" | "before",
  cursor: string | null | undefined,
  scope: readonly string[],
): JobPlace | null {
  if (!cursor) return null;
  const parts = parseCursor(list, argument, cursor);
  const [time, id] = parts.slice(scope.length);
  if (time !== undefined && id !== undefined && scope.every((part, index) => part === parts[index]))
    return { time, id };
  throw new OpsError("invalid_request", `${argument} is not a cursor of these ${list}`);
}

/** The job that a global id names; null for a text that names none. */
function parseJobKey(key: string): JobAddress | null {
  try {
    const [source, queue, jobId] = JSON.parse(key) as unknown[];
    return typeof source === "string" && typeof queue === "string" && typeof jobId === "string"
      ? { source, queue, jobId }
      : null;
  } catch {
    return null;
  }
}

/**
 * A source that is gone or that the token may not see has no jobs; nor does an id that its system
 * cannot have.
 */
function orNull(error: unknown): null {
  if (["not_found", "invalid_request", "operation_not_supported"].includes(toOpsError(error).code)) return null;
  throw error;
}
