import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createLevelDetector, isAtLeast, type LogLevel } from "../../../src/containers/logs/level.ts";

/** Lines of one stream, each with its level. */
test.each<[string, readonly (readonly [string, LogLevel | null])[]]>([
  [
    "a stack trace stays with its first line; the next line is its own",
    [
      ["ERROR boom", "error"],
      ["    at f (x.js:1)", "error"],
      ["Caused by: y", "error"],
      ["\t... 12 more", "error"],
      ["}", "error"],
      ["next thing", null],
      ["    indented", null],
      ["INFO ok", "info"],
      ["  more", "info"],
    ],
  ],
  [
    "Python's traceback does not belong to the line before",
    [
      ["INFO:root:up", "info"],
      ["Traceback (most recent call last):", "error"],
      ['  File "x.py", line 1, in <module>', "error"],
      ["    info: 1 / 0", "error"],
      ["ZeroDivisionError: x", "error"],
      ["INFO:root:up", "info"],
    ],
  ],
  ...[
    "TypeError: Cannot read properties",
    "java.lang.OutOfMemoryError: Java heap space",
    "org.postgresql.util.PSQLException: FATAL: password authentication failed",
    "requests.exceptions.ConnectionError: x",
    "Caused by: java.io.IOException: x",
    'Exception in thread "main" java.lang.IllegalStateException: x',
    "Unhandled exception. System.InvalidOperationException: x",
    "thread 'main' panicked at src/main.rs:2:5:",
    "** (RuntimeError) boom",
    "goroutine 1 [running]:",
    "      System.InvalidOperationException: x",
  ].map((line): [string, [string, LogLevel][]] => [
    `${line} begins an error, and its frames go with it`,
    [
      ["WARN up", "warn"],
      [line, "error"],
      ["         at f(x)", "error"],
      ["WARN up", "warn"],
    ],
  ]),
  [
    "an indented line has its own level",
    [
      ["INFO ok", "info"],
      ["  ERROR indented", "error"],
      ["    frame", "error"],
      ["  2026/01/13 09:40:00 [INFO] Consul", "info"],
      ["  2026/01/13 09:40:00 [ERROR] Consul", "error"],
      [" INFO log4j pads", "info"],
      ["  [ERROR] x", "error"],
      ["  [INFO] x", "info"],
      ["  error: x", "error"],
    ],
  ],
  [
    "a lesser level within an error, or within a line of unknown level, hides no part of it",
    [
      ["ERROR x {", "error"],
      ["  info: 'y',", "error"],
      ["  level: 'info'", "error"],
      ["}", "error"],
      ["node:internal/process/promises:288", null],
      ["  info: 'y',", null],
      ["  error: 'y',", "error"],
    ],
  ],
  [
    "a lesser level within a warning does not hide it; a graver one counts",
    [
      ["WARN x", "warn"],
      ["  info: y", "warn"],
      ["  request ERROR 500", "error"],
    ],
  ],
  [
    "PostgreSQL's further lines belong to the first",
    [
      ["2026-01-13 09:40:00 UTC [1] ERROR:  duplicate key", "error"],
      ["2026-01-13 09:40:00 UTC [1] DETAIL:  Key exists", "error"],
      ["2026-01-13 09:40:00 UTC [1] STATEMENT:  insert 'INFO'", "error"],
      ["2026-01-13 09:40:00 UTC [1] LOG:  slow", "info"],
      ["2026-01-13 09:40:00 UTC [1] STATEMENT:  select 1", "info"],
      ["2026-01-13 09:40:00 UTC [1] ERROR:  bad STATEMENT:  x", "error"],
    ],
  ],
  [
    "what only begins like a frame belongs to no line before",
    [
      ["INFO ok", "info"],
      ["at startup the database was gone", null],
      ["INFO ok", "info"],
      ["at f (x.js:1)", "info"],
      ["INFO ok", "info"],
      ["died on QUERY: select 1", null],
    ],
  ],
  [
    "PHP's trace stays with its error",
    [
      ["PHP Fatal error:  Uncaught Exception: boom", "fatal"],
      ["Stack trace:", "fatal"],
      ["#0 {main}", "fatal"],
      ["  thrown in x.php on line 1", "fatal"],
    ],
  ],
  [
    "what says more than the error before counts",
    [
      ["ERROR x", "error"],
      ["fatal error: y", "fatal"],
    ],
  ],
])("%s", (_title, lines) => {
  expect(lines.map(([line]) => line).map(createLevelDetector())).toEqual(lines.map(([, level]) => level));
});

