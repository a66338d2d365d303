import type { IncomingHttpHeaders } from "node:http";
import type { Logger } from "../logger.ts";

/** Attributes of a span, by the semantic conventions of OpenTelemetry. */
export type SpanAttributes = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** How the work of a span ended. */
interface SpanEnd {
  readonly attributes?: SpanAttributes;
  /** What failed, in one of our words; null for a success. */
  readonly failure: string | null;
}

/** The result of the work. */
export type Outcome<T> = { readonly result: T } | { readonly error: unknown };

/** The span of one request. */
export interface RequestSpan {
  /** In hex, for the log line and the audit record. */
  readonly traceId: string;
  readonly spanId: string;
  /** Runs the work: spans that it begins, even later, are below this one. */
  run<T>(work: () => T): T;
  end(name: string, end: SpanEnd): void;
}

/** Reports requests as spans. Where it is null, nothing is traced. */
export interface Tracing {
  /** Begins a span, below that of the client's valid `traceparent` (W3C Trace Context). */
  request(method: string, headers: IncomingHttpHeaders): RequestSpan;
  /** A span around work of a request. `toFailure` maps its outcome to `SpanEnd.failure`. */
  within<T>(
    name: string,
    attributes: SpanAttributes,
    work: () => Promise<T>,
    toFailure: (outcome: Outcome<T>) => string | null,
  ): Promise<T>;
  readonly call: TraceCall;
  /** The ids of the current request, for a log line; none outside of a request. */
  logFields(): { readonly trace_id?: string; readonly span_id?: string };
  /**
   * The headers that make another gateway's answer a part of this request's trace; none outside of
   * a request.
   */
  headers(): TraceHeaders;
  /** Spans not sent since the start, by reason. */
  dropped(): Readonly<Record<DropReason, number>>;
  /** Where lost spans are logged, at most once a minute. */
  reportTo(logger: Logger): void;
  /** Sends the remaining spans, for at most 2 s, then stops. Never rejects. */
  close(): Promise<void>;
}

/** How a span describes a call: without parameters or secrets, in few different names. */
export interface CallFacts {
  readonly name: string;
  /** `internal`: nothing is sent, such as for a file. */
  readonly kind: "client" | "internal";
  readonly attributes: SpanAttributes;
}

export type TraceCall = (facts: CallFacts) => CallSpan;

export interface CallSpan {
  /** For an upstream that speaks HTTP. */
  readonly headers: TraceHeaders;
  /** The HTTP status of the answer. */
  answered(status: number): void;
  /** `code`: of the failure, null for a success. Given up: its caller left before the answer. */
  end(code: string | null, isGivenUp: boolean): void;
}

/**
 * `limit`: its request had too many; `queue`: too many waited to be sent; `export`: the receiver
 * did not take them.
 */
export type DropReason = "limit" | "queue" | "export";

/** The headers sent to an upstream that speaks HTTP. */
export interface TraceHeaders {
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** How traces are sent: the standard variables of OpenTelemetry, checked. */
export interface TracingOptions {
  /** Where spans are posted, http(s). */
  readonly url: string;
  readonly protocol: "http/protobuf" | "http/json";
  readonly compression: "none" | "gzip";
  /** May hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Time of one export with its retries, milliseconds. */
  readonly timeoutMs: number;
  /**
   * How spans are batched: how long, how many, and how long at most the next batch waits for one
   * that is being sent.
   */
  readonly batch: { readonly delayMs: number; readonly size: number; readonly timeoutMs: number };
  /** PEM texts; null for those of the system, or for none. */
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null };
  readonly serviceName: string;
  /** Attributes of the resource, besides the gateway's own. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly sampler: {
    readonly kind: "always_on" | "always_off" | "traceidratio";
    /** Whether to follow the sender's decision to trace a request, if it made one. */
    readonly followsSender: boolean;
    /** The ratio of `traceidratio`, 0..1. */
    readonly ratio: number;
  };
}
