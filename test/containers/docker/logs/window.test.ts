import { Readable } from "node:stream";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { maxScanBytes, readLogWindow } from "../../../../src/containers/docker/logs/window.ts";
import { type LogStream, maxPageBytes, toLineBytes } from "../../../../src/containers/logs/log.ts";
import { createSharedBudget, type ReadBudget } from "../../../../src/lib/budget/budget.ts";
import { OpsError } from "../../../../src/lib/errors.ts";
import { compileLinePattern } from "../../../../src/lib/pattern/pattern.ts";
import { sanitiseLine } from "../../../../src/lib/redact/sanitize.ts";
import { watchTurns } from "../../../support/cost.ts";
import { countStepsAtOnce, createStepSearch } from "../../../support/rounds.ts";
import { frame, splitBy, stamp, toEntries } from "../../../support/docker-frames.ts";

type Line = readonly [stream: LogStream, text: string];

function framed(lines: readonly Line[]): Buffer {
  return Buffer.concat(
    lines.flatMap(([stream, text], n) => toEntries(n, Buffer.from(text)).map((entry) => frame(stream, entry))),
  );
}
function read(chunks: readonly Buffer[], options: Partial<Parameters<typeof readLogWindow>[1]> = {}) {
  const budget = createSharedBudget(new AbortController().signal);
  return readLogWindow(Readable.from(chunks), { tail: 5000, tty: false, size: null, ...options }, budget);
}
const stream = fc.constantFrom<LogStream>("stdout", "stderr");
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 30 }).map((value) => value.replaceAll(/[\n\r]/g, "")),
  fc.integer({ min: 8000, max: 20_000 }).map((count) => "é".repeat(count)),
);
const lines = fc.array(fc.tuple(stream, text), { maxLength: 8 });
const cuts = fc.array(fc.integer({ min: 1, max: 9000 }), { maxLength: 5 });

test("any lines come back unchanged from any split into chunks", async () => {
  await fc.assert(
    fc.asyncProperty(lines, cuts, async (list, sizes) => {
      const window = await read(splitBy(framed(list), sizes));
      expect(window.lines).toEqual(
        list.map(([from, message], n) => ({
          timestamp: stamp(n),
          stream: from,
          level: null,
          message: sanitiseLine(message),
        })),
      );
      expect(window).toMatchObject({ dropped: 0, overflow: false });
    }),
    { numRuns: 60 },
  );
});

test("a terminal's log comes back unchanged too", async () => {
  await fc.assert(
    fc.asyncProperty(lines, cuts, async (list, sizes) => {
      const whole = Buffer.concat(list.flatMap(([, message], n) => toEntries(n, Buffer.from(`${message}\r`))));
      const window = await read(splitBy(whole, sizes), { tty: true });
      expect(window.lines.map(({ message }) => message)).toEqual(list.map(([, message]) => sanitiseLine(message)));
      expect(window.lines.map(({ timestamp }) => timestamp)).toEqual(list.map((_, n) => stamp(n)));
    }),
    { numRuns: 60 },
  );
});

test("random bytes end in lines or in an AnswerError", async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 200 }));
  await fc.assert(
    fc.asyncProperty(chunks, fc.boolean(), async (list, tty) => {
      const outcome = await read(
        list.map((chunk) => Buffer.from(chunk)),
        { tty },
      ).catch((error: Error) => error.name);
      expect(outcome === "AnswerError" || typeof outcome === "object").toBe(true);
    }),
  );
});

test("a full window drops lines that may lack their beginning", async () => {
  // The end of a long line of stdout, and the same of stderr from before it; then whole lines.
  const entries = [
    frame("stdout", Buffer.from(`${stamp(2)} end of one\n`)),
    frame("stdout", Buffer.from(`${stamp(3)} whole\n`)),
    frame("stderr", Buffer.from(`${stamp(1)} end of another\n`)),
    frame("stderr", Buffer.from(`${stamp(4)} whole too\n`)),
  ];
  const messages = async (size: number | null) => (await read(entries, { size })).lines.map(({ message }) => message);
  expect(await messages(4)).toEqual(["whole", "whole too"]);
  expect(await messages(5)).toEqual(["end of one", "whole", "end of another", "whole too"]);
  expect(await messages(null)).toHaveLength(4);
});

test("a late first line of a stream is complete", async () => {
  const window = await read(
    [
      framed([
        ["stdout", "a"],
        ["stdout", "b"],
        ["stderr", "c"],
      ]),
    ],
    { size: 3 },
  );
  expect(window.lines.map(({ message }) => message)).toEqual(["b", "c"]);
});

test("the newest lines are returned, by number and size, with the omissions", async () => {
  const many: Line[] = Array.from({ length: 30_000 }, (_, n) => ["stdout", `line ${n}`]);
  const window = await read([framed(many)], { tail: 3 });
  expect(window).toMatchObject({ entries: 30_000, dropped: 29_997 });
  expect(window.lines.map(({ message }) => message)).toEqual(["line 29997", "line 29998", "line 29999"]);
  const large: Line[] = Array.from({ length: 120 }, (_, n) => ["stdout", `${n} ${"x".repeat(60_000)}`]);
  const bounded = await read([framed(large)]);
  expect(bounded.dropped).toBe(120 - bounded.lines.length);
  expect(bounded.lines.at(-1)?.message).toMatch(/^119 /);
  expect(bounded.lines.reduce((sum, { message }) => sum + message.length, 0)).toBeLessThanOrEqual(5_000_000);
});

