import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Origin, Principal } from "../auth/principal.ts";
import type { StreamLease } from "../auth/stream-lease.ts";
import type { Budget } from "../lib/budget/budget.ts";

/** One authenticated request, as a surface sees it. Costly parts (`origin`, `signal`, `body`) are made when first asked for. */
export interface EdgeRequest {
  /** HEAD arrives as GET: the edge leaves the body out of the answer. */
  readonly method: string;
  readonly isHead: boolean;
  /** As sent, without the query: valid percent-encoding, no dot segments, no encoded slash or NUL, no empty segments. */
  readonly path: string;
  /** What follows the `?`, still encoded; "" without one. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly principal: Principal;
  origin(): Origin;
  /** Made by us, a UUIDv7; also in the `X-Request-Id` of the answer. */
  readonly requestId: string;
  /** Aborts when the client goes away before its answer is complete, and when the time of its budget is up. */
  readonly signal: AbortSignal;
  readonly budget: Budget;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** For an answer without an end: a place that lasts until the answer is closed. Throws rate_limited when there is none. */
  openStream(): StreamLease;
  /** Reads the body once. Rejects with payload_too_large, unsupported_media_type (compressed) or request_timeout. */
  body(maxBytes?: number): Promise<Buffer>;
  /** What a surface that answers by itself adds to the log line. */
  logged: { route?: string; code?: string; operation?: string } | undefined;
}

/** An answer. Without a `Content-Type` in `headers` it is `application/json`. */
export interface EdgeReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is large and sent to many should be one Buffer: each connection refers to it, where text waits as a copy. */
  readonly body: string | Buffer;
  /** Template of the path for the log line, such as "/containers/:name". */
  readonly route?: string;
  /** Error code for the log line. */
  readonly code?: string;
  /** Flat name/value list that replaces `apiHeaders`, for pages that need a policy of their own. */
  readonly policy?: readonly string[];
  /** What comes instead of `body`, in parts. */
  readonly stream?: EdgeStream;
}

/** A body that comes in parts, each sent as one. */
export interface EdgeStream {
  readonly chunks: AsyncIterable<string>;
  /** Sent where nothing else was for 15 s. */
  readonly heartbeat?: string;
  /** Aborts when there is no more waiting for a slow reader: then only what tells the reason may follow. */
  readonly signal: AbortSignal;
}

/** A part of the gateway behind the token, mounted at one fixed path. */
export interface Surface {
  /** Such as "/graphql" or "/api/v1/admin/ops"; no slash at the end. */
  readonly prefix: string;
  /** True: everything below `prefix` too. False: that path alone. */
  readonly subtree: boolean;
  /** True for one that writes to `res` itself (Yoga): the security headers are then set beforehand. */
  readonly direct?: boolean;
  /** Null: it answered on `res` itself. Throws or rejects with OpsError; anything else becomes a masked `internal`. */
  handle(request: EdgeRequest): EdgeReply | null | Promise<EdgeReply | null>;
}

/** What a public page may look at: no principal, no body. */
export type PublicRequest = Pick<EdgeRequest, "path" | "query" | "headers">;

/** A fixed path that GET and HEAD may have without a token. It holds no data of the product. */
export interface PublicPage {
  readonly path: string;
  /** Answers whatever else is going on: small, and asked for by those who watch over us. */
  readonly unlimited?: boolean;
  /** False: not meant for this request, which then needs a token like any other. */
  accepts(request: PublicRequest): boolean;
  reply(request: PublicRequest): EdgeReply | Promise<EdgeReply>;
}
