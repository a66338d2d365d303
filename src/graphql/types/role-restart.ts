import { type RoleStep, restartRole } from "../../domain/restart-role.ts";
import { OpsError, toProblem } from "../../errors.ts";
import type { Builder } from "../builder.ts";
import type { OpsContext } from "../context.ts";
import { Loaders } from "../loaders.ts";
import type { Refs } from "../refs.ts";
import { checkRestartArgs, toRestartError } from "../restart-errors.ts";
import type { Scalars } from "./scalars.ts";

/** RoleRestart, RoleRestartStep, and mutation restartRole. */
export function addRoleRestart(builder: Builder, refs: Refs, scalars: Scalars): void {
  const outcome = builder.enumType("RoleRestartOutcome", {
    description: "What became of one container of the role.",
    values: {
      restarted: { description: "Restarted, and well afterwards." },
      unwell: { description: "Restarted, but not well in time." },
      failed: { description: "Not restarted, or not known whether: see `error`." },
      skipped: { description: "Not tried, as one before it was not well, or the gateway stops." },
    } as const,
  });
  refs.roleRestartStep.implement({
    description: "One container of a role that is restarted.",
    fields: (t) => ({
      outcome: t.field({ type: outcome, description: "What became of it.", resolve: (step) => step.outcome }),
      container: t.field({ type: refs.container, description: "As it was seen last.", resolve: ({ container }) => container }),
      error: t.field({
        type: refs.problem,
        nullable: true,
        description: "Why it failed.",
        resolve: ({ error }) => (error ? toProblem(toRestartError(error)) : null),
      }),
    }),
  });
  refs.roleRestart.implement({
    description: "A role restarted container by container.",
    fields: (t) => ({
      complete: t.boolean({
        description: "Whether all were restarted and are well.",
        resolve: (steps) => steps.every((step) => step.outcome === "restarted"),
      }),
      steps: t.field({ type: [refs.roleRestartStep], description: "In their order.", resolve: (steps) => steps }),
    }),
  });
  builder.mutationField("restartRole", (t) =>
    t.field({
      type: refs.roleRestart,
      nullable: true,
      description:
        "Restarts the running containers of a role one at a time, each only when the one before it is well: healthy or, without a health " +
        "check, running for 10 s. Stops at the first that is not. Goes on when the caller leaves. Counts once for the token's budget.",
      args: {
        role: t.arg.string({ required: true, description: "The role: web, worker, runner ..." }),
        env: t.arg({ type: scalars.environment, required: true, description: "Its environment." }),
        reason: t.arg.string({ required: true, description: "Why, for the audit record; 1 to 200 characters." }),
        waitSeconds: t.arg.int({ defaultValue: 60, required: true, description: "How long each may take, 1 to 300." }),
      },
      resolve: async (_root, { role, env, reason, waitSeconds }, context) => {
        const { sources, principal, origin, requestId } = context;
        checkRestartArgs(sources.restartEnabled, { reason, waitSeconds });
        if (reason.trim() === "") throw new OpsError("invalid_request", "reason must have 1 to 200 characters");
        if (!principal.environments.has(env)) throw new OpsError("forbidden", `This token may not act on ${env}`);
        const request = { reason, requestId, principal, origin: origin(), waitMs: waitSeconds * 1000 };
        const containers = await findRole(context, role, env);
        return restartRole(containers, { role, request, restarts: sources.restarts, find: (one) => findAgain(context, one) });
      },
    }),
  );
}

/** Rejects with container_not_found for none, and when an engine that may run some is silent. */
async function findRole({ loaders }: OpsContext, role: string, env: string): Promise<readonly RoleStep["container"][]> {
  const all = await loaders.containers.all(false);
  const silent = (await loaders.containers.engines()).find(({ ok }) => !ok);
  if (silent)
    throw new OpsError("docker_unavailable", `The engine ${silent.name} may run some of this role: ${silent.error?.message}`);
  const found = all.filter((one) => one.role === role && one.env === env && one.status === "running" && !one.replaced);
  if (found.length === 0) throw new OpsError("container_not_found", "No running container of this role");
  return found;
}

/** With loaders of its own, as those of the request remember, and a signal that does not end with the caller. */
function findAgain({ sources, ...caller }: OpsContext, { name, engine }: RoleStep["container"]): Promise<RoleStep["container"]> {
  const loaders = new Loaders(sources, { ...caller, signal: new AbortController().signal });
  return loaders.containers.one({ name, engine, includeAccessories: false, everyEngine: true });
}