test("a read beyond its limit is given up", async () => {
  const chunk = framed(Array.from({ length: 64 }, () => ["stdout", "x".repeat(16_000)] as const));
  const chunks = Array.from({ length: Math.ceil(maxScanBytes / chunk.length) + 1 }, () => chunk);
  const window = await read(chunks);
  expect(window).toMatchObject({ lines: [], dropped: window.entries, overflow: true });
  expect(window.entries).toBeGreaterThan(2000);
});

test("a line is cut between characters; its time may be of another zone", async () => {
  const cut = await read([framed([["stdout", `x${"é".repeat(40_000)}`]])]);
  expect(cut.lines[0]?.message).toBe(`x${"é".repeat(32_767)} [line cut at 64 KiB]`);
  const other = await read([
    frame("stdout", Buffer.from("2026-01-13T10:40:00.5+01:00 podman\n")),
    frame("stdout", Buffer.from("no time at all\n")),
  ]);
  expect(other.lines).toEqual([
    { timestamp: "2026-01-13T09:40:00.500000000Z", stream: "stdout", level: null, message: "podman" },
    { timestamp: "2026-01-13T09:40:00.500000000Z", stream: "stdout", level: null, message: "no time at all" },
  ]);
});

test("a secret is redacted wherever frames are cut, for a search too", async () => {
  const canaries = [
    "password=canary-1234567890",
    "Authorization: Bearer canary1234567890",
    "postgres://app:canary-123@db/x",
    "AKIACANARY1234567890",
    "eyJjYW5hcnk.eyJjYW5hcnk.canary",
    `ghp_canary${"a1".repeat(12)}`,
    `sk_live_canary${"a1".repeat(12)}`,
    "pass\u200bword=can\x1b[0mary",
  ];
  // The secret lies across the border of two entries of 16 KiB.
  const whole = framed(
    canaries.flatMap((secret): Line[] => [
      ["stdout", `x ${secret} y`],
      ["stderr", `${"z ".repeat(8185)}${secret} y`],
    ]),
  );
  await fc.assert(
    fc.asyncProperty(cuts, async (sizes) => {
      const window = await read(splitBy(whole, sizes));
      expect(window.lines).toHaveLength(2 * canaries.length);
      expect(window.lines.filter(({ message }) => /canary/i.test(message) || !message.includes("[redacted]"))).toEqual(
        [],
      );
    }),
    { numRuns: 40 },
  );
  expect((await read([whole], { search: "canary" })).lines).toEqual([]);
});

/** What a reading holds of a budget. */
function createMeter(most = Number.POSITIVE_INFINITY) {
  const meter = { held: 0, peak: 0 };
  const budget: ReadBudget = {
    ...createSharedBudget(new AbortController().signal),
    hold(bytes) {
      if (meter.held + bytes > most) throw new OpsError("overloaded", "Full");
      meter.held += bytes;
      meter.peak = Math.max(meter.peak, meter.held);
    },
    free: (bytes) => void (meter.held -= bytes),
  };
  return { meter, budget };
}

test("a read takes the memory of its page, and none when it fails", async () => {
  const long = framed(Array.from({ length: 1500 }, (_, n): Line => ["stdout", `${n} ${"x".repeat(15_000)}`]));
  const options = { tail: 5000, tty: false, size: null };
  const chunks = () => Readable.from(splitBy(long, [65_536]));
  const { meter, budget } = createMeter();
  const { lines: page, bytes, dropped } = await readLogWindow(chunks(), options, budget);
  expect(page.length + dropped).toBe(1500);
  expect(bytes).toBe(page.reduce((sum, line) => sum + toLineBytes(line), 0));
  expect(meter).toEqual({ held: bytes, peak: expect.any(Number) });
  expect(bytes).toBeLessThanOrEqual(maxPageBytes);
  expect(meter.peak).toBeLessThan(maxPageBytes + 20_000);

  const full = createMeter(1_000_000);
  await expect(readLogWindow(chunks(), options, full.budget)).rejects.toMatchObject({ code: "overloaded" });
  expect(full.meter.held).toBe(0);

  const endless = createMeter();
  const more = (function* () {
    for (let size = 0; size <= maxScanBytes + long.length; size += long.length) yield* splitBy(long, [65_536]);
  })();
  expect((await readLogWindow(Readable.from(more), options, endless.budget)).overflow).toBe(true);
  expect(endless.meter.held).toBe(0);
});

test("others are served during a read, however slow the expression", async () => {
  const budget = createSharedBudget(new AbortController().signal);
  const pattern = await compileLinePattern("[a-q][^u-z]{98}x", {}, budget);
  const slowText = (n: number) =>
    Array.from({ length: 1000 }, (_, at) => "abcdefghijklmnop qrst0123456789-"[(at * 7919 + at * at + n) % 32]).join(
      "",
    );
  const log = framed(Array.from({ length: 300 }, (_, n): Line => ["stdout", slowText(n)]));
  const turns = watchTurns();
  expect(pattern).not.toBeNull();
  const window = await read([log], { ...(pattern && { pattern }) });
  expect(window.lines).toEqual([]);
  const worked = turns();
  // All of it takes many times as much.
  expect(worked.at(-1)).toBeLessThan(400);
});

test("many readings at once work on one line in a round", async () => {
  const { most, steps } = await countStepsAtOnce(async (step) => {
    const search = createStepSearch(step);
    const chunk = framed([
      ["stdout", "one"],
      ["stderr", "other"],
    ]);
    const unfinished = frame("stdout", Buffer.from(`${stamp(9)} unfinished`));
    await Promise.all(Array.from({ length: 30 }, () => read([chunk, chunk, unfinished], { search })));
  });
  expect(steps).toBe(30 * 5);
  expect(most).toBeLessThanOrEqual(2);
});
