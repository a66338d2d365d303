import { OpsError } from "../../lib/errors.ts";
import type { QueueHistory, QueuePoint } from "../../queues/history.ts";
import { toHistoryRangeArgs } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { pointsAdvice, toHistoryRange } from "../range.ts";
import type { Refs } from "../refs.ts";

/** QueueHistory and QueuePoint, and Queue.history. */
export function addQueueHistory(builder: Builder, refs: Refs): void {
  const queuePoint = builder.objectRef<QueuePoint>("QueuePoint").implement({
    description: "A queue at one time, and what happened in the step that ends there. Null where it cannot be known.",
    fields: (t) =>
      exposeAll(t, {
        "time: DateTime!": "The end of the step.",
        "depth: Int": "Jobs that could run at that time and were not taken; where starts are not recorded: that had not ended.",
        "processedPerSec: Float": "Successes in the step, each second.",
        "failures: Int": "Failures in the step, as Queue.failuresLastHour counts them.",
        "oldestAgeSeconds: Float": "For how long the oldest of these jobs had been waiting; null also without one.",
        "waitP50Seconds: Float": "Of jobs that were taken in the step: median time since they could run.",
        "waitP95Seconds: Float": "The same of 95 of 100.",
        "runP95Seconds: Float": "Of successes in the step: 95 of 100 took no longer. Null also where starts are not recorded.",
      }),
  });
  const queueHistory = builder.objectRef<QueueHistory>("QueueHistory").implement({
    description: "The past of a queue.",
    fields: (t) => ({
      points: t.expose("points", { type: [queuePoint], description: "Oldest first, one for each step." }),
      ...exposeAll(t, {
        "exact: Boolean!":
          "Whether every number is what happened: computed from the jobs' own rows, of which none was tried more than once. A row has the times of its last attempt: depth and " +
          "waits lack those of earlier ones.",
        "sampled: Boolean!":
          "Whether it is from what was seen while somebody asked. Else it is computed from rows, and reaches back before the gateway was started.",
        "since: DateTime": "Earlier points are null: older rows or samples are not stored. Null when they reach back far enough.",
      }),
    }),
  });
  builder.objectField(refs.queue, "history", (t) =>
    t.field({
      type: queueHistory,
      nullable: true,
      complexity: { field: 1000, multiplier: 1 },
      description:
        "Its depth, rate, failures and waiting times over a range, at most 11,000 points. query_refused when that would cost the database too much.",
      args: toHistoryRangeArgs(t.arg),
      resolve: async (queue, args, { loaders, signal, budget }) => {
        const range = toHistoryRange(args, loaders.nowMs);
        const source = (await loaders.queues.visible()).find(({ name }) => name === queue.source);
        if (!source?.history) throw new OpsError("query_refused", "Nothing is remembered of this queue");
        await budget.read(range.steps, pointsAdvice);
        return (await source.history([queue.name], range, signal)).get(queue.name) ?? null;
      },
    }),
  );
}
