import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogHistory } from "../../../../src/containers/logs/history/log-history.ts";
import { removedStatus } from "../../../../src/containers/logs/history/removed.ts";
import { readWithHistory } from "../../../../src/containers/logs/history/read.ts";
import {
  createLogFilter,
  type LogBeginning,
  type LogLine,
  type LogOptions,
  type LogPage,
  type LogPoint,
  type LogStream,
  toLater,
  toMoment,
} from "../../../../src/containers/logs/log.ts";
import { createSharedBudget } from "../../../../src/lib/budget/budget.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { sampleContainer } from "../../../support/containers.ts";
import { readPage } from "../../../support/log-pages.ts";
import { sampleLine } from "../../../support/logs.ts";
import { createMemoryLogHistory } from "../../../support/memory-log-history.ts";

const base = 1_768_297_600;
const time = (seconds: number) => toLogTimestamp((base + seconds).toFixed(9));
const write = (seconds: number, message = `at ${seconds}`, stream: LogStream = "stdout") =>
  sampleLine(message, { timestamp: time(seconds), stream });
const seconds = (count: number) => Array.from({ length: count }, (_, n) => write(n));

function beginningOf(log: readonly LogLine[]): LogBeginning | null {
  const [first] = log;
  if (!first) return null;
  const of = (stream: LogStream) => {
    const own = log.filter((line) => line.stream === stream && line.timestamp <= toLater(first.timestamp));
    const timestamp = own[0]?.timestamp ?? toLater(first.timestamp);
    return { timestamp, messages: own.filter((line) => line.timestamp === timestamp).map(({ message }) => message) };
  };
  return { stdout: of("stdout"), stderr: of("stderr") };
}

const notHere = () => {
  throw new Error("not read here");
};

/** An engine that has removed the first `removed` lines of a log which the history has whole. */
function setUp(log: readonly LogLine[], removed: number, { pieceSize = 3, status = "running" } = {}) {
  const container = sampleContainer({ createdAt: time(-1).replace(/\.\d+Z$/, "Z"), status });
  const { history, state } = createMemoryLogHistory({ pieceSize });
  state.logs.set(container.fullId, log);
  const engine = {
    log: log.slice(removed),
    calls: [] as string[],
    onRead: () => {},
    beginningError: null as Error | null,
  };
  const engines = {
    logs: async (_: unknown, options: LogOptions) => {
      engine.calls.push("logs");
      const page = readPage(engine.log, options);
      engine.onRead();
      return page;
    },
    logBeginning: async () => {
      engine.calls.push("beginning");
      if (engine.beginningError) throw engine.beginningError;
      return beginningOf(engine.log);
    },
    stored: notHere,
  };
  const budget = createSharedBudget(new AbortController().signal);
  const read = (options: LogOptions) => readWithHistory({ engines, history }, container, options, budget);
  const around = (point: LogPoint, older: number, newer: number, filter: Partial<LogOptions> = {}) =>
    read({ tail: 1, ...filter, around: { point, older, newer } });
  return { read, around, engine, state };
}
const texts = ({ lines }: Pick<LogPage, "lines">) => lines.map(({ message }) => message);
const names = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `at ${from + n}`);

