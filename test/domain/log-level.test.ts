import { expect, test } from "vitest";
import { createLevelDetector, isAtLeast, parseLogLevel } from "../../src/domain/log-level.ts";

test.each([
  ['{"level":"WARN","msg":"x"}', "warn"],
  ['{"level":50,"time":1,"msg":"error"}', "error"],
  ['{"time":"x","severity":"CRITICAL"}', "fatal"],
  ['{"message":"level"}', null],
  ["2026-01-13T09:40:00Z INFO listening", "info"],
  ["[2026-01-13 09:40:00] [ERROR] boom", "error"],
  ["time=x level=warning msg=y", "warn"],
  ["E, [2026-01-13T09:40:00.1 #1] ERROR -- : boom", "error"],
  ["2026/01/13 09:40:00 [error] 31#31: *1 upstream", "error"],
  ["E0113 09:40:00.000000 1 main.go:1] boom", "error"],
  ["2026-01-13 09:40:00 UTC [1] FATAL:  no such role", "fatal"],
  ["error: cannot open", "error"],
  ["WARNING something", "warn"],
  ["the error was found", null],
  ["INFORMATION_SCHEMA and ERRORS", null],
  ["", null],
])("%s", (line, level) => {
  expect(parseLogLevel(line)).toBe(level);
});

test("a stack trace stays with its first line; the next line is its own", () => {
  const detect = createLevelDetector();
  const lines = [
    "ERROR boom",
    "    at f (x.js:1)",
    "Caused by: y",
    "\t... 12 more",
    "}",
    "next thing",
    "    indented",
    "INFO ok",
    "  more",
  ];
  expect(lines.map(detect)).toEqual(["error", "error", "error", "error", "error", null, null, "info", "info"]);
});

test("an indented line that stands alone names its own level", () => {
  expect(createLevelDetector()("  ERROR boom")).toBe("error");
});

test("severity has an order, and none is below all", () => {
  expect(isAtLeast("error", "warn")).toBe(true);
  expect(isAtLeast("info", "warn")).toBe(false);
  expect(isAtLeast(null, "trace")).toBe(false);
});
