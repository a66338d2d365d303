import { toPreview } from "../../domain/restart-preview.ts";
import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";
import { checkRestartArgs, toRestartError } from "../restart-errors.ts";
import { findRunningWork } from "../running-work.ts";
import type { Scalars } from "./scalars.ts";

/** RestartResult, RestartPreview, and mutation restartContainer. */
export function addRestart(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.restartResult.implement({
    description: "A container after its restart, or before one that was only previewed.",
    fields: (t) => ({
      name: t.string({ description: "Name of the container.", resolve: ({ container }) => container.name }),
      restarted: t.boolean({ description: "False for a preview.", resolve: ({ preview }) => preview === null }),
      status: t.string({ description: "Docker's state of it, inspected again.", resolve: ({ container }) => container.status }),
      health: t.field({
        type: scalars.health,
        description: "What its health check says: `starting` right after a restart, or when the wait was too short.",
        resolve: ({ container }) => container.health,
      }),
      startedAt: t.field({
        type: "DateTime",
        nullable: true,
        description: "When it was started; null when it never was.",
        resolve: ({ container }) => container.startedAt,
      }),
      well: t.exposeBoolean("well", {
        nullable: true,
        description:
          "With `waitHealthy`: whether it became healthy or, without a health check, kept running for 10 s. Else null.",
      }),
      preview: t.field({
        type: refs.restartPreview,
        nullable: true,
        description: "What the restart would do; null unless `dryRun`.",
        resolve: ({ preview }) => preview,
      }),
      container: t.field({
        type: refs.container,
        nullable: true,
        authScopes: { read: true },
        description: "The container. Needs ops:read beside ops:operate; null without it, and what was done is done.",
        resolve: ({ container }) => container,
      }),
    }),
  });
  refs.restartPreview.implement({
    description: "What a restart would do.",
    fields: (t) => ({
      refusal: t.field({
        type: refs.problem,
        nullable: true,
        description: "Why it would be refused now; null when it would be done.",
        resolve: ({ refusal }) => refusal,
      }),
      healthyPeers: t.exposeInt("healthyPeers", {
        nullable: true,
        authScopes: { read: true },
        description:
          "Other containers of its role, service and destination that are well. Needs ops:read beside ops:operate; null without it.",
      }),
      lastHealthy: t.exposeBoolean("lastHealthy", {
        nullable: true,
        authScopes: { read: true },
        description:
          "It is well and no other of its role is: nothing serves while it restarts. Needs ops:read beside ops:operate; null without it.",
      }),
    }),
  });
  builder.mutationField("restartContainer", (t) =>
    t.field({
      type: refs.restartResult,
      nullable: true,
      description:
        "Restarts one visible container and answers its state afterwards, inspected again. Refused while it is being restarted " +
        "(restart_in_progress), shortly after (restart_cooldown), beyond the token's budget (restart_budget), and for the gateway itself " +
        "(restart_protected); off unless RESTART=on (restart_disabled); goes on when the caller leaves; recorded in the audit file.",
      args: {
        name: t.arg.string({ required: true, description: "Exact name; never an id or a prefix." }),
        reason: t.arg.string({ description: "Why, for the audit record; 1 to 200 characters." }),
        includeAccessories: t.arg.boolean({ defaultValue: false, required: true, description: "Look among accessories too." }),
        engine: t.arg.string({ description: "Configured name of the engine, where several run a container of this name." }),
        idempotencyKey: t.arg.string({
          description: "The same key of the same token gets the same answer for 24 hours, without a second restart.",
        }),
        waitHealthy: t.arg.boolean({
          defaultValue: false,
          required: true,
          description: "Answer only when it is healthy, has failed to be, or the time is up.",
        }),
        waitSeconds: t.arg.int({ defaultValue: 60, required: true, description: "How long to wait for its health, 1 to 300." }),
        dryRun: t.arg.boolean({
          defaultValue: false,
          required: true,
          description: "Restart nothing: only tell what would happen.",
        }),
      },
      resolve: async (_root, args, { loaders, sources, principal, origin, requestId, signal }) => {
        checkRestartArgs(sources.restartEnabled, args);
        const { name, engine, includeAccessories, reason, idempotencyKey, waitHealthy, waitSeconds, dryRun } = args;
        const container = await loaders.containers.one({ name, engine, includeAccessories, everyEngine: true });
        if (dryRun) {
          const all = await loaders.containers.all(includeAccessories);
          const [refused, work] = await Promise.all([
            sources.restarts.check(container, principal),
            findRunningWork(container, all, loaders.queues, signal),
          ]);
          return { container, well: null, preview: toPreview(container, all, refused, work) };
        }
        const waitMs = waitHealthy ? waitSeconds * 1000 : null;
        const who = { requestId, principal, origin: origin() };
        const request = { ...who, reason: reason || null, idempotencyKey: idempotencyKey ?? null, waitMs };
        const done = await sources.restarts.restart(container, request).catch((error: unknown) => {
          throw toRestartError(error);
        });
        return { ...done, preview: null };
      },
    }),
  );
}
