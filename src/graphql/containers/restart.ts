import { requireEnvironments } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import type { RestartRefusal, RestartRequest } from "../../containers/restart/limits.ts";
import type { HealthOutcome } from "../../containers/restart/outcome.ts";
import { restartRole, type RoleStep } from "../../containers/restart/role.ts";
import { takeSteps } from "../../lib/budget/steps.ts";
import type { Environment } from "../../lib/environment.ts";
import { OpsError, toOpsError, toProblem } from "../../lib/errors.ts";
import { toRoleKey } from "../../releases/service-group.ts";
import { toFlagArg, toRoleArgs } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { Loaders, type OpsContext } from "../context.ts";
import { checkRestartArgs, requireReason, restartDisabled, toRestartError } from "../errors.ts";
import type { Refs } from "../refs.ts";
import { type Scalars, toEnumValues } from "../scalars.ts";
import { type ContainerQuery, requireOneGroup } from "./loader.ts";
import { findRunningWork, type RestartPreview, type RunningWork, toPreview } from "./running-work.ts";
import { needs } from "../scopes.ts";

/** A container that was restarted, or only previewed. */
interface RestartResult extends HealthOutcome {
  readonly preview: RestartPreview | null;
}

/** RestartResult, RestartPreview, query restartPreview, and mutation restartContainer. */
export function addRestart(builder: Builder, refs: Refs, scalars: Scalars): void {
  const result = builder.objectRef<RestartResult>("RestartResult").implement({
    description: "A container after its restart or, with `dryRun`, before it.",
    fields: (t) => ({
      name: t.string({ description: "Name of the container.", resolve: ({ container }) => container.name }),
      restarted: t.boolean({ description: "False for a preview.", resolve: ({ preview }) => preview === null }),
      status: t.string({
        description: "Docker's state, just inspected.",
        resolve: ({ container }) => container.status,
      }),
      health: t.field({
        type: scalars.health,
        description: "What its health check says: `STARTING` right after a restart, or when the wait was too short.",
        resolve: ({ container }) => container.health,
      }),
      startedAt: t.field({
        type: "DateTime",
        nullable: true,
        description: "When it was started; null when it never was.",
        resolve: ({ container }) => container.startedAt,
      }),
      healthy: t.exposeBoolean("healthy", {
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
        extensions: needs("ops:read"),
        description:
          "The container. Needs ops:read as well as ops:operate. Null " +
          "without ops:read, which does not undo the restart.",
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
        description: "Why a restart would be refused now; null when it would not.",
        resolve: ({ refusal }) => refusal,
      }),
      healthyPeers: t.exposeInt("healthyPeers", {
        nullable: true,
        extensions: needs("ops:read"),
        description:
          "Other running containers of its role, service and destination that are healthy or have no " +
          "health check. Needs ops:read as well as ops:operate; null without ops:read.",
      }),
      lastHealthy: t.exposeBoolean("lastHealthy", {
        nullable: true,
        extensions: needs("ops:read"),
        description:
          "True when it is the only healthy container of its role: nothing serves while it " +
          "restarts. Needs ops:read as well as ops:operate; null without ops:read.",
      }),
    }),
  });
  const which = {
    name: { required: true, description: "Exact name; never an id or a prefix." },
    engine: { description: "Configured name of the engine, if several run a container of this name." },
  } as const;
  builder.queryField("restartPreview", (t) =>
    t.field({
      type: refs.restartPreview,
      nullable: true,
      complexity: { field: 500, multiplier: 1 },
      description:
        "What a restart of one visible container by this token would do, as `dryRun` of " +
        "restartContainer reports it. Its `refusal` also says whether restarts are off " +
        "(restart_disabled) and whether the token may act (forbidden).",
      args: {
        name: t.arg.string(which.name),
        includeAccessories: toFlagArg(t.arg, "Also search accessories."),
        engine: t.arg.string(which.engine),
      },
      resolve: async (_root, wanted, context) => {
        const preview = await previewRestart(
          await context.loaders.containers.one({ ...wanted, everyEngine: true }),
          context,
        );
        return { ...preview, refusal: findStandingRefusal(context) ?? preview.refusal };
      },
    }),
  );
  builder.mutationField("restartContainer", (t) =>
    t.field({
      type: result,
      nullable: true,
      description:
        "Restarts one visible container and returns its state, inspected afterwards. Refused while " +
        "it is being restarted (restart_in_progress), shortly after a restart (restart_cooldown), " +
        "beyond the token's budget (restart_budget), and for the gateway itself (restart_protected). " +
        "Off unless WALLET_CORE_OPS_RESTART=on (restart_disabled).",
      args: {
        name: t.arg.string(which.name),
        reason: t.arg.string({ description: "Why, for the audit record; 1 to 200 characters." }),
        includeAccessories: toFlagArg(t.arg, "Also search accessories."),
        engine: t.arg.string(which.engine),
        idempotencyKey: t.arg.string({
          description:
            "Repeating the key with the same token returns the same result for 24 hours, without a second restart.",
        }),
        waitHealthy: toFlagArg(
          t.arg,
          "Return only when it is healthy, has failed its health check, or `waitSeconds` have passed.",
        ),
        waitSeconds: t.arg.int({
          defaultValue: 60,
          required: true,
          description: "How long to wait for its health, seconds, 1 to 300.",
        }),
        dryRun: toFlagArg(t.arg, "Restart nothing: report what would happen."),
      },
      resolve: async (_root, args, context) => {
        const { loaders, sources, principal, origin, requestId } = context;
        checkRestartArgs(sources.restartEnabled, args);
        const { name, engine, includeAccessories, reason, idempotencyKey, waitHealthy, waitSeconds, dryRun } = args;
        const waitMs = waitHealthy ? waitSeconds * 1000 : null;
        const who = { requestId, principal, origin: origin() };
        const request = { ...who, reason: reason || null, idempotencyKey: idempotencyKey ?? null, waitMs };
        const find = () => loaders.containers.one({ name, engine, includeAccessories, everyEngine: true });
        if (dryRun) {
          const container = await find();
          return { container, healthy: null, preview: await previewRestart(container, context) };
        }
        const restart = async (): Promise<HealthOutcome> => {
          const found = await find().catch((error: unknown) => ({ error }));
          if (!("error" in found)) return sources.restarts.restart(found, request);
          const known = isMissing(found.error) ? await findAnswer(context, args, request) : null;
          if (!known) throw found.error;
          return known;
        };
        const done = await restart().catch((error: unknown) => {
          throw toRestartError(error);
        });
        return { ...done, preview: null };
      },
    }),
  );
}

