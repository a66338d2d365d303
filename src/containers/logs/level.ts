import { once } from "../../lib/cache.ts";

/** From the least to the most severe. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof logLevels)[number];
type Levels = Readonly<Record<string, LogLevel>>;

/** The level of each word, from the words of each level. */
function toLevels(words: Readonly<Record<LogLevel, string>>): Levels {
  return Object.fromEntries(logLevels.flatMap((level) => words[level].split(" ").map((word) => [word, level])));
}

const words = toLevels({
  trace: "trace verbose finest",
  debug: "debug fine",
  info: "info information informational notice note log success",
  warn: "warn warning",
  error: "err error severe",
  fatal: "crit critical alert emerg emergency panic fatal",
});
/** Abbreviations: Serilog and zerolog use three letters, logrus, ASP.NET and Grafana four. */
const shortWords = toLevels({
  trace: "trc trac trce vrb",
  debug: "dbg dbug debu",
  info: "inf",
  warn: "wrn",
  error: "eror erro fail",
  fatal: "ftl fata pnc pani",
});
const letters = toLevels({ trace: "T V", debug: "D", info: "I N", warn: "W", error: "E", fatal: "F C" });
const wordLevels = Object.entries({ ...words, ...shortWords });
const capitalLevels = wordLevels.map(([word, level]) => [word.toUpperCase(), level] as const);
/** Also in capitals: a look-up is quicker than a change of case. */
const levelsByWord = new Map([...wordLevels, ...capitalLevels, ...Object.entries(letters)]);
const longNames = Object.keys(words).join("|");
const capitals = longNames.toUpperCase();
const names = `${longNames}|${Object.keys(shortWords).join("|")}`;
/**
 * Without the words that may begin a sentence ("Note: the disk is full"): those count only in
 * capitals or between brackets.
 */
const labels = names.replaceAll(/\b(?:fine|note|log|success)\|/g, "");
/** How much of a text line is searched, characters: a level stands before the message. */
const headLength = 120;

/** A time of day, with or without a date before it and a zone after it, in brackets or not. */
const stamp = String.raw`\[?(?:[\d./-]+[ T])?\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\s?(?:Z|UTC|[AP]M|[+-]\d\d:?\d\d)?\]?[\s|]+`;
/** Words that begin no sentence, and words that need no colon after a time. */
const abbreviations = Object.keys(shortWords)
  .filter((word) => word !== "fail")
  .join("|");
const bareWords = "trace|debug|info|warn|warning|error|critical|fatal";
const plainNames = `${bareWords}|${abbreviations}`;
/**
 * The first word, as "error: ...", "ERROR ...", "WARN[0000] ...", "dbg ..." or "Warning0113
 * 09:40:00"; in small letters before a capital, as "warning Yarn". After a name, as
 * "Zigbee2MQTT:info  ...".
 */
const firstWord = String.raw`(?:[\w.-]+:(?=(?:${plainNames})(?:\s\s|\s(?-i:[\d\p{Lu}[])))|(?=(?:${labels})(?:[:[]|\d{4} \d\d:)|(?-i:${capitals})\s|(?:${abbreviations})\s|(?:${bareWords})\s+(?-i:\p{Lu})))`;
/**
 * The first word after the time, as "09:40:00 INF ...", or a letter: etcd's "E | ", Android's
 * "E/Tag" and "1234 1234 E Tag".
 */
const afterStamp = String.raw`(?=(?:${labels})[:\]|]|(?:${plainNames}|(?-i:Information|Verbose))(?:$|\s)|(?-i:[DINWEC]\s\||[VDIWEF]\/\w))|\d+\s+\d+\s+(?=(?-i:[VDIWEF])\s)`;
/** As a value: 'LL="ERROR"', "LL=ERROR". */
const asValue = `(?:${stamp})?LL="?(?=(?-i:${capitals})(?:"|\\s))`;
/** What a terminal shows before it: npm's name, or a sign and a space ("⚠ Warning: x"). */
const sign = String.raw`(?:npm\s+(?=(?:${bareWords})\s)|(?:[\p{So}\p{Extended_Pictographic}]\uFE0F?\s+)(?=(?:${labels}):))`;
const atStart = new RegExp(`^(?:${firstWord}|${sign}|${stamp}(?:${afterStamp})|${asValue})([a-z]+)`, "iu");
/**
 * In capitals anywhere in the head: "ERROR", "[WARN]", "INFO:", "production.ERROR:",
 * "DEBUG/MainProcess". The look-behind comes last because that is quicker.
 */