describe("a page of a rotated log", () => {
  it("continues in the history before the oldest line of the engine", async () => {
    const { read, engine } = setUp(seconds(20), 12);
    const page = await read({ tail: 15 });
    expect([texts(page), page.truncated, page.olderCount]).toEqual([names(5, 20), true, 15]);
    expect(page.start).toMatchObject({ timestamp: time(5), isAfter: false });
    expect(await read({ tail: 30 })).toMatchObject({ truncated: false, start: { timestamp: time(0) } });
    expect(engine.calls).toEqual(["logs", "beginning", "logs", "beginning"]);
  });

  it("asks nothing of the history while the engine has enough", async () => {
    const { read, around, state, engine } = setUp(seconds(20), 5);
    expect(await read({ tail: 10 })).toMatchObject({ truncated: true });
    expect(await around(toMoment(time(15)), 3, 3)).toMatchObject({ olderCount: 3 });
    expect(await read({ tail: 10, since: time(12), until: time(14) })).toMatchObject({ truncated: false });
    expect(state.queries).toEqual([]);
    expect(engine.calls).toEqual(["logs", "logs", "logs", "beginning"]);
  });

  it("is searched for all filters of the page", async () => {
    const log = [...seconds(9), write(9, "ERROR 9", "stderr"), ...seconds(30).slice(10)];
    const { read } = setUp(log, 25);
    expect(texts(await read({ tail: 3, search: "at 1" }))).toEqual(["at 17", "at 18", "at 19"]);
    expect(texts(await read({ tail: 3, stream: "stderr" }))).toEqual(["ERROR 9"]);
    expect(texts(await read({ tail: 9, since: time(20), until: time(22) }))).toEqual(names(20, 23));
    expect(texts(await read({ tail: 9, since: time(24), until: time(26) }))).toEqual(names(24, 27));
  });

  it("has lines of the very time of the seam once", async () => {
    const log = ["a", "b", "c", "d"].map((message) => write(1, message));
    const { read } = setUp(log, 2);
    expect(texts(await read({ tail: 9 }))).toEqual(["a", "b", "c", "d"]);
  });

  it("has a line of the seam once when the history lacks its return", async () => {
    const { read, engine, state } = setUp([], 0);
    state.logs.set(sampleContainer().fullId, [write(1, "a"), write(2, "b"), write(3, "c")]);
    engine.log = [write(2, "b "), write(3, "c ")];
    expect(texts(await read({ tail: 9 }))).toEqual(["a", "b ", "c "]);
    // Both are dropped before the beginning is read.
    engine.onRead = () => void (engine.log = [write(4, "d ")]);
    expect(texts(await read({ tail: 9 }))).toEqual(["a", "b ", "c "]);
  });

  it("has removed lines whose times are after the oldest of the other stream", async () => {
    const log = [write(1.5, "late", "stderr"), write(1, "a"), write(2, "b"), write(3, "c", "stderr")];
    expect(texts(await setUp(log, 1).read({ tail: 9 }))).toEqual(["late", "a", "b", "c"]);
    expect(texts(await setUp(log, 2).read({ tail: 9 }))).toEqual(["a", "late", "b", "c"]);
  });

  it("loses and repeats nothing when the engine removes lines meanwhile", async () => {
    const { read, engine } = setUp(seconds(20), 5);
    engine.onRead = () => void (engine.log = engine.log.slice(6));
    expect(texts(await read({ tail: 18 }))).toEqual(names(2, 20));
  });

  it("ends the history at its oldest line when the engine drops its log", async () => {
    const log = [...seconds(40), write(40, "err", "stderr")];
    const rotate = (stage: ReturnType<typeof setUp>) => {
      stage.engine.log = log.slice(10, 20);
      stage.engine.onRead = () => void (stage.engine.log = log.slice(35));
      return stage;
    };
    const { read, around } = rotate(setUp(log, 10));
    const page = await read({ tail: 25 });
    expect([texts(page), page.truncated]).toEqual([names(0, 20), false]);
    expect(texts(await around(page.end as LogPoint, 0, 50))).toEqual([...names(20, 40), "err"]);
    expect(texts(await rotate(setUp(log, 10)).around(toMoment(time(8)), 3, 5))).toEqual(names(5, 13));
    expect(texts(await rotate(setUp(log, 10)).around(toMoment(time(15)), 20, 20))).toEqual(names(0, 20));
    expect(texts(await rotate(setUp(log, 10)).around(toMoment(time(25)), 20, 0))).toEqual(names(0, 20));
  });

  it("of a container that no engine has is read from the history alone", async () => {
    const { read, around, engine } = setUp(seconds(9), 0, { status: removedStatus });
    expect(await read({ tail: 4 }).then(texts)).toEqual(names(5, 9));
    expect(await around(toMoment(time(3)), 2, 2).then(texts)).toEqual(names(1, 5));
    expect(await around(toMoment(time(3)), 0, 2)).toMatchObject({
      truncated: true,
      hasNewer: true,
      lines: { length: 2 },
    });
    expect(engine.calls).toEqual([]);
  });
});

