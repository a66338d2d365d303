import type { Environment } from "./environment.ts";

/** One line of the audit record: `intent` before an action, one of the outcomes after it. */
export interface AuditEntry {
  readonly outcome: "intent" | "ok" | "failed" | "unknown";
  readonly action: "restart";
  readonly requestId: string;
  readonly subject: string;
  readonly kid: string;
  readonly engine: string;
  readonly containerId: string;
  readonly containerName: string;
  readonly env: Environment | null;
  readonly reason: string | null;
  /** What came of it, for the outcomes: the state, or the error code. */
  readonly detail: string | null;
}

/** The port to the audit record. `write` rejects with audit_unavailable: no record, no action. */
export interface AuditLog {
  write(entry: AuditEntry): Promise<void>;
}
