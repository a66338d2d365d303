import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, BlockList, type Server as NetServer } from "node:net";
import { OpsError, toOpsError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { createAdmission } from "./admission.ts";
import type { Authenticator } from "./auth.ts";
import { createClientAddress } from "./client-address.ts";
import { answerClientError } from "./client-error.ts";
import { drainServers } from "./drain.ts";
import { limitConnections } from "./connections.ts";
import { createErrorReply, wantsProblem } from "./error-reply.ts";
import { Exchange } from "./exchange.ts";
import { createHealthPages } from "./health.ts";
import { defaultLimits, type EdgeLimits } from "./limits.ts";
import { listenOnSockets } from "./listen.ts";
import { observeRequest, type ObserveRequest } from "./observe.ts";
import { type LoggedAnswer, logRequest } from "./request-log.ts";
import { limitPipelining } from "./pipeline.ts";
import { createRouter, type Outcome } from "./router.ts";
import type { EdgeReply, PublicPage, Surface } from "./surface.ts";
import { createStreams } from "./streams.ts";
import { createThrottle } from "./throttle.ts";
import { createUnfinished } from "./unfinished.ts";
import { writeReply } from "./write-reply.ts";
import { writeStream } from "./write-stream.ts";

export interface Edge {
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Finishes what is in flight and closes. `/readyz` is 503 from the first moment. Idempotent; resolves when all is closed. */
  drain(): Promise<void>;
}

interface EdgeOptions {
  readonly surfaces: readonly Surface[];
  /** Besides `/healthz` and `/readyz`, which are always there. */
  readonly publicPages?: readonly PublicPage[];
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly logger: Logger;
  readonly limits?: Partial<EdgeLimits>;
  /** Addresses of proxies whose word about the client's address is taken. @default none */
  readonly trustedProxies?: BlockList;
  readonly observe?: ObserveRequest;
}

/** The HTTP edge: authentication, routing to surfaces, limits, security headers, request log, draining. No upstream is known here. */
export function createEdge(options: EdgeOptions): Edge {
  const { surfaces, authenticator, logger, observe } = options;
  const limits: EdgeLimits = { ...defaultLimits, ...options.limits };
  let isDraining = false;
  let drained: Promise<void> | undefined;
  let unwatch: (() => void) | undefined;

  const admission = createAdmission(limits);
  const { publicAnswers } = limits;
  const publicAdmission = createAdmission({
    ...limits,
    limit: publicAnswers,
    limitPerToken: (publicAnswers * 3) / 4,
    reserve: 0,
  });
  const unfinished = createUnfinished({ ...limits, pagesWanted: () => publicAdmission.waiting }, logger, (exchange) => {
    if (!exchange.isWorking) leave(exchange);
  });
  const streams = createStreams(authenticator, limits);
  const findClientAddress = createClientAddress(options.trustedProxies ?? new BlockList());
  const route = createRouter({
    surfaces,
    publicPages: [...createHealthPages(() => !isDraining), ...(options.publicPages ?? [])],
    authenticator,
    admission,
    publicAdmission,
    failedAuth: createThrottle({ burst: limits.failedAuthBurst, perSecond: limits.failedAuthPerSecond }),
  });

  const tell = (exchange: Exchange, answered: LoggedAnswer) => {
    logRequest(logger, exchange, answered);
    if (observe) observeRequest(observe, exchange, answered);
  };

  const fail = (exchange: Exchange, thrown: unknown) => {
    leave(exchange);
    const error = toOpsError(thrown);
    const { code, upstream } = error;
    if (code === "internal") logger.error({ request_id: exchange.requestId, err: error.cause }, "unexpected failure");
    else if (error.status >= 500) logger.debug({ request_id: exchange.requestId, code, upstream, err: error.cause }, "failure");
    if (exchange.res.headersSent || exchange.res.destroyed) {
      exchange.res.destroy();
      tell(exchange, { status: exchange.res.statusCode, bytes: 0, code });
      return;
    }
    finish(exchange, createErrorReply(error, exchange.requestId, wantsProblem(exchange.headers.accept)));
  };

  const finish = (exchange: Exchange, reply: EdgeReply | null) => {
    const { res } = exchange;
    // A public page keeps its place until its reader has taken the answer.
    if (!reply || !exchange.isPublic) leave(exchange);
    if (!reply) {
      const log = () => tell(exchange, { status: res.statusCode, bytes: readLength(res) });
      if (res.closed) return log();
      res.once("close", log);
    } else if (reply.stream) {
      writeStream(exchange, reply, reply.stream, limits.heartbeatMs)
        .then((bytes) => tell(exchange, { status: reply.status, bytes, route: reply.route }))
        .catch((error: unknown) => fail(exchange, error));
    } else {
      const bytes = writeReply(exchange, reply, isDraining);
      exchange.giveBack();
      tell(exchange, { status: reply.status, bytes, route: reply.route, code: reply.code });
    }
    if (res.writableLength > 0) unfinished.add(exchange);
    else leave(exchange);
  };

  const listener = (req: IncomingMessage, res: ServerResponse) => {
    const exchange = new Exchange(req, res, { maxBodyBytes: limits.maxBodyBytes, streams, findClientAddress });
    let outcome: Outcome;
    try {
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
    outcome
      .finally(() => (exchange.isWorking = false))
      .then((reply) => finish(exchange, reply))
      .catch((error: unknown) => fail(exchange, error));
  };

  const server: Server = createServer({ ...limits, requireHostHeader: false }, listener);
  /** That one, and those whose connections it is given. */
  const servers: [Server, ...NetServer[]] = [server];
  limitConnections(server, limits);
  limitPipelining(server, limits.pipelined, logger);
  server.on("checkContinue", listener);
  server.on("checkExpectation", (req: IncomingMessage, res: ServerResponse) => {
    fail(
      new Exchange(req, res, { maxBodyBytes: 0, streams, findClientAddress }),
      new OpsError("invalid_request", "This expectation is not supported"),
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
    drain: () => {
      isDraining = true;
      streams.endAll("shutdown");
      drained ??= drainServers(servers, unfinished, limits.drainMs).finally(() => unwatch?.());
      return drained;
    },
  };
}

function leave(exchange: Exchange): void {
  exchange.settle();
  exchange.release?.();
  exchange.release = undefined;
}

function readLength(res: ServerResponse): number {
  return Number(res.getHeader("content-length") ?? 0);
}
