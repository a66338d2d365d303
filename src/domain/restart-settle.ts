import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerRef, ContainerSource } from "./container.ts";

interface SettleOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Short, for an engine that is restarted forgets its events: what was not read by then stays unknown. */
const pollMs = 250;

interface Settled {
  readonly outcome: "ok" | "failed" | "unknown";
  readonly detail: string;
}

/**
 * What came of a restart whose answer was lost: `ok` as soon as the engine's own events have it. When they have not until
 * `timeoutMs`, the container tells: `failed` when it does not run, or still runs as before. One that was started by
 * something else meanwhile (the engine itself came back) stays `unknown`. Null when nothing could be learned.
 */
export async function settleRestart(
  ref: ContainerRef,
  since: Date,
  source: Pick<ContainerSource, "look" | "restartedSince">,
  { timeoutMs, signal }: SettleOptions,
): Promise<Settled | null> {
  const end = performance.now() + timeoutMs;
  while (performance.now() < end) {
    const restarted = await source.restartedSince(ref, since).catch(() => null);
    if (restarted) return { outcome: "ok", detail: "settled: the engine restarted it" };
    if (!(await pause(pollMs, signal))) return null;
  }
  try {
    const { container } = await source.look(ref);
    const { status, startedAt } = container;
    const restartedMeanwhile = status === "running" && startedAt !== null && Date.parse(startedAt) > since.getTime();
    if (restartedMeanwhile) return { outcome: "unknown", detail: `settled: left running, started at ${startedAt}` };
    return { outcome: "failed", detail: `settled: left ${status}` };
  } catch (error) {
    const { code } = error as { code?: string };
    return code === "container_not_found" ? { outcome: "failed", detail: "settled: the container is gone" } : null;
  }
}

/** False when the signal ended it. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
