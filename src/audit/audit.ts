import { type AuthMethod, type RequestOrigin, type Principal, toOwnerEnv } from "../auth/principal.ts";
import type { Environment } from "../lib/environment.ts";
import { createLineRedactor } from "../lib/redact/sanitize.ts";

/** The outcome of an action, for the record. */
export type AuditOutcome = Pick<AuditEntry, "outcome" | "detail" | "code"> & Partial<Pick<AuditEntry, "dockerStatus">>;

/** One line of the audit record: `intent` before an action, an outcome after it. */
export interface AuditEntry extends RequestOrigin {
  /** `unknown` may be followed by a later `ok` or `failed` of the same intent. */
  readonly outcome: "intent" | "ok" | "failed" | "unknown";
  readonly action: "restart" | "probe" | JobAuditAction;
  /** For outcomes: the `seq` of their intent. */
  readonly intent: number | null;
  readonly requestId: string;
  readonly subject: string;
  readonly kid: string;
  /**
   * Who vouches for the subject of a JWT. Absent or null for our own tokens, and in entries of
   * version 0.2 and older.
   */
  readonly issuer?: string | null;
  /**
   * Null in entries of version 0.1, which also lack all of RequestOrigin, `keyHash`, `code` and
   * `dockerStatus`.
   */
  readonly auth: AuthMethod | null;
  readonly scopes: readonly string[];
  /** The container; these four are empty for an action on jobs. */
  readonly engine: string;
  readonly containerId: string;
  readonly containerName: string;
  readonly image: string;
  /** Null for an action on a container. */
  readonly job: JobTarget | null;
  readonly env: Environment | null;
  readonly reason: string | null;
  /** Further arguments, such as the role that is restarted. */
  readonly args: Readonly<Record<string, string | number>>;
  /** SHA-256 in hex of the `Idempotency-Key`; null without one. */
  readonly keyHash: string | null;
  /** For outcomes: the state, or the error code with its message. */
  readonly detail: string | null;
  /** For outcomes: the error code that the caller got; null without an error. */
  readonly code: string | null;
  /**
   * HTTP status of the answer from the engine, or from a filter in front of it; null without an
   * answer.
   */
  readonly dockerStatus: number | null;
  /** From the intent to the outcome. */
  readonly durationMs: number | null;
  /** Only in intents to restart. Absent or null in those of older versions. */
  readonly mark?: RestartMark | null;
}

/**
 * What the engine said right before a restart was asked of it. Its times are those of the engine's
 * clock, RFC 3339.
 */
export interface RestartMark {
  /**
   * The engine's own id, which it keeps under any name; null where it has none, or does not say it.
   */
  readonly engineId: string | null;
  readonly at: string;
  /** When the container had started; null when it never had. */
  readonly startedAt: string | null;
  /** How long the engine waits between SIGTERM and SIGKILL. */
  readonly stopSeconds: number;
  /**
   * The Unix socket that the request goes through, with its machine. Null over a network, where a
   * request may still be on its way after its gateway has died; also in marks of older versions.
   */
  readonly socket: string | null;
}

export type JobAuditAction = "job.retry" | "job.discard" | "job.retry_group" | "job.discard_group";

/** The jobs of an action. */
export interface JobTarget {
  /** Configured name of their source. */
  readonly source: string;
  /** Their queue, if the caller named it. */
  readonly queue: string | null;
  /** The jobs that are tried, at most `jobsPerOperation`. */
  readonly ids: readonly string[];
  /** For a group: the error that they failed with. */
  readonly fingerprint: string | null;
}

/** An entry as stored in the record. */
export interface AuditRecord extends AuditEntry {
  /** 1, 2, 3 ... without gaps, over all rotated files. */
  readonly seq: number;
  /** RFC 3339 UTC with milliseconds. */
  readonly at: string;
  /** SHA-256 in hex over the previous entry's hash and this entry. */
  readonly hash: string;
  /** The format of its line: 2, or null for format 1, which 0.2 wrote. */
  readonly format?: number | null;
  /** What an intent took of its holder's budget; null for outcomes, and in format 1. */
  readonly granted?: number | null;
}

