import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAround } from "../../../../src/containers/docker/logs/around.ts";
import { readBeginning } from "../../../../src/containers/docker/logs/beginning.ts";
import { readLogs } from "../../../../src/containers/docker/logs/read.ts";
import { readWithHistory } from "../../../../src/containers/logs/history/read.ts";
import {
  createLogFilter,
  type LogFilter,
  type LogLine,
  type LogOptions,
  type LogPage,
  type LogPoint,
  type LogStream,
  toMoment,
} from "../../../../src/containers/logs/log.ts";
import { toLineCursor, toLinePoint } from "../../../../src/graphql/logs/paging.ts";
import { createSharedBudget } from "../../../../src/lib/budget/budget.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { sampleContainer } from "../../../support/containers.ts";
import { facts } from "../../../support/docker-facts.ts";
import { createLogEngine, type LogEntry } from "../../../support/log-engine.ts";
import { sampleLine } from "../../../support/logs.ts";
import { createMemoryLogHistory } from "../../../support/memory-log-history.ts";

const base = 1_000_000;
const createdAt = "1970-01-01T00:01:00Z";
const toTime = ({ at }: LogEntry) => toLogTimestamp(String(at));
const toLine = (entry: LogEntry): LogLine =>
  sampleLine(entry.text, { timestamp: toTime(entry), stream: entry.stream ?? "stdout" });
const startOfLog = toMoment(toLogTimestamp("0"));

/**
 * The readings of an engine that has removed the first entries of a log which the history has
 * whole.
 */
function setUp(log: readonly LogEntry[], removed: number, { podman = false, pieceSize = 3 } = {}) {
  const { engine, state } = createLogEngine();
  state.inspection = { ...state.inspection, raw: facts({ createdAt }) };
  if (podman) state.meanwhile = [];
  const container = sampleContainer({ createdAt });
  const { history, state: kept } = createMemoryLogHistory({ pieceSize });
  kept.logs.set(container.fullId, log.map(toLine));
  const budget = createSharedBudget(new AbortController().signal);
  const times = { timeoutMs: 5000, budget };
  let first = 0;
  const remove = (count: number) => {
    first = Math.min(log.length, first + count);
    state.log = log.slice(first);
  };
  remove(removed);
  const engines = {
    logs: async (_: unknown, { around, ...options }: LogOptions) =>
      around
        ? readAround(engine, container, { ...options, around }, times)
        : readLogs(engine, container, options, { ...times, placed: true }),
    logBeginning: async () => readBeginning(engine, container, times),
    stored: () => {
      throw new Error("not read here");
    },
  };
  const read = async (options: LogOptions) => readWithHistory({ engines, history }, container, options, budget);
  /** A page at a point, which a client has as a cursor. */
  const around = async (point: LogPoint, older: number, newer: number, filter: LogFilter = {}) => {
    const cursor = toLineCursor(container, point) ?? "";
    return read({
      tail: 1,
      ...filter,
      around: { point: toLinePoint({ kind: "before", cursor }, container), older, newer },
    });
  };
  return { read, around, remove };
}
type Readings = ReturnType<typeof setUp>;

interface Walk {
  readonly size: number;
  readonly filter?: LogFilter;
  /** Runs between two pages. */
  readonly between?: () => void;
}
const most = 200;

async function walkBack({ around }: Readings, page: LogPage, { size, filter, between }: Walk): Promise<LogLine[]> {
  const lines = [...page.lines];
  for (
    let [{ start, truncated }, turns] = [page as Pick<LogPage, "start" | "truncated">, 0];
    truncated && start;
    turns++
  ) {
    expect(turns).toBeLessThan(most);
    between?.();
    const older = await around(start, size, 0, filter);
    lines.unshift(...older.lines);
    ({ start, truncated } = older);
  }
  return lines;
}

async function walkForward({ around }: Readings, page: LogPage, { size, filter, between }: Walk): Promise<LogLine[]> {
  const lines = [...page.lines];
  for (let [{ end, hasNewer }, turns] = [page as Pick<LogPage, "end" | "hasNewer">, 0]; hasNewer && end; turns++) {
    expect(turns).toBeLessThan(most);
    between?.();
    const newer = await around(end, 0, size, filter);
    lines.push(...newer.lines);
    ({ end, hasNewer } = newer);
  }
  return lines;
}

const texts = (lines: readonly LogLine[]) => lines.map(({ message }) => message);
const byTime = (a: LogLine, b: LogLine) =>
  `${a.timestamp}${a.stream}${a.message}` < `${b.timestamp}${b.stream}${b.message}` ? -1 : 1;
