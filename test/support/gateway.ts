import { createAuthenticator } from "../../src/auth/authenticator.ts";
import type { JwtOptions } from "../../src/auth/jwt.ts";
import { createGateway, type GatewayOptions as Parts } from "../../src/gateway.ts";
import type { Sources } from "../../src/graphql/sources.ts";
import type { EdgeLimits } from "../../src/http/limits.ts";
import { createEdge } from "../../src/http/server.ts";
import { type Logger, silentLogger } from "../../src/lib/logger.ts";
import { basePath, endpoints } from "../../src/rest/endpoints.ts";
import { assertFitsOpenApi } from "./openapi.ts";

export const token = "test-token-0123456789";

/**
 * Headers of a modern client: request errors have their own status, while `application/json` has
 * 200 for them.
 */
export const graphqlHeaders = { "content-type": "application/json", accept: "application/graphql-response+json" };

function toHeaders(given: HeadersInit | undefined): Headers {
  const headers = new Headers(given);
  if (!headers.has("authorization")) headers.set("authorization", `Bearer ${token}`);
  return headers;
}

interface Started extends AsyncDisposable {
  readonly url: string;
  /** Fetches a path with the token, unless `headers.authorization` says otherwise. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** POSTs a GraphQL document and gives the status and the parsed body. */
  query(query: string, variables?: object): Promise<{ status: number; body: { data: any; errors?: any[] } }>;
}

/** Every JSON answer of a documented endpoint, in whatever test, fits the committed contract. */
async function checkAgainstOpenApi(method: string, path: string, response: Response): Promise<void> {
  const route = path.startsWith(basePath) ? path.slice(basePath.length).replace(/\?.*$/s, "") : "";
  const template = route.replace(/^\/containers\/[^/]+/, "/containers/:name");
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  if (!isJson || !endpoints.some((endpoint) => endpoint.path === template && endpoint.method === method)) return;
  assertFitsOpenApi(method, template, response.status, await response.json());
}

interface GatewayOptions extends Pick<Parts, "mcp" | "signIn"> {
  readonly logger?: Logger;
  readonly tokensFile?: string;
  readonly jwt?: JwtOptions;
  readonly limits?: Partial<EdgeLimits>;
}

/**
 * A gateway with its real edge on a free port, over any sources, for one plain token with every
 * right.
 */
export async function startGateway(sources: Sources, options: GatewayOptions = {}): Promise<Started> {
  const {
    logger = silentLogger,
    tokensFile,
    jwt,
    limits = {},
    mcp = { actions: true, issuer: null },
    signIn = null,
  } = options;
  const authenticator = createAuthenticator({ token, tokensFile, jwt, logger, pollMs: 100 });
  const edge = createEdge({
    ...createGateway(sources, logger, { tokenEnds: authenticator.tokenEnds, mcp, signIn }),
    authenticator,
    logger,
    limits: { lingerMs: 100, ...limits },
  });
  const { port } = await edge.listen("127.0.0.1", 0);
  const url = `http://127.0.0.1:${port}`;
  const started: Started = {
    url,
    fetch: async (path, init = {}) => {
      const response = await fetch(url + path, { ...init, headers: toHeaders(init.headers) });
      await checkAgainstOpenApi(init.method ?? "GET", path, response.clone());
      return response;
    },
    query: async (query, variables) => {
      const body = JSON.stringify({ query, variables });
      const response = await started.fetch("/graphql", { method: "POST", body, headers: graphqlHeaders });
      return { status: response.status, body: (await response.json()) as never };
    },
    [Symbol.asyncDispose]: async () => {
      authenticator.close();
      await edge.drain();
    },
  };
  return started;
}
