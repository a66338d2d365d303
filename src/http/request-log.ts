import { LRUCache } from "lru-cache";
import type { Logger } from "../lib/logger.ts";
import { redactSecrets } from "../lib/redact/secrets.ts";
import { type Exchange, parseClientRequestId } from "./exchange.ts";

const unprintable = /[^\x21-\x7e]/g;

export interface LoggedAnswer {
  readonly status: number;
  /** Length of the body, as sent. */
  readonly bytes: number;
  readonly route?: string | undefined;
  readonly code?: string | undefined;
}

/**
 * Logs one line per request. An allow-list: no query, no header except a plain client request id,
 * no body. The path loses control characters and secrets, and is then cut. 499 means that the
 * client disconnected.
 */
export function logRequest(logger: Logger, exchange: Exchange, { status, bytes, route, code }: LoggedAnswer): void {
  const { req, maybePrincipal: principal, logged } = exchange;
  logger.info(
    {
      method: exchange.isHead ? "HEAD" : exchange.method,
      path: toLogPath(exchange.path),
      route: logged?.route ?? route,
      status: exchange.isAborted ? 499 : status,
      duration_ms: Math.round((performance.now() - exchange.startedAt) * 1000) / 1000,
      bytes,
      request_id: exchange.requestId,
      trace_id: exchange.span?.traceId,
      span_id: exchange.span?.spanId,
      client_request_id: parseClientRequestId(req.headers["x-request-id"]),
      subject: principal?.subject,
      kid: principal?.kid,
      operation: logged?.operation,
      code: logged?.code ?? code,
      ip: principal ? undefined : exchange.ip,
    },
    "request",
  );
}

/** The last paths: clients request the same few. */
const logPaths = new LRUCache<string, string>({ maxSize: 100_000, sizeCalculation: (_, path) => path.length || 1 });

function toLogPath(path: string): string {
  const known = logPaths.get(path);
  if (known !== undefined) return known;
  const safe = redactSecrets(path.replace(unprintable, "?"));
  const cut = safe.length > 256 ? `${safe.slice(0, 256)}...` : safe;
  logPaths.set(path, cut);
  return cut;
}

/**
 * Receives each answered request. `route`: template of its path, or the mount of its surface
 * (undefined: not our path, or no token). `status`: 499 when the client disconnected. `seconds`:
 * null for an endless answer.
 */
export type ObserveRequest = (answered: {
  readonly method: string;
  readonly route: string | undefined;
  readonly status: number;
  readonly seconds: number | null;
}) => void;

/** Reports one request with the values of its log line. */
export function observeRequest(observe: ObserveRequest, exchange: Exchange, { status, route }: LoggedAnswer): void {
  const { logged, mount, isHead, method, isAborted, isStream, startedAt } = exchange;
  observe({
    method: isHead ? "HEAD" : method,
    route: logged?.route ?? toTemplate(mount, route),
    status: isAborted ? 499 : status,
    seconds: isStream ? null : (performance.now() - startedAt) / 1000,
  });
}

/**
 * Ends the span of a request with the values of its log line, by the semantic conventions for HTTP
 * servers: a status below 500 is no failure of the server.
 */
export function endSpan(exchange: Exchange, { status: sent, bytes, route: named, code }: LoggedAnswer): void {
  const { logged, mount, isHead, isAborted, req, span, requestId } = exchange;
  if (!span) return;
  const method = toKnownMethod(isHead ? "HEAD" : exchange.method);
  const route = logged?.route ?? toTemplate(mount, named);
  const status = isAborted ? 499 : sent;
  const word = method === "_OTHER" ? "HTTP" : method;
  span.end(route === undefined ? word : `${word} ${route}`, {
    failure: status < 500 ? null : (logged?.code ?? code ?? String(status)),
    attributes: {
      "http.route": route,
      "http.response.status_code": status,
      "http.response.body.size": bytes,
      "http.response.header.x-request-id": [requestId],
      "url.path": toLogPath(exchange.path),
      "url.scheme": "http",
      "network.protocol.version": req.httpVersion,
    },
  });
}

const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]);

/** A client may send any word as its method. */
export function toKnownMethod(sent: string): string {
  return knownMethods.has(sent) ? sent : "_OTHER";
}

/** A surface may name its routes relative to its mount. */
function toTemplate(mount: string | undefined, route: string | undefined): string | undefined {
  if (route === undefined || mount === undefined || route.startsWith(mount)) return route ?? mount;
  return mount + route;
}
