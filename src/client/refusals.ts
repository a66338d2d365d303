import { OpsError } from "./error.ts";

/** An error as GraphQL has it. */
export interface ResultError {
  readonly message: string;
  readonly path?: readonly (string | number)[] | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/** What an answer that is not a success carries beside its body. */
interface Answer {
  readonly status?: number | undefined;
  readonly headers?: Headers | undefined;
}

/**
 * One error of `errors`. Its own values take precedence over the status and Retry-After of its
 * answer.
 */
function toOpsError({ message, path, extensions = {} }: ResultError, { status, headers }: Answer = {}): OpsError {
  const [code, ownStatus, retryAfter] = ["code", "status", "retryAfter"].map((name) => extensions[name]);
  return new OpsError(typeof code === "string" ? code : "invalid_request", message, {
    status: typeof ownStatus === "number" ? ownStatus : status,
    retryAfterSeconds: typeof retryAfter === "number" ? retryAfter : toRetryAfter(headers),
    path: path?.join("."),
  });
}

/** The errors of an answer or of a message of a stream; none for anything else. */
export function toOpsErrors(errors: unknown, answer?: Answer): readonly OpsError[] {
  return Array.isArray(errors) ? errors.map((error: ResultError) => toOpsError(error, answer)) : [];
}

/**
 * An answer without data: GraphQL's `{errors}`, the gateway's `{error: {code, message}}`, or that
 * of something before it. A redirect is not followed: fetch would turn the question into a GET, or
 * leave out the token.
 */
export function toBodyError(body: string, answer: Answer, endpoint: string): OpsError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // Not JSON.
  }
  return toParsedError(parsed, answer, endpoint);
}

/** The same for a body that was parsed already; undefined if it is not JSON. */
export function toParsedError(body: unknown, { status = 0, headers }: Answer, endpoint: string): OpsError {
  const options = { status, retryAfterSeconds: toRetryAfter(headers) };
  try {
    const { error, errors } = body as {
      readonly error?: { readonly code?: unknown; readonly message?: unknown };
      readonly errors?: readonly ResultError[];
    };
    if (Array.isArray(errors) && errors[0]) return toOpsError(errors[0] as ResultError, { status, headers });
    if (typeof error?.code === "string") return new OpsError(error.code, String(error.message), options);
  } catch {
    // Of another form.
  }
  if (status === 401) return new OpsError("unauthorized", "The token was refused", options);
  if (status === 429) return new OpsError("rate_limited", `${endpoint} answered 429`, options);
  if (status >= 502 && status <= 504) return new OpsError("unreachable", `${endpoint} answered ${status}`, options);
  // Browsers do not show the target of a redirect; its status is 0.
  if (status === 0 || (status >= 300 && status <= 399)) {
    return new OpsError("not_a_gateway", `${endpoint} sends elsewhere${toPlace(headers, endpoint)}`, options);
  }
  return new OpsError("not_a_gateway", `${endpoint} answered ${status}, but not as a gateway does`, options);
}

/**
 * There was no answer. The text of the innermost cause helps most: `(connect ECONNREFUSED
 * 127.0.0.1:1)`.
 */
export function toUnreachable(what: string, error: unknown): OpsError {
  return new OpsError("unreachable", `${what}${toReason(error)}`, { cause: error });
}

function toReason(error: unknown): string {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause;
  const { message, errors, code } = innermost as { message?: string; errors?: readonly Error[]; code?: string };
  const reason = message || errors?.[0]?.message || code || "";
  return ["", "fetch failed", "Failed to fetch"].includes(reason) ? "" : ` (${reason})`;
}

/** The address of a redirect without its parameters, which may have secrets of a sign-in. */
function toPlace(headers: Headers | undefined, endpoint: string): string {
  const location = headers?.get("location") ?? "";
  if (location === "" || !URL.canParse(location, endpoint)) return "";
  const { protocol, host, pathname } = new URL(location, endpoint);
  return `: ${protocol}//${host}${pathname}`;
}

function toRetryAfter(headers: Headers | undefined): number | undefined {
  const text = headers?.get("retry-after") ?? "";
  const seconds = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}
