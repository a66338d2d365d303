import type { TracingOptions } from "../../src/lib/tracing/tracing.ts";
import { createTracing } from "../../src/tracing/tracing.ts";
import type { startOtlpReceiver } from "./otlp-receiver.ts";

/** Traces that are sent to a receiver. */
export function openTracing(
  { url }: Pick<Awaited<ReturnType<typeof startOtlpReceiver>>, "url">,
  options: Partial<TracingOptions> = {},
): ReturnType<typeof createTracing> {
  const given: TracingOptions = {
    url: `${url}/v1/traces`,
    protocol: "http/protobuf",
    compression: "none",
    headers: {},
    timeoutMs: 500,
    batch: { delayMs: 5000, size: 512, timeoutMs: 30_000 },
    tls: { ca: null, cert: null, key: null },
    serviceName: "ops",
    attributes: {},
    sampler: { kind: "always_on", followsSender: false, ratio: 1 },
    ...options,
  };
  return createTracing(given, "1.2.3");
}
