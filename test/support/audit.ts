import type { AuditEntry } from "../../src/domain/audit.ts";

/** An intent to restart a container. */
export function sampleEntry(values: Partial<AuditEntry> = {}): AuditEntry {
  return {
    outcome: "intent",
    action: "restart",
    intent: null,
    requestId: "r-1",
    subject: "ops\nuser",
    kid: "k1",
    scopes: ["ops:operate"],
    engine: "web-1",
    containerId: "f".repeat(64),
    containerName: "wallet-core-web-v1",
    image: "wallet-core:v1",
    env: "staging",
    reason: 'stuck, "again"\u2028',
    args: {},
    detail: null,
    durationMs: null,
    ...values,
  };
}
