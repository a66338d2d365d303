import type { Environment } from "./environment.ts";

/** One line of the audit record: `intent` before an action, one of the outcomes after it. */
export interface AuditEntry {
  /** `unknown` may be followed by a later `ok` or `failed` of the same intent, once it is known. */
  readonly outcome: "intent" | "ok" | "failed" | "unknown";
  readonly action: "restart";
  /** For the outcomes: the `seq` of their intent. */
  readonly intent: number | null;
  readonly requestId: string;
  readonly subject: string;
  readonly kid: string;
  readonly scopes: readonly string[];
  readonly engine: string;
  readonly containerId: string;
  readonly containerName: string;
  readonly image: string;
  readonly env: Environment | null;
  readonly reason: string | null;
  /** What else was asked for, such as the role that is restarted. */
  readonly args: Readonly<Record<string, string | number>>;
  /** What came of it, for the outcomes: the state, or the error code. */
  readonly detail: string | null;
  /** From the intent to the outcome. */
  readonly durationMs: number | null;
}

/** An entry as it stands in the record. */
export interface AuditRecord extends AuditEntry {
  /** 1, 2, 3 ... without gaps, over all rotated files. */
  readonly seq: number;
  /** RFC 3339 UTC with milliseconds. */
  readonly at: string;
  /** SHA-256 in hex over the hash of the entry before and this one. */
  readonly hash: string;
}

interface AuditQuery {
  readonly first: number;
  /** Only entries with a smaller `seq`. */
  readonly before: number | null;
  readonly accepts: (record: AuditRecord) => boolean;
}

/** The port to the audit record. All reject with audit_unavailable: no record, no action. */
export interface AuditLog {
  /** Resolves to the entry's `seq` once it is on disk. */
  write(entry: AuditEntry): Promise<number>;
  /** Newest first. */
  read(query: AuditQuery): Promise<readonly AuditRecord[]>;
  /** Takes the record over, and gives what processes before this one have left open. */
  recover(): Promise<readonly OpenIntent[]>;
}

/** An intent without an outcome (its process died), or with only a recent `unknown` that it did not live to settle. */
export interface OpenIntent {
  readonly intent: AuditRecord;
  /** Whether `unknown` is recorded already. */
  readonly told: boolean;
}
