import { once } from "node:events";
import type { FleetConfig } from "../config/fleet.ts";
import { toUrl } from "../http/listen.ts";
import { createEdge } from "../http/server.ts";
import type { Logger } from "../lib/logger.ts";
import type { Tracing } from "../lib/tracing/tracing.ts";
import { createFleet } from "./fleet.ts";

/**
 * Serves a fleet until `stop` aborts, then finishes requests in flight and resolves. Rejects with
 * the system's error when the address is not available.
 */
export async function serveFleet(
  config: FleetConfig,
  logger: Logger,
  stop: AbortSignal,
  tracing: Tracing | null = null,
): Promise<void> {
  const { host, port, regions, trustedProxies } = config;
  const fleet = createFleet({ regions, logger, tracing });
  const edge = createEdge({ ...fleet, logger, trustedProxies, tracing });
  try {
    const url = toUrl(await edge.listen(host, port));
    logger.info({ url, regions: regions.map(({ name }) => name) }, "listening");
    if (!stop.aborted) await once(stop, "abort");
    logger.info({}, "draining");
    fleet.drain();
    await edge.drain();
  } finally {
    await fleet.close();
    await tracing?.close();
  }
  logger.info({}, "stopped");
}
