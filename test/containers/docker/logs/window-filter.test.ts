import { describe, expect, it } from "vitest";
import {
  createLineFilter,
  createLogFilter,
  createNewestLines,
  isSelective,
} from "../../../../src/containers/docker/logs/window.ts";
import { type LogFilter, type LogLine, type LogOptions, toLineBytes } from "../../../../src/containers/logs/log.ts";
import { compileLinePattern } from "../../../../src/lib/pattern.ts";
import { sampleLine } from "../../../support/logs.ts";

const line = (change: Partial<LogLine> = {}) => sampleLine("Hello World", { level: "warn", ...change });

describe("a filter of lines", () => {
  it.each<[LogFilter, Partial<LogLine>, boolean]>([
    [{}, {}, true],
    [{ stream: "stdout" }, {}, true],
    [{ stream: "stderr" }, {}, false],
    [{ stream: "stderr" }, { stream: "stderr" }, true],
    [{ search: "lo W" }, {}, true],
    [{ search: "lo w" }, {}, false],
    [{ search: "LO w", ignoreCase: true }, {}, true],
    [{ search: "LO x", ignoreCase: true }, {}, false],
    [{ ignoreCase: true }, {}, true],
    [{ search: "" }, {}, true],
    [{ level: "error" }, {}, false],
    [{ level: "warn" }, {}, true],
    [{ level: "info" }, {}, true],
    [{ level: "info" }, { level: null }, true],
    [{ level: "info", levelStrict: true }, { level: null }, false],
    [{ level: "info", levelStrict: false }, { level: null }, true],
    [{ level: "warn", search: "Hello", stream: "stdout" }, {}, true],
    [{ level: "warn", search: "Hello", stream: "stderr" }, {}, false],
    [{ level: "error", search: "Hello", stream: "stdout" }, {}, false],
    [{ level: "warn", search: "hello", stream: "stdout" }, {}, false],
  ])("of %j has a line of %j: %s", (filter, change, matches) => {
    expect(createLineFilter(filter)(line(change))).toBe(matches);
  });

  it("takes an expression", async () => {
    const pattern = await compileLinePattern("^Hel+o");
    if (!pattern) throw new Error("No pattern");
    const filter = createLineFilter({ pattern });
    expect([filter(line()), filter(line({ message: "Heo" }))]).toEqual([true, false]);
    expect(isSelective({ pattern })).toBe(true);
  });

  it.each<[LogFilter, boolean]>([
    [{}, false],
    [{ ignoreCase: true, levelStrict: true }, false],
    [{ stream: "stdout" }, true],
    [{ search: "" }, true],
    [{ level: "trace" }, true],
  ])("%j can leave lines out: %s", (filter, selects) => {
    expect(isSelective(filter)).toBe(selects);
  });
});

describe("a filter of times", () => {
  const since = "1768297200.500000000";
  const until = "1768297202.500000000";
  it.each<[Omit<LogOptions, "tail">, string, boolean]>([
    [{}, "1970-01-01T00:00:00.000000000Z", true],
    [{ since }, "2026-01-13T09:40:00.499999999Z", false],
    [{ since }, "2026-01-13T09:40:00.500000000Z", true],
    [{ since }, "2026-01-13T09:40:01.000000000Z", true],
    // A whole second of Podman's, of which the engine knows more.
    [{ since }, "2026-01-13T09:40:00.000000000Z", true],
    [{ since }, "2026-01-13T09:39:59.000000000Z", false],
    [{ since }, "2026-01-13T09:40:00.000000001Z", false],
    [{ until }, "2026-01-13T09:40:02.500000000Z", true],
    [{ until }, "2026-01-13T09:40:02.500000001Z", false],
    [{ until }, "2026-01-13T09:40:02.000000000Z", true],
    [{ since, until }, "2026-01-13T09:40:01.000000000Z", true],
    [{ since, until }, "2026-01-13T09:40:03.000000000Z", false],
    [{ since, until, stream: "stderr" }, "2026-01-13T09:40:01.000000000Z", false],
    [{ since, until, search: "Hello" }, "2026-01-13T09:40:01.000000000Z", true],
  ])("of %j has a line of %s: %s", (options, timestamp, matches) => {
    expect(createLogFilter(options)(line({ timestamp }))).toBe(matches);
  });
});

describe("the newest lines", () => {
  const size = toLineBytes({ message: "aa" });
  function setUp(maxLines: number, maxBytes = Number.POSITIVE_INFINITY) {
    const meter = { held: 0 };
    const newest = createNewestLines(maxLines, maxBytes, {
      hold: (bytes) => void (meter.held += bytes),
      free: (bytes) => void (meter.held -= bytes),
    });
    const add = (...messages: readonly string[]) => {
      for (const message of messages) newest.add(line({ message }));
    };
    const state = () => [newest.take().map(({ message }) => message), newest.dropped, newest.bytes, meter.held];
    return { newest, add, state };
  }

  it.each([
    [1, [["dd"], 3, size, size]],
    [3, [["bb", "cc", "dd"], 1, 3 * size, 3 * size]],
    [4, [["aa", "bb", "cc", "dd"], 0, 4 * size, 4 * size]],
  ])("are at most %i, and what goes is freed", (maxLines, expected) => {
    const { add, state } = setUp(maxLines);
    add("aa", "bb", "cc", "dd");
    expect(state()).toEqual(expected);
  });

  it.each([
    [2 * size, [["cc", "dd"], 2, 2 * size, 2 * size]],
    [2 * size - 1, [["dd"], 3, size, size]],
    [size - 1, [[], 4, 0, 0]],
  ])("take at most %i bytes", (maxBytes, expected) => {
    const { add, state } = setUp(10, maxBytes);
    add("aa", "bb", "cc", "dd");
    expect(state()).toEqual(expected);
  });

  it("stay right over many more lines than are wanted", () => {
    const { add, state } = setUp(3);
    const messages = Array.from({ length: 50 }, (_, index) => String(index + 10));
    for (const [index, message] of messages.entries()) {
      add(message);
      const held = Math.min(3, index + 1);
      expect(state()).toEqual([messages.slice(index + 1 - held, index + 1), index + 1 - held, held * size, held * size]);
    }
  });

  it("are none once they are cleared, and may be taken anew", () => {
    const { newest, add, state } = setUp(3);
    add("aa", "bb", "cc", "dd");
    newest.clear();
    expect(state()).toEqual([[], 1, 0, 0]);
    add("ee");
    expect(state()).toEqual([["ee"], 1, size, size]);
  });
});
