import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import { type AddressInfo, BlockList, Server as NetServer } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Authenticator } from "../auth/authenticator.ts";
import { createThrottle } from "../auth/throttle.ts";
import { heap } from "../lib/budget/heap.ts";
import { type ErrorCode, OpsError, toOpsError } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { Tracing } from "../lib/tracing/tracing.ts";
import { createAdmission } from "./admission.ts";
import { createClientAddress, createFindPeer } from "./client-address.ts";
import { isUnread, tooManyChunks } from "./connections/bodies.ts";
import { limitConnections } from "./connections/connections.ts";
import { encodeReply } from "./compression.ts";
import { createRequestId, Exchange } from "./exchange.ts";
import { defaultLimits, type EdgeLimits } from "./limits.ts";
import { listenOnSockets } from "./listen.ts";
import { apiHeaders, createErrorReply, wantsProblem, writeReply, writeStream } from "./reply.ts";
import {
  endSpan,
  type LoggedAnswer,
  logRequest,
  observeRequest,
  type ObserveRequest,
  toKnownMethod,
} from "./request-log.ts";
import { createHealthPages, createRouter, type Outcome } from "./router.ts";
import { createStreams } from "./streams.ts";
import type { EdgeReply, PublicPage, Surface } from "./surface.ts";
import { createUnfinished } from "./unfinished.ts";

export interface Edge {
  listen(host: string, port: number): Promise<AddressInfo>;
  /**
   * Finishes requests in flight, then waits for `settle()`, and closes. From the start, `/readyz`
   * and every request on a new connection get 503. Idempotent; resolves when everything is closed.
   */
  drain(settle?: () => Promise<void>): Promise<void>;
}

interface EdgeOptions {
  readonly surfaces: readonly Surface[];
  /** In addition to the health pages, which always exist. */
  readonly publicPages?: readonly PublicPage[];
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly logger: Logger;
  readonly limits?: Partial<EdgeLimits>;
  /** For `/readyz`: whether an action could begin. @default always */
  readonly canAct?: () => boolean;
  /** Proxies whose client address we trust. @default none */
  readonly trustedProxies?: BlockList;
  readonly observe?: ObserveRequest;
  readonly tracing?: Tracing | null;
}

/**
 * The HTTP edge: authentication, routing to surfaces, limits, security headers, request log,
 * draining. It calls no upstream.
 */
