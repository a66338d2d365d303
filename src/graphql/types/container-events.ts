import { keepsRights } from "../../domain/principal.ts";
import type { Builder } from "../builder.ts";
import { endedDescription, openLease } from "../lease.ts";
import { createContainerFilter } from "../loaders/container-filter.ts";
import { followEvents } from "../loaders/container-events.ts";
import type { Refs } from "../refs.ts";
import { toContainerArgs } from "./container-args.ts";
import type { Scalars } from "./scalars.ts";

/** ContainerEvent, and the subscription containerEvents. */
export function addContainerEvents(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.containerEvent.implement({
    description: "One event of a container, as its engine told it.",
    fields: (t) => ({
      time: t.expose("time", { type: "DateTime", description: "With nanoseconds, by the engine's clock." }),
      action: t.exposeString("action", {
        description:
          "Docker's word: create, start, kill (any signal), die, stop, restart, pause, unpause, oom, health_status, rename, update or destroy.",
      }),
      exitCode: t.exposeInt("exitCode", { nullable: true, description: "Of `die`, else null." }),
      signal: t.exposeInt("signal", { nullable: true, description: "Number of the signal of `kill`, else null." }),
      health: t.expose("health", { type: scalars.health, nullable: true, description: "Of `health_status`, else null." }),
      previousName: t.exposeString("previousName", { nullable: true, description: "Its name before `rename`, else null." }),
      id: t.id({ description: "As Container.id.", resolve: ({ container }) => container.id }),
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
      dropped: t.exposeInt("dropped", {
        description: "So many events are missing just before these: this reader was slower than the engine.",
      }),
      interrupted: t.exposeStringList("interrupted", {
        description: "Engines that were not heard for a while just before these: events of them may be missing.",
      }),
      ended: t.exposeString("ended", {
        nullable: true,
        description: endedDescription,
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
