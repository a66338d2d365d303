import { maySee, requireEnvironments } from "../../auth/principal.ts";
import { type Container, toContainerKey } from "../../containers/container.ts";
import { containerNumbers } from "../../facts/container.ts";
import { describeNumber } from "../../facts/number.ts";
import { runsRelease } from "../../deploys/groups.ts";
import { toInfoRecord } from "../../deploys/merge.ts";
import type { Host } from "../../hosts/host.ts";
import { whenKnown } from "../../lib/known.ts";
import { toAgeSeconds } from "../../lib/time.ts";
import { toContainerArgs, toPlaceArgs } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { preloaded } from "../preload.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";
import {
  type ContainerLoaders,
  createContainerFilter,
  mayRun,
  ofEngine,
  requireEngine,
  toEngineError,
} from "./loader.ts";

/** Container, and the queries that return it. */
export function addContainer(builder: Builder, refs: Refs, scalars: Scalars): void {
  builder.node(refs.container, {
    description: "A container, as its engine describes it.",
    id: { description: "Its global id, for `node`. It names this container on this engine.", resolve: toContainerKey },
    loadOne: (key, { loaders }) => findContainer(key, loaders.containers),
    fields: (t) => ({
      shortId: t.exposeString("id", { description: "The first 12 hex digits of the container id." }),
      ...exposeAll(t, {
        "name: String!": "Name without the leading slash. Unique on its engine, not across engines.",
        "engine: String!": "Configured name of the engine that runs it.",
        "role: String!": "Label `role`; for an accessory, the role in its name (redis).",
        "service: String": "Label `service`. For a core container of Docker Compose, its project. Null for any other.",
        "destination: String":
          "Kamal's destination as written (`-d beta`): label `destination`, else KAMAL_DESTINATION; null without one.",
        "env: Environment":
          "Its environment, from its labels and variables, else from its engine's configuration. " +
          "Null when unknown; then only tokens for every environment see it.",
        "status: String!": "Docker's state: created, running, paused, restarting, removing, exited or dead.",
        "version: String!":
          "The release: KAMAL_VERSION, the image's version label or its tag. From " +
          "deploy_info when all of these are floating (latest).",
        "commitSha: String!": 'Git commit of the release, "" when it is unknown.',
        "restarts: Int":
          describeNumber(containerNumbers.restarts) +
          " If a running container cannot be inspected, the last count; null without one.",
        "host: String!": "The container's host name; the container's name when the host name is only an id.",
        "createdAt: DateTime!": "When it was created.",
        "startedAt: DateTime":
          "When it last started; null before the first start, or when the engine could not report it.",
        "image: String!": "The image reference that it was started with.",
        "ports: [String!]!": "Published ports, HostIp:HostPort.",
        "stale: Boolean!": "Its engine stopped answering. The row shows the last known state, for at most a minute.",
      }),
      observedAt: t.field({
        type: "DateTime",
        description:
          "When its engine last reported it. While the engine answers, every change is reported within a second.",
        ...preloaded((_rows, { loaders }) => loaders.containers.engines()),
        resolve: ({ engine, observedAt }, _args, { loaders }) =>
          whenKnown(loaders.containers.engines(), ({ shown }) => {
            const listedAt = shown.find(({ name }) => name === engine)?.listedAt ?? "";
            return listedAt > observedAt ? listedAt : observedAt;
          }),
      }),
      kind: t.expose("kind", { type: scalars.kind, description: "Whether it is part of the product." }),
      health: t.expose("health", { type: scalars.health, description: "What the health check says now." }),
      deploy: t.field({
        type: refs.deployInfo,
        nullable: true,
        description:
          "The deploy recorded in deploy_info; null when it runs another release, or when deploy_info cannot be read.",
        ...preloaded((_rows, { loaders }) => loaders.containers.infoFor()),
        resolve: (container, _args, { loaders }) =>
          whenKnown(loaders.containers.infoFor(), (toInfo) => {
            const info = toInfo(container);
            return info && runsRelease(container, toInfoRecord(info)) ? info : null;
          }),
      }),
      hostMetrics: t.field({
        type: refs.host,
        nullable: true,
        description: "The machine that it runs on; null when Prometheus does not know its name or address.",
        ...preloaded((_rows, { loaders }) => loaders.hosts.index()),
        resolve: ({ hostNames }, _args, { loaders, principal, sources }) => {
          if (hostNames.length === 0 || !maySee(principal, sources.env)) return null;
          const find = (index: ReadonlyMap<string, Host>) =>
            hostNames.map((name) => index.get(name)).find((host) => host !== undefined) ?? null;
          return whenKnown(loaders.hosts.index(), find);
        },
      }),
    }),
  });

  builder.queryField("containers", (t) =>
    t.field({
      type: [refs.container],
      nullable: true,
      description:
        "Running, restarting and paused containers, and the newest stopped one of a role without any. " +
        "Core containers first, by name. Containers of an engine that does not answer are `stale`; " +
        "see `engines`. Null when no engine answers and nothing is known.",
      args: toContainerArgs(t.arg, scalars),
      resolve: async (_root, args, { loaders, principal, selectRows }) => {
        const accepts = createContainerFilter(args, principal);
        const all = await loaders.containers.all(args.includeAccessories);
        if (args.engine) requireEngine(await loaders.containers.engines(), args.engine);
        const isNarrowed = args.env || args.engine || typeof args.destination === "string";
        const wanted = isNarrowed ? all.filter(accepts) : all;
        return selectRows?.(wanted) ?? wanted;
      },
    }),
  );
  builder.queryField("container", (t) =>
    t.field({
      type: refs.container,
      nullable: true,
      description:
        "One visible container by its exact name. Returns container_not_found when there " +
        "is none, and container_ambiguous when several engines run it.",
      args: {
        name: t.arg.string({ required: true, description: "Exact name; never an id or a prefix." }),
        ...toPlaceArgs(t.arg),
      },
      resolve: (_root, args, { loaders }) => loaders.containers.one(args),
    }),
  );
}