export function createEdge(options: EdgeOptions): Edge {
  const { surfaces, authenticator, logger, observe, tracing = null } = options;
  const { trustedProxies = new BlockList(), canAct = () => true } = options;
  const limits: EdgeLimits = { ...defaultLimits, ...options.limits };
  let isDraining = false;
  let drained: Promise<void> | undefined;
  let unwatch: (() => void) | undefined;
  /** Connections that came after the drain began. */
  const late = new WeakSet<Duplex>();
  const healthPages = createHealthPages({ isDraining: () => isDraining, canAct });
  const healthPaths = new Set(healthPages.map(({ path }) => path));

  const admission = createAdmission(limits, () => heap.isFull());
  const createPlaces = (limit: number) =>
    createAdmission({ ...limits, limit, limitPerToken: (limit * 3) / 4, reserve: 0 });
  const publicAdmission = createPlaces(limits.publicAnswers);
  const largeAdmission = createPlaces(limits.largeAnswers);
  const pagesWanted = () => publicAdmission.waiting + largeAdmission.waiting;
  const unfinished = createUnfinished({ ...limits, pagesWanted }, logger, (exchange) => {
    if (!exchange.isWorking) leave(exchange);
  });
  const streams = createStreams(authenticator, limits);
  const findPeer = createFindPeer(trustedProxies);
  const findClientAddress = createClientAddress(trustedProxies, findPeer);
  const route = createRouter({
    surfaces,
    publicPages: [...healthPages, ...(options.publicPages ?? [])],
    authenticator,
    admission,
    publicAdmission,
    largeAdmission,
    failedAuth: createThrottle({ burst: limits.failedAuthBurst, perSecond: limits.failedAuthPerSecond }),
    charge: (exchange) => connections.charge(exchange),
  });

  const report = (exchange: Exchange, answered: LoggedAnswer) => {
    logRequest(logger, exchange, answered);
    if (observe) observeRequest(observe, exchange, answered);
    endSpan(exchange, answered);
  };

  const fail = (exchange: Exchange, thrown: unknown) => {
    leave(exchange);
    const error = toOpsError(thrown);
    const { code, upstream } = error;
    if (code === "internal") logger.error({ request_id: exchange.requestId, err: error.cause }, "unexpected failure");
    else if (error.status >= 500)
      logger.debug({ request_id: exchange.requestId, code, upstream, err: error.cause }, "failure");
    if (exchange.res.headersSent || exchange.res.destroyed) {
      exchange.res.destroy();
      report(exchange, { status: exchange.res.statusCode, bytes: 0, code, route: exchange.route });
      return;
    }
    const reply = createErrorReply(error, exchange.requestId, wantsProblem(exchange.headers.accept));
    finish(exchange, { ...reply, route: exchange.route });
  };

  const finish = (exchange: Exchange, reply: EdgeReply | null) => {
    const { res } = exchange;
    // A public page holds its place until its reader has received the answer.
    if (!reply || !exchange.isPublic) leave(exchange);
    if (!reply) {
      const log = () => report(exchange, { status: res.statusCode, bytes: readLength(res) });
      if (res.closed) return log();
      res.once("close", log);
    } else if (reply.stream) {
      writeStream(exchange, reply, reply.stream, limits.heartbeatMs)
        .then((bytes) => report(exchange, { status: reply.status, bytes, route: reply.route }))
        .catch((error: unknown) => fail(exchange, error));
    } else {
      const bytes = writeReply(exchange, reply, isLast(exchange, reply.code));
      exchange.giveBack();
      report(exchange, { status: reply.status, bytes, route: reply.route, code: reply.code });
    }
    if (res.writableLength > 0) unfinished.add(exchange);
    else leave(exchange);
  };

  const isLast = (exchange: Exchange, code: EdgeReply["code"]) =>
    connections.endsAfter(exchange, code) || isDraining || isUnread(exchange.req);

  const answerLater = async (exchange: Exchange, outcome: Promise<EdgeReply | null>) => {
    try {
      const reply = await outcome;
      const encoded = reply && encodeReply(reply, exchange.headers["accept-encoding"]);
      const ready = encoded instanceof Promise ? await encoded : encoded;
      exchange.isWorking = false;
      finish(exchange, ready);
    } finally {
      exchange.isWorking = false;
    }
  };

  /** Runs the work for an arrived request within its span. */
  const arrive = (
    req: IncomingMessage,
    res: ServerResponse,
    maxBodyBytes: number,
    work: (exchange: Exchange) => void,
  ) => {
    const exchange = new Exchange(req, res, { maxBodyBytes, streams, findClientAddress });
    if (!tracing) return work(exchange);
    exchange.span = tracing.request(toKnownMethod(exchange.isHead ? "HEAD" : exchange.method), req.headers);
    exchange.span.run(() => work(exchange));
  };

  const answer = (exchange: Exchange) => {
    let outcome: Outcome;
    try {
      if (late.has(exchange.req.socket) && !healthPaths.has(exchange.path))
        throw new OpsError("overloaded", "The gateway is stopping");
      outcome = route(exchange);
      if (!(outcome instanceof Promise)) {
        finish(exchange, outcome);
        return;
      }
    } catch (error) {
      fail(exchange, error);
      return;
    }
    exchange.isWorking = true;
    unfinished.add(exchange);
    answerLater(exchange, outcome).catch((error: unknown) => fail(exchange, error));
  };

  const listener = (req: IncomingMessage, res: ServerResponse) => arrive(req, res, limits.maxBodyBytes, answer);
  const server: Server = createServer({ ...limits, requireHostHeader: false }, listener);
  /** `server`, and the servers that pass it their connections. */
  const servers: [Server, ...NetServer[]] = [server];
  const isBusy = () => unfinished.responses().some(({ req }) => !late.has(req.socket));
  const connections = limitConnections(server, { ...limits, findPeer, logger });
  server.on("connection", (socket: Duplex) => {
    if (isDraining) late.add(socket);
  });
  server.on("checkContinue", listener);
  server.on("checkExpectation", (req: IncomingMessage, res: ServerResponse) => {
    arrive(req, res, 0, (exchange) =>
      fail(exchange, new OpsError("invalid_request", "This expectation is not supported")),
    );
  });
  server.on("clientError", (error, socket) => {
    const isAnswering = [...unfinished.responses()].some((res) => res.socket === socket && res.headersSent);
    answerClientError(error, socket, isAnswering, logger);
  });

  return {
    listen: async (host, port) => {
      const { address, others } = await listenOnSockets(server, host, port);
      servers.push(...others);
      unwatch = unfinished.watch();
      return address;
    },
    drain: (settle = async () => {}) => {
      isDraining = true;
      streams.endAll("shutdown");
      for (const res of unfinished.responses()) res.shouldKeepAlive = false;
      drained ??= drainServers(servers, { isBusy, settle }, limits).finally(() => unwatch?.());
      return drained;
    },
  };
}

