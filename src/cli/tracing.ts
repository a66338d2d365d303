import { createLogger, type Logger, type LogLevel } from "../lib/logger.ts";
import type { Tracing, TracingOptions } from "../lib/tracing/tracing.ts";
import { version } from "../lib/build.ts";

interface LogConfig {
  readonly logLevel: LogLevel;
  readonly tracing: TracingOptions | null;
}

interface OpenLog {
  readonly logger: Logger;
  readonly tracing: Tracing | null;
}

/**
 * The log of a server, and its traces where they are configured: only then OpenTelemetry is loaded,
 * and lines have the ids of traces. Warnings of Node, such as one about a dependency, become lines
 * of the log: else they are text on stderr.
 */
export async function openLog(config: LogConfig): Promise<OpenLog> {
  const log = await open(config);
  process.removeAllListeners("warning").on("warning", ({ name, message, code }: Error & { readonly code?: string }) => {
    log.logger.warn({ warning: name, code, detail: message }, "warning of Node.js");
  });
  return log;
}

async function open(config: LogConfig): Promise<OpenLog> {
  if (config.tracing === null) return { logger: createLogger(config.logLevel), tracing: null };
  const { createTracing } = await import("../tracing/tracing.ts");
  const tracing = await createTracing(config.tracing, version);
  const logger = createLogger(config.logLevel, () => tracing.logFields());
  tracing.reportTo(logger);
  return { logger, tracing };
}
