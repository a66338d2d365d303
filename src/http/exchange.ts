import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { Budget } from "../budget/budget.ts";
import { type Origin, type Principal, toHolder } from "../domain/principal.ts";
import { readBody } from "./body.ts";
import type { FindClientAddress } from "./client-address.ts";
import { createRequestId, parseClientRequestId, parseTraceId } from "./request-id.ts";
import type { StreamLease } from "../domain/stream-lease.ts";
import type { Streams } from "./streams.ts";
import type { EdgeRequest } from "./surface.ts";

interface ExchangeOptions {
  readonly maxBodyBytes: number;
  readonly streams: Streams;
  readonly findClientAddress: FindClientAddress;
}

/** One request on its way through the edge: the only object we allocate for each. */
export class Exchange implements EdgeRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly path: string;
  readonly query: string;
  readonly requestId: string;
  /** The client's address. Read at once: a connection that has ended has none. */
  readonly ip: string | undefined;
  readonly startedAt: number;
  readonly isHead: boolean;
  /** Where the surface that it is for is mounted; undefined for none. */
  mount: string | undefined;
  /** Whether it is for a public page that takes a place of its own. */
  isPublic: boolean;
  /** Whether its answer is being made, for a client that may be gone: it keeps its place until that has ended. */
  isWorking: boolean;
  logged: EdgeRequest["logged"];
  /** Gives back the place that the request took, when it took one. To be called once. */
  release: (() => void) | undefined;
  #principal: Principal | undefined;
  #budget: Budget | undefined;
  #lease: StreamLease | undefined;
  readonly #maxBodyBytes: number;
  readonly #streams: Streams;

  constructor(req: IncomingMessage, res: ServerResponse, { maxBodyBytes, streams, findClientAddress }: ExchangeOptions) {
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
    // Whoever reads `req` (Yoga) sees a GET; `res` knows already that it sends no body.
    if (this.isHead) req.method = "GET";
    this.mount = undefined;
    this.isPublic = false;
    this.isWorking = false;
    this.logged = undefined;
    this.release = undefined;
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

  /** Undefined before authentication, for the log. */
  get maybePrincipal(): Principal | undefined {
    return this.#principal;
  }

  /** One key for each holder of a token, "" without a token. */
  get caller(): string {
    return this.#principal ? toHolder(this.#principal) : "";
  }

  /** Whether the client is gone before its answer was complete. */
  get isAborted(): boolean {
    return this.res.closed && !this.res.writableFinished;
  }

  /** Made when first asked for: an answer from memory takes none. */
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

  /** The answer is made: no deadline ends it any more. */
  settle(): void {
    this.#budget?.liftDeadline();
  }

  /** The answer is handed over: from now on it counts among the unsent bytes, and no longer among what requests hold. */
  giveBack(): void {
    this.#budget?.end();
  }

  origin(): Origin {
    return {
      ip: this.ip ?? null,
      clientRequestId: parseClientRequestId(this.headers["x-request-id"]) ?? null,
      traceId: parseTraceId(this.headers["traceparent"]) ?? null,
    };
  }

  openStream(): StreamLease {
    return (this.#lease ??= this.#streams.open(this));
  }

  /** Whether its answer is one without an end. */
  get isStream(): boolean {
    return this.#lease !== undefined;
  }

  async body(maxBytes = this.#maxBodyBytes): Promise<Buffer> {
    this.budget.hold(Math.min(maxBytes, Number(this.headers["content-length"] ?? maxBytes)));
    return readBody(this.req, maxBytes);
  }
}
