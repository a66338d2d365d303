import { isIP } from "node:net";
import { redactStart, sanitiseName } from "../redact/sanitize.ts";
import { explainSocket } from "../socket-errors.ts";

/**
 * SQLSTATEs of a server that stops or starts, or of a broken connection: a new connection may work.
 */
const lostStates = new Set(["57P01", "57P02", "57P03", "08000", "08003", "08006"]);
const lostSockets = new Set(["ECONNRESET", "EPIPE"]);

/** Whether the same read may succeed on a new connection. */
export function isConnectionLost(error: unknown): boolean {
  const { code, message } = describe(error);
  // pg gives no code for a socket that ended: "Connection terminated", "Connection terminated
  // unexpectedly".
  return lostStates.has(code) || lostSockets.has(code) || /^Connection terminated(?: unexpectedly)?$/.test(message);
}

/**
 * Why there is no connection, and what to do. `variable`: the one that holds its URL. Of the
 * server's own words, passes on only our address, which the person at the server needs.
 */
export function explainConnection(error: unknown, variable: string): string {
  const { code, message } = describe(error);
  if (code === "ERR_INVALID_URL") return `${variable} is not a connection string`;
  if (code === "53300") return `PostgreSQL has no connection left for the role of ${variable}`;
  if (code === "3D000") return `The database of ${variable} does not exist`;
  if (isNoConnectRight(error))
    return `The role of ${variable} may not connect to its database: grant it CONNECT on the database`;
  if (code.startsWith("28")) return `PostgreSQL refused the login of ${variable}${explainEntry(message)}`;
  if (isSqlState(code)) return `PostgreSQL is not available (SQLSTATE ${code}): see its log, or check ${variable}`;
  if (message === "The server does not support SSL connections")
    return `PostgreSQL does not speak TLS: turn on ssl there, or change sslmode in ${variable}`;
  const reason = explainSocket(error);
  return `PostgreSQL cannot be reached: ${reason === null ? "" : `${reason}: `}check ${variable}`;
}

/** Whether the server let the role in, but the database did not. */
export function isNoConnectRight(error: unknown): boolean {
  const { code, message } = describe(error);
  return code === "42501" && message.startsWith("permission denied for database ");
}

/** The server names the address it sees us from. */
function explainEntry(message: string): string {
  const [, address = ""] =
    /^(?:no pg_hba\.conf entry|pg_hba\.conf rejects connection) for host "([^"]*)"/.exec(message) ?? [];
  return isIP(address) === 0 ? "" : `: its pg_hba.conf does not let in our address ${address}`;
}

/** Whether the code comes from the server itself. */
export function isSqlState(code: string): boolean {
  return /^(?=.*\d)[0-9A-Z]{5}$/.test(code);
}

/** Longest reason of a server that is passed on, characters. */
const longestReason = 300;

/**
 * What a server says when it refuses a connection, as one line without secrets. It may name our
 * role, our database and our address, so show it only to the person who configures the gateway.
 * Null for other errors: they may quote values of rows.
 */
export function quoteRefusal(error: unknown): string | null {
  const { code, message } = describe(error);
  // Connection, login, database, resources, operator.
  if (!isNoConnectRight(error) && (!isSqlState(code) || !/^(?:08|28|3D|53|57P)/.test(code))) return null;
  return sanitiseName(redactStart(message, longestReason)) || null;
}

/** `code` is a SQLSTATE, a Node code, or the name of the error, such as AbortError. */
export function describe(error: unknown): { code: string; message: string } {
  const { code, name, message } = (error ?? {}) as { code?: unknown; name?: unknown; message?: unknown };
  return { code: toText(code) || toText(name), message: toText(message) };
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