describe("a page around a point", () => {
  it("before the engine's log goes on into it", async () => {
    const { around } = setUp(seconds(20), 10);
    const page = await around(toMoment(time(8)), 3, 5);
    expect([texts(page), page.olderCount]).toEqual([names(5, 13), 3]);
    expect(page).toMatchObject({ truncated: true, hasNewer: true, end: { timestamp: time(12), isAfter: true } });
    expect(await around(toMoment(time(8)), 0, 30)).toMatchObject({ hasNewer: false, lines: { length: 12 } });
  });

  it("in the history is not asked of the engine for older lines", async () => {
    const { around, engine } = setUp(seconds(20), 10);
    const page = await around({ timestamp: time(8), stream: "stdout", index: 0, isAfter: false }, 3, 0);
    expect(texts(page)).toEqual(names(5, 8));
    expect(page).toMatchObject({ hasNewer: true, end: { timestamp: time(7), isAfter: true } });
    expect(engine.calls).toEqual(["beginning"]);
  });
});

/**
 * Two streams, each in the order of its times, one of which is written up to a second late; many
 * lines share a time.
 */
const logs = fc
  .array(fc.tuple(fc.constantFrom<LogStream>("stdout", "stderr"), fc.constantFrom(0, 0, 1e-9, 0.3, 1, 40)), {
    minLength: 1,
    maxLength: 30,
  })
  .map((steps) => {
    let now = 0;
    const order: Record<LogStream, number> = { stdout: 0, stderr: 0 };
    return steps.map(([stream, step], n) => {
      now += step;
      // A line of one time after another of its stream: the history orders them by text.
      order[stream] += 1;
      const at = now + (stream === "stderr" ? 1 : 0);
      return write(at, `${stream} ${String(n).padStart(3, "0")}`, stream);
    });
  });
const byTime = (lines: readonly LogLine[]) =>
  lines.map(({ timestamp, stream, message }) => `${timestamp} ${stream} ${message}`).toSorted();