/**
 * A container of any list by its key. Null where the caller may not see it, or it is gone. Rejects
 * when its engine does not answer and the caller may see that engine.
 */
async function findContainer(key: string, loaders: ContainerLoaders): Promise<Container | null> {
  const { containers, engines } = await loaders.known(true);
  const isMeant = (container: Container) => toContainerKey(container) === key;
  const found = containers.find(isMeant) ?? (await loaders.listRetiredOfDeploys()).find(isMeant);
  if (found) return found;
  const { silent } = ofEngine(engines, key.slice(0, key.lastIndexOf("/")));
  if (silent.length > 0) throw toEngineError(silent);
  return null;
}

/** Engine, and the query that lists them; Problem, the error of one part. */
export function addEngine(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.problem.implement({
    description: "Why something could not be read or done.",
    fields: (t) =>
      exposeAll(t, {
        "code: String!": "An error code of the contract (docker_unavailable, queue_locked ...).",
        "message: String!": "For people; may change.",
      }),
  });
  refs.engine.implement({
    description: "One container engine of the configuration.",
    fields: (t) => ({
      name: t.exposeString("name", { description: "Its configured name." }),
      ok: t.exposeBoolean("ok", { description: "Whether it answers." }),
      ageSeconds: t.float({
        nullable: true,
        description: "Seconds since it last answered or sent an event; null when it never did.",
        resolve: ({ contactAt }) => toAgeSeconds(contactAt),
      }),
      clockSkewSeconds: t.float({
        nullable: true,
        description:
          "How far its clock is ahead of the gateway's (negative: behind), in tenths, " +
          "by its last answer. The answer's time on its way and its rounding to whole " +
          "seconds do not count. Null when it never answered.",
        resolve: ({ clockSkew }) => clockSkew,
      }),
      error: t.expose("error", {
        type: refs.problem,
        nullable: true,
        description: "Why it does not answer; null when it does.",
      }),
    }),
  });
  builder.queryField("engines", (t) =>
    t.field({
      type: [refs.engine],
      nullable: true,
      description:
        "Whether each engine answers. Containers of an engine that stopped answering are " +
        "shown for a minute, marked stale. A token limited to environments sees the engines " +
        "that are configured for one of them or run a container of one.",
      args: {
        env: t.arg({
          type: scalars.environment,
          description:
            "Only engines that are configured for this environment, that run a container of it, or of " +
            "which nothing is known yet; forbidden when the token does not list it.",
        }),
      },
      resolve: async (_root, { env }, { loaders, principal }) => {
        requireEnvironments(principal, env);
        return (await loaders.containers.engines()).shown.filter((engine) => !env || mayRun(engine, env));
      },
    }),
  );
}
