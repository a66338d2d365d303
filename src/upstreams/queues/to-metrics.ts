import type { QueueMetrics, Quantiles } from "../../domain/queue.ts";
import type { SampledRates } from "./samples.ts";
import type { Measured } from "./sql/measures.ts";

const processedWindowSeconds = 300;

/** A queue of the port from what was measured of it; what was not is null. `sampled` takes the place of windows that the rows do not have. */
export function toQueueMetrics(
  { name, source, observedAt }: Pick<QueueMetrics, "name" | "source" | "observedAt">,
  measured: Measured,
  sampled: SampledRates | null = null,
): QueueMetrics {
  const { processed, paused } = measured;
  return {
    name,
    source,
    depth: measured.depth ?? 0,
    processedPerSec: typeof processed === "number" ? processed / processedWindowSeconds : number(sampled?.processedPerSec),
    ...toFailures(measured, sampled),
    active: number(measured.active),
    deferred: number(measured.deferred),
    retrying: number(measured.retrying),
    dead: number(measured.dead),
    oldestAgeSeconds: number(measured.oldest_age),
    waitSeconds: toQuantiles(measured.wait_p50, measured.wait_p95),
    runSeconds: toQuantiles(measured.run_p50, measured.run_p95),
    ...(measured.oldest_run !== undefined && { oldestRunSeconds: measured.oldest_run }),
    paused: typeof paused === "number" ? paused === 1 : null,
    workers: number(measured.workers),
    exact: sampled === null,
    windowSeconds: number(sampled?.windowSeconds),
    observedAt,
  };
}

/** Sampled only where the rows do not tell them: beside a sampled rate they may. */
function toFailures(
  { failures, failures_recent: recent }: Measured,
  sampled: SampledRates | null,
): Pick<QueueMetrics, "failuresLastHour" | "failuresRecent"> {
  if (typeof failures === "number") return { failuresLastHour: failures, failuresRecent: number(recent) };
  return { failuresLastHour: number(sampled?.failures), failuresRecent: number(sampled?.failuresRecent) };
}

function number(value: number | null | undefined): number | null {
  return value ?? null;
}

function toQuantiles(p50: number | null | undefined, p95: number | null | undefined): Quantiles | null {
  return typeof p50 === "number" && typeof p95 === "number" ? { p50, p95 } : null;
}

/** RFC 3339 UTC with seconds. */
export function toSeconds(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}
