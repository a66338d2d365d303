import type { AuditEntry, AuditLog } from "./audit.ts";
import type { Container, ContainerSource } from "./container.ts";
import type { Principal } from "./principal.ts";

interface RestartRequest {
  readonly reason: string | null;
  readonly requestId: string;
  readonly principal: Principal;
}

/**
 * Restarts a container between two lines of the audit record: the intent before (no record, no restart) and the outcome after,
 * `unknown` when the engine did not say in time. Rejects as `ContainerSource.restart` and `AuditLog.write` do. An outcome that
 * cannot be recorded does not undo what happened: the caller is told the outcome, the intent stays without one.
 */
export async function restartContainer(
  container: Container,
  { reason, requestId, principal }: RestartRequest,
  source: Pick<ContainerSource, "restart">,
  audit: AuditLog,
): Promise<Container> {
  const record = (outcome: AuditEntry["outcome"], detail: string | null) =>
    audit.write({
      outcome,
      action: "restart",
      requestId,
      subject: principal.subject,
      kid: principal.kid,
      engine: container.engine,
      containerId: container.fullId,
      containerName: container.name,
      env: container.env,
      reason,
      detail,
    });
  await record("intent", null);
  try {
    const restarted = await source.restart(container);
    await record("ok", restarted.status).catch(() => {});
    return restarted;
  } catch (error) {
    const { code = "internal" } = error as { code?: string };
    await record(code === "restart_unknown" ? "unknown" : "failed", code).catch(() => {});
    throw error;
  }
}
