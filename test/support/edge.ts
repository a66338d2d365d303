import { type IncomingHttpHeaders, request as httpRequest } from "node:http";
import { type BlockList, connect, type Socket } from "node:net";
import { pino } from "pino";
import { type Authenticator, createAuthenticator } from "../../src/auth/authenticator.ts";
import type { EdgeLimits } from "../../src/http/limits.ts";
import type { ObserveRequest } from "../../src/http/request-log.ts";
import { createEdge, type Edge } from "../../src/http/server.ts";
import type { PublicPage, Surface } from "../../src/http/surface.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { Tracing } from "../../src/lib/tracing/tracing.ts";

export const token = "plain-token-of-the-edge-tests";
export const bearer = { authorization: `Bearer ${token}` };

export interface TestEdge {
  readonly edge: Edge;
  readonly port: number;
  /** Raw lines of the log, as a real pino wrote them. */
  readonly lines: string[];
  send(method: string, path: string, headers?: Record<string, string>, body?: string | Buffer): Promise<Answer>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface StartOptions {
  readonly surfaces?: readonly Surface[];
  readonly publicPages?: readonly PublicPage[];
  readonly limits?: Partial<EdgeLimits>;
  readonly observe?: ObserveRequest;
  readonly trustedProxies?: BlockList;
  readonly tracing?: Tracing;
  readonly canAct?: () => boolean;
  /** @default accepts `token` alone */
  readonly authenticate?: Authenticator["authenticate"];
}

/** A REST-like surface that records its requests. */
export function createSpySurface(
  handle: Surface["handle"],
  prefix = "/api/v1/admin/ops",
): Surface & { calls: string[] } {
  const calls: string[] = [];
  return {
    prefix,
    subtree: true,
    calls,
    handle(request) {
      calls.push(`${request.method} ${request.path}`);
      return handle(request);
    },
  };
}

export async function startEdge(options: StartOptions = {}): Promise<TestEdge> {
  const lines: string[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const authenticator = createAuthenticator({ token, logger: silentLogger });
  const { authenticate, ...rest } = options;
  const limits = { drainMs: 2000, lingerMs: 100, ...options.limits };
  const edge = createEdge({
    surfaces: [],
    ...rest,
    limits,
    authenticator: authenticate ? { authenticate } : authenticator,
    logger,
  });
  const { port } = await edge.listen("127.0.0.1", 0);
  return {
    edge,
    port,
    lines,
    send: (method, path, headers = {}, body = "") => send(port, method, path, headers, body),
    async [Symbol.asyncDispose]() {
      await edge.drain();
      authenticator.close();
    },
  };
}

function send(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = httpRequest({ port, method, path, headers, host: "127.0.0.1", agent: false }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      res.on("end", () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }));
      res.on("error", reject);
    });
    req.on("error", reject).end(body);
  });
}

/**
 * Writes bytes and returns everything that comes back until the server closes, or until `quietMs`
 * have passed.
 */
export function sendRaw(port: number, text: string, quietMs = 3000): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
    const timer = setTimeout(() => socket.destroy(), quietMs);
    socket.setEncoding("latin1").on("data", (chunk: string) => (answer += chunk));
    socket.on("error", reject).on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

/** A client that stays until it leaves; `text` is what has come so far. */
export function openRaw(port: number, request: string): { text(): string; leave(): Promise<void> } {
  let answer = "";
  const socket = connect(port, "127.0.0.1", () => socket.write(request, "latin1")).on("error", () => {});
  socket.setEncoding("latin1").on("data", (chunk: string) => (answer += chunk));
  const closed = new Promise<void>((resolve) => void socket.once("close", () => resolve()));
  return {
    text: () => answer,
    leave: () => {
      socket.destroy();
      return closed;
    },
  };
}

/** A client that sends a request and reads nothing before it is resumed. */
export function askWithoutReading(port: number, path: string, authorization = bearer.authorization): Socket {
  const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`;
  const socket = connect(port, "127.0.0.1", () => socket.write(head)).on("error", () => {});
  return socket.pause();
}
