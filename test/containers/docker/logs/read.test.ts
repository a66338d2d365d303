import { describe, expect, it } from "vitest";
import { readLogs, readWhole } from "../../../../src/containers/docker/logs/read.ts";
import { maxScanBytes } from "../../../../src/containers/docker/logs/window.ts";
import { type LogOptions, toLineBytes } from "../../../../src/containers/logs/log.ts";
import { createSharedBudget, type ReadBudget } from "../../../../src/lib/budget/budget.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { fullId } from "../../../support/docker-fake.ts";
import { createLogEngine, type LogEntry } from "../../../support/log-engine.ts";

const ref = { engine: "web-1", fullId: fullId("a") };
const long = "x ".repeat(8000);
/** So many of them exceed what one read may take. */
const tooMany = Math.ceil(maxScanBytes / 16_000) + 10;
const write = (count: number, text = (n: number) => `line ${n}`, first = 0): LogEntry[] =>
  Array.from({ length: count }, (_, n) => ({ at: 1000 + first + n, text: text(first + n) }));

function setUp(log: readonly LogEntry[]) {
  const { engine, state } = createLogEngine();
  state.log = [...log];
  const abort = new AbortController();
  const meter = { held: 0 };
  const budget: ReadBudget = {
    ...createSharedBudget(abort.signal),
    hold: (bytes) => void (meter.held += bytes),
    free: (bytes) => void (meter.held -= bytes),
  };
  const times = { timeoutMs: 5000, budget };
  return {
    state,
    abort,
    meter,
    read: async (options: LogOptions) => {
      const { lines, truncated } = await readLogs(engine, ref, options, times);
      return {
        texts: lines.map(({ message }) => message),
        truncated,
        bytes: lines.reduce((sum, line) => sum + toLineBytes(line), 0),
      };
    },
    whole: async (options: LogOptions) => {
      const { lines, ...rest } = await readWhole(engine, ref, options, times);
      return { texts: lines.map(({ message }) => message), ...rest };
    },
  };
}
const sizes = ({ queries }: { queries: readonly Readonly<Record<string, unknown>>[] }) =>
  queries.map(({ tail }) => tail);

