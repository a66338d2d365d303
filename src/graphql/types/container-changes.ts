import { keepsRights } from "../../domain/principal.ts";
import type { Builder } from "../builder.ts";
import { endedDescription, openLease } from "../lease.ts";
import { createContainerFilter } from "../loaders/container-filter.ts";
import { watchContainers } from "../loaders/container-changes.ts";
import type { Refs } from "../refs.ts";
import { toContainerArgs } from "./container-args.ts";
import type { Scalars } from "./scalars.ts";

/** ContainersChange, and the subscription containers. */
export function addContainerChanges(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.removedContainer.implement({
    description: "A container that is not on the list any more: removed, hidden, or its engine away for more than a minute.",
    fields: (t) => ({
      id: t.exposeID("id", { description: "As Container.id." }),
      engine: t.exposeString("engine", { description: "As Container.engine." }),
      name: t.exposeString("name", { description: "Its last name." }),
    }),
  });
  refs.containersChange.implement({
    description:
      "What is other than in the message before: rows by engine and id, replaced and removed, are the list as it is now.",
    fields: (t) => ({
      snapshot: t.exposeBoolean("snapshot", { description: "True in the first message: `changed` is the whole list." }),
      changed: t.expose("changed", {
        type: [refs.container],
        description:
          "New containers, and those of which anything but `observedAt` (or a figure of `stats`) is other than before.",
      }),
      removed: t.expose("removed", { type: [refs.removedContainer], description: "No more on the list." }),
      engines: t.expose("engines", {
        type: [refs.engine],
        description: "Whether each engine answers, now. What one runs that never did is not in `changed`.",
      }),
      ended: t.exposeString("ended", {
        nullable: true,
        description: `${endedDescription} Begin anew then.`,
      }),
    }),
  });
  builder.subscriptionField("containers", (t) =>
    t.field({
      type: refs.containersChange,
      nullable: true,
      complexity: { field: 100, multiplier: 1 },
      description:
        "The list that the query `containers` answers, then what changes in it, within a second. However slow its reader, no change is missed: " +
        "several changes of a row are one.",
      args: toContainerArgs(t.arg, scalars),
      subscribe: (_root, args, context) => {
        const accepts = createContainerFilter(args, context.principal);
        return watchContainers(context, { ...args, accepts }, openLease(context, keepsRights(context.principal)));
      },
      resolve: (change) => change,
    }),
  );
}
