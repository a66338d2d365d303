import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createFleet } from "../../src/fleet/fleet.ts";
import type { EdgeLimits } from "../../src/http/limits.ts";
import { createEdge } from "../../src/http/server.ts";
import { type Logger, silentLogger } from "../../src/lib/logger.ts";
import type { Tracing } from "../../src/lib/tracing/tracing.ts";
import { graphqlHeaders, token } from "./gateway.ts";

interface Asked {
  readonly status: number;
  readonly body: { data: any; errors?: any[] };
}

interface StartedFleet extends AsyncDisposable {
  readonly url: string;
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /** Asks with the token of the test gateways, or with other headers. */
  readonly query: (query: string, variables?: object, headers?: Record<string, string>) => Promise<Asked>;
}

interface FleetOptions {
  readonly timeoutMs?: number;
  readonly limits?: Partial<EdgeLimits>;
  readonly logger?: Logger;
  readonly tracing?: Tracing;
}

/** A fleet behind its real edge, over gateways by the names of their regions. */
export async function startFleet(
  urls: Readonly<Record<string, string>>,
  options: FleetOptions = {},
): Promise<StartedFleet> {
  const { limits = {}, logger = silentLogger, tracing = null, ...others } = options;
  const regions = Object.entries(urls).map(([name, url]) => ({ name, url }));
  const fleet = createFleet({ regions, logger, tracing, ...others });
  const edge = createEdge({ ...fleet, logger, limits: { lingerMs: 100, ...limits }, tracing });
  const { port } = await edge.listen("127.0.0.1", 0);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    fetch: (path, init) => fetch(url + path, init),
    query: async (query, variables, headers = { authorization: `Bearer ${token}` }) => {
      const body = JSON.stringify({ query, variables });
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        body,
        headers: { ...graphqlHeaders, ...headers },
      });
      return { status: response.status, body: (await response.json()) as Asked["body"] };
    },
    [Symbol.asyncDispose]: async () => {
      fleet.drain();
      await edge.drain();
      await fleet.close();
    },
  };
}

/** A request as a region got it. */
interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: { query: string; variables?: Record<string, unknown> };
  /** Of the connection that it came over. */
  readonly port: number | undefined;
}

interface Stub extends AsyncDisposable {
  readonly url: string;
  readonly received: Received[];
  readonly acceptance: Received[];
}

/** What a fleet asks a region about a token, and the answer of one that accepts it. */
const acceptance = { query: "{__typename}", answer: { data: { __typename: "Query" } } };

/**
 * A region that says what a test wants, and records what it is asked. It accepts every token,
 * unless `accept` answers the fleet's questions about tokens; these are in `acceptance`, not in
 * `received`.
 */
export async function startStub(
  reply: (response: ServerResponse, received: Received) => void,
  accept: typeof reply = says(acceptance.answer),
): Promise<Stub> {
  const received: Received[] = [];
  const asked: Received[] = [];
  const record = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = await request.toArray();
    const text = Buffer.concat(chunks).toString();
    const { url: path = "", headers } = request;
    const one = { path, headers, body: JSON.parse(text || "{}"), port: request.socket.remotePort };
    const isAboutToken = one.body.query === acceptance.query;
    (isAboutToken ? asked : received).push(one);
    (isAboutToken ? accept : reply)(response, one);
  };
  const server = createServer((request, response) => void record(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    acceptance: asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Replies with JSON. */
export function says(body: unknown, status = 200, headers: Record<string, string> = {}) {
  return (response: ServerResponse) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** The address of a port that nobody listens on. */
export async function findClosedUrl(): Promise<string> {
  const stub = await startStub(says({}));
  await stub[Symbol.asyncDispose]();
  return stub.url;
}
