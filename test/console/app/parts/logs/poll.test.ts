import { expect, test } from "vitest";
import { readRound } from "../../../../../src/console/app/parts/logs/poll.ts";
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
async function read(...pages: (Page | null)[]) {
  const turns: unknown[] = [];
  const seen: string[] = [];
  const options = {
    resume: () => ({ since, tail: 5000 }),
    read: async (turn: unknown) => {
      turns.push(turn);
      return pages.shift() ?? null;
    },
    rows: (rows: readonly LogRow[]) => void seen.push(...rows.map(({ at }) => at.slice(17, 19))),
  };
  await readRound(options, new AbortController().signal);
  return { turns, seen };
}

test("A round reads from the last line to the end of the log", async () => {
  const first = { rows: [line("08"), line("11"), line("12")], nextCursor: "end" };
  const { turns, seen } = await read(first, { rows: [line("13")], nextCursor: null });
  expect(turns).toEqual([{ at: since }, { after: "end" }]);
  expect(seen).toEqual(["11", "12", "13"]);
});

test("A marker before the last line does not come a second time", async () => {
  const { seen } = await read({ rows: [marker("10"), line("10"), marker("12")], nextCursor: null });
  expect(seen).toEqual(["10", "12"]);
});
