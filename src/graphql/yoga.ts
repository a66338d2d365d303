import type { IncomingMessage, ServerResponse } from "node:http";
import type { GraphQLSchema } from "graphql";
import { type Plugin, createYoga } from "graphql-yoga";
import type { StreamLease } from "../domain/stream-lease.ts";
import { OpsError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { type Caller, type OpsContext, type Sources, createContext } from "./context.ts";
import { useCompiledSubscriptions } from "./compiled-subscriptions.ts";
import { useLimits } from "./limits.ts";
import { cleanRequestError, createMaskError } from "./mask-error.ts";
import { useNoProtoVariable } from "./proto-names.ts";
import { createDocumentCache, useBudget } from "./use-budget.ts";
import { useStrictStatus } from "./strict-status.ts";

interface ServerContext {
  readonly caller: Caller;
}

/** A request that has passed the edge: authenticated, and with the security headers set on `res`. */
export interface GraphqlRequest extends Caller {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  openStream(): StreamLease;
}

/**
 * The public door, /graphql: Yoga with everything off that it brings along (CORS, landing page, health check, multipart, forms,
 * batching) and limits on. Rejects with unsupported_media_type for anything but JSON; else it has written to `res`.
 */
export function createGraphqlHandler(schema: GraphQLSchema, sources: Sources, logger: Logger) {
  const yoga = createYoga<ServerContext, OpsContext>({
    schema,
    context: ({ caller }) => createContext(sources, caller),
    graphqlEndpoint: "/graphql",
    cors: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: 65_536,
    parserAndValidationCache: createDocumentCache(),
    maskedErrors: { maskError: createMaskError(logger), isDev: false },
    logging: false,
    plugins: [useBudget(), useLimits(), useNoProtoVariable(), useCleanErrors(), useStrictStatus(), useCompiledSubscriptions()],
  });
  return async (request: GraphqlRequest): Promise<void> => {
    const { req, res, principal, requestId, signal, budget } = request;
    requireJson(req);
    // Yoga makes a URL of it, which throws for some that HTTP allows; nothing here depends on it.
    req.headers.host = "localhost";
    // Yoga knows it only in small letters and without blanks, and answers others 415 without a word.
    if (req.headers["content-type"] !== undefined) req.headers["content-type"] = "application/json";
    const origin = () => request.origin();
    const openStream = () => request.openStream();
    await yoga.handle(req, res, { caller: { principal, origin, requestId, signal, budget, openStream } });
  };
}

/** Forms, text and compressed bodies are refused, and a GET that claims another content type (`security.md` G2). */
function requireJson({ method, headers }: IncomingMessage): void {
  const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  const json = type === "application/json" || type === "application/graphql-response+json";
  if ((type === undefined ? method === "POST" : !json) || headers["content-encoding"] !== undefined) {
    throw new OpsError("unsupported_media_type", "Send application/json, not compressed");
  }
}

/** What parsing and validation say reaches the caller without passing `maskError`. */
function useCleanErrors(): Plugin {
  return {
    onExecutionResult(payload) {
      const { result } = payload;
      if (!result || !("errors" in result) || !result.errors) return;
      payload.setResult({ ...result, errors: result.errors.map((error) => (error.path ? error : cleanRequestError(error))) });
    },
  };
}
