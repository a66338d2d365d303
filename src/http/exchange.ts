import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { type RequestOrigin, type Principal, toHolder } from "../auth/principal.ts";
import type { StreamLease } from "../auth/stream-lease.ts";
import { Budget } from "../lib/budget/budget.ts";
import { OpsError } from "../lib/errors.ts";
import { parseTraceparent } from "../lib/tracing/traceparent.ts";
import type { RequestSpan } from "../lib/tracing/tracing.ts";
import type { SwapListItem } from "../lib/budget/swap-list.ts";
import type { Admission } from "./admission.ts";
import type { FindClientAddress } from "./client-address.ts";
import type { EdgeRequest } from "./surface.ts";

/** Gives leases for endless answers. */
interface OpenStreams {
  open(exchange: Exchange): StreamLease;
}

/** Limit of a body that no budget counts. */
const smallBytes = 4096;

interface ExchangeOptions {
  readonly maxBodyBytes: number;
  readonly streams: OpenStreams;
  readonly findClientAddress: FindClientAddress;
}

/** One request at the edge: the only object that we allocate per request. */
export class Exchange implements EdgeRequest, SwapListItem {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly path: string;
  readonly query: string;
  readonly requestId: string;
  /** The client's address. Read at once: a closed connection has none. */
  readonly ip: string | undefined;
  readonly startedAt: number;
  readonly isHead: boolean;
  /** Mount path of its surface; undefined without one. */
  mount: string | undefined;
  /** Whether it holds a place for public pages. */
  isPublic: boolean;
  /**
   * Whether its answer is being computed, perhaps for a client that has disconnected. It holds its
   * place until then.
   */
  isWorking: boolean;
  /** Whether it is among the unfinished answers (unfinished.ts). */
  place: number;
  /** Bytes that wait in this process for its reader, as last measured. */
  unsentBytes: number;
  /** Start of that wait, ms of `performance.now()`; null while nothing waits. */
  waitsSince: number | null;
  logged: EdgeRequest["logged"];
  route: string | undefined;
  /** Undefined where nothing is traced. */
  span: RequestSpan | undefined;
  #principal: Principal | undefined;
  #budget: Budget | undefined;
  #lease: StreamLease | undefined;
  #admission: Pick<Admission, "leave"> | undefined;
  #holder: string;
  readonly #maxBodyBytes: number;
  readonly #streams: OpenStreams;

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    { maxBodyBytes, streams, findClientAddress }: ExchangeOptions,
  ) {
    const url = req.url ?? "";
    const cut = url.indexOf("?");
    this.req = req;
    this.res = res;
    this.path = cut === -1 ? url : url.slice(0, cut);
    this.query = cut === -1 ? "" : url.slice(cut + 1);
    this.requestId = createRequestId();
    this.ip = findClientAddress(req.socket.remoteAddress, req.headers);
    this.startedAt = performance.now();
    this.isHead = req.method === "HEAD";
    // Readers of `req` (Yoga) see a GET; `res` already knows that it sends no body.
    if (this.isHead) req.method = "GET";
    this.mount = undefined;
    this.isPublic = false;
    this.isWorking = false;
    this.place = -1;
    this.unsentBytes = 0;
    this.waitsSince = null;
    this.logged = undefined;
    this.route = undefined;
    this.span = undefined;
    this.#admission = undefined;
    this.#holder = "";
    this.#maxBodyBytes = maxBodyBytes;
    this.#streams = streams;
  }

  get method(): string {
    return this.req.method ?? "";
  }

  get headers(): IncomingHttpHeaders {
    return this.req.headers;
  }

  get principal(): Principal {
    if (!this.#principal) throw new Error("no principal: this request is not authenticated");
    return this.#principal;
  }

  set principal(principal: Principal) {
    this.#principal = principal;
  }

  /** For the log; undefined before authentication. */
  get maybePrincipal(): Principal | undefined {
    return this.#principal;
  }

  /** A key per holder of a token; "" without a token. */
  get caller(): string {
    return this.#principal ? toHolder(this.#principal) : "";
  }

  /** Marks that it has a place among the concurrent requests, until `release`. */
  take(admission: Pick<Admission, "leave">, holder: string): void {
    this.#admission = admission;
    this.#holder = holder;
  }

  get hasPlace(): boolean {
    return this.#admission !== undefined;
  }

  /** Frees its place, if it has one. */
  release(): void {
    const admission = this.#admission;
    this.#admission = undefined;
    admission?.leave(this.#holder);
  }

  /** Whether the client disconnected before its answer was complete. */
  get isAborted(): boolean {
    return this.res.closed && !this.res.writableFinished;
  }

  /** Created on first use: an answer from memory needs none. */
  get budget(): Budget {
    if (!this.#budget) {
      const budget = new Budget(this.caller);
      this.#budget = budget;
      const end = () => {
        if (this.isAborted) budget.cancel();
        budget.end();
      };
      if (this.res.closed) end();
      else this.res.once("close", end);
    }
    return this.#budget;
  }

  get signal(): AbortSignal {
    return this.budget.signal;
  }

  /** The answer is ready: lifts the deadline. */
  settle(): void {
    this.#budget?.liftDeadline();
  }

  /**
   * The answer is handed over: it now counts as unsent bytes, no longer as memory of the request.
   */
  giveBack(): void {
    this.#budget?.end();
  }

  origin(): RequestOrigin {
    const agent = parseAgent(this.headers["x-agent"]);
    return {
      ip: this.ip ?? null,
      clientRequestId: parseClientRequestId(this.headers["x-request-id"]) ?? null,
      traceId: this.span?.traceId ?? parseTraceparent(this.headers["traceparent"])?.traceId ?? null,
      ...(agent !== null && { agent }),
    };
  }

  openStream(): StreamLease {
    return (this.#lease ??= this.#streams.open(this));
  }

  /** Whether its answer is endless. */
  get isStream(): boolean {
    return this.#lease !== undefined;
  }

  body(maxBytes = this.#maxBodyBytes, signal?: AbortSignal): Promise<Buffer> {
    const bytes = Math.min(maxBytes, Number(this.headers["content-length"] ?? maxBytes));
    // A small one does not matter, and an answer from memory needs no budget.
    if (bytes > smallBytes) this.budget.hold(bytes);
    return readBody(this.req, maxBytes, signal);
  }
}

/**
 * Reads a whole body of at most `maxBytes`. Rejects with payload_too_large (from a declared length
 * before reading), unsupported_media_type for a compressed body (no bombs), request_timeout when
 * the client stops sending, and the reason of `signal` when that aborts. Without a signal the time
 * limit is the server's `requestTimeout`. node:http discards unread bytes after the answer.
 */
export function readBody(req: IncomingMessage, maxBytes: number, signal?: AbortSignal): Promise<Buffer> {
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    return Promise.reject(new OpsError("unsupported_media_type", "A compressed body is not accepted"));
  }
  const tooLarge = () => new OpsError("payload_too_large", `The body is larger than ${maxBytes} bytes`);
  if (Number(req.headers["content-length"] ?? 0) > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    let size = 0;
    const settle = (finish: () => void) => {
      req.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      signal?.removeEventListener("abort", onAbort);
      finish();
    };
    const onData = (chunk: Buffer) => {
      if (size + chunk.length > maxBytes) return settle(() => reject(tooLarge()));
      held = append(held, size, chunk, maxBytes);
      size += chunk.length;
    };
    const onEnd = () => settle(() => resolve(held.subarray(0, size)));
    const onClose = () => settle(() => reject(new OpsError("request_timeout", "The body did not arrive")));
    const onAbort = () => settle(() => reject(signal?.reason as Error));
    if (signal?.aborted) return onAbort();
    signal?.addEventListener("abort", onAbort);
    req.on("data", onData).once("end", onEnd).once("close", onClose).once("error", onClose);
  });
}