describe("the newest lines", () => {
  it.each<[string, LogOptions, object]>([
    ["so many", { tail: 10 }, { stdout: 1, stderr: 1, timestamps: 1, tail: 12 }],
    [
      "since a time",
      { tail: 10, since: toLogTimestamp("5.5") },
      { stdout: 1, stderr: 1, timestamps: 1, tail: 12, since: "5.500000000" },
    ],
    // Docker would choose after it has counted.
    ["until a time", { tail: 10, until: toLogTimestamp("5.5") }, { stdout: 1, stderr: 1, timestamps: 1, tail: 42 }],
    ["of a stream", { tail: 10, stream: "stderr" }, { stdout: 1, stderr: 1, timestamps: 1, tail: 42 }],
    ["with a text", { tail: 10, search: "x" }, { stdout: 1, stderr: 1, timestamps: 1, tail: 42 }],
  ])("%s are asked for with two more, four times as many with a filter", async (_, options, query) => {
    const { read, state } = setUp([]);
    await read(options);
    expect(state.queries).toEqual([query]);
    expect(state.inspections).toBe(1);
    expect(state.deadlines[0]).toBeGreaterThan(4000);
    expect(state.deadlines[0]).toBeLessThanOrEqual(5000);
  });

  it.each<[LogOptions, object]>([
    [
      { tail: 1, stream: "stderr" },
      { stdout: 0, stderr: 1 },
    ],
    [
      { tail: 1, stream: "stdout", search: "none" },
      { stdout: 1, stderr: 0 },
    ],
    [
      { tail: 1, search: "none" },
      { stdout: 1, stderr: 1 },
    ],
    [
      { tail: 1, search: "none", since: toLogTimestamp("999"), until: toLogTimestamp("9999") },
      { stdout: 1, stderr: 1, since: "999.000000000", until: "9999.000000000" },
    ],
  ])("of %j are searched in ever more lines, and finally in all", async (options, choice) => {
    const { read, state } = setUp(write(500));
    expect(await read(options)).toMatchObject({ texts: [], truncated: false });
    expect(sizes(state)).toEqual([6, 48, 384, "all"]);
    expect(state.queries[3]).toEqual({ timestamps: 1, tail: "all", ...choice });
  });

  it("are found in the first read that has enough", async () => {
    const { read, state } = setUp(write(100));
    expect(await read({ tail: 2, search: "line 9" })).toMatchObject({ texts: ["line 98", "line 99"], truncated: true });
    expect(sizes(state)).toEqual([10]);
    state.queries = [];
    expect(await read({ tail: 2, search: "0" })).toMatchObject({ texts: ["line 80", "line 90"], truncated: true });
    expect(sizes(state)).toEqual([10, 80]);
  });

  it.each([
    [5, 5, false],
    [6, 6, true],
    [7, 7, true],
    [3, 3, false],
  ])("of %i lines have the last ones, and are all of them: not %s", async (count, _, truncated) => {
    const { read, state } = setUp(write(count));
    const { texts, truncated: found } = await read({ tail: 5 });
    expect([texts, found]).toEqual([
      write(count)
        .slice(-5)
        .map(({ text }) => text),
      truncated,
    ]);
    expect(sizes(state)).toEqual([7]);
  });

  it("take the memory of the page, and none when they fail", async () => {
    const { read, meter, state, abort } = setUp(write(500));
    const { bytes, texts } = await read({ tail: 2, search: "0" });
    // Two more were read.
    expect([meter.held, texts.length]).toEqual([2 * bytes, 2]);
    meter.held = 0;
    state.before = async () => {
      abort.abort(new RangeError("gone"));
      throw new RangeError("gone");
    };
    await expect(read({ tail: 2 })).rejects.toThrow(new RangeError("gone"));
    expect(meter.held).toBe(0);
  });

  it("are those that were found when a later read fails", async () => {
    const { read, state } = setUp(write(500));
    state.before = async ({ tail }) => {
      if (tail === 80) throw new RangeError("too late");
    };
    expect(await read({ tail: 2, search: "line 499" })).toMatchObject({ texts: ["line 499"], truncated: true });
    expect(sizes(state)).toEqual([10, 80]);
  });

  it("are an error when the first read fails, or the caller has left", async () => {
    const { read, state, abort } = setUp(write(500));
    state.before = async () => Promise.reject(new RangeError("first"));
    await expect(read({ tail: 2 })).rejects.toThrow(new RangeError("first"));
    state.before = async ({ tail }) => {
      if (tail !== 80) return;
      abort.abort(new RangeError("left"));
      throw new RangeError("left");
    };
    await expect(read({ tail: 2, search: "line 499" })).rejects.toThrow(new RangeError("left"));
  });

  it("have one deadline for all reads together", async () => {
    const { read, state } = setUp(write(500));
    state.before = async () => new Promise((resolve) => setTimeout(resolve, 30));
    await read({ tail: 1, search: "none" });
    const [first = 0, second = 0, third = 0] = state.deadlines;
    expect(first - second).toBeGreaterThan(20);
    expect(second - third).toBeGreaterThan(20);
  });

  it("are asked for within a millisecond when the time is up", async () => {
    const { engine, state } = createLogEngine();
    state.beforeInspect = async () => new Promise((resolve) => setTimeout(resolve, 30));
    const budget = createSharedBudget(new AbortController().signal);
    await readLogs(engine, ref, { tail: 1 }, { timeoutMs: 10, budget });
    expect(state.deadlines).toEqual([1]);
  });
});