function isMissing(error: unknown): boolean {
  return toOpsError(error).code === "container_not_found";
}

/**
 * The result of the same earlier request, if its container has stopped since, or is between its
 * stop and its start. Null without a key.
 */
async function findAnswer(
  { loaders, sources }: OpsContext,
  wanted: Omit<ContainerQuery, "everyEngine">,
  request: RestartRequest,
): Promise<HealthOutcome | null> {
  if (!request.idempotencyKey) return null;
  for (const container of await loaders.containers.stopped(wanted)) {
    const known = await sources.restarts.findAnswer(container, request);
    if (known) return known;
  }
  return null;
}

/** Why the token can restart nothing at all; null when it may. */
function findStandingRefusal({ sources, principal }: OpsContext): RestartRefusal | null {
  if (!sources.restartEnabled) return toProblem(restartDisabled());
  if (principal.scopes.has("ops:operate")) return null;
  return toProblem(new OpsError("forbidden", "This token lacks the scope ops:operate"));
}

async function previewRestart(
  container: Container,
  { loaders, sources, principal, signal }: OpsContext,
): Promise<RestartPreview> {
  const all = await loaders.containers.all(true);
  const [refused, work] = await Promise.all([
    sources.restarts.check(container, principal),
    findRunningWork(container, all, loaders.queues, signal),
  ]);
  return toPreview(container, all, refused, work);
}

