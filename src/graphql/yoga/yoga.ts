import type { IncomingMessage, ServerResponse } from "node:http";
import { type ExecutionResult, GraphQLError, type GraphQLSchema } from "graphql";
import { createYoga, type Plugin } from "graphql-yoga";
import { presetHeaders } from "../../http/reply.ts";
import type { EdgeReply, EdgeRequest } from "../../http/surface.ts";
import { OpsError, toOpsError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import type { Tracing } from "../../lib/tracing/tracing.ts";
import { createContext } from "../context.ts";
import type { Sources } from "../sources.ts";
import { toReadable, useShortRefusal } from "./accept.ts";
import { useCompression } from "./compressed.ts";
import { useLimits } from "./limits.ts";
import { createPostHandler } from "./post.ts";
import { useNoProtoVariable } from "./proto-names.ts";
import { useStrictStatus } from "./strict.ts";
import { createSubscribe, useCompiledSubscriptions } from "./subscriptions.ts";
import { useTracing } from "./use-tracing.ts";
import { createDocuments, type Documents, type ServerContext, toParserCache, useBudget } from "./use-budget.ts";

const maxBodyBytes = 65_536;

/**
 * The public endpoint /graphql of a gateway. In front of Yoga, `post.ts` answers repeated queries.
 */
export function createGraphqlHandler(
  schema: GraphQLSchema,
  sources: Sources,
  logger: Logger,
  tracing: Tracing | null = null,
) {
  const documents = createDocuments();
  const maskError = createMaskError(logger);
  const subscribe = createSubscribe();
  return createYogaHandler({
    schema,
    documents,
    maskError,
    context: ({ caller }) => createContext(sources, caller),
    plugins: [useCompiledSubscriptions(subscribe)],
    post: createPostHandler(schema, sources, { parsed: (text) => documents.get(text), maskError, subscribe, tracing }),
    tracing,
  });
}

interface HandlerOptions<Context extends object> {
  readonly schema: GraphQLSchema;
  readonly documents: Documents;
  readonly maskError: (error: unknown) => GraphQLError;
  readonly context: (initial: ServerContext & { readonly request: Request }) => Context;
  /** Runs before all others, so that a replaced execution also counts in the budget. */
  readonly plugins: readonly Plugin[];
  /** Answers a POST before Yoga does, or leaves it to Yoga. */
  readonly post?: ReturnType<typeof createPostHandler>;
  readonly tracing: Tracing | null;
}

/**
 * Yoga with all its extras off (CORS, landing page, health check, multipart, forms, batching) and
 * limits on. Rejects with unsupported_media_type for anything but JSON, and with not_acceptable for
 * a client that accepts none of our media types. Resolves to null when Yoga has answered on `res`.
 */
export function createYogaHandler<Context extends object>(options: HandlerOptions<Context>) {
  const { schema, documents, maskError, context, plugins, post, tracing } = options;
  const traced = tracing ? [useTracing(tracing)] : [];
  const yoga = createYoga<ServerContext, Context>({
    schema,
    context,
    graphqlEndpoint: "/graphql",
    cors: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: maxBodyBytes,
    parserAndValidationCache: toParserCache(documents),
    maskedErrors: { maskError, isDev: false },
    logging: false,
    plugins: [
      ...plugins,
      useBudget(),
      ...traced,
      useLimits(),
      useNoProtoVariable(),
      useCleanErrors(),
      useStrictStatus(),
      useShortRefusal(),
      useCompression(),
    ],
  });
  return async (request: EdgeRequest): Promise<EdgeReply | null> => {
    const { req, res, principal, requestId } = request;
    requireJson(req);
    // Before anything runs. Node joins repeated headers into one text.
    if (req.headers.accept) req.headers.accept = toReadable(req.headers.accept);
    let result: ExecutionResult | null = null;
    if (isChunked(request) || (post && hasPlainBody(request))) {
      const body = await request.body(maxBodyBytes);
      const answered = post?.(request, body) ?? null;
      const answer = answered instanceof Promise ? await answered : answered;
      if (answer && "status" in answer) return answer;
      // Yoga's adapter reads this instead of the request.
      (req as { body?: Buffer }).body = body;
      result = answer;
    }
    const { signal, budget } = request;
    // Yoga's work before its first hook is a large part of its total. Its hook `onParams` refuses
    // requests whose time is up.
    const start = result ? null : budget.pause();
    if (start) await start;
    presetHeaders(request);
    // Yoga builds a URL from it, which throws for some hosts that HTTP allows; nothing here depends
    // on it.
    req.headers.host = "localhost";
    // Yoga accepts it only in lower case and without blanks, and answers any other with an empty
    // 415.
    if (req.headers["content-type"] !== undefined) req.headers["content-type"] = "application/json";
    const origin = () => request.origin();
    const openStream = () => request.openStream();
    const caller = { principal, origin, requestId, signal, budget, openStream };
    await Promise.race([yoga.handle(req, res, { caller, result }), untilLost(res)]);
    return null;
  };
}

/**
 * Resolves when the connection closes after the answer has begun. Yoga waits for the reader of a
 * long answer without limit: the request would hold its place for ever.
 */
function untilLost(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => res.once("close", () => res.headersSent && resolve()));
}

/** Yoga would keep each chunk. */
function isChunked({ method, headers }: EdgeRequest): boolean {
  return method === "POST" && headers["transfer-encoding"] !== undefined;
}

/**
 * Whether its length is known and within the limit. All other requests that are not chunked are
 * left to Yoga, which reads or refuses them.
 */
function hasPlainBody({ method, headers }: EdgeRequest): boolean {
  const length = Number(headers["content-length"] ?? 0);
  return method === "POST" && length > 0 && length <= maxBodyBytes;
}

/** Refuses forms, text and compressed bodies, and a GET that claims another content type. */
function requireJson({ method, headers }: IncomingMessage): void {
  if (headers["content-type"] === "application/json" && headers["content-encoding"] === undefined) return;
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
      payload.setResult({
        ...result,
        errors: result.errors.map((error) => (error.path ? error : cleanRequestError(error))),
      });
    },
  };
}

/**
 * What a caller of /graphql may see of an error: the code and message of an OpsError; graphql's own
 * request errors without the sent values; `internal` for anything else, which we log. Field errors
 * never set the HTTP status.
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
    const { nodes, source, positions, path } = error instanceof GraphQLError ? error : {};
    const place = nodes ? { nodes } : { source: source ?? null, positions: positions ?? null };
    return new GraphQLError(message, { ...place, path: path ?? null, extensions });
  };
}

/**
 * Parse, validation and coercion errors: graphql's own text, but never a value of a variable or of
 * the body.
 */
export function cleanRequestError(error: GraphQLError): GraphQLError {
  const { originalError: _, ...extensions } = error.extensions;
  // Not a GraphQL request at all: 400 for every client, including one that accepts only
  // application/json.
  if (extensions["code"] === "BAD_REQUEST")
    extensions["http"] = { status: 400, ...(extensions["http"] as object), spec: false };
  const variable = /^Variable "(\$\w+)" got invalid value/.exec(error.message);
  const message = variable ? `Variable "${variable[1]}" has an invalid value.` : error.message;
  const hint = /Value "\w*[a-z]\w*" does not exist in "\w+" enum/.test(error.message)
    ? " Enum values are in capitals."
    : "";
  return new GraphQLError(message.replace(/ ?Did you mean .*\?$/, "") + hint, {
    nodes: error.nodes ?? null,
    path: error.path ?? null,
    extensions,
  });
}
