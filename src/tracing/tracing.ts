import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { hostname } from "node:os";
import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import { parseTraceparent } from "../lib/tracing/traceparent.ts";
import type { DropReason, SpanAttributes, TraceHeaders, Tracing, TracingOptions } from "../lib/tracing/tracing.ts";
import { createSender } from "./sender.ts";

/**
 * Spans below one request, and below no request within a minute: more are counted, not sent. A
 * request that starts hundreds of calls counts as one, and so does a stream.
 */
const mostSpans = 250;
const backgroundMs = 60_000;

/** State that the spans of one request share. */
interface Root {
  /** How many more spans the request may have. */
  left: number;
  hasEnded: boolean;
  /** The time of its spans, ms since the epoch. */
  readonly now: () => number;
}

/**
 * Starts at the time of the other spans, until somebody sets the clock. It has fractions of a
 * millisecond and never goes back: the SDK's own clock begins each span at a whole millisecond, so
 * in a short request children would lie outside their parents.
 */
function createRoots(): () => Root {
  let start = -Infinity;
  return () => {
    const measured = Date.now() - performance.now();
    if (Math.abs(measured - start) > 2) start = measured;
    const own = start;
    return { left: mostSpans, hasEnded: false, now: () => own + performance.now() };
  };
}

/** Where work runs. */
interface Scope {
  readonly span: Span;
  /** For its children. */
  readonly context: Context;
  readonly root: Root;
}

/**
 * Traces with OpenTelemetry. A span's parent is the one that was begun around it, by the
 * asynchronous context: shared reads belong to the request that started them, and nothing passes
 * spans on. Work that a request started and that continues after its answer (following an engine, a
 * heavy reading) is a trace of its own, with a link to the request.
 */
export async function createTracing(options: TracingOptions, version: string): Promise<Tracing> {
  const dropped: Record<DropReason, number> = { limit: 0, queue: 0, export: 0 };
  const sender = await createSender(options, (reason, count) => (dropped[reason] += count));
  const provider = new BasicTracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({
        "service.version": version,
        "service.instance.id": randomUUID(),
        "host.name": hostname(),
        "process.runtime.name": "nodejs",
        "process.runtime.version": process.versions.node,
        ...options.attributes,
        "service.name": options.serviceName,
      }),
    ),
    sampler: toSampler(options.sampler),
    spanProcessors: [sender.processor],
  });
  const tracer = provider.getTracer("wallet-core-ops", version);
  const scopes = new AsyncLocalStorage<Scope>();
  const findLive = () => {
    const scope = scopes.getStore();
    return scope?.root.hasEnded === false ? scope : undefined;
  };

  const createRoot = createRoots();
  let background = { since: -Infinity, root: createRoot() };
  const renewBackground = (): Root => {
    const now = performance.now();
    if (now - background.since > backgroundMs) background = { since: now, root: createRoot() };
    return background.root;
  };
  /** Null beyond the limit. */
  const begin = (name: string, kind: SpanKind, attributes: SpanAttributes): Scope | null => {
    const live = findLive();
    const root = live?.root ?? renewBackground();
    if (root.left === 0) {
      dropped.limit += 1;
      return null;
    }
    const origin = scopes.getStore()?.span.spanContext();
    const links = live || !origin ? [] : [{ context: origin }];
    const parent = live?.context ?? ROOT_CONTEXT;
    const details = { kind, attributes: toAttributes(attributes), links, startTime: root.now() };
    const span = tracer.startSpan(name, details, parent);
    // One that the sampler leaves out is not sent, and does not count as lost.
    if (span.isRecording()) root.left -= 1;
    return { span, context: trace.setSpan(parent, span), root };
  };

  return {
    request(method, headers) {
      const remote = parseParent(headers);
      const parent = remote ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT;
      const attributes = { "http.request.method": method };
      const root = createRoot();
      const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes, startTime: root.now() }, parent);
      const scope = { span, context: trace.setSpan(parent, span), root };
      const { traceId, spanId } = span.spanContext();
      return {
        traceId,
        spanId,
        run: (work) => scopes.run(scope, work),
        end(name, { attributes: more = {}, failure }) {
          root.hasEnded = true;
          span.updateName(name).setAttributes(toAttributes(more));
          fail(span, failure);
          span.end(root.now());
        },
      };
    },
    async within(name, attributes, work, toFailure) {
      const scope = begin(name, SpanKind.INTERNAL, attributes);
      if (!scope) return work();
      const { span, root } = scope;
      try {
        const result = await scopes.run(scope, work);
        fail(span, toFailure({ result }));
        return result;
      } catch (error) {
        fail(span, toFailure({ error }));
        throw error;
      } finally {
        span.end(root.now());
      }
    },
    call({ name, kind, attributes }) {
      const scope = begin(name, kind === "client" ? SpanKind.CLIENT : SpanKind.INTERNAL, attributes);
      if (!scope) return untraced;
      const { span, root } = scope;
      return {
        headers: toHeaders(span.spanContext()),
        answered: (status) => void span.setAttribute("http.response.status_code", status),
        end(code, isGivenUp) {
          if (isGivenUp) span.setAttribute("error.type", "cancelled");
          else fail(span, code);
          span.end(root.now());
        },
      };
    },
    logFields() {
      const scope = findLive();
      if (!scope) return {};
      const { traceId, spanId } = scope.span.spanContext();
      return { trace_id: traceId, span_id: spanId };
    },
    headers() {
      const scope = findLive();
      return scope ? toHeaders(scope.span.spanContext()) : {};
    },
    dropped: () => dropped,
    reportTo: (logger) => sender.reportTo(logger),
    close: () => sender.close(),
  };
}

const untraced: ReturnType<Tracing["call"]> = { headers: {}, answered() {}, end() {} };

function fail(span: Span, failure: string | null): void {
  if (failure !== null) span.setAttribute("error.type", failure).setStatus({ code: SpanStatusCode.ERROR });
}

function toAttributes(attributes: SpanAttributes) {
  return attributes as Record<string, string | number | string[] | undefined>;
}

/**
 * The sender's span, if the request names it in the form of W3C Trace Context; else the request
 * begins a trace.
 */
function parseParent({ traceparent, tracestate }: IncomingHttpHeaders): SpanContext | null {
  const parent = parseTraceparent(traceparent);
  if (!parent) return null;
  const { traceId, spanId, isSampled } = parent;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  const state =
    typeof tracestate === "string" && tracestate.length <= mostState ? createTraceState(tracestate) : undefined;
  return { traceId, spanId, traceFlags, isRemote: true, ...(state && { traceState: state }) };
}

/** Characters of a `tracestate`: a longer one is not passed on. */
const mostState = 512;

function toHeaders({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceHeaders {
  const state = traceState?.serialize();
  const flags = (traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, "0");
  return { traceparent: `00-${traceId}-${spanId}-${flags}`, ...(state && { tracestate: state }) };
}

/**
 * A request decides, and everything below it follows. Only where configured, its sender decides.
 */
function toSampler({ kind, ratio, followsSender }: TracingOptions["sampler"]): Sampler {
  const own =
    kind === "always_on"
      ? new AlwaysOnSampler()
      : kind === "always_off"
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(ratio);
  if (followsSender) return new ParentBasedSampler({ root: own });
  return new ParentBasedSampler({ root: own, remoteParentSampled: own, remoteParentNotSampled: own });
}