/** The newest entry of a record, as it is anchored outside of it. */
export interface AuditHead {
  /** 0 before the first entry. */
  readonly seq: number;
  readonly hash: string;
  /** RFC 3339; null before the first entry. */
  readonly at: string | null;
}

interface AuditQuery {
  readonly first: number;
  /** Only entries with a smaller `seq`. */
  readonly before: number | null;
  readonly accepts: (record: AuditRecord) => boolean;
}

/** What a ledger is written to. All methods reject with audit_unavailable: no record, no action. */
export interface AuditLog {
  /**
   * Resolves to the entry's `seq` once it is on disk. `granted`: what an intent takes of its
   * holder's budget. @default 0
   */
  write(entry: AuditEntry, granted?: number): Promise<number>;
  /** Newest first. */
  read(query: AuditQuery): Promise<readonly AuditRecord[]>;
  /** Rejects if `write` would be refused, as far as can be checked without writing. */
  check(): Promise<void>;
  /**
   * Whether the record is whole, as far as it has been checked. Checks only what was appended since
   * the call before; the first check of a long record goes on in the background.
   */
  verify(): Promise<AuditChain>;
  /** The newest entry of all. */
  head(): Promise<AuditHead>;
  /** Takes the record over and returns what earlier processes left unfinished. */
  recover(): Promise<Recovered>;
}

/** What a check of the hash chain found. */
export interface AuditChain {
  /** Null until the first check has reached the newest entry. */
  readonly ok: boolean | null;
  /**
   * The oldest entry: 1, or a later one when the files before it were removed. Null without an
   * entry.
   */
  readonly firstSeq: number | null;
  /** The newest entry that was checked; null without one. */
  readonly lastSeq: number | null;
  /** RFC 3339: when the newest entry was last reached, or the fault found; null before that. */
  readonly checkedAt: string | null;
  /** The first fault, with its `seq`; null without one. */
  readonly problem: string | null;
}

interface Recovered {
  readonly open: readonly OpenIntent[];
  readonly keyed: readonly KeyedIntent[];
  /**
   * Entries of the last hour that limit what may begin, oldest first: what took of a budget, and
   * the ends of restarts that happened or may have.
   */
  readonly limiting: readonly AuditRecord[];
}

/**
 * An intent of the last 24 hours with an `Idempotency-Key`, and its newest outcome; null without
 * one.
 */
export interface KeyedIntent {
  readonly intent: AuditRecord;
  readonly outcome: AuditRecord | null;
}

/**
 * An intent without an outcome (its process died), or with only a recent `unknown` that its process
 * did not resolve.
 */
export interface OpenIntent {
  readonly intent: AuditRecord;
  /** Whether `unknown` is already recorded. */
  readonly hasOutcome: boolean;
  /**
   * Whether the gateway that began the action recorded `unknown` itself, because its call took too
   * long or was cut off. If not, that gateway has died, and another one recorded it.
   */
  readonly wasGivenUp: boolean;
}

/** Who asks for an action, and why. */
export interface ActionRequest {
  readonly principal: Principal;
  readonly origin: RequestOrigin;
  readonly requestId: string;
  readonly reason: string | null;
}

/** The fields of an entry that describe its container. */
export function aboutContainer(
  container: Parameters<typeof toOwnerEnv>[0] & Readonly<Record<"engine" | "fullId" | "name" | "image", string>>,
) {
  const { engine, fullId: containerId, name: containerName, image } = container;
  // Decides whose tokens may read it. What is outside the product needs a token of every
  // environment.
  return { env: toOwnerEnv(container), engine, containerId, containerName, image };
}

/**
 * A caller's reason as it is recorded and shown: one line without control or invisible characters,
 * secrets redacted; null when nothing is left.
 */
export function sanitiseReason(reason: string | null): string | null {
  return createLineRedactor()(reason ?? "").trim() || null;
}

/** An intent for the audit record. `about`: its target; the rest: who asked. */
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
    ...(principal.issuer !== undefined && { issuer: principal.issuer }),
    auth: principal.auth,
    scopes: [...principal.scopes],
    engine: "",
    containerId: "",
    containerName: "",
    image: "",
    job: null,
    reason: sanitiseReason(reason),
    args: {},
    keyHash: null,
    detail: null,
    code: null,
    dockerStatus: null,
    durationMs: null,
    ...about,
  };
}
