import { destination, pino } from "pino";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** The part of pino that we use: fields first, then a constant message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * JSON lines on stdout. Callers pass no header, body or variable. Of an error (`err`), only the properties listed below are
 * logged. `mixin`: fields of every line.
 */
export function createLogger(level: LogLevel, mixin?: () => object): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: toLoggedError },
      ...(mixin && { mixin }),
    },
    openStdout(),
  );
}

/** One write for up to 4 KiB of lines, at most 100 ms late. A write per line would cost as much as the rest of a request. */
function openStdout() {
  const stdout = destination({ fd: 1, sync: true, minLength: 4096, periodicFlush: 100 });
  let isClosed = false;
  // The pipe or terminal was closed: nobody reads the lines, and flushSync would retry for ever.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EIO" && error.code !== "EPIPE") throw error;
    isClosed = true;
  });
  process.once("exit", () => {
    stdout.flush();
    if (!isClosed) stdout.flushSync();
  });
  return stdout;
}

/** Name, message, code and stack of an error and its causes, at most four deep; no other properties. */
function toLoggedError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const code = "code" in error ? String(error.code) : undefined;
  return { name, message, code, stack, ...(cause !== undefined && depth < 3 && { cause: toLoggedError(cause, depth + 1) }) };
}

/** Runs `log` only when a state differs from the last one ("" at first): one line per change, not per request. */
export function createChangeLog(): (state: string, log: () => void) => void {
  let last = "";
  return (state, log) => {
    if (state !== last) log();
    last = state;
  };
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
