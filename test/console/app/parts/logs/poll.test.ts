import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LogPoll } from "../../../../../src/console/app/parts/logs/poll.ts";
import { type LogRow, toNote } from "../../../../../src/console/app/parts/logs/row.ts";

const since = "2026-11-27T09:41:10.000Z";
const toTime = (second: string) => `2026-11-27T09:41:${second}.500000000Z`;
const line = (second: string): LogRow => ({
  at: toTime(second),
  level: null,
  text: `at ${second}`,
  source: { name: "web", engine: "vm1", short: "web" },
  note: null,
  isOpen: false,
});
const marker = (second: string) => toNote(toTime(second), { kind: "event", text: "started", tone: "mark" });

interface Page {
  readonly rows: readonly LogRow[];
  readonly nextCursor: string | null;
}

/** A poll that reads these pages, then nothing; null is a read that fails. */
function start(...pages: (Page | null)[]) {
  const turns: unknown[] = [];
  const seen: string[] = [];
  const poll = new LogPoll({
    resume: () => ({ since, tail: 5000 }),
    read: async (turn) => {
      turns.push(turn);
      return pages.shift() ?? null;
    },
    rows: (rows) => void seen.push(...rows.map(({ at }) => at.slice(17, 19))),
  });
  poll.start();
  return { poll, turns, seen };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("A round reads from the last line to the end of the log", async () => {
  const first = { rows: [line("08"), line("11"), line("12")], nextCursor: "end" };
  const { turns, seen } = start(first, { rows: [line("13")], nextCursor: null });
  await vi.advanceTimersByTimeAsync(0);
  expect(turns).toEqual([{ at: since }, { after: "end" }]);
  expect(seen).toEqual(["11", "12", "13"]);
});

test("A marker before the last line does not come a second time", async () => {
  const { seen } = start({ rows: [marker("10"), line("10"), marker("12")], nextCursor: null });
  await vi.advanceTimersByTimeAsync(0);
  expect(seen).toEqual(["10", "12"]);
});

test("Rounds begin 3 s apart, also after one that failed", async () => {
  const { turns, seen } = start(null, { rows: [line("11")], nextCursor: null });
  await vi.advanceTimersByTimeAsync(2999);
  expect(turns).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect([turns.length, seen]).toEqual([2, ["11"]]);
});

test("Nothing is asked for once a stream is possible", async () => {
  const { poll, turns } = start();
  await vi.advanceTimersByTimeAsync(0);
  poll.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(turns).toHaveLength(1);
});
