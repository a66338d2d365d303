import { whenKnown } from "../../lib/known.ts";
import type { QueueOwner } from "../../queues/owners.ts";
import type { QueueMetrics } from "../../queues/queue.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { preloaded } from "../preload.ts";
import type { Refs } from "../refs.ts";
import { type Scalars, toEnumValues } from "../scalars.ts";

/** QueueOwner and Queue.owners. */
export function addQueueOwners(builder: Builder, refs: Refs, _scalars: Scalars): void {
  const basis = builder.enumType("QueueOwnerBasis", {
    description: "How it is known that a service works on a queue.",
    values: toEnumValues<QueueOwner["basis"]>({
      configured: "WALLET_CORE_OPS_QUEUES_FILE says so.",
      workers:
        "Its containers run, or ran in the last 24 h, jobs of the queue, by the host names in " +
        "the rows of jobs that run or that failed in the last 60 minutes.",
      alone: "No worker of the queue is known, and the token sees no other service in the environment of the source.",
    }),
  });
  refs.queueOwner.implement({
    description:
      "A service whose workers take the jobs of a queue. A deploy is judged only by the " +
      "queues that its service, at its destination, is known to work on.",
    fields: (t) => ({
      ...exposeAll(t, {
        "service: String":
          "Kamal's service; null where no container and no deploy names one, or the token may not see it.",
        "destination: String": "Kamal's destination; null without one, and for every destination.",
        "everyDestination: Boolean!": "Whether it works on the queue at each of its destinations.",
      }),
      basis: t.expose("basis", { type: basis, description: "How that is known." }),
    }),
  });
  builder.objectField(refs.queue, "owners", (t) =>
    t.field({
      type: [refs.queueOwner],
      nullable: true,
      complexity: { field: 1, multiplier: 2 },
      description: "The services that work on it. Null when unknown.",
      ...preloaded<QueueMetrics>((queues, { loaders }) => {
        const asked = [...new Set(queues.map(({ source }) => source))];
        return Promise.all(asked.map(async (source) => loaders.owners(source)));
      }),
      resolve: ({ source, name }, _args, { loaders }) =>
        whenKnown(loaders.owners(source), (ownersOf) => ownersOf(name)),
    }),
  );
}
