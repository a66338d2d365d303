/** From the least to the most severe. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof logLevels)[number];

const words: Readonly<Record<string, LogLevel>> = {
  trace: "trace",
  verbose: "trace",
  debug: "debug",
  info: "info",
  information: "info",
  notice: "info",
  log: "info",
  warn: "warn",
  warning: "warn",
  err: "error",
  error: "error",
  severe: "error",
  crit: "fatal",
  critical: "fatal",
  alert: "fatal",
  emerg: "fatal",
  emergency: "fatal",
  panic: "fatal",
  fatal: "fatal",
};
const names = Object.keys(words).join("|");
/** How much of a line is looked at: a level stands before the message. */
const headLength = 120;

const inJson = /"(?:level|severity|lvl|levelname|log\.level)"\s{0,4}:\s{0,4}(?:"([A-Za-z]{3,11})"|(\d{2}))/;
const inLogfmt = new RegExp(`(?:^|\\s)(?:level|lvl|severity)="?(${names})\\b`, "i");
/** "ERROR", "[WARN]", "INFO:" anywhere in the head; in small letters only in brackets or at the very start with a colon. */
const inCapitals = new RegExp(`(?:^|[\\s[(<|:])(${names.toUpperCase()})(?=$|[\\s\\])>|:,-])`);
const inSmall = new RegExp(`[[(<](${names})[\\])>]|^(${names}):`, "i");
/** glog and klog: "E0113 09:40:00.000000". */
const inGlog = /^([DIWEF])\d{4} \d\d:\d\d:\d\d/;
const glog: Readonly<Record<string, LogLevel>> = { D: "debug", I: "info", W: "warn", E: "error", F: "fatal" };

/** The level that a line names by itself, null when it names none: JSON logs (pino's numbers too), logfmt, common prefixes. */
export function parseLogLevel(line: string): LogLevel | null {
  if (line.startsWith("{")) {
    const found = inJson.exec(line);
    if (found) return found[1] ? (words[found[1].toLowerCase()] ?? null) : fromPino(Number(found[2]));
  }
  const head = line.length > headLength ? line.slice(0, headLength) : line;
  const found = inCapitals.exec(head) ?? inLogfmt.exec(head) ?? inSmall.exec(head);
  if (found) return words[(found[1] ?? found[2] ?? "").toLowerCase()] ?? null;
  return glog[inGlog.exec(head)?.[1] ?? ""] ?? null;
}

/** 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal; numbers between belong to the one below. */
function fromPino(level: number): LogLevel | null {
  return level < 10 || level > 69 ? null : (logLevels[Math.floor(level / 10) - 1] ?? null);
}

/** A line that goes on with the one before: indented, a stack trace, or PostgreSQL's DETAIL and STATEMENT. */
const continuation =
  /^(?:\s|at |Caused by:|Traceback |\.\.\. \d+ more|[}\])]|[\w.$]+(?:Error|Exception)\b)|\b(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY):/;

/** Levels of the lines of one stream, in their order: a continuation line has that of the line it belongs to. */
export function createLevelDetector(): (line: string) => LogLevel | null {
  let last: LogLevel | null = null;
  return (line) => {
    if (last !== null && continuation.test(line.length > headLength ? line.slice(0, headLength) : line)) return last;
    last = parseLogLevel(line);
    return last;
  };
}

/** Whether a level is at least so severe; what has none is not. */
export function isAtLeast(level: LogLevel | null, minimum: LogLevel): boolean {
  return level !== null && logLevels.indexOf(level) >= logLevels.indexOf(minimum);
}
