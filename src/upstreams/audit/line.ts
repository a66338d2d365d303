import type { AuditEntry } from "../../domain/audit.ts";

/** One entry as a JSON line, newline included. JSON escapes control characters, so an entry is always exactly one line. */
export function toAuditLine(entry: AuditEntry, at: Date): string {
  const fields = {
    /** RFC 3339 UTC with milliseconds. */
    ts: at.toISOString(),
    outcome: entry.outcome,
    action: entry.action,
    request_id: entry.requestId,
    subject: entry.subject,
    kid: entry.kid,
    engine: entry.engine,
    container_id: entry.containerId,
    container_name: entry.containerName,
    env: entry.env,
    reason: entry.reason,
    detail: entry.detail,
  };
  return `${JSON.stringify(fields)}\n`;
}
