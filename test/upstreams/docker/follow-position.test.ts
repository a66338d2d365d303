import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { LogLine, LogStream } from "../../../src/domain/container.ts";
import { toLogTimestamp } from "../../../src/domain/log-time.ts";
import { createPosition } from "../../../src/upstreams/docker/follow-position.ts";

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

test("begins at the last line there is, with all of its time", () => {
  const line = (message: string, at: number, stream: LogStream = "stdout"): LogLine => ({
    timestamp: toLogTimestamp(String(at)),
    stream,
    level: null,
    message,
  });
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
