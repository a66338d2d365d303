import type { Container } from "../container.ts";
import type { RestartRequest } from "./limits.ts";
import type { Restarts } from "./restart.ts";

export interface RoleStep {
  readonly container: Container;
  /**
   * `restarted` and healthy afterwards, `unhealthy` afterwards, `failed` to restart (or refused),
   * `skipped` after one of those or when the gateway stops.
   */
  readonly outcome: "restarted" | "unhealthy" | "failed" | "skipped";
  /** The error of `failed`; else null. */
  readonly error: unknown;
}

interface RoleOptions {
  /** Inspects a container anew, right before its turn. */
  readonly find: (container: Container) => Promise<Container>;
  readonly restarts: Pick<Restarts, "restart" | "closing">;
  /** Without an idempotency key; `waitMs` is how long each container may take to become healthy. */
  readonly request: RestartRequest & { readonly waitMs: number };
  readonly role: string;
}

/**
 * Restarts containers one after the other and stops at the first that does not become healthy, so
 * that a bad state never spreads over the whole role. Counts once for the token's budget. Continues
 * when its caller leaves; when the gateway stops, it ends after the running restart.
 */
export async function restartRole(
  containers: readonly Container[],
  options: RoleOptions,
): Promise<readonly RoleStep[]> {
  const { find, restarts, request, role } = options;
  const steps: RoleStep[] = [];
  for (const [index, listed] of containers.entries()) {
    const stopped = steps.some(({ outcome }) => outcome !== "restarted") || restarts.closing.aborted;
    if (stopped) {
      steps.push({ container: listed, outcome: "skipped", error: null });
      continue;
    }
    try {
      const args = { role, step: index + 1, of: containers.length };
      const { container, healthy } = await restarts.restart(await find(listed), { ...request, args, free: index > 0 });
      steps.push({ container, outcome: healthy ? "restarted" : "unhealthy", error: null });
    } catch (error) {
      steps.push({ container: listed, outcome: "failed", error });
    }
  }
  return steps;
}
