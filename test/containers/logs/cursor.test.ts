import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createLogCursor } from "../../../src/containers/logs/cursor.ts";
import type { LogLine, LogStream } from "../../../src/containers/logs/log.ts";
import { createSharedBudget } from "../../../src/lib/budget/budget.ts";
import { toLogTimestamp } from "../../../src/lib/time.ts";
import { countStepsAtOnce, createStepSearch } from "../../support/rounds.ts";

/** A log with few different times, as Podman tells them: in order, and unique by its messages. */
const logs = fc
  .array(fc.tuple(fc.constantFrom<LogStream>("stdout", "stderr"), fc.nat({ max: 1 })), { minLength: 1, maxLength: 30 })
  .map((steps) => {
    let seconds = 1000;
    return steps.map(([stream, step], index): LogLine => {
      seconds += step;
      return { timestamp: toLogTimestamp(String(seconds)), stream, level: null, message: String(index) };
    });
  });
/** Where a stream is cut, and where a reader joins, in parts of the log. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 });
/** Never waits. */
const budget = { turn: () => null, signal: new AbortController().signal };
const texts = (lines: readonly LogLine[]) => lines.map(({ message }) => message);

/** What an engine gives from a time on. */
function from(log: readonly LogLine[], since: string): LogLine[] {
  return log.filter(({ timestamp }) => timestamp >= since);
}

test("a stream that is cut anywhere continues, and each line comes once", async () => {
  await fc.assert(
    fc.asyncProperty(logs, cuts, async (log, parts) => {
      const cursor = createLogCursor();
      const handed: LogLine[] = [];
      for (const part of [...parts.toSorted((a, b) => a - b), 1]) {
        const written = log.slice(0, Math.ceil(part * log.length));
        const { isNew } = cursor.createFilter();
        const lines = from(written, cursor.latest).filter(isNew);
        cursor.add(lines);
        handed.push(...lines);
        expect(texts(handed)).toEqual(texts(written));
        // The page is read later, so it holds more; and it need not reach back far.
        const history = cursor.createHistory();
        expect(texts(await history.pick(log, { tail: 5000 }, budget)).toSorted()).toEqual(texts(handed).toSorted());
        const wanted = { tail: 5000, stream: "stderr" as const };
        const page = log.filter(({ stream }) => stream === "stderr");
        expect(texts(await history.pick(page, wanted, budget))).toEqual(
          texts(handed.filter(({ stream }) => stream === "stderr")),
        );
        expect(await history.pick(log, { tail: 2 }, budget)).toHaveLength(Math.min(2, handed.length));
      }
    }),
  );
});

const line = (message: string, at: number, stream: LogStream = "stdout"): LogLine => ({
  timestamp: toLogTimestamp(String(at)),
  stream,
  level: null,
  message,
});

test("a cursor begins at the log's last line, with its exact time", async () => {
  const log = [line("a", 1), line("b", 2, "stderr"), line("c", 2), line("d", 2)];
  const cursor = createLogCursor();
  expect(cursor.latest).toBe("");
  cursor.begin(log.at(-1)?.timestamp ?? "");
  cursor.add(from(log, cursor.latest));
  const { isNew } = cursor.createFilter();
  const grown = [...log, line("e", 2), line("f", 3)];
  expect(texts(from(grown, cursor.latest).filter(isNew))).toEqual(["e", "f"]);
  expect(cursor.createHistory().until).toBe(toLogTimestamp("2"));
  expect(texts(await cursor.createHistory().pick(grown, { tail: 10 }, budget))).toEqual(["a", "b", "c", "d"]);
});

test("a cursor has the newest time of both streams", () => {
  const cursor = createLogCursor();
  expect(cursor.latest).toBe("");
  cursor.add([line("a", 5, "stderr")]);
  expect(cursor.latest).toBe(toLogTimestamp("5"));
  cursor.add([line("b", 3)]);
  expect(cursor.latest).toBe(toLogTimestamp("5"));
  cursor.add([line("c", 9)]);
  expect(cursor.latest).toBe(toLogTimestamp("9"));
  cursor.add([]);
  expect(cursor.latest).toBe(toLogTimestamp("9"));
});

