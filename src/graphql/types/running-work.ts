import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";

/** RunningWork, RunningJob, WorkGap, and RestartPreview.work. */
export function addRunningWork(builder: Builder, refs: Refs): void {
  refs.runningWork.implement({
    description:
      "The jobs that run in a container, as far as the queue sources can tell from the host name that a job's row has.",
    fields: (t) => ({
      jobs: t.field({
        type: [refs.runningJob],
        nullable: true,
        description: "Oldest first, at most 50 of a source. Null when no source can tell; empty when those that can have none.",
        resolve: ({ jobs }) => jobs,
      }),
      total: t.exposeInt("total", { nullable: true, description: "How many there are; null as `jobs` is." }),
      gaps: t.field({ type: [refs.workGap], description: "Why there may be more.", resolve: ({ gaps }) => gaps }),
    }),
  });
  refs.runningJob.implement({
    description: "A job that a worker is at, by its row: one older than the container's start was left by a process that died.",
    fields: (t) => ({
      queue: t.exposeString("queue", { description: "Name of its queue." }),
      source: t.exposeString("source", { description: "Configured name of the queue's source." }),
      jobId: t.exposeString("jobId", { description: "Its id." }),
      kind: t.exposeString("kind", {
        nullable: true,
        description: "Its kind, where the system has more than the queue to tell.",
      }),
      startedAt: t.expose("startedAt", {
        type: "DateTime",
        nullable: true,
        description: "When it was taken; null where the system does not keep that.",
      }),
      worker: t.exposeString("worker", { nullable: true, description: "Who is at it, as its row says it." }),
    }),
  });
  refs.workGap.implement({
    description: "A part of the work that is not known.",
    fields: (t) => ({
      source: t.exposeString("source", { nullable: true, description: "Configured name of the source; null for all of them." }),
      reason: t.exposeString("reason", { description: "Why it cannot tell." }),
    }),
  });
  builder.objectField(refs.restartPreview, "work", (t) =>
    t.field({
      type: refs.runningWork,
      nullable: true,
      authScopes: { read: true },
      description: "Which jobs run there. Needs ops:read beside ops:operate; null without it.",
      resolve: ({ work }) => work,
    }),
  );
}
