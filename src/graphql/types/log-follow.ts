import { maySeeContainer, type Principal } from "../../domain/principal.ts";
import type { Builder } from "../builder.ts";
import { openLease } from "../lease.ts";
import { toLogOptions } from "../log-args.ts";
import type { Refs } from "../refs.ts";
import { toPlaceArgs } from "./container-args.ts";
import { toLogFilterArgs } from "./log-filter-args.ts";
import type { Scalars } from "./scalars.ts";

/** LogBatch, and the subscription containerLogs. */
export function addLogFollow(builder: Builder, refs: Refs, scalars: Scalars): void {
  const notice = builder.enumType("LogNotice", {
    description: "What happened to the source of a followed log.",
    values: {
      stopped: { description: "The container does not run; its next start is waited for." },
      resumed: { description: "It runs again; the lines go on where they ended." },
      engine_lost: { description: "Its engine cannot be asked; it is tried again, and no line will be missing." },
    } as const,
  });
  refs.logBatch.implement({
    description: "Lines of a followed log that came together.",
    fields: (t) => ({
      lines: t.expose("lines", { type: [refs.logLine], description: "In the order they were written; may be none." }),
      dropped: t.exposeInt("dropped", {
        description: "So many matching lines are missing just before these: this reader was slower than others of the same log.",
      }),
      notice: t.expose("notice", { type: notice, nullable: true, description: "What happened to its source, else null." }),
      ended: t.exposeString("ended", {
        nullable: true,
        description:
          "Why nothing comes after this (container_gone, expired after an hour, shutdown, unauthorized, forbidden, slow_consumer); null while it goes on.",
      }),
    }),
  });
  builder.subscriptionField("containerLogs", (t) =>
    t.field({
      type: refs.logBatch,
      nullable: true,
      authScopes: { logs: true },
      complexity: { field: 2000, multiplier: 1 },
      description:
        "Follows the log of one container, also over its restarts: its newest lines, then what it writes. Needs the scope ops:logs.",
      args: {
        name: t.arg.string({ required: true, description: "Exact name of the container." }),
        ...toPlaceArgs(t.arg),
        ...toLogFilterArgs(t.arg, scalars, 0),
      },
      subscribe: async (_root, { name, includeAccessories, engine, ...args }, context) => {
        const { loaders, sources } = context;
        const options = await toLogOptions(args, 0, context);
        const container = await loaders.containers.one({ name, includeAccessories, engine });
        const mayGoOn = (now: Principal) => now.scopes.has("ops:logs") && maySeeContainer(now, container);
        return sources.containers.follow(container, options, openLease(context, mayGoOn));
      },
      resolve: (batch) => batch,
    }),
  );
}
