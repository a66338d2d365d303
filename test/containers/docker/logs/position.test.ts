import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createPosition } from "../../../../src/containers/docker/logs/position.ts";
import type { LogLine, LogStream } from "../../../../src/containers/logs/log.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { sampleLine } from "../../../support/logs.ts";

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
const texts = (lines: readonly LogLine[]) => lines.map(({ message }) => message);

/** What an engine gives from a time on. */
function from(log: readonly LogLine[], since: string | undefined): LogLine[] {
  return since === undefined ? [...log] : log.filter(({ timestamp }) => timestamp >= toLogTimestamp(since));
}

test("a stream that is cut anywhere goes on with the next line, and a reader that joins there gets each line once", () => {
  fc.assert(
    fc.property(logs, cuts, (log, parts) => {
      const position = createPosition();
      const handed: LogLine[] = [];
      for (const part of [...parts.toSorted((a, b) => a - b), 1]) {
        const written = log.slice(0, Math.ceil(part * log.length));
        const isNew = position.createFilter();
        const lines = from(written, position.since()).filter(isNew);
        position.add(lines);
        handed.push(...lines);
        expect(texts(handed)).toEqual(texts(written));
        // The page is read later, so it holds more; and it need not reach back far.
        const history = position.createHistory();
        expect(texts(history.pick(log, { tail: 5000 })).toSorted()).toEqual(texts(handed).toSorted());
        const wanted = { tail: 5000, stream: "stderr" as const };
        const page = log.filter(({ stream }) => stream === "stderr");
        expect(texts(history.pick(page, wanted))).toEqual(texts(handed.filter(({ stream }) => stream === "stderr")));
        expect(history.pick(log, { tail: 2 })).toHaveLength(Math.min(2, handed.length));
      }
    }),
  );
});

const line = (message: string, at: number, stream: LogStream = "stdout") =>
  sampleLine(message, { timestamp: toLogTimestamp(String(at)), stream });

test("begins at the last line there is, with all of its time", () => {
  const log = [line("a", 1), line("b", 2, "stderr"), line("c", 2), line("d", 2)];
  const position = createPosition();
  expect(position.since()).toBeUndefined();
  position.begin(log.at(-1)?.timestamp ?? "");
  position.add(from(log, position.since()));
  const isNew = position.createFilter();
  const grown = [...log, line("e", 2), line("f", 3)];
  expect(texts(from(grown, position.since()).filter(isNew))).toEqual(["e", "f"]);
  expect(position.createHistory().until).toBe("2.000000000");
  expect(texts(position.createHistory().pick(grown, { tail: 10 }))).toEqual(["a", "b", "c", "d"]);
});

test("knows the newest time of both streams", () => {
  const position = createPosition();
  expect([position.latest, position.since()]).toEqual(["", undefined]);
  position.add([line("a", 5, "stderr")]);
  expect([position.latest, position.since()]).toEqual([toLogTimestamp("5"), "5.000000000"]);
  position.add([line("b", 3)]);
  expect(position.latest).toBe(toLogTimestamp("5"));
  position.add([line("c", 9)]);
  expect([position.latest, position.since()]).toEqual([toLogTimestamp("9"), "9.000000000"]);
  position.add([]);
  expect(position.latest).toBe(toLogTimestamp("9"));
});

test("a stream adjoins with the first line of the newest time", () => {
  const position = createPosition();
  expect(position.adjoins(line("a", 1))).toBe(false);
  position.add([line("x", 1), line("a", 2), line("b", 2), line("c", 2, "stderr")]);
  const first = [line("a", 2), line("b", 2), line("c", 2, "stderr"), line("a", 1), line("a", 3), line("x", 1)];
  expect(first.map((each) => position.adjoins(each))).toEqual([true, false, false, false, false, false]);
  // The other stream has a newer one.
  position.add([line("d", 3, "stderr")]);
  expect([line("a", 2), line("d", 3, "stderr")].map((each) => position.adjoins(each))).toEqual([false, true]);
});

test("lines of the newest time are handed out once for each stream", () => {
  const position = createPosition();
  position.add([line("a", 2), line("a", 2), line("e", 2, "stderr")]);
  position.add([line("a", 2)]);
  const isNew = position.createFilter();
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
  expect(position.createFilter()(line("a", 2))).toBe(false);
});

test("history is what was before and is asked for, in the order of time", () => {
  const position = createPosition();
  position.add([line("b", 2), line("d", 4, "stderr"), line("c", 3)]);
  const history = position.createHistory();
  position.add([line("later", 4), line("later", 5, "stderr")]);
  expect(history.until).toBe("4.000000000");
  const page = [line("0", 1), line("1", 1, "stderr"), line("b", 2), line("c", 3), line("2", 3, "stderr"), line("d", 4, "stderr")];
  expect(texts(history.pick(page, { tail: 10 }))).toEqual(["0", "1", "b", "2", "c", "d"]);
  expect(texts(history.pick(page, { tail: 3 }))).toEqual(["2", "c", "d"]);
  expect(texts(history.pick([], { tail: 3 }))).toEqual(["c", "d"]);
  expect(texts(history.pick([], { tail: 3, search: "d" }))).toEqual(["d"]);
  expect(texts(history.pick([], { tail: 3, since: "4" }))).toEqual(["d"]);
  expect(createPosition().createHistory().until).toBeUndefined();
  expect(createPosition().createHistory().pick(page, { tail: 3 })).toEqual([]);
});
