import type { Authenticator } from "../auth/authenticator.ts";
import { createGraphiqlPages } from "../console/graphiql/page.ts";
import type { Caller } from "../graphql/sources.ts";
import { createDocuments } from "../graphql/yoga/use-budget.ts";
import { createMaskError, createYogaHandler } from "../graphql/yoga/yoga.ts";
import type { PublicPage, Surface } from "../http/surface.ts";
import type { Logger } from "../lib/logger.ts";
import { parseTraceparent } from "../lib/tracing/traceparent.ts";
import type { Tracing } from "../lib/tracing/tracing.ts";
import { createAcceptance } from "./acceptance.ts";
import { createAsk } from "./ask.ts";
import type { Region } from "./region.ts";
import { type FleetContext, useRegions } from "./run.ts";
import { createFleetSchema } from "./schema.ts";

export interface Fleet {
  readonly surfaces: readonly Surface[];
  readonly publicPages: readonly PublicPage[];
  readonly authenticator: Pick<Authenticator, "authenticate">;
  /** As of `Ask`, before the edge drains. */
  drain(): void;
  close(): Promise<void>;
}

interface FleetOptions {
  readonly regions: readonly Region[];
  readonly logger: Logger;
  /** @default null */
  readonly tracing?: Tracing | null;
  /** As of `createAsk`. */
  readonly timeoutMs?: number;
}

/**
 * Everything between the edge and the regions: /graphql with the schema of a fleet, and GraphiQL.
 */
export function createFleet({ regions, logger, tracing = null, ...options }: FleetOptions): Fleet {
  const ask = createAsk({ logger, trace: tracing?.call, ...options });
  const handle = createYogaHandler({
    schema: createFleetSchema(regions.length),
    documents: createDocuments(),
    maskError: createMaskError(logger),
    context: ({ caller, request: { headers } }) => toContext(caller, headers, tracing),
    plugins: [useRegions(regions, ask)],
    tracing,
  });
  return {
    surfaces: [{ prefix: "/graphql", subtree: false, handle }],
    publicPages: createGraphiqlPages(),
    authenticator: createAcceptance({ regions, ask: (...asked) => ask.accepts(...asked) }),
    drain: () => ask.drain(),
    close: () => ask.close(),
  };
}

/** Nobody knows here how long the lists of the regions are. */
const unknownLengths = { env: null, containers: { listCached: () => null } };

/** Of the client's headers, a region gets these. */
function toContext(caller: Caller, headers: Headers, tracing: Tracing | null): FleetContext {
  const { principal, requestId, signal, budget, openStream } = caller;
  const traceparent = headers.get("traceparent") ?? undefined;
  return {
    principal,
    requestId,
    signal,
    budget,
    origin: () => caller.origin(),
    ...(openStream && { openStream }),
    sources: unknownLengths,
    authorization: headers.get("authorization") ?? "",
    traceparent: tracing?.headers().traceparent ?? (parseTraceparent(traceparent) ? traceparent : undefined),
  };
}
