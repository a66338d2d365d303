import type { Container, ContainerSource } from "./container.ts";
import { pause } from "./restart-settle.ts";

/** A container after its restart. */
export interface Wellness {
  readonly container: Container;
  /** True when healthy or, without a health check, still running after a while; false when not; null when nobody waited for it. */
  readonly well: boolean | null;
}

interface WaitOptions {
  readonly timeoutMs: number;
  /** How long one without a health check must run. */
  readonly stableMs: number;
  /** Ends the waiting with what was seen last. */
  readonly signal: AbortSignal;
}

const pollMs = 500;

/** Looks at the container until its health check has a verdict, it stops, or the time is up. Never rejects: an engine that is lost meanwhile is asked again. */
export async function waitForHealth(
  restarted: Container,
  source: Pick<ContainerSource, "look">,
  { timeoutMs, stableMs, signal }: WaitOptions,
): Promise<Wellness> {
  const startMs = performance.now();
  let last = restarted;
  for (;;) {
    const verdict = toVerdict(last, restarted, performance.now() - startMs >= stableMs);
    if (verdict !== null) return { container: last, well: verdict };
    const leftMs = timeoutMs - (performance.now() - startMs);
    if (leftMs <= 0 || !(await pause(Math.min(pollMs, leftMs), signal))) return { container: last, well: false };
    last = await source.look(restarted).then(
      ({ container }) => container,
      () => last,
    );
  }
}

function toVerdict({ status, health, startedAt }: Container, restarted: Container, stable: boolean): boolean | null {
  // Started again since: it fell, and its restart policy caught it.
  if (status !== "running" || startedAt !== restarted.startedAt) return false;
  if (health === "starting") return null;
  if (health === "none") return stable ? true : null;
  return health === "healthy";
}