const inCapitals = new RegExp(`(${capitals})(?=$|[\\s\\])>|:,/!-])(?<=(?:^=?|[\\s[(<|:\\]>]|\\w\\.(?=\\w+:))\\1)`);
/**
 * In any case between brackets or bars, padded or after a module's name: "[error ]",
 * "[core:error]", "| Warning |"; winston's "[api] info: ".
 */
const inBrackets = new RegExp(`[[<|]\\s*(?:\\w+:)?(${names})\\s*[\\]>|]|[\\]-]\\s+(${labels}):`, "i");
/** "[DEBUG] [ERROR]": the rest after the first word. */
const secondInBrackets = new RegExp(`^\\]?\\s*\\[\\s*(${names})\\s*\\]`, "i");
/**
 * One letter: "[E]", Tornado's "[E 260113 09:40:00 web:1]", Ruby's "E, [2026-01-13T09:40:00",
 * Android's "E/Tag", glog's "E0113 09:40:00".
 */
const byLetter =
  /(?:\[(?=[TVDIWEFC]\])|^(?:\[(?=[TVDIWEFC]\s\d)|(?=[DIWEF], \[|[VDIWEF]\/\w|[DIWEF]\d{4,8} \d\d:\d\d:\d\d)))([A-Z])/;
/**
 * What may stand before the level without being prose: groups in brackets, and the words of a date.
 */
const aside =
  /\[[^\]]*\]|\([^)]*\)|<[^>]*>|\{[^}]*\}|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b|(?<=\d )[A-Z]{2,4}(?= )/g;
/**
 * A quote, or a bare word without a dash, bar or colon of its own after it ("app - INFO"): the
 * message has begun.
 */
const prose = /(?:^|\s)\p{L}+:?(?=\s+(?:[^-|:\s]|$))|"/u;
const quotedOrBare = String.raw`(?:"(?:[^"\\]|\\.)*",?|'[^']*',?|(?:[^\s"'][^\s"]*)?)`;
/**
 * The next level among pairs that begin the line or follow its time. Text between quotes is no
 * pair.
 */
const inPairs = new RegExp(
  String.raw`(?:^${stamp})?((?:[\w.@/-]+=${quotedOrBare}\s+)*?)(?:[Ll]evel|lvl|severity|log_?level|at)="?((?i:${names}))(?:[+-]\d+)?"?(?=,?(\s+[\w.@/-]+=)?)(?:[\s,]+|$)`,
  "y",
);
const levelKey = /(?:level|lvl|severity|\bat)=/g;
const graveNames = wordLevels.flatMap(([word, level]) => (isGrave(level) ? word : []));
const inProse = new RegExp(`\\s(?:level|lvl|severity|log_?level)="?(${graveNames.join("|")})\\b`, "i");
/**
 * How an error begins that no logger wrote. Source: the runtimes of Python, Java, Node.js, .NET,
 * Go, Rust, Elixir, Erlang, Ruby and PHP.
 */
