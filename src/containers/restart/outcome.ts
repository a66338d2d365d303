import { pause } from "../../lib/abort.ts";
import type { Container, ContainerRef } from "../container.ts";
import type { ContainerSource } from "../source.ts";

interface SettleOptions {
  readonly timeoutMs: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/** Short, because a restarted engine forgets its events: an event that was not read before is lost. */
const settlePollMs = 250;

interface Settled {
  readonly outcome: "ok" | "failed" | "unknown";
  readonly detail: string;
}

/**
 * Finds the outcome of a restart whose answer was lost: `ok` as soon as the engine's events show it. If they do not within `timeoutMs`, the container's
 * state decides: `failed` when it does not run, or still runs as before. One that something else started meanwhile (the engine itself came back) stays
 * `unknown`. Null when nothing could be learned.
 */
export async function settleRestart(
  ref: ContainerRef,
  since: Date,
  source: Pick<ContainerSource, "inspectNow" | "restartedSince">,
  { timeoutMs, signal }: SettleOptions,
): Promise<Settled | null> {
  const end = performance.now() + timeoutMs;
  while (performance.now() < end) {
    const restarted = await source.restartedSince(ref, since).catch(() => null);
    if (restarted) return { outcome: "ok", detail: "settled: the engine restarted it" };
    if (!(await pause(settlePollMs, signal))) return null;
  }
  try {
    const { container } = await source.inspectNow(ref);
    const { status, startedAt } = container;
    const restartedMeanwhile = status === "running" && startedAt !== null && Date.parse(startedAt) > since.getTime();
    if (restartedMeanwhile) return { outcome: "unknown", detail: `settled: now running, started at ${startedAt}` };
    return { outcome: "failed", detail: `settled: now ${status}` };
  } catch (error) {
    const { code } = error as { code?: string };
    return code === "container_not_found" ? { outcome: "failed", detail: "settled: the container is gone" } : null;
  }
}

/** A container after its restart. */
export interface HealthOutcome {
  readonly container: Container;
  /** True when healthy or, without a health check, still running after a while; false when not; null when nobody waited for it, or the gateway stopped before it was known. */
  readonly healthy: boolean | null;
}

interface WaitOptions extends SettleOptions {
  /** How long a container without a health check must run. */
  readonly stableMs: number;
}

const healthPollMs = 500;

/** Inspects the container until its health check has a verdict, it stops, or the time or the wait is over; returns the last inspection. Never rejects: failed inspections are retried. */
export async function waitForHealth(
  restarted: Container,
  source: Pick<ContainerSource, "inspectNow">,
  { timeoutMs, stableMs, signal }: WaitOptions,
): Promise<HealthOutcome> {
  const startMs = performance.now();
  let last = restarted;
  for (;;) {
    const verdict = toVerdict(last, restarted, performance.now() - startMs >= stableMs);
    if (verdict !== null) return { container: last, healthy: verdict };
    const leftMs = timeoutMs - (performance.now() - startMs);
    if (leftMs <= 0) return { container: last, healthy: false };
    if (!(await pause(Math.min(healthPollMs, leftMs), signal))) return { container: last, healthy: null };
    last = await source.inspectNow(restarted).then(
      ({ container }) => container,
      () => last,
    );
  }
}

function toVerdict({ status, health, startedAt }: Container, restarted: Container, stable: boolean): boolean | null {
  // Started again since: it crashed, and its restart policy started it.
  if (status !== "running" || startedAt !== restarted.startedAt) return false;
  if (health === "starting") return null;
  if (health === "none") return stable ? true : null;
  return health === "healthy";
}
