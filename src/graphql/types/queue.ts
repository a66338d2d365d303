import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";

/** Queue and QueueSource, and the queries that return them. */
export function addQueue(builder: Builder, refs: Refs): void {
  refs.queue.implement({
    description: "One queue: a job type of the runner, or a worker queue.",
    fields: (t) => ({
      name: t.exposeString("name", { description: "Job type or queue name, as its system calls it." }),
      source: t.exposeString("source", { description: "Configured name of the source that it comes from." }),
      depth: t.exposeInt("depth", { description: "Jobs that could run now: waiting and due, not running, not deferred." }),
      processedPerSec: t.exposeFloat("processedPerSec", {
        description: "Successful completions in the last 5 minutes, divided by 300 seconds.",
      }),
      failuresLastHour: t.exposeInt("failuresLastHour", {
        description: "Failed attempts in the last 60 minutes where the system records attempts, else jobs that ended failed.",
      }),
    }),
  });
  refs.queueSource.implement({
    description: "A place that queues are read from.",
    fields: (t) => ({
      name: t.exposeString("name", { description: "Its configured name." }),
      kind: t.exposeString("kind", { description: "The job system: table, river." }),
      ok: t.exposeBoolean("ok", { description: "Whether both its numbers and its errors could be read." }),
      error: t.expose("error", { type: refs.problem, nullable: true, description: "Why not; null when they could." }),
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
      type: [refs.queueSource],
      nullable: true,
      description: "The places that queues are read from, and whether they could be read for this request.",
      resolve: (_root, _args, { loaders }) => loaders.queues.statuses(),
    }),
  );
}
