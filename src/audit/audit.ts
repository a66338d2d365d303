import { type AuthMethod, type Origin, type Principal, toOwnerEnv } from "../auth/principal.ts";
import type { Environment } from "../lib/environment.ts";
import { createLineCleaner } from "../lib/redact/sanitize.ts";

/** One line of the audit record: `intent` before an action, one of the outcomes after it. */
export interface AuditEntry extends Origin {
  /** `unknown` may be followed by a later `ok` or `failed` of the same intent, once it is known. */
  readonly outcome: "intent" | "ok" | "failed" | "unknown";
  readonly action: "restart" | "probe" | JobAuditAction;
  /** For the outcomes: the `seq` of their intent. */
  readonly intent: number | null;
  readonly requestId: string;
  readonly subject: string;
  readonly kid: string;
  /** Null in entries of version 0.1, which also lack all of Origin, `keyHash`, `code` and `dockerStatus`. */
  readonly auth: AuthMethod | null;
  readonly scopes: readonly string[];
  /** Of the container; these four are empty where the action is one on jobs. */
  readonly engine: string;
  readonly containerId: string;
  readonly containerName: string;
  readonly image: string;
  /** Null where the action is one on a container. */
  readonly job: JobTarget | null;
  readonly env: Environment | null;
  readonly reason: string | null;
  /** What else was asked for, such as the role that is restarted. */
  readonly args: Readonly<Record<string, string | number>>;
  /** SHA-256 in hex of the `Idempotency-Key`; null without one. */
  readonly keyHash: string | null;
  /** What came of it, for the outcomes: the state, or the error code with its message. */
  readonly detail: string | null;
  /** Of an outcome: the code of the error that the caller got; null for none. */
  readonly code: string | null;
  /** The HTTP status with which the engine, or a filter before it, answered the call; null when it did not. */
  readonly dockerStatus: number | null;
  /** From the intent to the outcome. */
  readonly durationMs: number | null;
}

export type JobAuditAction = "job.retry" | "job.discard" | "job.retry_group";

/** The jobs that an action is about. */
export interface JobTarget {
  /** Configured name of their source. */
  readonly source: string;
  /** Their queue, where it was named. */
  readonly queue: string | null;
  /** Those that are tried, at most `jobsPerOperation`. */
  readonly ids: readonly string[];
  /** Of `job.retry_group`: the error that they failed with. */
  readonly fingerprint: string | null;
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
  /** Whether `write` would be refused, as far as that can be told without writing. */
  check(): Promise<void>;
  /** Takes the record over, and gives what processes before this one have left. */
  recover(): Promise<Recovered>;
}

interface Recovered {
  readonly open: readonly OpenIntent[];
  readonly keyed: readonly KeyedIntent[];
}

/** An intent of the last 24 hours with an `Idempotency-Key`, and the newest of its outcomes; null when it has none. */
export interface KeyedIntent {
  readonly intent: AuditRecord;
  readonly outcome: AuditRecord | null;
}

/** An intent without an outcome (its process died), or with only a recent `unknown` that it did not live to settle. */
export interface OpenIntent {
  readonly intent: AuditRecord;
  /** Whether `unknown` is recorded already. */
  readonly told: boolean;
}

/** Who wants something done, and why. */
interface ActionRequest {
  readonly principal: Principal;
  readonly origin: Origin;
  readonly requestId: string;
  readonly reason: string | null;
}

/** What an entry says of the container that it is about. */
export function aboutContainer(
  container: Parameters<typeof toOwnerEnv>[0] & Readonly<Record<"engine" | "fullId" | "name" | "image", string>>,
) {
  const { engine, fullId: containerId, name: containerName, image } = container;
  // Whose tokens may read it: of what is not of the product, only those of every environment.
  return { env: toOwnerEnv(container), engine, containerId, containerName, image };
}

/** A caller's reason as it is recorded and shown: one line without control or invisible characters, its secrets redacted; null when nothing is left. */
export function cleanReason(reason: string | null): string | null {
  return createLineCleaner()(reason ?? "").trim() || null;
}

/** An intent for the audit record: `about` is what it is about, the rest is who asked. */
export function toIntentEntry(
  { principal, origin, requestId, reason }: ActionRequest,
  about: Pick<AuditEntry, "action" | "env"> & Partial<AuditEntry>,
): AuditEntry {
  return {
    outcome: "intent",
    intent: null,
    requestId,
    ...origin,
    subject: principal.subject,
    kid: principal.kid,
    auth: principal.auth,
    scopes: [...principal.scopes],
    engine: "",
    containerId: "",
    containerName: "",
    image: "",
    job: null,
    reason: cleanReason(reason),
    args: {},
    keyHash: null,
    detail: null,
    code: null,
    dockerStatus: null,
    durationMs: null,
    ...about,
  };
}