/**
 * The order of a walk: what only the history has by time, for it knows no other order; then the
 * engine's in the order of its file.
 */
function toOrder(log: readonly LogEntry[], removed: number, filter: LogFilter = {}): string[] {
  const lines = log.map(toLine);
  const walked = [...lines.slice(0, removed).toSorted(byTime), ...lines.slice(removed)];
  return texts(walked.filter(createLogFilter(filter).accepts));
}

/**
 * Ten lines of stdout, a microsecond apart, with one of stderr at a place of the file whose time is
 * before that of the line there, or after that of the next one.
 */
function withPair(place: number, shift: number): LogEntry[] {
  const log: LogEntry[] = Array.from({ length: 10 }, (_, n) => ({ at: base + 1 + n / 1e6, text: `out ${n}` }));
  log.splice(place, 0, { at: base + 1 + (place + shift) / 1e6, text: "err", stream: "stderr" });
  return log;
}

describe("two lines that stand against the order of their times", () => {
  const places = [
    ["at the beginning", 0, 0.5],
    ["just after the beginning", 1, -1.5],
    ["in the middle, the older one last", 5, -1.5],
    ["in the middle, the newer one first", 5, 0.5],
    ["in the middle, with lines between them", 6, -3.5],
    ["just before the end", 9, 0.5],
    ["at the end", 10, -1.5],
  ] as const;

  describe.each(places)("%s", (_, place, shift) => {
    const log = withPair(place, shift);
    // Around the two, and all or nothing.
    const removals = [...new Set([0, 1, 2, place - 1, place, place + 1, 10, 11])].filter(
      (n) => n >= 0 && n <= log.length,
    );
    const sizes = [1, 2, 3, 5, 6, 11];

    it("are on one page each, back from the newest", async () => {
      for (const removed of removals)
        for (const size of sizes) {
          const stage = setUp(log, removed);
          const lines = await walkBack(stage, await stage.read({ tail: size }), { size });
          expect([removed, size, texts(lines)]).toEqual([removed, size, toOrder(log, removed)]);
        }
    });

    it("are on one page each, forward from the time of the first line", async () => {
      for (const removed of removals)
        for (const size of sizes) {
          const stage = setUp(log, removed);
          const moment = toMoment(toTime(log[0] as LogEntry));
          const lines = await walkForward(stage, await stage.around(moment, 0, size), { size });
          expect([removed, size, texts(lines)]).toEqual([removed, size, toOrder(log, removed)]);
        }
    });

    it("are on one page each where the engine removes them between pages", async () => {
      const all = toOrder(log, 0).toSorted();
      for (const removed of removals)
        for (const size of sizes) {
          const back = setUp(log, 0);
          const between = (stage: Readings) => () => stage.remove(removed);
          const older = await walkBack(back, await back.read({ tail: size }), { size, between: between(back) });
          const ahead = setUp(log, 0);
          const first = await ahead.around(startOfLog, 0, size);
          const newer = await walkForward(ahead, first, { size, between: between(ahead) });
          expect([removed, size, texts(older).toSorted(), texts(newer).toSorted()]).toEqual([removed, size, all, all]);
        }
    });

    it("are on one page each, from any time in both directions", async () => {
      for (const removed of removals)
        for (const one of log)
          for (const size of [1, 3]) {
            const stage = setUp(log, removed);
            const page = await stage.around(toMoment(toTime(one)), size, size);
            const [older, newer] = [page.lines.slice(0, page.olderCount), page.lines.slice(page.olderCount)];
            const before = await walkBack(stage, { ...page, lines: older }, { size });
            const after = await walkForward(stage, { ...page, lines: newer }, { size });
            expect([removed, one, size, texts([...before, ...after])]).toEqual([
              removed,
              one,
              size,
              toOrder(log, removed),
            ]);
            expect(before.every(({ timestamp }) => timestamp < toTime(one))).toBe(true);
          }
    });
  });
});

/**
 * Delays between the time of a line and its writing, ns. They stay below what a history allows for.
 */
const delays = [0, 0, 0, 300, 2000, 400_000, 12_000_000];
const anyStep = (gaps: readonly number[]) =>
  fc.tuple(
    fc.constantFrom<LogStream>("stdout", "stdout", "stderr"),
    fc.constantFrom(...gaps),
    fc.constantFrom(...delays),
  );
const gaps = [1, 1, 250, 1500, 300_000, 20_000_000, 1_000_000_000, 40_000_000_000];

/**
 * Logs as an engine writes them: each stream in the order of its times, the two in any order of a
 * few milliseconds. `unit`: precision of the times, ns.
 */
