import type { DriftKind } from "../../domain/drift.ts";
import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";
import { requireEnvironments } from "../require-environments.ts";
import type { Scalars } from "./scalars.ts";

/** Drift, and the query drift. */
export function addDrift(builder: Builder, refs: Refs, scalars: Scalars): void {
  const kind = builder.enumType("DriftKind", {
    description: "In what way something is not as the last deploy should have left it.",
    values: {
      mixed_releases: { description: "Replicas of one role, at one destination of a service, are of several releases." },
      unlike_deploy: { description: "Containers are of another release than the last deploy that was told of." },
      leftover: { description: "A container is still live on the engine of the one that replaced it." },
      engine_missed: {
        description: "An engine runs the service at its destination, but nothing of its last deploy, though another does.",
      },
      engine_unknown: { description: "An engine does not answer: what it runs is not known, and in no other row." },
    } satisfies Record<DriftKind, object>,
  });
  refs.drift.implement({
    description: "Something that is not as the last deploy should have left it.",
    fields: (t) => ({
      kind: t.expose("kind", { type: kind, description: "In what way." }),
      message: t.exposeString("message", { description: "One line for people." }),
      service: t.exposeString("service", { nullable: true, description: "Service of the containers; null for an engine alone." }),
      destination: t.exposeString("destination", {
        nullable: true,
        description: "Kamal's destination of the containers; null without one, and for an engine alone.",
      }),
      env: t.expose("env", { type: scalars.environment, nullable: true, description: "Environment; null when unknown." }),
      role: t.exposeString("role", { nullable: true, description: "Null where it is about several roles." }),
      engine: t.exposeString("engine", { nullable: true, description: "Null where it is about several engines." }),
      expected: t.exposeString("expected", { nullable: true, description: "Tag that should run; null when that is not known." }),
      found: t.exposeStringList("found", { description: "Releases that run instead, or side by side." }),
      containers: t.expose("containers", { type: [refs.container], description: "Those that it is about." }),
      settling: t.exposeBoolean("settling", {
        description: "Whether a container of the role was made in the last five minutes: a deploy may be under way.",
      }),
    }),
  });
  builder.queryField("drift", (t) =>
    t.field({
      type: [refs.drift],
      nullable: true,
      description: "What is not as the last deploy should have left it, of live core containers; empty when all is well.",
      args: {
        env: t.arg({
          type: scalars.environment,
          description: "Only this environment; forbidden when the token does not list it.",
        }),
      },
      resolve: async (_root, { env }, { loaders, principal }) => {
        requireEnvironments(principal, env);
        const drift = await loaders.deploys.drift();
        return drift.filter((one) => !env || one.env === env || one.kind === "engine_unknown");
      },
    }),
  );
}
