import { createLogger, type Logger, type LogLevel } from "../lib/logger.ts";
import type { Tracing, TracingOptions } from "../lib/tracing/tracing.ts";
import { version } from "../lib/build.ts";

/** The log of a server, and its traces where they are configured: only then OpenTelemetry is loaded, and lines have the ids of traces. */
export async function openLog(config: {
  readonly logLevel: LogLevel;
  readonly tracing: TracingOptions | null;
}): Promise<{ readonly logger: Logger; readonly tracing: Tracing | null }> {
  if (config.tracing === null) return { logger: createLogger(config.logLevel), tracing: null };
  const { createTracing } = await import("../tracing/tracing.ts");
  const tracing = await createTracing(config.tracing, version);
  const logger = createLogger(config.logLevel, () => tracing.logFields());
  tracing.reportTo(logger);
  return { logger, tracing };
}
