import { describeQueueNumber } from "../../facts/queue.ts";
import { toSourceEnvArg } from "../args.ts";
import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";
import { orphanGraceSeconds } from "./lost-jobs.ts";
import type { Orphans } from "./orphans-loader.ts";

/** Orphans, the query for them, and Queue.orphans. */
export function addOrphans(builder: Builder, refs: Refs, scalars: Scalars): void {
  const orphans = builder.objectRef<Orphans>("Orphans").implement({
    description:
      "Running jobs whose worker is in no live container of any engine, by the host name " +
      "in their rows, or whose worker's container started after they did. Excludes jobs " +
      "whose worker or start leaves this open (`gaps` counts them) and workers whose " +
      `oldest job is younger than ${orphanGraceSeconds} s.`,
    fields: (t) => ({
      jobs: t.field({
        type: [refs.runningJob],
        nullable: true,
        description:
          "Oldest first, at most 50 for each source. Null when no source knows, when " +
          "no job is certain to be an orphan but one may be, or when an engine that " +
          "may run the workers does not answer: see `gaps`.",
        resolve: ({ jobs }) => jobs,
      }),
      total: t.exposeInt("total", {
        nullable: true,
        description: "How many there are, at least; null when `jobs` is.",
      }),
      gaps: t.field({
        type: [refs.workGap],
        description: "Why there may be more jobs, or why nothing is known.",
        resolve: ({ gaps }) => gaps,
      }),
    }),
  });
  builder.queryField("orphans", (t) =>
    t.field({
      type: orphans,
      nullable: true,
      description: "Running jobs whose worker is gone.",
      args: { env: toSourceEnvArg(t.arg, scalars) },
      resolve: (_root, { env }, { loaders }) => loaders.orphans.all(env),
    }),
  );
  builder.objectField(refs.queue, "orphans", (t) =>
    t.int({
      nullable: true,
      description:
        describeQueueNumber("orphans") + " Never 0 where one may have lost its worker. See the query `orphans`.",
      resolve: async (queue, _args, { loaders }) => loaders.orphans.count(queue),
    }),
  );
}
