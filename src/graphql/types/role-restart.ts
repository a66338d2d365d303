import type { Environment } from "../../domain/environment.ts";
import { type RoleStep, restartRole } from "../../domain/restart-role.ts";
import { toRoleKey } from "../../domain/service-group.ts";
import { OpsError, toProblem } from "../../errors.ts";
import type { Builder } from "../builder.ts";
import type { OpsContext } from "../context.ts";
import { Loaders } from "../loaders.ts";
import { isAtDestination } from "../loaders/container-filter.ts";
import type { Refs } from "../refs.ts";
import { requireEnvironments } from "../require-environments.ts";
import { checkRestartArgs, requireReason, toRestartError } from "../restart-errors.ts";
import { requireOneGroup } from "../role-group.ts";
import { toRoleArgs } from "./log-filter-args.ts";
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
      container: t.field({
        type: refs.container,
        nullable: true,
        authScopes: { read: true },
        description: "As it was seen last. Needs ops:read beside ops:operate; null without it, and what was done is done.",
        resolve: ({ container }) => container,
      }),
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
        "check, running for 10 s. Stops at the first that is not. Goes on when the caller leaves. Counts once for the token's budget. The role is that of one " +
        "service at one destination: where several are selected nothing is restarted, and role_ambiguous names them.",
      args: {
        ...toRoleArgs(t.arg),
        env: t.arg({ type: scalars.environment, description: "Its environment. Needed without `destination`." }),
        reason: t.arg.string({ required: true, description: "Why, for the audit record; 1 to 200 characters." }),
        waitSeconds: t.arg.int({ defaultValue: 60, required: true, description: "How long each may take, 1 to 300." }),
      },
      resolve: async (_root, { reason, waitSeconds, ...wanted }, context) => {
        const { sources, principal, origin, requestId } = context;
        const { role, env, destination } = wanted;
        checkRestartArgs(sources.restartEnabled, { reason, waitSeconds });
        requireReason(reason);
        if (!env && typeof destination !== "string") throw new OpsError("invalid_request", "env or destination must be given");
        requireEnvironments(principal, env);
        const request = { reason, requestId, principal, origin: origin(), waitMs: waitSeconds * 1000 };
        const containers = await findRole(context, wanted);
        return restartRole(containers, { role, request, restarts: sources.restarts, find: (one) => findAgain(context, one) });
      },
    }),
  );
}

interface WantedRole {
  readonly role: string;
  readonly service?: string | null | undefined;
  readonly destination?: string | null | undefined;
  readonly env?: Environment | null | undefined;
}

/** Rejects with container_not_found for none, role_ambiguous for those of several groups, and when an engine that may run some is silent. */
async function findRole({ loaders }: OpsContext, wanted: WantedRole): Promise<readonly RoleStep["container"][]> {
  const { role, service, destination, env } = wanted;
  const all = await loaders.containers.all(false);
  const { silent } = await loaders.containers.engines();
  if (silent[0]) throw new OpsError("docker_unavailable", `An engine may run some of this role: ${silent[0].message}`);
  // Only the environment that is known counts here: what is inferred helps to find containers, never to act on them.
  const isWanted = (one: RoleStep["container"]) =>
    one.role === role && (!env || one.env === env) && (!service || one.service === service) && isAtDestination(one, destination);
  const found = all.filter((one) => isWanted(one) && one.status === "running" && !one.replaced);
  if (found.length === 0) throw new OpsError("container_not_found", "No running container of this role");
  requireOneGroup(role, found);
  return found;
}

/**
 * With loaders of its own, as those of the request remember, and a signal that does not end with the caller. Rejects with container_not_found also when the
 * name is that of another role by now.
 */
async function findAgain({ sources, ...caller }: OpsContext, listed: RoleStep["container"]): Promise<RoleStep["container"]> {
  const { name, engine } = listed;
  const loaders = new Loaders(sources, { ...caller, signal: new AbortController().signal });
  const found = await loaders.containers.one({ name, engine, includeAccessories: false, everyEngine: true });
  if (toRoleKey(found) !== toRoleKey(listed)) throw new OpsError("container_not_found", "It is of another role now");
  return found;
}
