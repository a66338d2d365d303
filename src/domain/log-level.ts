/** From the least to the most severe. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof logLevels)[number];

const words: Readonly<Record<string, LogLevel>> = {
  trace: "trace",
  verbose: "trace",
  finest: "trace",
  debug: "debug",
  fine: "debug",
  info: "info",
  information: "info",
  informational: "info",
  notice: "info",
  note: "info",
  log: "info",
  success: "info",
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
/** What a library cuts them to: Serilog and zerolog to three letters, logrus, ASP.NET and Grafana to four. */
const shortWords: Readonly<Record<string, LogLevel>> = {
  trc: "trace",
  trac: "trace",
  trce: "trace",
  vrb: "trace",
  dbg: "debug",
  dbug: "debug",
  debu: "debug",
  inf: "info",
  wrn: "warn",
  eror: "error",
  erro: "error",
  fail: "error",
  ftl: "fatal",
  fata: "fatal",
  pnc: "fatal",
  pani: "fatal",
};
const letters: Readonly<Record<string, LogLevel>> = {
  T: "trace",
  V: "trace",
  D: "debug",
  I: "info",
  W: "warn",
  E: "error",
  F: "fatal",
  C: "fatal",
};
const longNames = Object.keys(words).join("|");
const names = `${longNames}|${Object.keys(shortWords).join("|")}`;
/** How much of a line is looked at: a level stands before the message. */
const headLength = 120;

/** A time of day, with or without a date before and a zone behind it, in brackets or not. */
const stamp = String.raw`\[?(?:[\d./-]+[ T])?\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\s?(?:Z|UTC|[AP]M|[+-]\d\d:?\d\d)?\]?[\s|]+`;
/** Words that begin no sentence: behind the time they need no colon. */
const plainNames = `trace|debug|info|warn|warning|error|critical|fatal|${Object.keys(shortWords)
  .filter((word) => word !== "fail")
  .join("|")}`;
