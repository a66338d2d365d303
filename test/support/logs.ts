import type { LogLine } from "../../src/containers/logs/log.ts";
import { toLogTimestamp } from "../../src/lib/time.ts";

/** A log timestamp `ms` after a fixed moment. */
export function at(ms: number): string {
  return toLogTimestamp(`${1_768_297_600 + Math.floor(ms / 1000)}.${String(Math.floor(ms) % 1000).padStart(3, "0")}`);
}

export function line(ms: number, message = `at ${ms}`): LogLine {
  return sampleLine(message, { timestamp: at(ms) });
}

/** A line of standard output without a level. */
export function sampleLine(message: string, overrides: Partial<LogLine> = {}): LogLine {
  return { timestamp: "2026-01-13T09:46:00.000000001Z", stream: "stdout", level: null, message, ...overrides };
}
