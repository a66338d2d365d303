import type { GraphQLSchema } from "graphql";
import { createExecute, type Execute, toFailure } from "../graphql/execute.ts";
import type { Caller, Sources } from "../graphql/sources.ts";
import { parseAgent } from "../http/exchange.ts";
import type { EdgeReply, EdgeRequest } from "../http/surface.ts";
import { findTextExcess } from "../lib/budget/json-size.ts";
import { OpsError, toOpsError } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { Tracing } from "../lib/tracing/tracing.ts";
import { createMcpHandler } from "./protocol.ts";
import { type CallContext, createMcpServer } from "./server.ts";
import { type Ask, ToolFailure } from "./tool.ts";
import { toolDocuments } from "./tools.ts";

/** A call of a tool is small. */
const maxBodyBytes = 65_536;
/** The packages describe each value that does not fit the protocol. */
const jsonLimits = { values: 1000, depth: 32 } as const;

/**
 * Answers the Model Context Protocol over streamable HTTP, without sessions: each request stands
 * alone, so any replica answers it, and there is no stream to open. Both generations of the
 * protocol; the official packages know which.
 */
export function createMcpSurface(
  schema: GraphQLSchema,
  sources: Sources,
  logger: Logger,
  { actions, tracing = null }: { readonly actions: boolean; readonly tracing?: Tracing | null },
): (request: EdgeRequest) => Promise<EdgeReply> {
  const execute = createExecute(schema, sources, toolDocuments, tracing);
  const toUnexpected = (error: unknown) => {
    const { code, message, cause } = toOpsError(error);
    if (code === "internal") logger.error({ err: cause }, "tool failed");
    return { code, message };
  };
  const protocol = createMcpHandler(
    ({ authInfo }) => {
      const request = authInfo?.extra?.["request"] as EdgeRequest;
      return createMcpServer({
        createAsk: (call) => createAsk(execute, toCaller(request, call)),
        mayAct: () => actions && request.principal.scopes.has("ops:operate"),
        toUnexpected,
        onCall: (tool) => (request.logged = { operation: tool }),
      });
    },
    { maxSubscriptions: 0, onerror: (error) => logger.debug({ err: error }, "mcp request refused") },
  );
  return async (request) => {
    const { method, headers, principal } = request;
    // Only pages in a browser send it, and none has business here. It stops those that reach a
    // local gateway by a name of their own (DNS rebinding).
    if (headers.origin !== undefined) throw new OpsError("forbidden", "Web pages may not use this");
    if (method !== "POST")
      throw new OpsError("method_not_allowed", "Use POST: there are no sessions or streams", {
        headers: { Allow: "POST" },
      });
    const text = (await request.body(maxBodyBytes)).toString();
    const parsedBody = parseBody(text);
    const answer = await protocol.fetch(
      // Without our signal, by which the packages would end a call with an empty 499: the budget
      // ends the work, and its error is an answer.
      new Request("http://localhost/mcp", { method, headers: toHeaders(headers), body: text }),
      { parsedBody, authInfo: { token: "", clientId: principal.kid, scopes: [], extra: { request } } },
    );
    const type = answer.headers.get("content-type");
    return {
      status: answer.status,
      ...(type !== null && { headers: { "Content-Type": type } }),
      body: await answer.text(),
      route: "/mcp",
    };
  };
}

/** @throws invalid_request */
function parseBody(text: string): unknown {
  const excess = findTextExcess(text, jsonLimits);
  if (excess !== null) throw new OpsError("invalid_request", `The message has ${excess}`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new OpsError("invalid_request", "The body is not JSON");
  }
  // Only an early revision of the protocol had batches. A batch would run many calls on the budget
  // of one request.
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body;
  throw new OpsError("invalid_request", "Send one message of JSON-RPC");
}

/** The headers that the protocol reads. */
function toHeaders(headers: EdgeRequest["headers"]): Headers {
  const read = ["content-type", "accept", "mcp-protocol-version", "mcp-method", "mcp-name"];
  return new Headers(
    read.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])] as [string, string]])),
  );
}

/**
 * As whom a tool asks: the holder of the token. Clients of the earlier protocol name themselves
 * only when they connect: for them the header is what there is.
 */
function toCaller(request: EdgeRequest, { agent }: CallContext): Caller {
  const { principal, requestId, signal, budget, headers } = request;
  const name =
    parseAgent(agent) ?? parseAgent(headers["x-agent"]) ?? parseAgent(headers["user-agent"]?.split(" ", 1)[0]);
  return { principal, requestId, signal, budget, origin: () => ({ ...request.origin(), agent: name }) };
}

function createAsk(execute: Execute, caller: Caller): Ask {
  return async (document, variables) => {
    const { data, errors } = await execute(document, variables, caller).run();
    if (data === null || Object.values(data).every((value) => value === null)) {
      if (errors.length > 0) throw new ToolFailure(toFailure(errors));
    }
    return { data: data ?? {}, errors };
  };
}
