import { GraphQLError } from "graphql";
import { toOpsError } from "../errors.ts";
import type { Logger } from "../logger.ts";

/**
 * What a caller of /graphql may see of an error: the code and message of an OpsError, graphql's own request errors without the
 * values that were sent, and `internal` for anything else, which goes to our log. Field errors never set the HTTP status.
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
  // Not even a GraphQL request: 400 for every client, also for one that accepts only application/json.
  if (extensions["code"] === "BAD_REQUEST") extensions["http"] = { status: 400, ...(extensions["http"] as object), spec: false };
  const variable = /^Variable "(\$\w+)" got invalid value/.exec(error.message);
  const message = variable ? `Variable "${variable[1]}" has an invalid value.` : error.message;
  return new GraphQLError(message.replace(/ ?Did you mean .*\?$/, ""), {
    nodes: error.nodes ?? null,
    path: error.path ?? null,
    extensions,
  });
}
