import { OpsError } from "../../errors.ts";
import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";

/** JobError, the query for all of them, and Queue.errors. */
export function addJobErrors(builder: Builder, refs: Refs): void {
  refs.jobError.implement({
    description: "Failures of one queue with the same error text in the last 60 minutes.",
    fields: (t) => ({
      queue: t.exposeString("queue", { description: "Name of the queue." }),
      source: t.exposeString("source", { description: "Configured name of the queue's source." }),
      jobId: t.exposeString("jobId", { description: "Id of the newest failed job of the group." }),
      error: t.exposeString("error", { description: "The error text, cut at 2,000 characters." }),
      timestamp: t.expose("timestamp", { type: "DateTime", description: "When the newest one failed." }),
      count: t.exposeInt("count", { description: "How many in the last 60 minutes." }),
    }),
  });
  const first = { defaultValue: 50, required: true, description: "How many of the newest, 1 to 100." } as const;
  builder.queryField("jobErrors", (t) =>
    t.field({
      type: [refs.jobError],
      nullable: true,
      description: "Recent failures of all queues, grouped by queue and error text, newest first.",
      args: { first: t.arg.int(first), queue: t.arg.string({ description: "Only this queue." }) },
      resolve: async (_root, args, { loaders }) => {
        const errors = await loaders.queues.errors();
        return errors.filter((error) => !args.queue || error.queue === args.queue).slice(0, clamp(args.first));
      },
    }),
  );
  builder.objectField(refs.queue, "errors", (t) =>
    t.field({
      type: [refs.jobError],
      nullable: true,
      description: "Its recent failures, grouped by error text, newest first; null when they could not be read.",
      args: { first: t.arg.int(first) },
      resolve: async (queue, args, { loaders }) => (await loaders.queues.errorsByQueue.load(queue)).slice(0, clamp(args.first)),
    }),
  );
}

function clamp(first: number): number {
  if (first < 1 || first > 100) throw new OpsError("invalid_request", "first must be from 1 to 100");
  return first;
}