const crash =
  /^(?:(?:\+ Exception Group )?Traceback \(|Caused by: |\[?[Uu]n(?:handled|caught)|Exception in thread |thread '.{0,60}' (?:\(\d+\) )?panicked|\*\* \(|goroutine \d+ \[|=CRASH REPORT|([Ff]atal (?:\w+ )?error: )|\[?(?:[\w$]+(?:\.|::|\\))*[\w$]*(?:Error|Exception)(?=$|:|\s?[([{]))/;
const byPhp = /\bPHP (Fatal error|Parse error):|(?:^|\] |PHP message: )PHP (Warning|Notice|Deprecated):/;
const php: Levels = {
  "Fatal error": "fatal",
  "Parse error": "fatal",
  Warning: "warn",
  Notice: "info",
  Deprecated: "warn",
};
/** Redis: "1:M 13 Jan 2026 09:40:00.000 # ...". */
const byRedis = /^\d+:[A-Z] \d\d \w{3} \d{4} [\d:.]{12} ([.*#-]) /;
const redis: Levels = { ".": "debug", "-": "debug", "*": "info", "#": "warn" };
/** "<3>", or "<134>1" with a facility. Source: RFC 5424, section 6.2.1. */
const bySyslog = /^<(\d{1,3})>/;
const syslog: readonly LogLevel[] = ["fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug"];

/**
 * The level that a line names itself; null when it names none. Formats are in the table of
 * level.test.ts: JSON (also the numbers of pino, bunyan, Monolog, GELF and OpenTelemetry), logfmt,
 * the prefixes of common libraries and servers, and the first lines of crashes (error, or fatal
 * where they say so).
 *
 * The level before the message counts. Inside the message only error and fatal count: a lesser
 * level would hide a line of unknown level. Of two levels outside the message (two keys, syslog's
 * number and a word) the more severe counts.
 */
export function parseLogLevel(line: string): LogLevel | null {
  const text = line.trimStart();
  if (text.startsWith("{")) return parseJsonLevel(text);
  const head = text.length > headLength ? text.slice(0, headLength) : text;
  let level = parseTextLevel(head);
  if (head.startsWith("<")) level = graver(level, syslog[Number(bySyslog.exec(head)?.[1]) % 8] ?? null);
  // PHP-FPM writes "NOTICE: PHP message: PHP Fatal error: ...".
  if (head.includes("PHP ")) {
    const [, error = "", lesser = ""] = byPhp.exec(head) ?? [];
    level = graver(level, php[error || lesser] ?? null);
  }
  return level;
}

function parseTextLevel(head: string): LogLevel | null {
  const hasPair = head.includes("=");
  const own = (hasPair ? parseLogfmt(head) : null) ?? toLevel(atStart.exec(head)?.[1]);
  if (own) return own;
  const crashed = toCrashLevel(head);
  if (crashed) return crashed;
  const [, mark] = byRedis.exec(head) ?? [];
  if (mark) return redis[mark] ?? null;
  const mentioned = earlier(earlier(inCapitals.exec(head), inBrackets.exec(head)), byLetter.exec(head));
  const level = toLevel(mentioned?.[1] ?? mentioned?.[2]);
  if (mentioned && level && !isGrave(level)) {
    const before = head.slice(0, mentioned.index + 1);
    const after = head.slice(mentioned.index + mentioned[0].length);
    if (after.startsWith("|") || !prose.test(before) || !prose.test(before.replaceAll(aside, " ")))
      return graver(level, toLevel(secondInBrackets.exec(after)?.[1]));
    const rest = parseTextLevel(after);
    return isGrave(rest) ? rest : null;
  }
  return level ?? (hasPair ? toLevel(inProse.exec(head)?.[1]) : null);
}

/**
 * The most severe level of its pairs. A first pair without a second is a message: "level=info is
 * not allowed".
 */
function parseLogfmt(head: string): LogLevel | null {
  let level: LogLevel | null = null;
  inPairs.lastIndex = 0;
  for (let found = inPairs.exec(head); found; found = inPairs.exec(head)) {
    const [, before, word, next] = found;
    if (level === null && before === "" && next === undefined) return null;
    level = graver(level, toLevel(word));
    // Usually there is no second level; this test is quicker than reading the other pairs.
    levelKey.lastIndex = inPairs.lastIndex;
    if (!levelKey.test(head)) break;
  }
  return level;
}

function toCrashLevel(head: string): LogLevel | null {
  const found = crash.exec(head);
  return found && (found[1] ? "fatal" : "error");
}

function earlier(a: RegExpExecArray | null, b: RegExpExecArray | null): RegExpExecArray | null {
  return a && b ? (a.index <= b.index ? a : b) : (a ?? b);
}

function toLevel(word: string | undefined): LogLevel | null {
  if (word === undefined) return null;
  return levelsByWord.get(word) ?? levelsByWord.get(word.toLowerCase()) ?? null;
}

function isGrave(level: LogLevel | null): boolean {
  return level === "error" || level === "fatal";
}

/** The more severe of two; any level is more than null. */
function graver(a: LogLevel | null, b: LogLevel | null): LogLevel | null {
  if (a === null || b === null) return a ?? b;
  return logLevels.indexOf(a) < logLevels.indexOf(b) ? b : a;
}

const inJson =
  /"(level|severity|lvl|level_?name|log_?level|log\.level|@l|severity_?(?:text|number)|status|(?-i:PRIORITY))"\s{0,4}:\s{0,4}(?:"([A-Za-z]{3,13})(?:[+-]\d+)?"|"?(\d{1,3})"?(?=[\s,}])|\{"icon":\s?"[^"]{0,20}",\s?"name":\s?"([A-Z]{3,13})")/gi;
/** MongoDB writes a letter; debug has a depth after it. */
const inMongo = /^\{"t":\{"\$date":"[^"]{1,40}"\},\s{0,4}"s":"([DIWEF])\d?"/;
/** Values of Datadog's key `status` that are levels: others say how an order or a request went. */
const datadogStatus = /^(?:emerg|alert|critical|error|warn|warning|notice|info|debug|trace)$/i;

/**
 * The most severe level among the keys of the line's own object; a value that is no level
 * ("severity": "low") is skipped. Of nested objects only ECS's `log.level` and Loguru's
 * `record.level.name` count.
 */
function parseJsonLevel(line: string): LogLevel | null {
  const at = createJsonPosition(line);
  const isGelf = once(() => line.includes('"short_message"'));
  let level: LogLevel | null = null;
  let status: LogLevel | null = null;
  inJson.lastIndex = 0;
  for (let found = inJson.exec(line); found && level !== "fatal"; found = inJson.exec(line)) {
    const [, key = "", word, number, loguru] = found;
    const owner = at(found.index);
    if (owner === "record") level = graver(level, toLevel(loguru));
    else if (owner === null || (owner === "log" && key !== "level")) continue;
    else if (key.toLowerCase() === "status")
      status = datadogStatus.test(word ?? "") ? graver(status, toLevel(word)) : status;
    else level = graver(level, number === undefined ? toLevel(word) : fromNumber(key, Number(number), isGelf));
  }
  if (level ?? status) return level ?? status;
  const [, letter] = inMongo.exec(line) ?? [];
  if (letter) return letters[letter] ?? null;
  // Serilog's compact format omits the level of information.
  return line.startsWith('{"@t":') ? "info" : null;
}

/**
 * The object with the key at an index: the line's own (""), its `log` or `record`, or another
 * (null). Indices only grow: each character is read once.
 */
function createJsonPosition(line: string): (index: number) => "" | "log" | "record" | null {
  let position = 0;
  let depth = 0;
  let isInString = false;
  let opened = 0;
  return (index) => {
    for (; position < index; position++) {
      const code = line.charCodeAt(position);
      if (code === 0x22) isInString = !isInString;
      else if (code === 0x5c) position++;
      else if (isInString) continue;
      else if (code === 0x7b || code === 0x5b) {
        if (++depth === 2) opened = position;
      } else if (code === 0x7d || code === 0x5d) depth--;
    }
    if (isInString || depth > 2) return null;
    if (depth === 1) return "";
    const [, parent] = /"(log|record)"\s{0,4}:\s{0,4}$/.exec(line.slice(Math.max(0, opened - 16), opened)) ?? [];
    return parent === "log" || parent === "record" ? parent : null;
  };
}

/**
 * The numbers of OpenTelemetry's severity_number (1 to 24), GELF and journald (as syslog), pino and
 * bunyan (10 to 60), and Monolog (100 to 600).
 */
function fromNumber(key: string, value: number, isGelf: () => boolean): LogLevel | null {
  if (/number$/i.test(key)) return value < 1 ? null : (logLevels[Math.floor((value - 1) / 4)] ?? null);
  // journald gives 6 to all output without a level.
  if (key === "PRIORITY") return value === 6 ? null : (syslog[value] ?? null);
  if (value < 8) return isGelf() ? (syslog[value] ?? null) : null;
  if (value >= 100)
    return value < 200 ? "debug" : value < 300 ? "info" : value < 400 ? "warn" : value < 500 ? "error" : "fatal";
  return value < 10 ? null : (logLevels[Math.floor(value / 10) - 1] ?? null);
}

/** A line that continues the one before: indented, a stack frame, the end of an object. */
const continuation = /^(?:\s|at (?:.{0,100}\(|\S+:\d)|\.\.\. \d+ more|[}\])])/;
/** PostgreSQL's continuation lines. Text between quotes is another logger's message. */
const byPostgres = /^(?:[^"]*\s)?(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION):  /;
/** A line that continues only an error. */
const inTrace = /^(?:[\w.$]+(?:Error|Exception)\b|Stack trace:|#\d+ )/;
/** An indented line that is no continuation: some loggers pad or indent. */
const indentedRecord = new RegExp(`^\\s+(?:${stamp}|(?:\\[\\s*(?:${capitals})\\s*\\]|(?:${capitals})\\s))`);

/**
 * Levels of the lines of one stream, in order. A continuation line has the level of its first line,
 * or a more severe one that it names itself. The start of an error continues only an error.
 */
export function createLevelDetector(): (line: string) => LogLevel | null {
  let last: LogLevel | null = null;
  return (line) => {
    const head = line.length > headLength ? line.slice(0, headLength) : line;
    const isOfError = isGrave(last);
    if (continuation.test(head) && !indentedRecord.test(head)) {
      if (isOfError) return last;
      const own = parseLogLevel(line);
      // A lesser level would hide part of a line of unknown level.
      if (last !== null || isGrave(own)) last = graver(last, own);
      return last;
    }
    const crashed = isOfError ? toCrashLevel(head) : null;
    if (crashed || (isOfError && inTrace.test(head))) return (last = graver(last, crashed));
    const own = parseLogLevel(line);
    if (own !== null || !byPostgres.test(head)) last = own;
    return last;
  };
}

/**
 * Whether a level is at least the minimum. A line without a level passes unless `isStrict`: it may
 * be the one that matters.
 */
export function isAtLeast(level: LogLevel | null, minimum: LogLevel, isStrict: boolean): boolean {
  return level === null ? !isStrict : logLevels.indexOf(level) >= logLevels.indexOf(minimum);
}
