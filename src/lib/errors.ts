import { escapeMessage } from "./redact/names.ts";

/**
 * Every error code of the contract and its HTTP status. REST, GraphQL and the logs share this
 * table.
 */
export const statusByCode = {
  invalid_request: 400,
  query_too_complex: 400,
  unauthorized: 401,
  forbidden: 403,
  restart_disabled: 403,
  jobs_disabled: 403,
  health_exec_disabled: 403,
  restart_protected: 403,
  not_found: 404,
  container_not_found: 404,
  job_not_found: 404,
  deploy_info_missing: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  request_timeout: 408,
  container_ambiguous: 409,
  role_ambiguous: 409,
  queue_ambiguous: 409,
  restart_in_progress: 409,
  job_conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  operation_not_supported: 422,
  query_refused: 422,
  answer_too_large: 422,
  queue_unsupported: 422,
  queue_duplicate: 422,
  rate_limited: 429,
  restart_cooldown: 429,
  restart_budget: 429,
  restart_busy: 429,
  job_budget: 429,
  headers_too_large: 431,
  internal: 500,
  docker_error: 502,
  prometheus_unavailable: 503,
  log_history_unavailable: 503,
  queues_unavailable: 503,
  postgres_unavailable: 503,
  queue_locked: 503,
  schema_mismatch: 503,
  docker_unavailable: 503,
  docker_forbidden: 503,
  deploy_info_invalid: 503,
  deploy_info_unreadable: 503,
  audit_unavailable: 503,
  auth_unavailable: 503,
  overloaded: 503,
  docker_timeout: 504,
  restart_unknown: 504,
  job_unknown: 504,
  query_timeout: 504,
} as const;

export type ErrorCode = keyof typeof statusByCode;

/**
 * Whether a failure passes by itself, so that the same request may succeed later. The status of its
 * code decides; a code that is not the gateway's means that the gateway was not reached.
 */
export function passesByItself(code: string): boolean {
  const statuses: Readonly<Record<string, number>> = statusByCode;
  const status = Object.hasOwn(statuses, code) ? (statuses[code] ?? 0) : 503;
  return status >= 500 || status === 408 || status === 429;
}

interface OpsErrorOptions {
  cause?: unknown;
  /** The configured name of the upstream that failed ("docker:web-1", "queues:river"). */
  upstream?: string;
  /** The upstream does not exist: its address is not configured. */
  unconfigured?: boolean;
  /** HTTP response headers of this error, such as Allow. */
  headers?: Readonly<Record<string, string>>;
  /** The HTTP status of the upstream's answer, if there was one. */
  upstreamStatus?: number | undefined;
}

/**
 * The only error that callers see. `message` is for people: it carries no secret and no upstream
 * text that could hold one. `cause` goes only to our own log.
 */
export class OpsError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly upstream: string | undefined;
  readonly unconfigured: boolean;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly upstreamStatus: number | undefined;

  constructor(code: ErrorCode, message: string, options: OpsErrorOptions = {}) {
    // It may quote an upstream's name: a schema, a queue, an engine's container.
    super(escapeMessage(message), { cause: options.cause });
    this.name = "OpsError";
    this.code = code;
    this.status = statusByCode[code];
    this.upstream = options.upstream;
    this.unconfigured = options.unconfigured ?? false;
    this.headers = options.headers;
    this.upstreamStatus = options.upstreamStatus;
  }
}

/** Turns anything thrown into an OpsError; an unknown error becomes a masked `internal`. */
export function toOpsError(error: unknown): OpsError {
  return error instanceof OpsError ? error : new OpsError("internal", "Internal error", { cause: error });
}

/**
 * An error as data, for a part that failed beside parts that did not. GraphQL would treat an Error
 * object as a failure of the field.
 */
export function toProblem(error: unknown): { readonly code: ErrorCode; readonly message: string } {
  const { code, message } = toOpsError(error);
  return { code, message };
}
