import { setTimeout as sleep } from "node:timers/promises";
import type { SignIn } from "./auth/oidc.ts";
import type { TokenEnd } from "./auth/token.ts";
import { createPages } from "./console/pages.ts";
import { createGrafanaHandler, grafanaDocuments, grafanaPath } from "./grafana/handler.ts";
import { createExecute, createFollow } from "./graphql/execute.ts";
import { createSchema } from "./graphql/schema.ts";
import type { Sources } from "./graphql/sources.ts";
import type { PublicPage, Surface } from "./http/surface.ts";
import { onceDone } from "./lib/cache.ts";
import type { Logger } from "./lib/logger.ts";
import type { Tracing } from "./lib/tracing/tracing.ts";
import { createMetricsHandler, metricsDocument, metricsPath } from "./metrics/handler.ts";
import { createMetadataPage, mcpPath, toChallenge } from "./mcp/metadata.ts";
import { createInstruments, type Instruments } from "./metrics/instruments.ts";
import { basePath, endpoints } from "./rest/endpoints.ts";
import { createRestHandler } from "./rest/handler.ts";
import { createOpenApi } from "./rest/openapi.ts";

export interface Gateway {
  readonly surfaces: readonly Surface[];
  readonly publicPages: readonly PublicPage[];
  /** Also one of the surfaces; here for its own listener. */
  readonly metrics: Surface;
}

export interface GatewayOptions {
  readonly instruments?: Pick<Instruments, "collect">;
  readonly tokenEnds?: () => readonly TokenEnd[];
  /** Sign-in to the console; null without one. */
  readonly signIn?: SignIn | null;
  /**
   * What agents may use at /mcp; null: it is off. `issuer`: who makes tokens for them, if
   * configured.
   */
  readonly mcp?: {
    readonly actions: boolean;
    readonly issuer: { readonly issuer: string; readonly audience: string } | null;
  } | null;
  readonly tracing?: Tracing | null;
}

/**
 * Everything between the edge and the upstreams: one schema, and REST, GraphQL, Grafana and metrics
 * on top of it.
 */
export function createGateway(
  sources: Sources,
  logger: Logger,
  {
    instruments = createInstruments(),
    tokenEnds = () => [],
    signIn = null,
    mcp = null,
    tracing = null,
  }: GatewayOptions = {},
): Gateway {
  const schema = createSchema();
  const documents = [...endpoints.map((endpoint) => endpoint.document), metricsDocument, ...grafanaDocuments];
  const execute = createExecute(schema, sources, documents, tracing);
  let openapi: Buffer | undefined;
  const followed = endpoints.flatMap((endpoint) => endpoint.follow ?? []);
  const follow = createFollow(schema, sources, followed, tracing);
  const rest: Surface = {
    prefix: basePath,
    subtree: true,
    handle: createRestHandler(execute, follow, () => (openapi ??= Buffer.from(createOpenApi(schema)))),
  };
  const metrics: Surface = {
    prefix: metricsPath,
    subtree: false,
    handle: createMetricsHandler(execute, instruments, tokenEnds, sources.databaseClocks),
  };
  const grafana: Surface = { prefix: grafanaPath, subtree: true, handle: createGrafanaHandler(execute) };
  const graphql: Surface = {
    prefix: "/graphql",
    subtree: false,
    // Yoga takes longer to load than everything else; REST clients do not wait for it.
    handle: loadLater(
      () => import("./graphql/yoga/yoga.ts"),
      ({ createGraphqlHandler }) => createGraphqlHandler(schema, sources, logger, tracing),
    ),
  };

  const surfaces = [rest, graphql, grafana, metrics];
  const publicPages = createPages(signIn);
  if (mcp === null) return { surfaces, publicPages, metrics };
  const { issuer, actions } = mcp;
  const agentSurface: Surface = {
    prefix: mcpPath,
    subtree: false,
    handle: loadLater(
      () => import("./mcp/handler.ts"),
      ({ createMcpSurface }) => createMcpSurface(schema, sources, logger, { actions, tracing }),
    ),
    ...(issuer && { challenge: (headers) => toChallenge(issuer, headers) }),
  };
  const metadata = issuer ? [createMetadataPage(issuer)] : [];
  return { surfaces: [...surfaces, agentSurface], publicPages: [...publicPages, ...metadata], metrics };
}

/**
 * Loads a handler with the first request, creates it, and only then calls it: each step takes long,
 * so others are served in between. Later requests are passed on without a promise of ours.
 */
function loadLater<Module>(
  load: () => Promise<Module>,
  create: (module: Module) => Surface["handle"],
): Surface["handle"] {
  let loaded: Surface["handle"] | undefined;
  const loadOnce = onceDone(async () => {
    const module = await load();
    await sleep(0);
    loaded = create(module);
    await sleep(0);
    return loaded;
  });
  return (request) => (loaded ? loaded(request) : loadOnce().then((handle) => handle(request)));
}

/** The REST contract as OpenAPI text, for the committed copy. */
export function printOpenApi(): string {
  return createOpenApi(createSchema());
}
