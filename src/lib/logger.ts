import fs from "node:fs";
import { pino } from "pino";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** The part of pino that we use: fields first, then a constant message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * JSON lines on stdout; lines that nobody reads are dropped (`Stdout`). Callers pass no header,
 * body or variable. Of an error (`err`), only the properties listed below are logged. `mixin`:
 * fields of every line.
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
    new Stdout(),
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

/** Characters and bytes that may wait while nobody reads. Further lines are dropped. */
const mostWaiting = 1_000_000;

/**
 * How soon to retry a full stdout after it took something, ms. Doubles each time it took nothing,
 * up to `lateMs`.
 */
const againMs = 5;

/**
 * How often, and after which pauses in ms, to retry a full stdout at the end of the process: for
 * one second.
 */
const [endTries, endPauseMs] = [200, 5];

/** Node's handle for a pipe, socket or terminal. */
interface Handle {
  readonly fd: number;
  setBlocking(isBlocking: boolean): number;
}

let dropped = 0;

/**
 * How many lines this process dropped because nobody read its stdout, or because a write would
 * block.
 */
export function countDroppedLines(): number {
  return dropped;
}

/**
 * Lines for stdout, written together: a write per line would cost as much as the rest of a request.
 * A write never waits for the reader: what a full pipe, socket or terminal does not take waits
 * here, and a timer retries it. That timer runs only then.
 *
 * The alternatives are worse. A blocking write stops the process. A write in the thread pool
 * (`fs.write`) never ends, and the process cannot end before it. A stream keeps the process alive
 * too, and does not tell at the end what it has written.
 */
class Stdout {
  /** Bytes that stdout did not take. While there are some, it is full. */
  #rest: Buffer = Buffer.alloc(0);
  /** Lines after those bytes. */
  #waiting = "";
  /** Lines dropped since stdout last took something. They belong after those that wait. */
  #gap = 0;
  #hasFailed = false;
  #pauseMs = againMs;
  #timer: NodeJS.Timeout | null = null;
  /**
   * Absent for a file, which takes everything at once or fails; and where Node has no stream, such
   * as for a datagram socket.
   */
  readonly #handle = Reflect.get(process.stdout, "_handle") as Handle | undefined;

  constructor() {
    if (this.#handle || takesAtOnce(1)) {
      process.once("exit", () => this.#end());
      return;
    }
    // A write may wait for the reader, and Node cannot prevent it. Node's own writes to stderr
    // never wait for such a reader.
    this.#hasFailed = true;
    process.stderr.write("wallet-core-ops: no log: stdout must be a file, pipe, stream socket or terminal\n");
  }

  /**
   * Takes a line, or counts it as dropped. A file that cannot be written, such as on a full disk,
   * ends the process.
   */
  write(line: string): void {
    if (this.#hasFailed || this.#isFullFor(line)) {
      this.#gap += 1;
      dropped += 1;
      return;
    }
    this.#waiting += line;
    if (this.#rest.length === 0 && this.#waiting.length >= writtenAtOnce) this.#flush();
    else this.#flushLater(lateMs);
  }

  /**
   * After a line that did not fit, shorter ones do not fit either: they would come before its gap.
   */
  #isFullFor(line: string): boolean {
    if (this.#rest.length === 0) return false;
    return this.#gap > 0 || this.#rest.length + this.#waiting.length + line.length > mostWaiting;
  }

  #flushLater(ms: number): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#flush();
    }, ms).unref();
  }

  #flush(): void {
    const written = this.#writeNow();
    if (this.#rest.length === 0) return;
    this.#pauseMs = written > 0 ? againMs : Math.min(this.#pauseMs * 2, lateMs);
    this.#flushLater(this.#pauseMs);
  }

  /** Writes what stdout takes now; returns how many bytes. */
  #writeNow(): number {
    for (let total = 0; ;) {
      if (this.#rest.length === 0) {
        if (this.#waiting === "") return total;
        this.#rest = Buffer.from(this.#waiting);
        this.#waiting = "";
      }
      const written = this.#tryWrite(this.#rest);
      if (written === 0) return total;
      total += written;
      this.#rest = this.#rest.subarray(written);
      if (this.#gap > 0) this.#waiting += toGapLine(this.#gap);
      this.#gap = 0;
    }
  }

  /** Returns how many bytes stdout took, 0 when it is full or closed. */
  #tryWrite(bytes: Buffer): number {
    try {
      // Another process that shares the pipe may have changed this.
      this.#handle?.setBlocking(false);
      return fs.writeSync(this.#handle?.fd ?? 1, bytes);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") return 0;
      this.#hasFailed = true;
      dropped += countLines(bytes.toString()) + countLines(this.#waiting);
      this.#rest = Buffer.alloc(0);
      this.#waiting = "";
      // The pipe or terminal was closed: nobody reads the lines.
      if (code === "EIO" || code === "EPIPE") return 0;
      // Any other error, such as a full disk, ends the process. The caller that logged the line
      // cannot catch it.
      process.exitCode = 1;
      setImmediate(() => {
        throw error;
      });
      return 0;
    }
  }

  /** Writes the last lines for a reader that takes them within a second. */
  #end(): void {
    const clock = new Int32Array(new SharedArrayBuffer(4));
    this.#writeNow();
    for (let tries = 0; this.#rest.length > 0 && tries < endTries; tries += 1) {
      Atomics.wait(clock, 0, 0, endPauseMs);
      this.#writeNow();
    }
  }
}

/** Whether it is a file, or a device such as /dev/null. */
function takesAtOnce(fd: number): boolean {
  const stats = fs.fstatSync(fd);
  return stats.isFile() || stats.isCharacterDevice();
}

const countLines = (text: string): number => text.split("\n").length - 1;

/** Marks in the log where lines are missing. */
function toGapLine(lines: number): string {
  const time = new Date().toISOString();
  return `${JSON.stringify({ level: "warn", time, dropped: lines, msg: "log lines dropped: stdout was not read" })}\n`;
}

/**
 * Name, message, code and stack of an error and its causes, at most four deep; no other properties.
 */
function toLoggedError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const code = "code" in error ? String(error.code) : undefined;
  return {
    name,
    message,
    code,
    stack,
    ...(cause !== undefined && depth < 3 && { cause: toLoggedError(cause, depth + 1) }),
  };
}

/**
 * Runs `log` only when a state differs from the last one ("" at first): one line per change, not
 * per request.
 */
export function createChangeLog(): (state: string, log: () => void) => void {
  let last = "";
  return (state, log) => {
    if (state !== last) log();
    last = state;
  };
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
