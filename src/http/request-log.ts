import { redactSecrets } from "../domain/redact.ts";
import type { Logger } from "../logger.ts";
import type { Exchange } from "./exchange.ts";
import { parseClientRequestId } from "./request-id.ts";

const unprintable = /[^\x21-\x7e]/g;

export interface LoggedAnswer {
  readonly status: number;
  /** Length of the body, as sent. */
  readonly bytes: number;
  readonly route?: string | undefined;
  readonly code?: string | undefined;
}

/**
 * The one line of a request. An allow-list: no query, no header but a plain client request id, no body. The path is cleaned of
 * control characters and of secrets, and then cut. 499 stands for a client that went away. Source: security.md L5.
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

function toLogPath(path: string): string {
  const safe = redactSecrets(path.replace(unprintable, "?"));
  return safe.length > 256 ? `${safe.slice(0, 256)}...` : safe;
}
