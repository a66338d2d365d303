import fs from "node:fs";
import { array, assert, constantFrom, integer, nat, oneof, property, record } from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { countDroppedLines, createLogger, type Logger } from "../../src/lib/logger.ts";

const now = "2026-01-13T09:40:00.000Z";

/** How many bytes the reader has place for. */
let room: number;
let read: string;
let tries: number;
let before: readonly NodeJS.ExitListener[];
let droppedBefore: number;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse(now) });
  before = process.listeners("exit");
  [room, read, tries, droppedBefore] = [0, "", 0, countDroppedLines()];
  vi.spyOn(fs, "writeSync").mockImplementation(take as typeof fs.writeSync);
});
afterEach(() => {
  for (const listener of added()) process.off("exit", listener);
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What a full pipe does: it takes as many bytes as it has place for. */
function take(_fd: number, bytes: Buffer): number {
  tries += 1;
  if (room === 0) throw Object.assign(new Error("full"), { code: "EAGAIN" });
  const taken = Math.min(room, bytes.length);
  room -= taken;
  read += bytes.toString("latin1", 0, taken);
  return taken;
}

const added = () => process.listeners("exit").filter((listener) => !before.includes(listener));
const exit = () => {
  for (const listener of added()) listener(0);
};

interface Line {
  readonly n?: number;
  readonly dropped?: number;
}

/** The lines that the reader got; fails unless each is whole. */
function readLines(): readonly Line[] {
  const lines = Buffer.from(read, "latin1").toString().split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => JSON.parse(line) as Line);
}

const log = (logger: Logger, n: number, length: number, letter = "x") =>
  logger.info({ n, text: letter.repeat(length) }, "line");

/**
 * Fails unless the lines, and what the gaps between them count, are those up to `count` in order.
 */
function expectAll(lines: readonly Line[], count: number): void {
  let next = 0;
  const places = lines.map(({ n, dropped }) => {
    const place = next;
    next += dropped ?? 1;
    return [n ?? place, place];
  });
  expect(places.filter(([n, place]) => n !== place)).toEqual([]);
  expect(next).toBe(count);
}

test("a full output loses nothing below the bound", () => {
  const logger = createLogger("info");
  for (let n = 0; n < 900; n += 1) log(logger, n, 1000);
  vi.advanceTimersByTime(600_000);
  expect(read).toBe("");
  room = Infinity;
  vi.advanceTimersByTime(100);
  expect(readLines().map(({ n }) => n)).toEqual(Array.from({ length: 900 }, (_, n) => n));
  expect(countDroppedLines()).toBe(droppedBefore);
});

test("lines beyond the bound are dropped, a line in their place says it", () => {
  const logger = createLogger("info");
  for (let n = 0; n < 1500; n += 1) log(logger, n, 1000);
  // A shorter one would fit.
  log(logger, 1500, 1);
  const dropped = countDroppedLines() - droppedBefore;
  expect(dropped).toBeGreaterThan(500);
  room = 1;
  vi.advanceTimersByTime(100);
  log(logger, 1501, 1);
  room = Infinity;
  vi.advanceTimersByTime(100);
  expect(readLines().slice(-2)).toEqual([
    {
      level: "warn",
      time: new Date(Date.now() - 100).toISOString(),
      dropped,
      msg: "log lines dropped: stdout was not read",
    },
    { level: "info", time: new Date(Date.now() - 100).toISOString(), n: 1501, text: "x", msg: "line" },
  ]);
  expectAll(readLines(), 1502);
});

test("the line of a gap needs no further line", () => {
  const logger = createLogger("info");
  for (let n = 0; n < 1500; n += 1) log(logger, n, 1000);
  room = Infinity;
  vi.advanceTimersByTime(100);
  expect(readLines().at(-1)).toMatchObject({ dropped: countDroppedLines() - droppedBefore });
  expect(vi.getTimerCount()).toBe(0);
});

test("a full output is tried at most ten times a second, an empty one never", () => {
  const logger = createLogger("info");
  log(logger, 0, 5000);
  vi.advanceTimersByTime(1000);
  tries = 0;
  vi.advanceTimersByTime(60_000);
  expect(tries).toBeLessThanOrEqual(600);
  room = Infinity;
  vi.advanceTimersByTime(100);
  tries = 0;
  vi.advanceTimersByTime(60_000);
  expect([tries, vi.getTimerCount()]).toEqual([0, 0]);
});

test("a line above the bound is written when nothing waits", () => {
  const logger = createLogger("info");
  room = Infinity;
  log(logger, 0, 2_000_000);
  expect(readLines()).toHaveLength(1);
});

test("any order of lines and reads loses only what its gaps count", () => {
  const step = oneof(
    { weight: 3, arbitrary: record({ lines: integer({ min: 1, max: 400 }), length: nat(3000) }) },
    { weight: 2, arbitrary: record({ room: oneof(nat(5000), nat(400_000)) }) },
    { weight: 1, arbitrary: record({ ms: integer({ min: 1, max: 300 }) }) },
  );
  let gaps = 0;
  assert(
    property(array(step, { maxLength: 30 }), constantFrom("x", "é", "€"), (steps, letter) => {
      [room, read] = [0, ""];
      const start = countDroppedLines();
      const logger = createLogger("info");
      let written = 0;
      for (const one of steps) {
        if ("room" in one) room += one.room;
        else if ("ms" in one) vi.advanceTimersByTime(one.ms);
        else for (let n = 0; n < one.lines; n += 1) log(logger, written++, one.length, letter);
      }
      room = Infinity;
      vi.advanceTimersByTime(100);
      exit();
      for (const listener of added()) process.off("exit", listener);
      const lines = readLines();
      expectAll(lines, written);
      const counted = lines.reduce((sum, { dropped = 0 }) => sum + dropped, 0);
      expect(counted).toBe(countDroppedLines() - start);
      gaps += lines.filter(({ dropped }) => dropped !== undefined).length;
    }),
    { numRuns: 40, seed: 35 },
  );
  expect(gaps).toBeGreaterThan(4);
});

test("the end of the process waits for a reader that reads", () => {
  const logger = createLogger("info");
  for (let n = 0; n < 1500; n += 1) log(logger, n, 1000);
  vi.spyOn(Atomics, "wait").mockImplementation(() => {
    room = 64 * 1024;
    return "timed-out";
  });
  exit();
  expect(readLines().at(-1)).toMatchObject({ dropped: countDroppedLines() - droppedBefore });
  expectAll(readLines(), 1500);
});

test("the end of the process waits a second for a reader that does not", () => {
  const logger = createLogger("info");
  log(logger, 0, 5000);
  let waited = 0;
  vi.spyOn(Atomics, "wait").mockImplementation((_clock, _index, _value, ms = 0) => {
    waited += ms;
    return "timed-out";
  });
  exit();
  expect(waited).toBe(1000);
});

test.each(["EPIPE", "EIO"])("lines for a closed output (%s) count as dropped", (code) => {
  const logger = createLogger("info");
  for (let n = 0; n < 10; n += 1) log(logger, n, 1000);
  vi.mocked(fs.writeSync).mockImplementation(() => {
    throw Object.assign(new Error("closed"), { code });
  });
  vi.advanceTimersByTime(100);
  log(logger, 10, 1);
  expect(countDroppedLines() - droppedBefore).toBe(11);
  expect(vi.getTimerCount()).toBe(0);
});

test("a disk that fills within a line ends the process at once", () => {
  const logger = createLogger("info");
  room = 1000;
  vi.mocked(fs.writeSync).mockImplementation(((fd: number, bytes: Buffer) => {
    if (room > 0) return take(fd, bytes);
    throw Object.assign(new Error("full"), { code: "ENOSPC" });
  }) as typeof fs.writeSync);
  // Not thrown at whoever logs: a request would answer it as its own error, and the process would
  // live on.
  log(logger, 0, 5000);
  expect(process.exitCode).toBe(1);
  process.exitCode = undefined;
  expect(() => vi.runAllTimers()).toThrow("full");
  const written = vi.mocked(fs.writeSync).mock.calls.length;
  exit();
  expect(vi.mocked(fs.writeSync).mock.calls.length).toBe(written);
});
