import fs from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { createLogger, type LogLevel, silentLogger } from "../../src/lib/logger.ts";

const now = "2026-01-13T09:40:00.000Z";
const written = vi.fn<(fd: number, text: string) => number>();
let before: readonly NodeJS.ExitListener[];

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse(now) });
  before = process.listeners("exit");
  written.mockReset().mockImplementation((_fd, text) => Buffer.byteLength(text));
  vi.spyOn(fs, "writeSync").mockImplementation(written);
});
afterEach(() => {
  for (const listener of added()) process.off("exit", listener);
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What a logger does when the process ends. */
const added = () => process.listeners("exit").filter((listener) => !before.includes(listener));
const exit = () => {
  for (const listener of added()) listener(0);
};

/** The lines that were written to stdout, as objects. */
function readLines(): Record<string, unknown>[] {
  expect(written.mock.calls.filter(([fd]) => fd !== 1)).toEqual([]);
  const text = written.mock.calls.map(([, part]) => part).join("");
  written.mockClear();
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Record<string, unknown>]));
}

test("a line has its level, time, fields and message, and no more", () => {
  const logger = createLogger("debug");
  logger.debug({}, "one");
  logger.info({ path: "/x", missing: undefined }, "two");
  logger.warn({ list: [1] }, "three");
  logger.error({}, "four");
  vi.advanceTimersByTime(100);
  expect(readLines()).toEqual([
    { level: "debug", time: now, msg: "one" },
    { level: "info", time: now, path: "/x", msg: "two" },
    { level: "warn", time: now, list: [1], msg: "three" },
    { level: "error", time: now, msg: "four" },
  ]);
});

test.each([
  ["debug", 4],
  ["info", 3],
  ["warn", 2],
  ["error", 1],
  ["fatal", 0],
  ["silent", 0],
] as const)("at the level %s %d of four lines are written", (level: LogLevel, count) => {
  const logger = createLogger(level);
  for (const name of ["debug", "info", "warn", "error"] as const) logger[name]({}, name);
  vi.advanceTimersByTime(100);
  expect(readLines()).toHaveLength(count);
});

test("an error is written as name, message, code, stack and causes alone", () => {
  const error = (message: string, cause?: unknown) =>
    Object.assign(new Error(message, { cause }), { secret: "canary" });
  const coded = Object.assign(
    new OpsError("internal", "top", { cause: error("1", error("2", error("3", error("4")))) }),
    {
      headers: { authorization: "canary" },
    },
  );
  const logger = createLogger("info");
  logger.info({ err: coded }, "failed");
  logger.info({ err: Object.assign(new TypeError("x", { cause: "a text" }), { code: 7 }) }, "failed");
  logger.info({ err: new Error("alone") }, "failed");
  logger.info({ err: "no error" }, "failed");
  vi.advanceTimersByTime(100);
  const stack = expect.stringContaining("logger.test.ts") as string;
  const plain = { name: "Error", stack };
  expect(readLines().map(({ err }) => err)).toEqual([
    {
      name: "OpsError",
      message: "top",
      code: "internal",
      stack,
      cause: { ...plain, message: "1", cause: { ...plain, message: "2", cause: { ...plain, message: "3" } } },
    },
    { name: "TypeError", message: "x", code: "7", stack, cause: { message: "a text" } },
    { ...plain, message: "alone" },
    { message: "no error" },
  ]);
});

test("lines are written together: at 4 KiB, after 100 ms, or at the end", () => {
  const logger = createLogger("info");
  logger.info({}, "one");
  logger.info({}, "two");
  vi.advanceTimersByTime(99);
  expect(written).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(written).toHaveBeenCalledOnce();
  expect(readLines()).toHaveLength(2);
  // Nothing wakes a process that logs nothing.
  expect(vi.getTimerCount()).toBe(0);
  logger.info({}, "x".repeat(2000));
  expect(written).not.toHaveBeenCalled();
  logger.info({}, "x".repeat(2100));
  expect(written).toHaveBeenCalledOnce();
  expect(readLines()).toHaveLength(2);
  logger.info({}, "last");
  exit();
  expect(readLines()).toMatchObject([{ msg: "last" }]);
});

test.each(["EPIPE", "EIO"])("a closed output (%s) is no failure, nor tried at the end", (code) => {
  const logger = createLogger("info");
  let tries = 0;
  written.mockImplementation((_fd, text) => {
    tries += 1;
    // Whoever tries again and again is let go.
    if (tries > 20) return Buffer.byteLength(text);
    throw Object.assign(new Error("closed"), { code });
  });
  logger.info({}, "one");
  vi.advanceTimersByTime(100);
  expect(tries).toBe(1);
  logger.info({}, "two");
  exit();
  expect(tries).toBe(1);
});

test.each([
  ["late", 1],
  ["at once", 5000],
])("another failure to write (%s) ends the process, and is not tried again", (_when, length) => {
  const logger = createLogger("info");
  const full = Object.assign(new Error("full"), { code: "ENOSPC" });
  written.mockImplementation(() => {
    throw full;
  });
  const write = () => {
    logger.info({}, "x".repeat(length));
    vi.advanceTimersByTime(101);
  };
  expect(write).toThrow(full);
  expect(process.exitCode).toBe(1);
  process.exitCode = undefined;
  // The process ends of it, and must not try again for ever.
  exit();
  expect(written).toHaveBeenCalledOnce();
});

test("the silent logger writes nothing", () => {
  for (const name of ["debug", "info", "warn", "error"] as const) silentLogger[name]({}, "x");
  vi.advanceTimersByTime(1000);
  expect(written).not.toHaveBeenCalled();
});