/**
 * The first `size` bytes and the chunk, in a buffer that doubles: keeping each small chunk would
 * hold about 250 bytes. A body in one piece is not copied.
 */
function append(held: Buffer<ArrayBuffer>, size: number, chunk: Buffer, maxBytes: number): Buffer<ArrayBuffer> {
  if (size === 0) return chunk as Buffer<ArrayBuffer>;
  const needed = size + chunk.length;
  let room = held;
  if (needed > held.length) {
    room = Buffer.allocUnsafeSlow(Math.min(maxBytes, Math.max(needed, 2 * held.length, 1024)));
    held.copy(room, 0, 0, size);
  }
  chunk.copy(room, size);
  return room;
}

let lastMs = 0;
let count = 0;
let head = "";
let tail = "";

/**
 * A UUIDv7 (RFC 9562 section 6.2, method 1): the millisecond, a 12-bit counter within it, and 62
 * random bits, new in each millisecond. Unique and sorted by time; not a secret.
 */
export function createRequestId(nowMs: number = Date.now()): string {
  count += 1;
  if (nowMs !== lastMs || count > 0xfff) {
    const hex = nowMs.toString(16).padStart(12, "0");
    head = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
    tail = randomUUID().slice(18);
    lastMs = nowMs;
    count = 0;
  }
  return head + (0x1000 + count).toString(16).slice(1) + tail;
}

const clientId = /^[A-Za-z0-9._-]{1,64}$/;

/** The client's request id, for the log only; undefined unless it is short and plain. */
export function parseClientRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && clientId.test(header) ? header : undefined;
}

/**
 * The name that a program gives itself, for the audit record: at most 64 plain characters; null
 * when none is left.
 */
export function parseAgent(name: unknown): string | null {
  if (typeof name !== "string") return null;
  const plain = name.slice(0, 256).replaceAll(/[^A-Za-z0-9 ._/()+-]/g, "");
  return plain.slice(0, 64).trim() || null;
}
