import { createGraphiqlPages } from "../console/graphiql/page.ts";
import { createDocuments } from "../graphql/yoga/use-budget.ts";
import { createMaskError, createYogaHandler } from "../graphql/yoga/yoga.ts";
import { parseTraceId } from "../http/exchange.ts";
import type { PublicPage, Surface } from "../http/surface.ts";
import type { Logger } from "../lib/logger.ts";
import { createAsk } from "./ask.ts";
import type { Region } from "./region.ts";
import { type FleetContext, useRegions } from "./run.ts";
import { createFleetSchema } from "./schema.ts";

export interface Fleet {
  readonly surfaces: readonly Surface[];
  readonly publicPages: readonly PublicPage[];
  close(): Promise<void>;
}

interface FleetOptions {
  readonly regions: readonly Region[];
  readonly logger: Logger;
  /** As of `createAsk`. */
  readonly timeoutMs?: number;
}

/** What the cost of a query is estimated by: here nobody knows how long the lists of the regions are. */
const unknownLengths = { env: null, containers: { listCached: () => null } };

/** Everything between the edge and the regions: /graphql with the schema of a fleet, and GraphiQL. */
export function createFleet({ regions, logger, ...options }: FleetOptions): Fleet {
  const ask = createAsk({ logger, ...options });
  const mask = createMaskError(logger);
  const handle = createYogaHandler({
    schema: createFleetSchema(regions.length),
    documents: createDocuments(),
    maskError: mask,
    context: ({ caller, request }) => {
      const { principal, requestId, signal, budget, openStream } = caller;
      const traceparent = request.headers.get("traceparent") ?? undefined;
      const context: FleetContext = {
        ...{ principal, requestId, signal, budget },
        ...(openStream && { openStream }),
        origin: () => caller.origin(),
        authorization: request.headers.get("authorization") ?? "",
        traceparent: parseTraceId(traceparent) ? traceparent : undefined,
      };
      return { ...context, sources: unknownLengths };
    },
    plugins: [useRegions(regions, ask)],
  });
  return {
    surfaces: [{ prefix: "/graphql", subtree: false, handle }],
    publicPages: createGraphiqlPages(),
    close: () => ask.close(),
  };
}
