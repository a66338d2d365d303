import type { AuditChain, AuditEntry, AuditHead } from "../../src/audit/audit.ts";
import { type ChainHead, toAuditLine, toHash } from "../../src/audit/line.ts";

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

/** An entry as 0.2 wrote it, in format 1. */
export function toOldLine(
  entry: AuditEntry,
  at: Date,
  head: ChainHead,
): { readonly line: string; readonly head: ChainHead } {
  const { line } = toAuditLine(entry, at, head, null);
  const body = line.replace(/,"format":2(,"granted":\d+)?/, "").replace(/,"hash":"[0-9a-f]{64}"\}\n$/, "}");
  const hash = toHash(head.hash, body);
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}\n`, head: { seq: head.seq + 1, hash } };
}

/** What a check of a whole record of `entries` finds; `values` change it. */
export function sampleChain(entries: number, values: Partial<AuditChain> = {}): AuditChain {
  const seqs = entries === 0 ? { firstSeq: null, lastSeq: null } : { firstSeq: 1, lastSeq: entries };
  return { ok: true, ...seqs, checkedAt: "2026-01-13T09:46:00Z", problem: null, ...values };
}

/** The head of a record without an entry. */
export const emptyHead: AuditHead = { seq: 0, hash: "0".repeat(64), at: null };
