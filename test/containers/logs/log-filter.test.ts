import { describe, expect, it, vi } from "vitest";
import {
  createLineFilter,
  createLogFilter,
  filterLines,
  isSelective,
  type LogFilter,
  type LogLine,
  type LogOptions,
  testLines,
} from "../../../src/containers/logs/log.ts";
import { createSharedBudget } from "../../../src/lib/budget/budget.ts";
import { compileLinePattern } from "../../../src/lib/pattern/pattern.ts";
import { sampleLine } from "../../support/logs.ts";

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
    expect(createLineFilter(filter).accepts(line(change), 0)).toBe(matches);
  });

  it("tests an expression last, on the lines that are left", async () => {
    const budget = createSharedBudget(new AbortController().signal);
    const pattern = await compileLinePattern("^Hel+o", {}, budget);
    if (!pattern) throw new Error("No pattern");
    const match = vi.spyOn(pattern, "match");
    const lines = ["Hello x", "Heo x", "Hello", "Hellllo x", "x"].map((message) => line({ message }));
    const filter = createLineFilter({ pattern, search: "x" });
    expect(await testLines(lines, filter, budget)).toEqual([true, false, false, true, false]);
    expect(match.mock.calls.map(([texts]) => texts)).toEqual([["Hello x", "Heo x", "Hellllo x", "x"]]);
    expect(await filterLines(lines, createLogFilter({ pattern }), budget)).toEqual([lines[0], lines[2], lines[3]]);
    expect(await filterLines(lines, createLogFilter({ search: "none", pattern }), budget)).toEqual([]);
    expect(match).toHaveBeenCalledTimes(2);
    expect(isSelective({ pattern })).toBe(true);
  });

  it.each<[LogFilter, boolean]>([
    [{}, false],
    [{ ignoreCase: true, levelStrict: true }, false],
    [{ stream: "stdout" }, true],
    [{ search: "" }, true],
    [{ level: "trace" }, true],
  ])("%j may leave lines out: %s", (filter, selects) => {
    expect(isSelective(filter)).toBe(selects);
  });
});

describe("a filter of times", () => {
  const since = "2026-01-13T09:40:00.500000000Z";
  const until = "2026-01-13T09:40:02.500000000Z";
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
    expect(createLogFilter(options).accepts(line({ timestamp }), 0)).toBe(matches);
  });
});