/** The level is the first word, as "error: ..." or "WARN[0000] ...", or the first one behind the time, as "09:40:00 INF ...". */
const atStart = new RegExp(`^(${names})[:[]|^${stamp}(?:(${names})(?=[:\\]|])|(${plainNames})(?=$|\\s))`, "i");
const inLogfmt = new RegExp(`(?:^|\\s)(?:level|lvl|severity|log_?level)="?(${names})\\b`, "i");
/** "ERROR", "[WARN]", "INFO:", "production.ERROR:", "DEBUG/MainProcess" anywhere in the head. */
const inCapitals = new RegExp(`(?:^=?|[\\s[(<|:\\]]|\\w\\.(?=\\w+:))(${longNames.toUpperCase()})(?=$|[\\s\\])>|:,/!-])`);
/** In any letters between brackets or bars, padded or behind the name of a module: "[error    ]", "[core:error]", "| Warning |". */
const inBrackets = new RegExp(`[[<|]\\s*(?:\\w+:)?(${names})\\s*[\\]>|]`, "i");
/** One letter: "[E]", Tornado's "[E 260113 09:40:00 web:1]", Ruby's "E, [2026-01-13T09:40:00", Android's "E/Tag", glog's "E0113 09:40:00". */
const byLetter = /^\[([TVDIWEFC])(?:\]|\s\d)|\[([TVDIWEFC])\]|^([DIWEF]), \[|^([VDIWEF])\/\w|^([DIWEF])\d{4,8} \d\d:\d\d:\d\d/;
const byPhp = /\bPHP (Fatal error|Parse error|Warning|Notice|Deprecated):/;
const php: Readonly<Record<string, LogLevel>> = {
  "Fatal error": "fatal",
  "Parse error": "fatal",
  Warning: "warn",
  Notice: "info",
  Deprecated: "warn",
};
/** Redis: "1:M 13 Jan 2026 09:40:00.000 # ...". */
const byRedis = /^\d+:[A-Z] \d\d \w{3} \d{4} [\d:.]{12} ([.*#-]) /;
const redis: Readonly<Record<string, LogLevel>> = { ".": "debug", "-": "debug", "*": "info", "#": "warn" };
/** "<3>", or "<134>1" with a facility. Source: RFC 5424, section 6.2.1. */
const bySyslog = /^<(\d{1,3})>/;
const syslog: readonly LogLevel[] = ["fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug"];

/**
 * The level that a line names by itself, null when it names none. The formats are those of the table in log-level.test.ts: JSON (numbers of pino, bunyan, Monolog,
 * GELF and OpenTelemetry too), logfmt, and the prefixes of common libraries and servers.
 */
export function parseLogLevel(line: string): LogLevel | null {
  if (line.startsWith("{")) return parseJsonLevel(line);
  const head = line.length > headLength ? line.slice(0, headLength) : line;
  const named = inLogfmt.exec(head) ?? atStart.exec(head) ?? earlier(inCapitals.exec(head), inBrackets.exec(head));
  if (named) return toLevel(named[1] ?? named[2] ?? named[3] ?? "");
  const letter = byLetter.exec(head);
  if (letter) return letters[letter.slice(1).find((found) => found !== undefined) ?? ""] ?? null;
  const [, error] = byPhp.exec(head) ?? [];
  if (error) return php[error] ?? null;
  const [, mark] = byRedis.exec(head) ?? [];
  if (mark) return redis[mark] ?? null;
  const [, priority] = bySyslog.exec(head) ?? [];
  return priority ? (syslog[Number(priority) % 8] ?? null) : null;
}

function earlier(a: RegExpExecArray | null, b: RegExpExecArray | null): RegExpExecArray | null {
  return a && b ? (a.index <= b.index ? a : b) : (a ?? b);
}

function toLevel(word: string): LogLevel | null {
  const name = word.toLowerCase();
  return words[name] ?? shortWords[name] ?? null;
}

const inJson =
  /"(level|severity|lvl|level_?name|log_?level|log\.level|@l|severity_?(?:text|number))"\s{0,4}:\s{0,4}(?:"([A-Za-z]{3,13})(?:[+-]\d+)?"|"?(\d{1,3})"?(?=[\s,}]))/gi;
/** MongoDB writes a letter, with a depth behind the one of debug. */
const inMongo = /^\{"t":\{"\$date":"[^"]{1,40}"\},\s{0,4}"s":"([DIWEF])\d?"/;

/** The first key that names a level; one whose value is no level ("severity": "low") is passed over. */
function parseJsonLevel(line: string): LogLevel | null {
  for (const [, key = "", word, number] of line.matchAll(inJson)) {
    const level = word ? toLevel(word) : fromNumber(key.toLowerCase(), Number(number), line);
    if (level) return level;
  }
  const [, letter] = inMongo.exec(line) ?? [];
  if (letter) return letters[letter] ?? null;
  // Serilog's compact format leaves out the level of information.
  return line.startsWith('{"@t":') ? "info" : null;
}

/** The numbers of OpenTelemetry's severity_number (1 to 24), GELF (as syslog), pino and bunyan (10 to 60), and Monolog (100 to 600). */
function fromNumber(key: string, value: number, line: string): LogLevel | null {
  if (key.endsWith("number")) return value < 1 ? null : (logLevels[Math.floor((value - 1) / 4)] ?? null);
  if (value < 8) return line.includes('"short_message"') ? (syslog[value] ?? null) : null;
  if (value >= 100) return value < 200 ? "debug" : value < 300 ? "info" : value < 400 ? "warn" : value < 500 ? "error" : "fatal";
  return value < 10 ? null : (logLevels[Math.floor(value / 10) - 1] ?? null);
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

/** Whether a level is at least so severe. A line that names none passes unless `isStrict`: it may be the one that matters. */
export function isAtLeast(level: LogLevel | null, minimum: LogLevel, isStrict: boolean): boolean {
  return level === null ? !isStrict : logLevels.indexOf(level) >= logLevels.indexOf(minimum);
}