test("a stream is adjacent with the first line of the newest time", () => {
  const cursor = createLogCursor();
  expect(cursor.adjoins(line("a", 1))).toBe(false);
  cursor.add([line("x", 1), line("a", 2), line("b", 2), line("c", 2, "stderr")]);
  const first = [line("a", 2), line("b", 2), line("c", 2, "stderr"), line("a", 1), line("a", 3), line("x", 1)];
  expect(first.map((each) => cursor.adjoins(each))).toEqual([true, false, false, false, false, false]);
  // The other stream has a newer one.
  cursor.add([line("d", 3, "stderr")]);
  expect([line("a", 2), line("d", 3, "stderr")].map((each) => cursor.adjoins(each))).toEqual([false, true]);
});

test("lines of the newest time are returned once for each stream", () => {
  const cursor = createLogCursor();
  cursor.add([line("a", 2), line("a", 2), line("e", 2, "stderr")]);
  cursor.add([line("a", 2)]);
  const { isNew } = cursor.createFilter();
  const again = [
    line("a", 2),
    line("e", 2, "stderr"),
    line("a", 2),
    line("a", 2),
    line("a", 2),
    line("e", 2, "stderr"),
    line("f", 1),
  ];
  expect(again.map(isNew)).toEqual([false, false, false, false, true, true, true]);
  // A later filter begins anew.
  expect(cursor.createFilter().isNew(line("a", 2))).toBe(false);
});

test.each([
  [0, 0, [false, false, true]],
  [1, 0, [false, true]],
  [2, 0, [true]],
  [5, 3, [true]],
])("of two repeated lines, %i that are missing are %i new ones", (count, fresh, expected) => {
  const cursor = createLogCursor();
  // The newest line of the other stream is older, so it is not repeated.
  cursor.add([line("x", 1, "stderr"), line("a", 2), line("b", 2)]);
  const { isNew, skip } = cursor.createFilter();
  expect(skip(count)).toBe(fresh);
  const lines = [...["a", "b"].slice(count), "c"].map((text) => line(text, 2));
  expect(lines.map(isNew)).toEqual(expected);
});

test("missing lines are those of their own stream", () => {
  const cursor = createLogCursor();
  cursor.add([line("a", 2, "stderr"), line("b", 2)]);
  const { isNew, skip } = cursor.createFilter();
  expect(skip(1)).toBe(0);
  expect([line("b", 2), line("c", 2, "stderr")].map(isNew)).toEqual([false, true]);
});

test("an unread log has only new lines", () => {
  const { isNew, skip } = createLogCursor().createFilter();
  expect([skip(7), isNew(line("a", 1))]).toEqual([7, true]);
});

test("the history has the earlier matching lines in the order of time", async () => {
  const cursor = createLogCursor();
  cursor.add([line("b", 2), line("d", 4, "stderr"), line("c", 3)]);
  const history = cursor.createHistory();
  cursor.add([line("later", 4), line("later", 5, "stderr")]);
  expect(history.until).toBe(toLogTimestamp("4"));
  const page = [
    line("0", 1),
    line("1", 1, "stderr"),
    line("b", 2),
    line("c", 3),
    line("2", 3, "stderr"),
    line("d", 4, "stderr"),
  ];
  expect(texts(await history.pick(page, { tail: 10 }, budget))).toEqual(["0", "1", "b", "2", "c", "d"]);
  expect(texts(await history.pick(page, { tail: 3 }, budget))).toEqual(["2", "c", "d"]);
  expect(texts(await history.pick([], { tail: 3 }, budget))).toEqual(["c", "d"]);
  expect(texts(await history.pick([], { tail: 3, search: "d" }, budget))).toEqual(["d"]);
  expect(texts(await history.pick([], { tail: 3, since: toLogTimestamp("4") }, budget))).toEqual(["d"]);
  expect(createLogCursor().createHistory().until).toBe("");
  expect(await createLogCursor().createHistory().pick(page, { tail: 3 }, budget)).toEqual([]);
});

test("the history takes turns for the lines of its newest time", async () => {
  const cursor = createLogCursor();
  cursor.add(Array.from({ length: 50 }, (_, n) => line(String(n), 2)));
  const history = cursor.createHistory();
  const { most, steps } = await countStepsAtOnce(async (step) => {
    const search = createStepSearch(step);
    const { signal } = new AbortController();
    expect(await history.pick([], { tail: 50, search }, createSharedBudget(signal))).toHaveLength(50);
  });
  expect(steps).toBe(50);
  expect(most).toBeLessThanOrEqual(2);
});