/** RoleRestart, RoleRestartStep, and mutation restartRole. */
export function addRoleRestart(builder: Builder, refs: Refs, scalars: Scalars): void {
  const outcome = builder.enumType("RoleRestartOutcome", {
    description: "Outcome for one container of the role.",
    values: toEnumValues({
      restarted: "Restarted, and healthy afterwards.",
      unhealthy: "Restarted, but not healthy in time.",
      failed: "Not restarted, or it is unknown whether it was: see `error`.",
      skipped: "Not tried, because an earlier one was not healthy, or the gateway is stopping.",
    }),
  });
  const roleRestartStep = builder.objectRef<RoleStep>("RoleRestartStep").implement({
    description: "One container of a role that is restarted.",
    fields: (t) => ({
      outcome: t.field({ type: outcome, description: "Its outcome.", resolve: (step) => step.outcome }),
      container: t.field({
        type: refs.container,
        nullable: true,
        extensions: needs("ops:read"),
        description:
          "Its last known state. Needs ops:read as well as ops:operate. Null " +
          "without ops:read, which does not undo the restart.",
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
  const roleRestart = builder.objectRef<readonly RoleStep[]>("RoleRestart").implement({
    description: "Result of restarting a role container by container.",
    fields: (t) => ({
      complete: t.boolean({
        description: "Whether all were restarted and are healthy.",
        resolve: (steps) => steps.every((step) => step.outcome === "restarted"),
      }),
      steps: t.field({
        type: [roleRestartStep],
        description: "One step for each container, in order.",
        resolve: (steps) => steps,
      }),
    }),
  });
  builder.mutationField("restartRole", (t) =>
    t.field({
      type: roleRestart,
      nullable: true,
      description:
        "Restarts the running containers of a role one at a time. Before each it waits until the " +
        "previous one is healthy or, without a health check, has run for 10 s; it stops at the first " +
        "that is not. Counts once towards the token's budget. The role must belong to one service at " +
        "one destination. If several match, nothing is restarted, and role_ambiguous names them. Off " +
        "unless WALLET_CORE_OPS_RESTART=on (restart_disabled).",
      args: {
        ...toRoleArgs(t.arg),
        env: t.arg({ type: scalars.environment, description: "Its environment. Required without `destination`." }),
        reason: t.arg.string({ required: true, description: "Why, for the audit record; 1 to 200 characters." }),
        waitSeconds: t.arg.int({
          defaultValue: 60,
          required: true,
          description: "How long each container may take, seconds, 1 to 300.",
        }),
      },
      resolve: async (_root, { reason, waitSeconds, ...wanted }, context) => {
        const { sources, principal, origin, requestId } = context;
        const { role, env, destination } = wanted;
        checkRestartArgs(sources.restartEnabled, { reason, waitSeconds });
        requireReason(reason);
        if (!env && typeof destination !== "string")
          throw new OpsError("invalid_request", "env or destination must be given");
        requireEnvironments(principal, env);
        const request = { reason, requestId, principal, origin: origin(), waitMs: waitSeconds * 1000 };
        const containers = await findRole(context, wanted);
        return restartRole(containers, {
          role,
          request,
          restarts: sources.restarts,
          find: (one) => findAgain(context, one),
        });
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

/**
 * Rejects with container_not_found for none, role_ambiguous for several groups, docker_unavailable
 * when an engine that may run some is silent.
 */
async function findRole(
  { budget, loaders }: OpsContext,
  wanted: WantedRole,
): Promise<readonly RoleStep["container"][]> {
  const { role, env } = wanted;
  const [silent] = await loaders.containers.unsure({ ...wanted, includeAccessories: false });
  if (silent)
    throw new OpsError(
      "docker_unavailable",
      `An engine that may run this role does not answer: ${silent.message}; elsewhere, ` +
        "restart its containers one by one, each by its name and engine",
    );
  const running = await loaders.containers.running({ ...wanted, includeAccessories: false });
  // Only the recorded environment counts here: an inferred one helps to find containers, never to
  // act on them.
  const found = running.filter((one) => (!env || one.env === env) && !one.replaced);
  if (found.length === 0) throw new OpsError("container_not_found", "No running container of this role");
  await takeSteps(requireOneGroup(role, found), budget);
  return found;
}

/**
 * Uses new loaders, because the request's would return cached state, and a signal that outlives the
 * caller. Also rejects with container_not_found when the name now belongs to another role.
 */
async function findAgain(
  { sources, ...caller }: OpsContext,
  listed: RoleStep["container"],
): Promise<RoleStep["container"]> {
  const { name, engine } = listed;
  const loaders = new Loaders(sources, { ...caller, signal: new AbortController().signal });
  const found = await loaders.containers.one({ name, engine, includeAccessories: false, everyEngine: true });
  if (toRoleKey(found) !== toRoleKey(listed))
    throw new OpsError("container_not_found", "This container now has another role");
  return found;
}

/** RunningWork, RunningJob, WorkGap, and the fields `work` of a container and of a preview. */
export function addRunningWork(builder: Builder, refs: Refs): void {
  const runningWork = builder.objectRef<RunningWork>("RunningWork").implement({
    description: "The jobs that run in a container, found by the host name in each job's row.",
    fields: (t) => ({
      jobs: t.field({
        type: [refs.runningJob],
        nullable: true,
        description:
          "Oldest first, at most 50 for each source. Null when no source knows; empty when those that know have none.",
        resolve: ({ jobs }) => jobs,
      }),
      total: t.exposeInt("total", { nullable: true, description: "How many there are; null when `jobs` is." }),
      gaps: t.field({ type: [refs.workGap], description: "Why there may be more jobs.", resolve: ({ gaps }) => gaps }),
    }),
  });
  refs.runningJob.implement({
    description:
      "A job that a worker runs, according to its row. A job older than the " +
      "container's start was left by a process that died.",
    fields: (t) =>
      exposeAll(t, {
        "queue: String!": "Name of its queue.",
        "source: String!": "Configured name of the queue's source.",
        "jobId: String!": "Its id.",
        "kind: String": "Its kind; null where the system has none apart from the queue.",
        "startedAt: DateTime": "When a worker took it; null where the system does not record it.",
        "worker: String": "The worker that its row names; null when it names none.",
      }),
  });
  refs.workGap.implement({
    description: "A part of the running jobs that is unknown.",
    fields: (t) =>
      exposeAll(t, {
        "source: String": "Configured name of the source; null for all of them.",
        "reason: String!": "Why it is unknown.",
      }),
  });
  builder.objectField(refs.container, "work", (t) =>
    t.field({
      type: runningWork,
      nullable: true,
      complexity: { field: 400, multiplier: 1 },
      description: "Jobs that run in it now, read from every queue source.",
      resolve: async (container, _args, { loaders, signal }) => {
        const { containers } = await loaders.containers.known(true);
        return findRunningWork(container, containers, loaders.queues, signal);
      },
    }),
  );
  builder.objectField(refs.restartPreview, "work", (t) =>
    t.field({
      type: runningWork,
      nullable: true,
      extensions: needs("ops:read"),
      description: "Jobs that run in the container. Needs ops:read as well as ops:operate; null without ops:read.",
      resolve: ({ work }) => work,
    }),
  );
}
