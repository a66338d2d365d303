import { toAgeSeconds } from "../../domain/container-time.ts";
import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";

/** Engine, and the query that lists them; Problem, which says why a part could not be asked. */
export function addEngine(builder: Builder, refs: Refs): void {
  refs.problem.implement({
    description: "Why something could not be asked.",
    fields: (t) => ({
      code: t.exposeString("code", { description: "An error code of the contract (docker_unavailable, queue_locked ...)." }),
      message: t.exposeString("message", { description: "For people; may change." }),
    }),
  });
  refs.engine.implement({
    description: "One container engine of the configuration.",
    fields: (t) => ({
      name: t.exposeString("name", { description: "Its configured name." }),
      ok: t.exposeBoolean("ok", { description: "Whether it answers." }),
      ageSeconds: t.float({
        nullable: true,
        description: "Seconds since it last answered or told of an event; null when it never did.",
        resolve: ({ contactAt }) => toAgeSeconds(contactAt),
      }),
      error: t.expose("error", { type: refs.problem, nullable: true, description: "Why not; null when it does." }),
    }),
  });
  builder.queryField("engines", (t) =>
    t.field({
      type: [refs.engine],
      nullable: true,
      description:
        "Whether each engine answers. What one that went away ran is shown for a minute, marked stale. A token that is limited to environments sees the " +
        "engines that are configured for one of them or run a container of one.",
      resolve: async (_root, _args, { loaders }) => (await loaders.containers.engines()).shown,
    }),
  );
}