describe("Podman, which lacks lines written while it reads the newest", () => {
  const entry = (text: string) => ({ at: 1100, text });

  it.each<[string, number, LogOptions, (number | string)[]]>([
    ["a long log: the first of them count", 20, { tail: 3 }, ["all", 5]],
    ["a short log: it is read whole", 3, { tail: 3 }, ["all"]],
    ["a time: all since then are read", 20, { tail: 3, since: toLogTimestamp("1018") }, ["all"]],
  ])("of %s", async (_, count, options, asked) => {
    const { read, state } = setUp(write(count));
    state.meanwhile = [
      { lost: [entry("a")], later: [entry("b")] },
      { lost: [entry("c")], later: [entry("d")] },
    ];
    expect(await read(options)).toMatchObject({ texts: [`line ${count - 1}`, "a", "b"], truncated: true });
    expect(sizes(state)).toEqual(asked);
  });

  it("of a time, when all since then are too many: they are returned", async () => {
    const { read, state } = setUp(write(tooMany, (n) => `${n} ${long}`));
    state.meanwhile = [];
    const { texts, truncated } = await read({ tail: 10, since: toLogTimestamp("1") });
    expect([texts.length, truncated, sizes(state)]).toEqual([10, true, ["all", 12]]);
  });

  it("and takes the memory of one page", async () => {
    const { read, state, meter } = setUp(write(20));
    state.meanwhile = [];
    const { bytes } = await read({ tail: 3 });
    // Three lines are shown, four were whole.
    expect([sizes(state), meter.held]).toEqual([["all", 5], (bytes / 3) * 5]);
  });
});

describe("lines that are too long to read all", () => {
  it("are fewer, and known to be incomplete", async () => {
    const { read, state } = setUp(write(tooMany, (n) => `${n} ${long}`));
    const { texts, truncated } = await read({ tail: 5000 });
    expect(sizes(state)).toEqual([5002, 2000]);
    expect([truncated, texts.at(-1)?.startsWith(`${tooMany - 1} `)]).toEqual([true, true]);
  });

  it("are an error if even a few do not fit", async () => {
    const { read } = setUp(write(600, () => "x ".repeat(32_000)));
    await expect(read({ tail: 5000 })).rejects.toThrow(
      expect.objectContaining({
        name: "AnswerError",
        message: "the log lines of engine web-1 are too long to be read",
      }),
    );
  });
});

describe("a whole log", () => {
  it("that fits is complete, and is read once", async () => {
    const { whole, state } = setUp(write(5));
    expect(await whole({ tail: 5, until: toLogTimestamp("2000") })).toEqual({
      texts: ["line 0", "line 1", "line 2", "line 3", "line 4"],
      missing: 0,
      counted: true,
    });
    expect(state.queries).toEqual([{ stdout: 1, stderr: 1, timestamps: 1, tail: 7 }]);
  });

  it("that is longer is counted to its end", async () => {
    const { whole, state } = setUp(write(100));
    expect(await whole({ tail: 2, since: toLogTimestamp("1010"), until: toLogTimestamp("1050") })).toEqual({
      texts: ["line 49", "line 50"],
      missing: 39,
      counted: true,
    });
    expect(state.queries.at(-1)).toEqual({
      stdout: 1,
      stderr: 1,
      timestamps: 1,
      tail: "all",
      since: "1010.000000000",
      until: "1050.000000000",
    });
    state.queries = [];
    expect(await whole({ tail: 2 })).toMatchObject({ missing: 98, counted: true });
    expect(state.queries.at(-1)).toEqual({ stdout: 1, stderr: 1, timestamps: 1, tail: "all" });
    expect(state.inspections).toBe(4);
  });

  it("that cannot be counted lacks at least one line", async () => {
    const { whole, state } = setUp(write(100));
    state.before = async ({ tail }) => {
      if (tail === "all") throw new RangeError("too late");
    };
    expect(await whole({ tail: 2 })).toEqual({ texts: ["line 98", "line 99"], missing: 1, counted: false });
  });

  it("that is too large to be counted lacks as many as were read", async () => {
    const { whole } = setUp(write(2200, (n) => `${n} ${"x ".repeat(8000)}`));
    const { texts, missing, counted } = await whole({ tail: 2 });
    expect([texts.length, counted]).toEqual([2, false]);
    expect(missing).toBeGreaterThan(1900);
    expect(missing).toBeLessThanOrEqual(2198);
  });

  it("is an error when its reader has left", async () => {
    const { whole, state, abort } = setUp(write(100));
    state.before = async ({ tail }) => {
      if (tail === "all") abort.abort(new RangeError("left"));
    };
    await expect(whole({ tail: 2 })).rejects.toThrow(new RangeError("left"));
  });
});
