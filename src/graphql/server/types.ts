import { isLimited, type Principal, type Scope } from "../../auth/principal.ts";
import { environments } from "../../lib/environment.ts";
import { formatRfc3339 } from "../../lib/time.ts";
import { version } from "../../lib/build.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";
import { needsNoScope } from "../scopes.ts";
import type { Sources } from "../sources.ts";

/** Viewer, and the query viewer. */
export function addViewer(builder: Builder, _refs: Refs, { environment }: Scalars): void {
  const viewer = builder.objectRef<Principal>("Viewer").implement({
    description: "The holder of the token that sent this request, and what it may do.",
    fields: (t) => ({
      ...exposeAll(t, {
        "subject: String!": "Name of the holder, as in the audit record.",
        "kid: String!": "Public id of the token.",
      }),
      scopes: t.stringList({
        description:
          "What it may do, sorted: `ops:read` (everything but logs and the audit record), `ops:logs` " +
          "(logs), `ops:operate` (actions and the audit record), `ops:introspect` (the schema).",
        resolve: ({ scopes }): Scope[] => [...scopes].toSorted(),
      }),
      environments: t.field({
        type: [environment],
        description: "The environments whose data it may see.",
        resolve: (principal) => environments.filter((one) => principal.environments.has(one)),
      }),
      everyEnvironment: t.boolean({
        description: "Whether it lists every environment. Only then it also sees what has no known environment.",
        resolve: (principal) => !isLimited(principal),
      }),
      expiresAt: t.field({
        type: "DateTime",
        nullable: true,
        description: "When the token expires; null when it does not.",
        resolve: ({ expiresAt }) => (expiresAt === undefined ? null : formatRfc3339(expiresAt)),
      }),
    }),
  });
  builder.queryField("viewer", (t) =>
    t.field({
      type: viewer,
      extensions: needsNoScope,
      description: "The holder of the token. Needs no scope: any valid token may read it.",
      resolve: (_root, _args, { principal }) => principal,
    }),
  );
}

/** Server, and the query server. */
export function addServer(builder: Builder): void {
  const server = builder.objectRef<Sources>("Server").implement({
    description: "The gateway itself, and which actions its configuration allows.",
    fields: (t) => ({
      version: t.string({
        description:
          "Version of wallet-core-ops, with the commit and the time of its build: " +
          "`0.3.0+5158384e3c7e.20261201T034500Z`; `0.3.0+sources` when it runs from its sources.",
        resolve: () => version,
      }),
      startedAt: t.field({
        type: "DateTime",
        description:
          "When its process started. Data that is only in memory (samples, most of the timeline) is not older.",
        resolve: () => formatRfc3339(performance.timeOrigin),
      }),
      ...exposeAll(t, {
        "services: [String!]!":
          "The services of the product, as configured (WALLET_CORE_OPS_SERVICE): their containers are core.",
        "restartEnabled: Boolean!":
          "Whether containers may be restarted (WALLET_CORE_OPS_RESTART=on). The token needs ops:operate too.",
        "jobsEnabled: Boolean!":
          "Whether jobs may be retried and discarded (WALLET_CORE_OPS_JOBS=on). The token needs ops:operate too.",
        "healthExecEnabled: Boolean!":
          "Whether health checks may be run on demand " +
          "(WALLET_CORE_OPS_HEALTH_EXEC=on). The token needs ops:operate " +
          "too.",
      }),
    }),
  });
  builder.queryField("server", (t) =>
    t.field({
      type: server,
      nullable: true,
      description: "The gateway that answers.",
      resolve: (_root, _args, { sources }) => sources,
    }),
  );
}
