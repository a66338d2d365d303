import { keepsRights } from "../../auth/principal.ts";
import { toContainerArgs } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { endedDescription, openLease } from "../lease.ts";
import { type Refs, toContainerId } from "../refs.ts";
import type { Scalars } from "../scalars.ts";
import { followEvents, watchContainers } from "./live-loader.ts";
import { createContainerFilter } from "./loader.ts";

/** ContainerEvent, and the subscription containerEvents. */
export function addContainerEvents(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.containerEvent.implement({
    description: "One event of a container, as its engine sent it.",
    fields: (t) => ({
      ...exposeAll(t, {
        "time: DateTime!": "With nanoseconds, by the engine's clock.",
        "action: String!":
          "Docker's word: create, start, kill (any signal), die, stop, restart, pause, unpause, oom, health_status, rename, update or destroy.",
        "exitCode: Int": "Of `die`, else null.",
        "signal: Int": "Number of the signal of `kill`, else null.",
        "previousName: String": "Its name before `rename`, else null.",
      }),
      health: t.expose("health", { type: scalars.health, nullable: true, description: "Of `health_status`, else null." }),
      id: t.id({ description: "As Container.id.", resolve: ({ container }) => toContainerId(container) }),
      name: t.string({ description: "Its name; after `rename` the new one.", resolve: ({ container }) => container.name }),
      engine: t.string({ description: "Configured name of its engine.", resolve: ({ container }) => container.engine }),
      kind: t.field({
        type: scalars.kind,
        description: "As Container.kind.",
        resolve: ({ container }) => container.kind,
      }),
      service: t.string({
        nullable: true,
        description: "As Container.service.",
        resolve: ({ container }) => container.service,
      }),
      destination: t.string({
        nullable: true,
        description: "As Container.destination.",
        resolve: ({ container }) => container.destination,
      }),
      role: t.string({ description: "As Container.role.", resolve: ({ container }) => container.role }),
      env: t.field({
        type: scalars.environment,
        nullable: true,
        description: "As Container.env; null also for one that was gone before it could be inspected.",
        resolve: ({ container }) => container.env,
      }),
      version: t.string({ description: "As Container.version.", resolve: ({ container }) => container.version }),
    }),
  });
  refs.eventBatch.implement({
    description: "Events of containers that came together.",
    fields: (t) => ({
      events: t.expose("events", { type: [refs.containerEvent], description: "In the order of their engine; may be none." }),
      ...exposeAll(t, {
        "dropped: Int!": "So many events are missing just before these: this reader was slower than the engine.",
        "interrupted: [String!]!": "Engines that were not heard for a while just before these: events of them may be missing.",
        "ended: String": endedDescription,
      }),
    }),
  });
  builder.subscriptionField("containerEvents", (t) =>
    t.field({
      type: refs.eventBatch,
      nullable: true,
      complexity: { field: 100, multiplier: 1 },
      description:
        "What happens to containers from now on, one event for each of Docker's: of those on the list `containers`, and what brings them there or takes them away.",
      args: {
        ...toContainerArgs(t.arg, scalars),
        name: t.arg.string({ description: "Only the container of exactly this name, at the time of the event." }),
        role: t.arg.string({ description: "Only this role." }),
        destination: t.arg.string({ description: 'Only this Kamal destination (`-d beta`); "" for containers without one.' }),
      },
      subscribe: async (_root, args, context) => {
        const accepts = createContainerFilter(args, context.principal);
        return followEvents(context, accepts, openLease(context, keepsRights(context.principal)));
      },
      resolve: (batch) => batch,
    }),
  );
}

/** ContainersChange, and the subscription containers. */
export function addContainerChanges(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.removedContainer.implement({
    description: "A container that is not on the list any more: removed, hidden, or its engine away for more than a minute.",
    fields: (t) => ({
      id: t.id({ description: "As Container.id.", resolve: toContainerId }),
      engine: t.exposeString("engine", { description: "As Container.engine." }),
      name: t.exposeString("name", { description: "Its last name." }),
    }),
  });
  refs.containersChange.implement({
    description: "What is other than in the message before: rows by id, replaced and removed, are the list as it is now.",
    fields: (t) => ({
      ...exposeAll(t, {
        "snapshot: Boolean!": "True in the first message: `changed` is the whole list.",
        "ended: String": `${endedDescription} Begin anew then.`,
      }),
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
