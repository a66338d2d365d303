import { restartContainer } from "../../domain/restart.ts";
import { OpsError } from "../../errors.ts";
import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";

/** Mutation restartContainer. */
export function addRestart(builder: Builder, refs: Refs): void {
  builder.mutationField("restartContainer", (t) =>
    t.field({
      type: refs.container,
      nullable: true,
      description:
        "Restarts one visible container and answers its state afterwards, inspected again. One at a time for each container " +
        "(restart_in_progress); off unless RESTART=on (restart_disabled); goes on when the caller leaves; recorded in the audit file.",
      args: {
        name: t.arg.string({ required: true, description: "Exact name; never an id or a prefix." }),
        reason: t.arg.string({ description: "Why, for the audit record; 1 to 200 characters." }),
        includeAccessories: t.arg.boolean({ defaultValue: false, required: true, description: "Look among accessories too." }),
        engine: t.arg.string({ description: "Configured name of the engine, where several run a container of this name." }),
      },
      resolve: async (_root, { reason, ...query }, { loaders, sources, principal, requestId }) => {
        if (!sources.restartEnabled)
          throw new OpsError("restart_disabled", "Restarts are off; WALLET_CORE_OPS_RESTART=on enables them");
        if (reason && reason.length > 200) throw new OpsError("invalid_request", "reason must have at most 200 characters");
        const container = await loaders.containers.one({ ...query, everyEngine: true });
        return restartContainer(container, { reason: reason || null, requestId, principal }, sources.containers, sources.audit);
      },
    }),
  );
}
