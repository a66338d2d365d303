import { OpsError } from "../../lib/errors.ts";
import { toHistoryRangeArgs } from "../args.ts";
import type { Builder } from "../builder.ts";
import { pointsAdvice, toHistoryRange } from "../range.ts";
import type { Refs } from "../refs.ts";

/** QueueHistory and QueuePoint, and Queue.history. */
export function addQueueHistory(builder: Builder, refs: Refs): void {
  refs.queuePoint.implement({
    description: "A queue at one time, and what happened in the step that ends there. Null where it cannot be known.",
    fields: (t) => ({
      time: t.expose("time", { type: "DateTime", description: "The end of the step." }),
      depth: t.exposeInt("depth", {
        nullable: true,
        description: "Jobs that could run at that time and were not taken; where starts are not recorded: that had not ended.",
      }),
      processedPerSec: t.exposeFloat("processedPerSec", { nullable: true, description: "Successes in the step, each second." }),
      failures: t.exposeInt("failures", {
        nullable: true,
        description: "Failures in the step, as Queue.failuresLastHour counts them.",
      }),
      oldestAgeSeconds: t.exposeFloat("oldestAgeSeconds", {
        nullable: true,
        description: "For how long the oldest of these jobs had been waiting; null also without one.",
      }),
      waitP50Seconds: t.exposeFloat("waitP50Seconds", {
        nullable: true,
        description: "Of jobs that were taken in the step: median time since they could run.",
      }),
      waitP95Seconds: t.exposeFloat("waitP95Seconds", { nullable: true, description: "The same of 95 of 100." }),
      runP95Seconds: t.exposeFloat("runP95Seconds", {
        nullable: true,
        description: "Of successes in the step: 95 of 100 took no longer. Null also where starts are not recorded.",
      }),
    }),
  });
  refs.queueHistory.implement({
    description: "The past of a queue.",
    fields: (t) => ({
      points: t.expose("points", { type: [refs.queuePoint], description: "Oldest first, one for each step." }),
      exact: t.exposeBoolean("exact", {
        description:
          "Whether every number is what happened: computed from the jobs' own rows, of which none was tried more than once. A row has the times of its last attempt: depth and " +
          "waits lack those of earlier ones.",
      }),
      sampled: t.exposeBoolean("sampled", {
        description:
          "Whether it is from what was seen while somebody asked. Else it is computed from rows, and reaches back before the gateway was started.",
      }),
      since: t.expose("since", {
        type: "DateTime",
        nullable: true,
        description: "Earlier points are null: older rows or samples are not stored. Null when they reach back far enough.",
      }),
    }),
  });
  builder.objectField(refs.queue, "history", (t) =>
    t.field({
      type: refs.queueHistory,
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
