import { DeadlineError } from "../../../lib/abort.ts";
import { type ErrorCode, OpsError } from "../../../lib/errors.ts";
import { parseJson } from "../../../lib/http-client.ts";
import { UpstreamReply } from "../../../lib/upstream-reply.ts";

type Failure = readonly [code: ErrorCode, message: string];

const byCode: Readonly<Record<string, Failure>> = {
  ENOENT: [
    "docker_unavailable",
    "its socket does not exist: is Docker running, and is its socket mounted at this path?",
  ],
  ECONNREFUSED: [
    "docker_unavailable",
    "nothing listens there: is Docker running? A socket that was mounted before Docker made a new one is dead: restart the gateway",
  ],
  ECONNRESET: [
    "docker_unavailable",
    "it closed the connection: is it restarting, or does it want another client certificate?",
  ],
  EPIPE: ["docker_unavailable", "it closed the connection: is it restarting?"],
  ENOTFOUND: ["docker_unavailable", "its host name cannot be resolved"],
  EAI_AGAIN: ["docker_unavailable", "its host name cannot be resolved now"],
  EHOSTUNREACH: ["docker_unavailable", "its host cannot be reached"],
  ENETUNREACH: ["docker_unavailable", "its network cannot be reached"],
  ETIMEDOUT: ["docker_unavailable", "its host does not answer"],
  EACCES: ["docker_forbidden", "no permission for its socket: give the gateway's user the socket's group"],
  EPERM: ["docker_forbidden", "no permission for its socket: give the gateway's user the socket's group"],
  DOCKER_ENV: [
    "docker_unavailable",
    "DOCKER_HOST or DOCKER_CERT_PATH in the gateway's environment cannot be used: unset them",
  ],
  TLS_FILES: ["docker_unavailable", "its TLS files (ca.pem, cert.pem, key.pem) cannot be read"],
  SSH_FILES: ["docker_unavailable", "its SSH key or known_hosts file cannot be read"],
  SSH_UNKNOWN_HOST: [
    "docker_forbidden",
    "its SSH host is not in the known_hosts file: put its key there (ssh-keyscan, then compare)",
  ],
  SSH_HOST_KEY: [
    "docker_forbidden",
    "its SSH host shows another key than the known_hosts file has: it was rebuilt, or is an impostor",
  ],
  SSH_AUTH: ["docker_forbidden", "its SSH server refuses our key"],
  SSH_FORWARD: [
    "docker_unavailable",
    "its SSH server does not lead to the socket: does it exist there, and may the user open it?",
  ],
  SSH_CLOSED: ["docker_unavailable", "its SSH server closed the connection"],
  EPROTO: ["docker_unavailable", "TLS failed: it may not speak TLS on this port"],
  ERR_SSL_WRONG_VERSION_NUMBER: ["docker_unavailable", "TLS failed: it does not speak TLS on this port"],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ["docker_unavailable", "TLS failed: it does not speak TLS on this port"],
  ERR_TLS_CERT_ALTNAME_INVALID: ["docker_unavailable", "TLS failed: its certificate is for another name"],
};

/**
 * The failure of an engine call as an error that callers may see: with a remedy, without paths,
 * secrets or upstream text.
 */
export function toDockerError(error: unknown, engine: string): OpsError {
  if (error instanceof OpsError) return error;
  const [code, reason] = explain(error);
  const upstreamStatus = error instanceof StatusError ? error.status : undefined;
  return new OpsError(code, `Docker engine ${engine}: ${reason}`, {
    cause: error,
    upstream: `docker:${engine}`,
    upstreamStatus,
  });
}

function explain(error: unknown): Failure {
  if (error instanceof DeadlineError)
    return ["docker_timeout", `no answer within ${Number((error.after / 1000).toPrecision(2))} s`];
  if (error instanceof StatusError) return explainStatus(error);
  if (error instanceof AnswerError) return ["docker_error", error.message];
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (name === "TimeoutError" || name === "AbortError")
    return ["docker_timeout", "the call was given up before it answered"];
  const text = typeof code === "string" ? code : "";
  return byCode[text] ?? explainTls(text) ?? ["docker_error", "the call failed"];
}

function explainStatus(error: StatusError): Failure {
  const { status } = error;
  // A filter answers 405 where it has no rule at all for a method, as for POST before restarts are
  // allowed.
  if (status === 401 || status === 403 || status === 405) {
    return ["docker_forbidden", "the call is not allowed: a socket proxy must let it through (see the README)"];
  }
  if (status === 404) return ["container_not_found", "no such container"];
  if (status === 400 && error.says("client version")) {
    return ["docker_error", "it does not speak the API versions that the gateway knows"];
  }
  if (status === 400 && error.says("HTTPS server")) return ["docker_unavailable", "it wants TLS on this port"];
  if (status === 501) return ["docker_error", "its logging driver keeps no logs that can be read"];
  if (status === 502 || status === 503) return ["docker_unavailable", "the proxy before it does not reach it"];
  if (status === 504) return ["docker_timeout", "the proxy in front of it timed out"];
  return ["docker_error", `it answered with status ${status}`];
}

function explainTls(code: string): Failure | undefined {
  if (/^ERR_SSL_.*ALERT/.test(code)) return ["docker_forbidden", "it refuses our client certificate, or wants one"];
  if (/CERT|UNABLE_TO|^ERR_(?:SSL|TLS|OSSL)/.test(code)) {
    return [
      "docker_unavailable",
      "TLS failed: its certificate is not from the configured authority, or ours cannot be used",
    ];
  }
  return undefined;
}

/** Whether the next call may meet another engine, another version of it or other TLS files. */
export function isLost(error: OpsError): boolean {
  return (
    error.code === "docker_unavailable" ||
    error.code === "docker_forbidden" ||
    (error.cause instanceof StatusError && error.cause.status === 400)
  );
}

/**
 * The engine, or a proxy before it, answered with a status outside 2xx. Its body may hold secrets,
 * so it is in no property that is logged.
 */
export class StatusError extends Error {
  readonly status: number;
  readonly #body: string;

  constructor(status: number, body: string) {
    super(`HTTP ${status}`);
    this.name = "StatusError";
    this.status = status;
    this.#body = body;
  }

  /** The engine's message; empty for another body, such as a proxy's page. */
  reply(): UpstreamReply {
    const { message } = (parseJson(this.#body) ?? {}) as { readonly message?: unknown };
    return new UpstreamReply(typeof message === "string" ? message : "");
  }

  /** Whether the body contains these words. */
  says(words: string): boolean {
    return this.#body.includes(words);
  }
}

/** The answer is not what a Docker-compatible engine sends. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}