const logsOf = (steps: readonly number[], unit = 1) =>
  fc.array(anyStep(steps), { minLength: 1, maxLength: 40 }).map((list) => {
    let now = 0;
    const last: Record<LogStream, number> = { stdout: -1, stderr: -1 };
    const written: Record<LogStream, number> = { stdout: 0, stderr: 0 };
    const entries = list.map(([stream, gap, delay], n) => {
      // The clock of an engine gives no two lines of a stream one nanosecond; whole seconds have
      // many.
      now = Math.max(now + gap, unit === 1 ? last[stream] + 1 : 0);
      last[stream] = now;
      written[stream] = Math.max(written[stream], now + delay);
      const at = base + (Math.floor(now / unit) * unit) / 1e9;
      return { key: written[stream], at, stream, text: `${String(n).padStart(2, "0")}${n % 3 === 0 ? " x" : ""}` };
    });
    return entries.toSorted((a, b) => a.key - b.key).map(({ at, stream, text }): LogEntry => ({ at, stream, text }));
  });
const walks = fc.record({
  size: fc.integer({ min: 1, max: 7 }),
  pieceSize: fc.integer({ min: 1, max: 4 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  filter: fc.constantFrom<LogFilter>({}, {}, { stream: "stderr" }, { search: "x" }),
});

describe("the pages of any log, wherever it is rotated", () => {
  const kinds = [
    ["Docker", { podman: false, logs: logsOf([0, ...gaps]) }],
    ["Podman", { podman: true, logs: logsOf([0, ...gaps], 1e9) }],
  ] as const;

  it.each(kinds)("have each line once and in order, back and forward (%s)", async (_, { podman, logs }) => {
    await fc.assert(
      fc.asyncProperty(logs, walks, async (log, { size, pieceSize, share, filter }) => {
        const removed = Math.floor(log.length * share);
        const stage = setUp(log, removed, { podman, pieceSize });
        const expected = toOrder(log, removed, filter);
        const back = await walkBack(stage, await stage.read({ tail: size, ...filter }), { size, filter });
        expect(texts(back)).toEqual(expected);
        for (const begin of [startOfLog, toMoment(toTime(log[0] as LogEntry))]) {
          const ahead = await walkForward(stage, await stage.around(begin, 0, size, filter), { size, filter });
          expect(texts(ahead)).toEqual(expected);
        }
      }),
      { numRuns: 80 },
    );
  });

  it("have each line once and in order, from any time in both directions", async () => {
    await fc.assert(
      fc.asyncProperty(logsOf([0, ...gaps]), walks, fc.nat(39), async (log, { size, pieceSize, share, filter }, n) => {
        const removed = Math.floor(log.length * share);
        const stage = setUp(log, removed, { pieceSize });
        const time = toTime(log[n % log.length] as LogEntry);
        const page = await stage.around(toMoment(time), size, size, filter);
        const [older, newer] = [page.lines.slice(0, page.olderCount), page.lines.slice(page.olderCount)];
        // Without a line on one side there is no cursor for it.
        const before = await walkBack(stage, { ...page, lines: older }, { size, filter });
        const after = await walkForward(stage, { ...page, lines: newer }, { size, filter });
        expect(texts([...before, ...after])).toEqual(toOrder(log, removed, filter));
        // Of the engine's lines the file decides.
        const own = new Set(texts(log.slice(removed).map(toLine)));
        expect(before.filter(({ message, timestamp }) => timestamp >= time && !own.has(message))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it("have each line once while the engine removes lines between pages", async () => {
    const removals = fc.array(fc.nat(6), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(logsOf(gaps), walks, removals, async (log, { size, pieceSize, share, filter }, counts) => {
        const wanted = texts(log.map(toLine).filter(createLogFilter(filter).accepts)).toSorted();
        const begin = () => {
          const stage = setUp(log, Math.floor((log.length * share) / 4), { pieceSize });
          let turn = 0;
          const between = () => stage.remove(counts[turn++ % counts.length] ?? 0);
          return { stage, walk: { size, filter, between } };
        };
        const [one, other] = [begin(), begin()];
        const back = await walkBack(one.stage, await one.stage.read({ tail: size, ...filter }), one.walk);
        const ahead = await walkForward(other.stage, await other.stage.around(startOfLog, 0, size, filter), other.walk);
        for (const lines of [back, ahead]) {
          expect(texts(lines).toSorted()).toEqual(wanted);
          for (const stream of ["stdout", "stderr"]) {
            const own = lines.filter((line) => line.stream === stream).map(({ timestamp }) => timestamp);
            expect(own).toEqual(own.toSorted());
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
