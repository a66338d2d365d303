import type { IncomingMessage, ServerResponse } from "node:http";
import { GraphQLError, type GraphQLSchema } from "graphql";
import { createYoga, type Plugin } from "graphql-yoga";
import type { StreamLease } from "../../auth/stream-lease.ts";
import { OpsError, toOpsError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { createContext, type OpsContext } from "../context.ts";
import type { Caller, Sources } from "../sources.ts";
import { useLimits } from "./limits.ts";
import { useNoProtoVariable } from "./proto-names.ts";
import { useStrictStatus } from "./strict.ts";
import { useCompiledSubscriptions } from "./subscriptions.ts";
import { createDocumentCache, useBudget } from "./use-budget.ts";

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
 * The public endpoint /graphql: Yoga with all its extras off (CORS, landing page, health check, multipart, forms, batching) and limits on. Rejects with
 * unsupported_media_type for anything but JSON; otherwise it writes to `res`.
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
    // Yoga builds a URL from it, which throws for some hosts that HTTP allows; nothing here depends on it.
    req.headers.host = "localhost";
    // Yoga accepts it only in lower case and without blanks, and answers others with an empty 415.
    if (req.headers["content-type"] !== undefined) req.headers["content-type"] = "application/json";
    const origin = () => request.origin();
    const openStream = () => request.openStream();
    await yoga.handle(req, res, { caller: { principal, origin, requestId, signal, budget, openStream } });
  };
}

/** Refuses forms, text and compressed bodies, and a GET that claims another content type. */
function requireJson({ method, headers }: IncomingMessage): void {
  const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  const json = type === "application/json" || type === "application/graphql-response+json";
  if ((type === undefined ? method === "POST" : !json) || headers["content-encoding"] !== undefined) {
    throw new OpsError("unsupported_media_type", "Send application/json, not compressed");
  }
}

/** Parse and validation errors reach the caller without passing `maskError`. */
function useCleanErrors(): Plugin {
  return {
    onExecutionResult(payload) {
      const { result } = payload;
      if (!result || !("errors" in result) || !result.errors) return;
      payload.setResult({ ...result, errors: result.errors.map((error) => (error.path ? error : cleanRequestError(error))) });
    },
  };
}

/**
 * What a caller of /graphql may see of an error: the code and message of an OpsError; graphql's own request errors without the sent values; `internal` for
 * anything else, which we log. Field errors never set the HTTP status.
 */
export function createMaskError(logger: Logger): (error: unknown) => GraphQLError {
  return (error) => {
    const original = error instanceof GraphQLError ? error.originalError : error;
    if (error instanceof GraphQLError && (!error.path || !original)) return cleanRequestError(error);
    const known = toOpsError(original);
    if (known.code === "internal") logger.error({ err: known.cause }, "resolver failed");
    const { code, status, upstream, message, headers } = known;
    const retryAfter = headers?.["Retry-After"] && Number(headers["Retry-After"]);
    const extensions = { code, status, ...(upstream && { upstream }), ...(retryAfter && { retryAfter }) };
    const { nodes, path } = error instanceof GraphQLError ? error : {};
    return new GraphQLError(message, { nodes: nodes ?? null, path: path ?? null, extensions });
  };
}

/** Parse, validation and coercion errors: graphql's own text, but never a value of a variable or of the body. */
export function cleanRequestError(error: GraphQLError): GraphQLError {
  const { originalError: _, ...extensions } = error.extensions;
  // Not a GraphQL request at all: 400 for every client, also for one that accepts only application/json.
  if (extensions["code"] === "BAD_REQUEST") extensions["http"] = { status: 400, ...(extensions["http"] as object), spec: false };
  const variable = /^Variable "(\$\w+)" got invalid value/.exec(error.message);
  const message = variable ? `Variable "${variable[1]}" has an invalid value.` : error.message;
  const hint = /Value "\w*[a-z]\w*" does not exist in "\w+" enum/.test(error.message) ? " Enum values are in capitals." : "";
  return new GraphQLError(message.replace(/ ?Did you mean .*\?$/, "") + hint, {
    nodes: error.nodes ?? null,
    path: error.path ?? null,
    extensions,
  });
}
