import { hash } from "node:crypto";
import { cleanReason } from "../../domain/audit-intent.ts";
import type { AuditEntry, AuditRecord } from "../../domain/audit.ts";

/** Where a chain stands: its last entry. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first entry. */
export const genesis: ChainHead = { seq: 0, hash: "0".repeat(64) };

export interface ChainedLine {
  readonly record: AuditRecord;
  readonly prevHash: string;
  /** Hash of the piece of a line before this one, which a crash or a full disk left and this entry's writer saw. */
  readonly piece: string | null;
  /** Whether its hash fits its own bytes. */
  readonly intact: boolean;
}

export function toHash(...parts: readonly string[]): string {
  return hash("sha256", parts.join(""));
}

/**
 * One entry as a JSON line, newline included, and the chain's new head. The hash is SHA-256 over the hash before and the line's
 * own bytes without `,"hash":"..."`: one order of the fields and no spaces, so that nothing in a line can change unseen. JSON
 * escapes control characters: an entry is always exactly one line.
 */
export function toAuditLine(entry: AuditEntry, at: Date, head: ChainHead, piece: string | null) {
  const fields = {
    seq: head.seq + 1,
    /** RFC 3339 UTC with milliseconds. */
    ts: at.toISOString(),
    outcome: entry.outcome,
    action: entry.action,
    intent: entry.intent,
    request_id: entry.requestId,
    subject: entry.subject,
    kid: entry.kid,
    scopes: entry.scopes,
    engine: entry.engine,
    container_id: entry.containerId,
    container_name: entry.containerName,
    image: entry.image,
    env: entry.env,
    reason: entry.reason,
    args: entry.args,
    detail: entry.detail,
    duration_ms: entry.durationMs,
    auth: entry.auth,
    ip: entry.ip,
    client_request_id: entry.clientRequestId,
    trace_id: entry.traceId,
    key_hash: entry.keyHash,
    code: entry.code,
    docker_status: entry.dockerStatus,
    ...(entry.job !== null && { job: entry.job }),
    ...(piece !== null && { piece: toHash(piece) }),
    prev_hash: head.hash,
  };
  const body = JSON.stringify(fields);
  const next: ChainHead = { seq: fields.seq, hash: toHash(head.hash, body) };
  return { line: `${body.slice(0, -1)},"hash":"${next.hash}"}\n`, head: next };
}

/** A line without its newline, null when it is no entry. */
export function parseAuditLine(text: string): ChainedLine | null {
  const match = /^(\{"seq":\d+,.*),"hash":"([0-9a-f]{64})"\}$/s.exec(text);
  if (!match) return null;
  try {
    const body = `${match[1]}}`;
    const fields = JSON.parse(body);
    const prevHash = String(fields.prev_hash);
    const record: AuditRecord = {
      seq: fields.seq,
      at: fields.ts,
      hash: match[2] ?? "",
      outcome: fields.outcome,
      action: fields.action,
      intent: fields.intent,
      requestId: fields.request_id,
      subject: fields.subject,
      kid: fields.kid,
      scopes: fields.scopes,
      engine: fields.engine,
      containerId: fields.container_id,
      containerName: fields.container_name,
      image: fields.image,
      env: fields.env,
      // Older versions wrote it as it came.
      reason: cleanReason(fields.reason),
      args: fields.args,
      detail: fields.detail,
      durationMs: fields.duration_ms,
      // Lines of version 0.1 end here.
      auth: fields.auth ?? null,
      ip: fields.ip ?? null,
      clientRequestId: fields.client_request_id ?? null,
      traceId: fields.trace_id ?? null,
      keyHash: fields.key_hash ?? null,
      code: fields.code ?? null,
      dockerStatus: fields.docker_status ?? null,
      // Only actions on jobs have one.
      job: fields.job ?? null,
    };
    return { record, prevHash, piece: fields.piece ?? null, intact: toHash(prevHash, body) === match[2] };
  } catch {
    return null;
  }
}
