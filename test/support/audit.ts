import type { AuditChain, AuditEntry } from "../../src/audit/audit.ts";

/** An intent to restart a container. */
export function sampleEntry(values: Partial<AuditEntry> = {}): AuditEntry {
  return {
    outcome: "intent",
    action: "restart",
    intent: null,
    requestId: "r-1",
    subject: "ops\nuser",
    kid: "k1",
    auth: "tokens_file",
    ip: "192.0.2.7",
    clientRequestId: "deploy-17",
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    scopes: ["ops:operate"],
    engine: "web-1",
    containerId: "f".repeat(64),
    containerName: "wallet-core-web-v1",
    image: "wallet-core:v1",
    job: null,
    env: "staging",
    reason: 'stuck, "again"\u2028',
    args: {},
    keyHash: null,
    detail: null,
    code: null,
    dockerStatus: null,
    durationMs: null,
    ...values,
  };
}

/** What a check of a whole record of `entries` finds; `values` change it. */
export function sampleChain(entries: number, values: Partial<AuditChain> = {}): AuditChain {
  const seqs = entries === 0 ? { firstSeq: null, lastSeq: null } : { firstSeq: 1, lastSeq: entries };
  return { ok: true, ...seqs, checkedAt: "2026-01-13T09:46:00Z", problem: null, ...values };
}