function leave(exchange: Exchange): void {
  exchange.settle();
  exchange.release();
}

function readLength(res: ServerResponse): number {
  return Number(res.getHeader("content-length") ?? 0);
}

const codes: Record<string, readonly [ErrorCode, string]> = {
  HPE_HEADER_OVERFLOW: ["headers_too_large", "The headers are too large"],
  [tooManyChunks]: ["payload_too_large", "The body comes in too many small chunks"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ["payload_too_large", "The chunk extensions are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: ["request_timeout", "The request did not arrive in time"],
};

/**
 * Answers a request that node:http could not parse, in the form of our other errors, and ends the
 * connection. Writes nothing while an answer is being sent (`isAnswering`): it would become part of
 * that answer.
 */
export function answerClientError(error: Error, socket: Duplex, isAnswering: boolean, logger: Logger): void {
  const { code: fault = "" } = error as NodeJS.ErrnoException;
  if (fault === "ECONNRESET" || !socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  const [code, message] = codes[fault] ?? ["invalid_request", "The request is not valid HTTP"];
  const requestId = createRequestId();
  const reply = createErrorReply(new OpsError(code, message), requestId, false);
  const headers = [...apiHeaders, "X-Request-Id", requestId, "Content-Type", "application/json", "Connection", "close"];
  const lines = [
    `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? "Error"}`,
    `Date: ${new Date().toUTCString()}`,
  ];
  for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
  lines.push(`Content-Length: ${Buffer.byteLength(reply.body)}`, "", reply.body.toString());
  socket.end(lines.join("\r\n"));
  logger.info({ status: reply.status, code, request_id: requestId, fault }, "request not parsed");
}

/**
 * Ends a server, and those that pass it connections, without cutting answers short: waits
 * `lingerMs`, and while it is busy at most `drainMs`; then it cuts them off. Until `settle()`
 * resolves it goes on accepting, so that `/readyz` can report the drain. Then it closes all
 * connections: they are idle, or their request has not arrived. Resolves when everything is closed.
 */
async function drainServers(
  [server, ...others]: readonly [Server, ...NetServer[]],
  { isBusy, settle }: { readonly isBusy: () => boolean; readonly settle: () => Promise<void> },
  { lingerMs, drainMs }: Pick<EdgeLimits, "lingerMs" | "drainMs">,
): Promise<void> {
  if (!server.listening) return settle();
  const startedAt = performance.now();
  const isWithin = (ms: number) => performance.now() - startedAt < ms;
  while (isWithin(drainMs) && (isWithin(lingerMs) || isBusy())) await sleep(20);
  if (isBusy()) server.closeAllConnections();
  await settle();
  const closeRest = async () => {
    // Requests that arrive meanwhile get 503 at once.
    for (let tries = 10; tries > 0 && isBusy(); tries -= 1) await sleep(20);
    server.closeAllConnections();
  };
  await Promise.all([...[server, ...others].map(stopAccepting), closeRest()]);
}

/**
 * Resolves when its connections are closed. http.Server's own close also closes "idle" ones at
 * once; that of net.Server only stops accepting.
 */
function stopAccepting(server: NetServer): Promise<void> {
  return new Promise((resolve) => NetServer.prototype.close.call(server, () => resolve()));
}
