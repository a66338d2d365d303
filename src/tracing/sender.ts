import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { toSocketCode } from "../lib/http-client.ts";
import type { Logger } from "../lib/logger.ts";
import type { DropReason, TracingOptions } from "../lib/tracing/tracing.ts";

/** Spans that wait to be sent; more are dropped. The specification's default. */
const mostWaiting = 2048;
/** Minimum time between two log lines about lost spans, ms. */
const quietMs = 60_000;

/**
 * Time for the last spans, ms: after the drain, and less than a supervisor waits for a process to
 * end.
 */
const flushMs = 2000;

type Export = SpanExporter["export"];

/**
 * Sends spans in batches, in the background: it never delays the work that made them. `drop` counts
 * lost spans.
 */
export async function createSender(options: TracingOptions, drop: (reason: DropReason, count: number) => void) {
  const { url, headers, timeoutMs, tls, compression, batch } = options;
  // Our own, so that a silent receiver does not delay the end of the process.
  const Agent = new URL(url).protocol === "https:" ? HttpsAgent : HttpAgent;
  const agent = new Agent({ keepAlive: true, ...dropNulls(tls) });
  const Exporter = await loadExporter(options.protocol);
  const exporter = new Exporter({
    url,
    headers: { ...headers },
    timeoutMillis: timeoutMs,
    httpAgentOptions: () => agent,
    compression: compression as never,
  });
  let logger: Logger | undefined;
  let loggedAt = -Infinity;
  let lost = 0;
  const lose = (reason: DropReason, count: number, error: unknown) => {
    drop(reason, count);
    lost += count;
    const now = performance.now();
    if (now - loggedAt < quietMs) return;
    loggedAt = now;
    logger?.warn({ upstream: "otlp", reason, spans: lost, cause: describe(error) }, "spans are lost");
    lost = 0;
  };

  let waiting = 0;
  const send: Export = (spans, done) => {
    waiting -= spans.length;
    exporter.export(spans, (result) => {
      // The enum of the codes is in a package that has nothing else for us: 0 is success.
      if ((result.code as number) !== 0) lose("export", spans.length, result.error);
      done(result);
    });
  };
  const batches = new BatchSpanProcessor(
    { export: send, shutdown: () => exporter.shutdown(), forceFlush: () => exporter.forceFlush() },
    {
      maxQueueSize: mostWaiting,
      maxExportBatchSize: batch.size,
      scheduledDelayMillis: batch.delayMs,
      exportTimeoutMillis: batch.timeoutMs,
    },
  );
  const processor: SpanProcessor = {
    onStart: (span, parent) => batches.onStart(span, parent),
    onEnd(span: ReadableSpan) {
      if ((span.spanContext().traceFlags & 1) === 0) return;
      if (waiting >= mostWaiting) return lose("queue", 1, undefined);
      waiting += 1;
      batches.onEnd(span);
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  };
  return {
    processor,
    reportTo(given: Logger) {
      logger = given;
    },
    async close(): Promise<void> {
      const late = new AbortController();
      const ended = batches.shutdown().catch(() => {});
      await Promise.race([ended, sleep(flushMs, undefined, { signal: late.signal }).catch(() => {})]);
      late.abort();
      agent.createConnection = () => {
        throw new Error("stopped");
      };
      agent.destroy();
    },
  };
}

async function loadExporter(protocol: TracingOptions["protocol"]) {
  if (protocol === "http/json") return (await import("@opentelemetry/exporter-trace-otlp-http")).OTLPTraceExporter;
  return (await import("@opentelemetry/exporter-trace-otlp-proto")).OTLPTraceExporter;
}

function dropNulls(tls: TracingOptions["tls"]) {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== null));
}

/**
 * A status, the code of a connection, or what the exporter says of its own failure; never a text of
 * the receiver, which comes with a status.
 */
function describe(error: unknown): string | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: string };
  if (code === undefined) return message;
  return typeof code === "number" ? `status ${code}` : toSocketCode(error) || undefined;
}
