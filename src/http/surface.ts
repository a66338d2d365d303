import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { RequestOrigin, Principal } from "../auth/principal.ts";
import type { StreamLease } from "../auth/stream-lease.ts";
import type { Budget } from "../lib/budget/budget.ts";

/**
 * One authenticated request, as a surface sees it. Costly parts (`origin`, `signal`, `body`) are
 * created on first use.
 */
export interface EdgeRequest {
  /** HEAD arrives as GET: the edge omits the body of the answer. */
  readonly method: string;
  readonly isHead: boolean;
  /**
   * As sent, without the query: valid percent-encoding, no dot segments, no encoded slash or NUL,
   * no empty segments.
   */
  readonly path: string;
  /** The text after the `?`, still encoded; "" without one. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly principal: Principal;
  /**
   * The client's address: of its connection, or from a trusted proxy. Undefined when the connection
   * ended too soon.
   */
  readonly ip?: string | undefined;
  origin(): RequestOrigin;
  /** Our own UUIDv7; also in the `X-Request-Id` of the answer. */
  readonly requestId: string;
  /**
   * Aborts when the client disconnects before its answer is complete, and when its budget's time is
   * up.
   */
  readonly signal: AbortSignal;
  readonly budget: Budget;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /**
   * For an endless answer: a place until the answer is closed. Throws rate_limited if none is free.
   */
  openStream(): StreamLease;
  /**
   * Reads the body once. Rejects with payload_too_large, unsupported_media_type (compressed) or
   * request_timeout, and with the reason of `signal` when that aborts first.
   */
  body(maxBytes?: number, signal?: AbortSignal): Promise<Buffer>;
  /** What a surface that answers on `res` itself adds to the log line. */
  logged: { route?: string; code?: string; operation?: string } | undefined;
  /** Template of the path, like that of the reply: for the span of a request that fails. */
  route?: string | undefined;
}

/** An answer. The default `Content-Type` is `application/json`. */
export interface EdgeReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Use one Buffer for a large body with many readers: connections share it, while each copies
   * text.
   */
  readonly body: string | Buffer;
  /** Template of the path for the log line, such as "/containers/:name". */
  readonly route?: string | undefined;
  /** Error code for the log line. */
  readonly code?: string;
  /** Flat name/value list that replaces `apiHeaders`, for pages that need their own policy. */
  readonly policy?: readonly string[];
  /** Sent in parts instead of `body`. */
  readonly stream?: EdgeStream;
}

/** A body in parts, each sent as one. */
export interface EdgeStream {
  readonly chunks: AsyncIterable<string>;
  /** Sent after up to 15 s without data. */
  readonly heartbeat?: string;
  /** Aborts when the server gives up a slow reader: after that only the reason may follow. */
  readonly signal: AbortSignal;
}

/** A part of the gateway behind the token, mounted at one fixed path. */
export interface Surface {
  /** Such as "/graphql" or "/api/v1/admin/ops"; without a trailing slash. */
  readonly prefix: string;
  /** True: also all paths below `prefix`. False: only `prefix`. */
  readonly subtree: boolean;
  /** The `WWW-Authenticate` for a request without a valid token. @default "Bearer" */
  readonly challenge?: (headers: IncomingHttpHeaders) => string;
  /**
   * Returns null when it answered on `res` itself, with `presetHeaders`. Throws or rejects with
   * OpsError; any other error becomes a masked `internal`.
   */
  handle(request: EdgeRequest): EdgeReply | null | Promise<EdgeReply | null>;
}

/** What a public page may read: no principal. */
export interface PublicRequest extends Pick<EdgeRequest, "path" | "query" | "headers" | "ip" | "body"> {
  /** The client left before its answer was complete. @default false */
  readonly isAborted?: boolean;
}

/** A fixed path without a token. It serves no data of the product. */
export interface PublicPage {
  readonly path: string;
  /** GET answers HEAD too. @default "GET" */
  readonly method?: "GET" | "POST";
  /** Answers under any load: small, for health checks. */
  readonly unlimited?: boolean;
  /** More than 300 kB: it has its own places, so that its readers keep nobody from small pages. */
  readonly isLarge?: boolean;
  /** Takes no place among the public pages, because it has its own limits. */
  readonly ownLimits?: boolean;
  /** False: not for this request, which then needs a token. */
  accepts(request: PublicRequest): boolean;
  reply(request: PublicRequest): EdgeReply | Promise<EdgeReply>;
}