describe("the pages of any rotated log", () => {
  const options = fc.record({
    tail: fc.integer({ min: 1, max: 5 }),
    pieceSize: fc.integer({ min: 1, max: 4 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    filter: fc.constantFrom<Partial<LogOptions>>({}, { stream: "stderr" }, { search: "1" }),
  });

  it("back to the first line have each line once", async () => {
    await fc.assert(
      fc.asyncProperty(logs, options, async (log, { tail, pieceSize, share, filter }) => {
        const { read, around } = setUp(log, Math.floor(log.length * share), { pieceSize });
        const pages = [await read({ tail, ...filter })];
        for (let page = pages[0]; page?.truncated && page.start; page = pages.at(-1)) {
          pages.push(await around(page.start, tail, 0, filter));
          expect(pages.length).toBeLessThan(60);
        }
        const lines = pages.toReversed().flatMap((page) => page.lines);
        expect(byTime(lines)).toEqual(byTime(log.filter(createLogFilter(filter).accepts)));
        for (const stream of ["stdout", "stderr"]) {
          const own = lines.filter((line) => line.stream === stream).map(({ timestamp }) => timestamp);
          expect(own).toEqual(own.toSorted());
        }
      }),
      { numRuns: 150 },
    );
  });

  it("are in order and whole while the engine writes and removes lines", async () => {
    const steps = fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(options, fc.nat(20), steps, async ({ tail, pieceSize, filter }, first, moves) => {
        const log = Array.from({ length: 60 }, (_, n) => write(3 * n, `at ${n}`, n % 3 === 0 ? "stderr" : "stdout"));
        const { read, around, engine } = setUp(log, 0, { pieceSize });
        let [from, to] = [first, first + 6];
        engine.log = log.slice(from, to);
        const left = moves.values();
        engine.onRead = () => {
          const [written, removed] = left.next().value ?? [0, 0];
          to += written;
          from = Math.min(from + removed, to - 1);
          engine.log = log.slice(from, to);
        };
        const pages = [await read({ tail, ...filter })];
        for (let page = pages[0]; page?.truncated && page.start; page = pages.at(-1)) {
          pages.push(await around(page.start, tail, 0, filter));
          expect(pages.length).toBeLessThan(80);
        }
        const lines = pages.toReversed().flatMap((page) => page.lines);
        const { accepts: matches } = createLogFilter(filter);
        // A page without lines of the engine may have newer ones.
        expect(lines).toEqual(log.filter(matches).slice(0, lines.length));
        expect(lines.length).toBeGreaterThanOrEqual(log.slice(0, first + 6).filter(matches).length);
      }),
      { numRuns: 150 },
    );
  });

  it("forward from the first line have each line once", async () => {
    await fc.assert(
      fc.asyncProperty(logs, options, async (log, { tail, pieceSize, share, filter }) => {
        const { around } = setUp(log, Math.floor(log.length * share), { pieceSize });
        const pages = [await around(toMoment(time(-1)), 0, tail, filter)];
        for (let page = pages[0]; page?.hasNewer && page.end; page = pages.at(-1)) {
          pages.push(await around(page.end, 0, tail, filter));
          expect(pages.length).toBeLessThan(60);
        }
        const lines = pages.flatMap((page) => page.lines);
        expect(byTime(lines)).toEqual(byTime(log.filter(createLogFilter(filter).accepts)));
      }),
      { numRuns: 150 },
    );
  });
});

describe("a history that fails", () => {
  it("leaves the engine's lines, named and truncated", async () => {
    const { read, around, state } = setUp(seconds(20), 12);
    state.failAfter = 0;
    const page = await read({ tail: 15 });
    expect(page).toMatchObject({ truncated: true, historyError: state.error });
    expect(texts(page)).toEqual(names(12, 20));
    const forward = await around(toMoment(time(3)), 0, 4);
    expect(forward).toMatchObject({ historyError: state.error });
    expect(texts(forward)).toEqual(names(12, 16));
  });

  it("after some lines leaves these, and a cursor that goes on", async () => {
    const { read, around, state } = setUp(seconds(20), 12);
    state.failAfter = 2;
    const page = await read({ tail: 15 });
    expect([texts(page), page.truncated, page.historyError]).toEqual([names(9, 20), true, state.error]);
    state.failAfter = Infinity;
    expect(texts(await around(page.start as LogPoint, 15, 0))).toEqual(names(0, 9));
  });

  it("is not asked when the engine does not say where its log begins", async () => {
    const { read, engine, state } = setUp(seconds(20), 12);
    const lost = new Error("lost");
    engine.onRead = () => {
      throw lost;
    };
    await expect(read({ tail: 15 })).rejects.toBe(lost);
    engine.onRead = () => void (engine.beginningError = lost);
    expect(await read({ tail: 15 })).toMatchObject({ truncated: true, historyError: lost, lines: { length: 8 } });
    expect(state.queries).toEqual([]);
  });

  it("does not hide that the request ended", async () => {
    const { history } = createMemoryLogHistory();
    const abort = new AbortController();
    const ended = new Error("ended");
    const failing: LogHistory = {
      ...history,
      read: async () => {
        abort.abort(ended);
        throw new Error("away");
      },
    };
    const engines = { logs: async () => readPage([], { tail: 1 }), logBeginning: async () => null, stored: notHere };
    const budget = createSharedBudget(abort.signal);
    const reading = readWithHistory({ engines, history: failing }, sampleContainer(), { tail: 1 }, budget);
    await expect(reading).rejects.toBe(ended);
  });
});
