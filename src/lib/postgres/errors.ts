import { redactStart, sanitiseName } from "../redact/sanitize.ts";

/** SQLSTATEs of a server that stops or starts, or of a broken connection: a new connection may work. */
const lostStates = new Set(["57P01", "57P02", "57P03", "08000", "08003", "08006"]);
const lostSockets = new Set(["ECONNRESET", "EPIPE"]);

/** Whether the same read may succeed on a new connection. */
export function isConnectionLost(error: unknown): boolean {
  const { code, message } = describe(error);
  // pg gives no code for a socket that ended: "Connection terminated", "Connection terminated unexpectedly".
  return lostStates.has(code) || lostSockets.has(code) || /^Connection terminated(?: unexpectedly)?$/.test(message);
}

/** Why there is no connection. `variable`: the one that has its URL. */
export function explainConnection(code: string, variable: string): string {
  if (code === "ERR_INVALID_URL") return `${variable} is not a connection string`;
  if (code === "53300") return "PostgreSQL has no connection left for us";
  if (code === "3D000") return `The database of ${variable} does not exist`;
  return isSqlState(code) ? `PostgreSQL is not available (SQLSTATE ${code})` : "PostgreSQL cannot be reached";
}

/** Whether the code comes from the server itself. */
export function isSqlState(code: string): boolean {
  return /^(?=.*\d)[0-9A-Z]{5}$/.test(code);
}

/** Longest reason of a server that is passed on, characters. */
const longestReason = 300;

/**
 * What a server says when it refuses a connection, as one line without secrets. It may name our role,
 * our database and our address, so show it only to the person who configures the gateway. Null for
 * other errors: they may quote values of rows.
 */
export function quoteRefusal(error: unknown): string | null {
  const { code, message } = describe(error);
  // Connection, login, database, resources, operator.
  if (!isSqlState(code) || !/^(?:08|28|3D|53|57P)/.test(code)) return null;
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
