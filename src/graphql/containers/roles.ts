import { whenKnown } from "../../lib/known.ts";
import { toRoleKey } from "../../releases/service-group.ts";
import { toContainersEnvArg, toDestinationArg, toFlagArg } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { countRoles } from "../list-lengths.ts";
import { preloaded } from "../preload.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";
import { createContainerFilter, isAtDestination } from "./loader.ts";

/** Role, the query roles, and Container.roleGroup. */
export function addRoles(builder: Builder, refs: Refs, scalars: Scalars): void {
  builder.node(refs.role, {
    description:
      "A role of one service at one destination and environment: " +
      "the containers that are counted, compared and restarted together.",
    id: {
      description: "Its global id, for `node`. It names the role of this service, destination and environment.",
      resolve: ({ key }) => key,
    },
    loadOne: async (key, { loaders }) => (await loaders.roles()).find(key),
    fields: (t) => ({
      ...exposeAll(t, {
        "name: String!": "The role, as Container.role: web, worker, runner ...",
        "service: String": "As Container.service.",
        "destination: String": "As Container.destination.",
        "env: Environment": "As Container.env.",
      }),
      containers: t.expose("containers", {
        type: [refs.container],
        complexity: (_args, context) => ({ field: 1, multiplier: countRoles(context).containersEach }),
        description: "Its containers, those that `containers` shows.",
      }),
      containerCount: t.int({
        description: "How many containers it has, stopped ones included.",
        resolve: ({ containers }) => containers.length,
      }),
      runningCount: t.exposeInt("running", { description: "How many of them run." }),
      unhealthyCount: t.exposeInt("unhealthy", { description: "How many of them are UNHEALTHY." }),
      releases: t.exposeStringList("releases", {
        description: "The releases of its containers, as Container.version, each once.",
      }),
    }),
  });
  builder.queryField("roles", (t) =>
    t.field({
      type: [refs.role],
      nullable: true,
      description:
        "The roles of the containers that `containers` shows, by name. " +
        "Null when no engine answers and nothing is known.",
      args: {
        name: t.arg.string({ description: "Only roles of this name." }),
        env: toContainersEnvArg(t.arg, scalars),
        service: t.arg.string({ description: "Only this service, as Container.service." }),
        destination: toDestinationArg(t.arg),
        includeAccessories: toFlagArg(t.arg, "As Query.containers."),
      },
      resolve: async (_root, { name, env, service, destination, includeAccessories }, { loaders, principal }) => {
        const accepts = createContainerFilter({ env, includeAccessories }, principal);
        // Rejects when nothing is known.
        await loaders.containers.all(includeAccessories);
        return (await loaders.roles()).all.filter(
          (role) =>
            (!name || role.name === name) &&
            (!service || role.service === service) &&
            isAtDestination(role, destination) &&
            role.containers.some(accepts),
        );
      },
    }),
  );
  builder.objectField(refs.container, "roleGroup", (t) =>
    t.field({
      type: refs.role,
      nullable: true,
      description: "Its role with all its containers; null when `containers` shows none of them.",
      ...preloaded((_rows, { loaders }) => loaders.roles()),
      resolve: (container, _args, { loaders }) =>
        whenKnown(loaders.roles(), (roles) => roles.find(toRoleKey(container))),
    }),
  );
}