/** How the formats write a grave level before any message. */
const graveFormats: readonly ((level: string, message: string) => string)[] = [
  (level, message) => `${level} ${message}`,
  (level, message) => `${level}: ${message}`,
  (level, message) => `${level}:root:${message}`,
  (level, message) => `[${level}] ${message}`,
  (level, message) => `  ${level} ${message}`,
  (level, message) => `\t[${level}] ${message}`,
  (level, message) => `2026-01-13T09:40:00.000Z ${level} ${message}`,
  (level, message) => `2026-01-13 09:40:00,123 - app - ${level} - ${message}`,
  (level, message) => `2026-01-13 09:40:00.000  ${level} 1 --- [main] c.e.App : ${message}`,
  (level, message) => `2026-01-13 09:40:00.000 | ${level}    | __main__:f:1 - ${message}`,
  (level, message) => `[2026-01-13 09:40:00,123: ${level}/MainProcess] ${message}`,
  (level, message) => `[2026-01-13 09:40:00] production.${level}: ${message}`,
  (level, message) => `2026-01-13 09:40:00 UTC [1] ${level}:  ${message}`,
  (level, message) => `[${level.toLowerCase()}] ${message}`,
  (level, message) => `${level.toLowerCase()}: ${message}`,
  (level, message) => `2026-01-13 09:40:00 - ${level.toLowerCase()}: ${message}`,
  (level, message) => `level=${level.toLowerCase()} msg=${JSON.stringify(message)}`,
  (level, message) => `time=x msg=${JSON.stringify(message)} level=${level.toLowerCase()}`,
  (level, message) => JSON.stringify({ level: level.toLowerCase(), message, context: { level: "info" } }),
  (level, message) =>
    JSON.stringify({ context: { level: "info", severity: message }, [message]: message, severity: level }),
  (_, message) => `E, [2026-01-13T09:40:00.1 #1] ${message}`,
  (_, message) => `E0113 09:40:00.000000 1 main.go:1] ${message}`,
  (_, message) => `E/Tag(1): ${message}`,
  (_, message) => `<3>${message}`,
  (_, message) => `[E 260113 09:40:00 web:1] ${message}`,
];
const misleading = [
  "INFO",
  "[debug]",
  "info:",
  "level=info",
  'level="info"',
  "severity=debug",
  "log_level=info",
  '"level":"info"',
  "DETAIL:  ",
  "PHP Notice:",
];
misleading.push(
  " | INFO | ",
  "{",
  "}",
  '"',
  "\\",
  "'",
  "=",
  "  ",
  "09:40:00 INFO ",
  "<134>",
  "I, [",
  "[I]",
  "LOG:  ",
  "x",
  "- info: ",
  "at f(x)",
);

test("level=warn hides no severe line, whatever stands before it", () => {
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom(...misleading), { maxLength: 8 }).map((words) => words.join(" ")),
    fc.array(fc.constantFrom(...misleading), { maxLength: 8 }).map((words) => words.join("")),
  );
  const before = fc.array(
    fc.oneof(text, fc.constantFrom("INFO ok", "INFO:root:up", '{"level":30}', "level=info msg=x", "DEBUG x", "  more")),
  );
  const level = fc.constantFrom("ERROR", "FATAL", "CRITICAL");
  fc.assert(
    fc.property(fc.constantFrom(...graveFormats), level, text, before, (format, word, message, lines) => {
      const detect = createLevelDetector();
      for (const line of lines) detect(line);
      expect(isAtLeast(detect(format(word, message)), "warn", false)).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

test("a quoted text like a detail of PostgreSQL continues no line", () => {
  const detect = createLevelDetector();
  expect(detect("INFO up")).toBe("info");
  expect(detect(`time=x msg="${"DETAIL:  ".repeat(15)}" level=error`)).toBeNull();
});

test("a single indented line names its own level", () => {
  expect(createLevelDetector()("  ERROR boom")).toBe("error");
});
