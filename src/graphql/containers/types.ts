import { type Container, toContainerKey } from "../../containers/container.ts";
import { runsRelease } from "../../deploys/groups.ts";
import { toInfoRecord } from "../../deploys/merge.ts";
import type { Host } from "../../hosts/host.ts";
import { OpsError } from "../../lib/errors.ts";
import { toAgeSeconds } from "../../lib/time.ts";
import { toContainerArgs, toPlaceArgs } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";
import { type ContainerLoaders, createContainerFilter, ofEngine, toEngineError } from "./loader.ts";

/** Container, and the queries that return it. */
export function addContainer(builder: Builder, refs: Refs, scalars: Scalars): void {
  builder.node(refs.container, {
    description: "A container, as its engine describes it.",
    id: { description: "Its id in the whole schema, for `node`: of this container on this engine.", resolve: toContainerKey },
    loadOne: (key, { loaders }) => findContainer(key, loaders.containers),
    fields: (t) => ({
      shortId: t.exposeString("id", { description: "The first 12 hex digits of the container id." }),
      ...exposeAll(t, {
        "name: String!": "Name without the leading slash; unique on its engine, not over all engines.",
        "engine: String!": "Configured name of the engine that runs it.",
        "role: String!": "Label `role`; for an accessory what its name says (redis).",
        "service: String": "Label `service`; of a core container of Docker Compose its project; null on any other.",
        "destination: String":
          "Kamal's destination as it was written (`-d beta`): label `destination`, else KAMAL_DESTINATION; null without one.",
        "env: Environment":
          "What its labels and variables say, else the configuration of its engine. Null when unknown: then only tokens of every environment see it.",
        "status: String!": "Docker's state: created, running, paused, restarting, removing, exited or dead.",
        "version: String!":
          "The release: KAMAL_VERSION, the image's version label, its tag, or deploy_info where all of them float (latest).",
        "commitSha: String!": 'Git commit of the release, "" when it is unknown.',
        "restarts: Int": "Restarts by the restart policy since the last manual start; null when the engine could not be asked.",
        "host: String!": "The container's host name; its own name where that is only an id.",
        "createdAt: DateTime!": "When it was created.",
        "startedAt: DateTime": "When it last started; null before the first start, or when the engine could not be asked.",
        "image: String!": "The image reference that it was started with.",
        "ports: [String!]!": "Published ports, HostIp:HostPort.",
        "observedAt: DateTime!":
          "When its engine last reported it. While the engine answers, its events report every change within a second.",
        "stale: Boolean!": "True when its engine has gone away since: this is how it was. After a minute it is shown no more.",
      }),
      kind: t.expose("kind", { type: scalars.kind, description: "Whether it is part of the product." }),
      health: t.expose("health", { type: scalars.health, description: "What the health check says now." }),
      deploy: t.field({
        type: refs.deployInfo,
        nullable: true,
        description: "The deploy of the release that it runs; null when it runs another, or when deploy_info cannot be read.",
        resolve: async (container, _args, { loaders }) => {
          const info = (await loaders.containers.infoFor())(container);
          return info && runsRelease(container, toInfoRecord(info)) ? info : null;
        },
      }),
      hostMetrics: t.field({
        type: refs.host,
        nullable: true,
        description: "The machine that it runs on, where its name or address is known to Prometheus; null otherwise.",
        resolve: async ({ hostNames }, _args, { loaders }) => {
          const hosts = await loaders.hosts.byName.loadMany(hostNames);
          const failure = hosts.find((host) => host instanceof Error);
          if (failure && !(failure instanceof OpsError && failure.code === "forbidden")) throw failure;
          return hosts.find((host): host is Host => host !== null && !(host instanceof Error)) ?? null;
        },
      }),
    }),
  });

  builder.queryField("containers", (t) =>
    t.field({
      type: [refs.container],
      nullable: true,
      description:
        "Running, restarting and paused containers, and the newest stopped one of a role that has none. Core ones first, by name. " +
        "An engine that does not answer is in `engines`, its containers are `stale`; null when none answers and nothing is known.",
      args: toContainerArgs(t.arg, scalars),
      resolve: async (_root, args, { loaders, principal }) => {
        const accepts = createContainerFilter(args, principal);
        const all = await loaders.containers.all(args.includeAccessories);
        return args.env || args.engine ? all.filter(accepts) : all;
      },
    }),
  );
  builder.queryField("container", (t) =>
    t.field({
      type: refs.container,
      nullable: true,
      description:
        "One visible container by its exact name; container_not_found when there is none, container_ambiguous when several engines run it.",
      args: {
        name: t.arg.string({ required: true, description: "Exact name; never an id or a prefix." }),
        ...toPlaceArgs(t.arg),
      },
      resolve: (_root, args, { loaders }) => loaders.containers.one(args),
    }),
  );
}

/**
 * A container of any list by its key. Null where the caller may not see it, or it is gone; rejects when its engine is one that the caller may see and does not
 * answer.
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
export function addEngine(builder: Builder, refs: Refs): void {
  refs.problem.implement({
    description: "Why something could not be asked.",
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
