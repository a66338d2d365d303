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
      timestamp: toTimeField,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: toLoggedError },
      ...(mixin && { mixin }),
    },
    openStdout(),
  );
}

let lastMs = 0;
let lastField = "";

/** Lines of one millisecond share its text. */
function toTimeField(): string {
  const now = Date.now();
  if (now !== lastMs) [lastMs, lastField] = [now, `,"time":"${new Date(now).toISOString()}"`];
  return lastField;
}

/** Characters of lines that are written at once, and the most that a line may be late, ms. */
const [writtenAtOnce, lateMs] = [4096, 100];

/**
 * Lines are written together: a write per line would cost as much as the rest of a request. pino's own buffer would wake the process ten times a second, and measure what it
 * holds with each line.
 */
function openStdout() {
  const stdout = destination({ fd: 1, sync: true });
  let hasFailed = false;
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    // flushSync would try again for ever.
    hasFailed = true;
    // The pipe or terminal was closed: nobody reads the lines.
    if (error.code !== "EIO" && error.code !== "EPIPE") throw error;
  });
  let waiting = "";
  let timer: NodeJS.Timeout | null = null;
  const write = () => {
    const lines = waiting;
    waiting = "";
    if (lines !== "" && !hasFailed) stdout.write(lines);
  };
  process.once("exit", () => {
    write();
    if (!hasFailed) stdout.flushSync();
  });
  const writeLate = () => {
    timer = null;
    write();
  };
  return {
    write(line: string) {
      waiting += line;
      if (waiting.length >= writtenAtOnce) write();
      else timer ??= setTimeout(writeLate, lateMs).unref();
    },
  };
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
