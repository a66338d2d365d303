import type { ContainerListing, EngineStatus } from "../containers/source.ts";
import { problemThresholds } from "./rules.ts";

/**
 * Makes problems settle: an engine that was lost a moment ago counts as answering, and its last
 * known containers count. Otherwise each reconnect would end all problems of its containers and
 * restart the duration of each alert.
 */
export function settleListing(listing: ContainerListing, nowMs: number): ContainerListing {
  const justLost = new Set(listing.engines.filter((engine) => isJustLost(engine, nowMs)).map(({ name }) => name));
  if (justLost.size === 0) return listing;
  return {
    containers: listing.containers.map((one) =>
      one.stale && justLost.has(one.engine) ? { ...one, stale: false } : one,
    ),
    engines: listing.engines.map((engine) =>
      justLost.has(engine.name) ? { ...engine, ok: true, lostAt: null, error: null } : engine,
    ),
  };
}

function isJustLost({ ok, lostAt }: EngineStatus, nowMs: number): boolean {
  return !ok && lostAt !== null && nowMs - lostAt < problemThresholds.lostSeconds * 1000;
}
