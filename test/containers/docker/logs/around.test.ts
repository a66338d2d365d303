import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAround } from "../../../../src/containers/docker/logs/around.ts";
import { readLogs } from "../../../../src/containers/docker/logs/read.ts";
import { maxScanBytes } from "../../../../src/containers/docker/logs/window.ts";
import {
  createLineCounter,
  type LogFilter,
  type LogPage,
  type LogPoint,
  toLineBytes,
  toMoment,
} from "../../../../src/containers/logs/log.ts";
import { createSharedBudget, type ReadBudget } from "../../../../src/lib/budget/budget.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { fullId } from "../../../support/docker-fake.ts";
import { facts } from "../../../support/docker-facts.ts";
import { createLogEngine, type LogEntry } from "../../../support/log-engine.ts";
import { readPage } from "../../../support/log-pages.ts";
import { sampleLine } from "../../../support/logs.ts";

const ref = { engine: "web-1", fullId: fullId("a") };
const base = 1_000_000;
const time = (seconds: number) => toLogTimestamp((base + seconds).toFixed(9));
const write = (count: number, text = (n: number) => `line ${n}`): LogEntry[] =>
  Array.from({ length: count }, (_, n) => ({ at: base + n, text: text(n) }));

function setUp(log: readonly LogEntry[], { podman = false, timeoutMs = 5000 } = {}) {
  const { engine, state } = createLogEngine();
  state.log = [...log];
  if (podman) state.meanwhile = [];
  state.inspection = { ...state.inspection, raw: facts({ createdAt: "1970-01-01T00:01:00Z" }) };
  const abort = new AbortController();
  const meter = { held: 0 };
  const budget: ReadBudget = {
    ...createSharedBudget(abort.signal),
    hold: (bytes) => void (meter.held += bytes),
    free: (bytes) => void (meter.held -= bytes),
  };
  const times = { timeoutMs, budget };
  const read = async (
    point: LogPoint,
    older: number,
    newer: number,
    filter: LogFilter & { since?: string; until?: string } = {},
  ) => readAround(engine, ref, { ...filter, around: { point, older, newer } }, times);
  const newest = async (tail: number, filter: LogFilter = {}) =>
    readLogs(engine, ref, { tail, ...filter }, { ...times, placed: true });
  return { state, abort, meter, read, newest };
}
const texts = ({ lines }: Pick<LogPage, "lines">) => lines.map(({ message }) => message);
const sinces = ({ queries }: { queries: readonly Readonly<Record<string, unknown>>[] }) =>
  queries.map(({ since, tail }) => (tail === "all" ? (since === undefined ? "all" : Number(since) - base) : tail));

/**
 * A log as an engine keeps it: two streams, each in the order of its times, one of which is written
 * late; many lines share a time.
 */
const logs = fc
  .record({
    steps: fc.array(
      fc.tuple(fc.constantFrom<"stdout" | "stderr">("stdout", "stderr"), fc.constantFrom(0, 0, 0, 1e-6, 0.3, 1, 40)),
      {
        minLength: 1,
        maxLength: 50,
      },
    ),
    lateBy: fc.constantFrom(0, 0.4),
    isWhole: fc.boolean(),
  })
  .map(({ steps, lateBy, isWhole }) => {
    let at = base;
    const entries = steps.map(([stream, step], n): LogEntry & { readonly key: number } => {
      at += step;
      const shown = isWhole ? Math.floor(at) : Math.round(at * 1e6) / 1e6;
      return {
        at: shown,
        text: `${n}${n % 3 === 0 ? " x" : ""}`,
        stream,
        key: at + (stream === "stderr" && !isWhole ? lateBy : 0),
      };
    });
    return entries.toSorted((a, b) => a.key - b.key);
  });
const filters = fc.constantFrom<LogFilter>({}, { search: "x" }, { stream: "stderr" });

describe("a walk over the pages of a log", () => {
  const wanted = (log: readonly LogEntry[], { search, stream }: LogFilter) =>
    log
      .filter(({ text, stream: own }) => text.includes(search ?? "") && (stream === undefined || stream === own))
      .map(({ text }) => text);

  it.each([false, true])("from any time meets each line once, in order (Podman: %s)", async (podman) => {
    await fc.assert(
      fc.asyncProperty(
        logs,
        filters,
        fc.integer({ min: -2, max: 60 }),
        fc.integer({ min: 1, max: 7 }),
        async (log, filter, seconds, size) => {
          const { read } = setUp(log, { podman });
          const half = Math.floor(size / 2);
          const page = await read(toMoment(time(seconds)), half, size - half, filter);
          const isFrom = (at: number) => toLogTimestamp(at.toFixed(9)) >= time(seconds);
          const from = log.findIndex(({ at }) => isFrom(at));
          const before = wanted(from === -1 ? log : log.slice(0, from), filter);
          expect(texts(page).slice(0, page.olderCount)).toEqual(half === 0 ? [] : before.slice(-half));
          const walked = [...texts(page)];
          let { start, truncated, end, hasNewer } = page;
          for (let turns = 0; truncated && start && turns < 100; turns++) {
            const older = await read(start, size, 0, filter);
            walked.unshift(...texts(older));
            ({ truncated } = older);
            start = older.start;
          }
          for (let turns = 0; hasNewer && end && turns < 100; turns++) {
            const newer = await read(end, 0, size, filter);
            walked.push(...texts(newer));
            ({ hasNewer } = newer);
            end = newer.end ?? end;
          }
          // Without a line there is no cursor.
          fc.pre(page.lines.length > 0);
          expect(walked).toEqual(wanted(log, filter));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("meets each line once where a stream is late and its lines share times", async () => {
    const entries = fc.array(
      fc.record({
        stream: fc.constantFrom<"stdout" | "stderr">("stdout", "stderr"),
        step: fc.constantFrom(0, 0, 0.01),
        lateBy: fc.constantFrom(0, 0, 0.02, 0.1),
      }),
      { minLength: 10, maxLength: 120 },
    );
    const start = fc.option(fc.constantFrom(0.5, 0.6, 0.7, 0.8));
    await fc.assert(
      fc.asyncProperty(entries, fc.integer({ min: 1, max: 5 }), start, async (steps, size, seconds) => {
        let now = base + 0.5;
        const last = { stdout: 0, stderr: 0 };
        const log = steps.map(({ stream, step, lateBy }, n): LogEntry => {
          now += step;
          last[stream] = Math.max(last[stream], Math.round((now - lateBy) * 1e6) / 1e6);
          return { at: last[stream], text: String(n).padStart(3, "0"), stream };
        });
        const { newest, read } = setUp(log);
        const from = await (seconds === null ? newest(size) : read(toMoment(time(seconds)), size, size));
        fc.pre(from.lines.length > 0);
        const walked = texts(from);
        for (let [page, turns] = [from, 0]; page.truncated && page.start && turns < 200; turns++) {
          page = await read(page.start, size, 0);
          walked.unshift(...texts(page));
        }
        for (let [page, turns] = [from, 0]; page.hasNewer && page.end && turns < 200; turns++) {
          page = await read(page.end, 0, size);
          walked.push(...texts(page));
        }
        expect(walked.toSorted()).toEqual(log.map(({ text }) => text));
      }),
      { numRuns: 200 },
    );
  });

  it("meets each line once where the clock of the host went back", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.constantFrom(0.1, 1, 3, 30, 4000),
        fc.integer({ min: 1, max: 7 }),
        async (count, from, back, size) => {
          const log = Array.from({ length: count }, (_, n): LogEntry => {
            const at = base + n * 0.0123 - (n >= from ? back : 0);
            return { at: Math.round(at * 1e6) / 1e6, text: String(n) };
          });
          const { newest, read, state } = setUp(log);
          state.sendsAllFromFirst = true;
          let page = await newest(size);
          const walked = texts(page);
          for (let turns = 0; page.truncated && page.start && turns < 100; turns++) {
            page = await read(page.start, size, 0);
            walked.unshift(...texts(page));
          }
          expect(walked).toEqual(log.map(({ text }) => text));
          page = await read({ ...(page.start as LogPoint), isAfter: false }, 0, size);
          const forward = texts(page);
          for (let turns = 0; page.hasNewer && page.end && turns < 100; turns++) {
            page = await read(page.end, 0, size);
            forward.push(...texts(page));
          }
          expect(forward).toEqual(walked);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("back from the newest has no gap while the log changes at both ends", async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.integer({ min: 1, max: 5 }), fc.nat({ max: 3 }), async (late, size, removed) => {
        const log = late.toSorted((a, b) => a.at - b.at);
        const { state, newest, read } = setUp(log);
        const page = await newest(size);
        const walked = texts(page);
        const last = log.at(-1) as LogEntry;
        state.log.push({ ...last, text: "later" });
        let { start, truncated } = page;
        for (let turns = 0; truncated && start && turns < 100; turns++) {
          for (let n = 0; n < removed; n++)
            state.log = state.log.filter(({ at }, _, [first]) => at !== first?.at || at === last.at);
          const older = await read(start, size, 0);
          walked.unshift(...texts(older));
          ({ start, truncated } = older);
        }
        const all = log.map(({ text }) => text);
        expect(walked).toEqual(all.slice(all.length - walked.length));
        expect(removed > 0 || walked.length === all.length).toBe(true);
        expect(texts(await read(page.end as LogPoint, 0, 9))).toEqual(["later"]);
      }),
      { numRuns: 200 },
    );
  });
});

describe("the lines next to a point", () => {
  it("are those of the log in memory, before or after any of its lines", async () => {
    const sides = fc.tuple(fc.nat({ max: 5 }), fc.integer({ min: 1, max: 5 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(
        logs,
        filters,
        fc.nat({ max: 49 }),
        fc.boolean(),
        sides,
        async (log, filter, n, isAfter, [one, other, swaps]) => {
          const [older, newer] = swaps ? [other, one] : [one, other];
          const written = log.map(({ at, text, stream = "stdout" }) =>
            sampleLine(text, { timestamp: toLogTimestamp(at.toFixed(9)), stream }),
          );
          const toIndex = createLineCounter();
          const points = written.map((line) => ({
            timestamp: line.timestamp,
            stream: line.stream,
            index: toIndex(line),
            isAfter,
          }));
          const point = points[n % points.length] as LogPoint;
          const page = await setUp(log).read(point, older, newer, filter);
          const expected = readPage(written, { tail: 1, ...filter, around: { point, older, newer } });
          expect([texts(page), page.olderCount]).toEqual([texts(expected), expected.olderCount]);
          // It may have searched less, and says so.
          expect([page.truncated || !expected.truncated, page.hasNewer || !expected.hasNewer]).toEqual([true, true]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("near the end are found in the newest entries alone", async () => {
    const { read, state } = setUp(write(1000));
    const page = await read(toMoment(time(990)), 5, 5);
    expect(texts(page)).toEqual(Array.from({ length: 10 }, (_, n) => `line ${985 + n}`));
    expect(page).toMatchObject({ olderCount: 5, truncated: true, hasNewer: true });
    expect(sinces(state)).toEqual([42]);
    state.queries = [];
    expect(texts(await read(toMoment(time(995)), 5, 0, { search: "9" }))).toEqual(
      [990, 991, 992, 993, 994].map((n) => `line ${n}`),
    );
    expect(sinces(state)).toEqual([82]);
  });

  it("far back are read from a time that the newest suggest, then earlier", async () => {
    const { read, state } = setUp(write(5000));
    const page = await read(toMoment(time(500)), 5, 5);
    expect(texts(page)).toEqual(Array.from({ length: 10 }, (_, n) => `line ${495 + n}`));
    // Two seconds earlier, because lines may be out of order.
    expect(sinces(state)).toEqual([42, 500 - 10 - 2]);
    state.queries = [];
    expect(texts(await read(toMoment(time(500)), 3, 0, { search: "00" }))).toEqual([
      "line 200",
      "line 300",
      "line 400",
    ]);
    expect(sinces(state)).toEqual([50, 500 - 24 - 2, 500 - 24 * 64 - 2]);
  });

  it("are all before or after a time that the log does not reach", async () => {
    const { read } = setUp(write(10));
    expect(await read(toMoment(time(100)), 3, 3)).toMatchObject({
      olderCount: 3,
      truncated: true,
      hasNewer: false,
      end: { timestamp: time(9) },
    });
    expect(texts(await read(toMoment(time(100)), 3, 3))).toEqual(["line 7", "line 8", "line 9"]);
    const early = await read(toMoment(time(-100)), 3, 3);
    expect(texts(early)).toEqual(["line 0", "line 1", "line 2"]);
    expect(early).toMatchObject({ olderCount: 0, truncated: false, hasNewer: true, start: { timestamp: time(0) } });
  });

  it("of an empty log are none, without a place", async () => {
    const { read } = setUp([]);
    const none = { lines: [], truncated: false, hasNewer: false, olderCount: 0, indexes: [], start: null, end: null };
    expect(await read(toMoment(time(0)), 3, 3)).toEqual(none);
    expect(await read({ timestamp: time(0), stream: "stdout", index: 0, isAfter: false }, 3, 0)).toEqual({
      ...none,
      hasNewer: true,
    });
  });

  it("stay between since and until", async () => {
    const { read, state } = setUp(write(1000));
    const limits = { since: time(497), until: time(502) };
    const before = await read(toMoment(time(500)), 5, 0, limits);
    expect([texts(before), before.truncated]).toEqual([["line 497", "line 498", "line 499"], false]);
    expect(sinces(state)).toEqual([22, 495]);
    const after = await read(toMoment(time(500)), 0, 5, limits);
    expect([texts(after), after.hasNewer]).toEqual([["line 500", "line 501", "line 502"], false]);
  });

  it("after a line that the engine has removed are the first that it has", async () => {
    const { read } = setUp(write(10));
    const removed = { timestamp: time(-50), stream: "stdout", index: 0, isAfter: false } as const;
    expect(texts(await read({ ...removed, isAfter: true }, 0, 2))).toEqual(["line 0", "line 1"]);
    expect(await read(removed, 2, 0)).toMatchObject({ lines: [], truncated: false });
  });

  it("take the memory of the page, and none when they fail", async () => {
    const { read, meter, state, abort } = setUp(write(3000));
    const page = await read(toMoment(time(500)), 5, 5);
    expect(meter.held).toBe(page.lines.reduce((sum, line) => sum + toLineBytes(line), 0));
    meter.held = 0;
    state.before = async () => {
      abort.abort(new RangeError("gone"));
      throw new RangeError("gone");
    };
    await expect(read(toMoment(time(500)), 5, 5)).rejects.toThrow(new RangeError("gone"));
    expect(meter.held).toBe(0);
  });

  it("are those that were found when a later reading fails", async () => {
    const { read, state } = setUp(write(5000));
    state.before = async ({ since }) => {
      if (since !== undefined && Number(since) < base) throw new RangeError("too late");
    };
    const page = await read(toMoment(time(500)), 3, 0, { search: "line 49" });
    // The search went back to this second.
    expect([texts(page), page.truncated, page.start?.timestamp]).toEqual([
      ["line 497", "line 498", "line 499"],
      true,
      time(497),
    ]);
    const few = await read(toMoment(time(500)), 30, 0, { search: "line 499" });
    expect([texts(few), few.truncated, few.start?.timestamp]).toEqual([["line 499"], true, time(260)]);
  });
});

describe("a log that is too large to read", () => {
  const long = "x ".repeat(8000);
  const many = Math.ceil(maxScanBytes / 16_000) + 10;

  it("is read from a later second, and the next page continues from there", async () => {
    const dense = write(many, (n) => `${n} ${long}`).map((entry, n) => ({ ...entry, at: base + n / 300 }));
    const sparse = Array.from({ length: 100 }, (_, n) => ({ at: base + 100 * (n + 1), text: "later" }));
    const { read, state } = setUp([...dense, ...sparse]);
    const page = await read(toMoment(time(7)), 1, 0, { search: "nothing" });
    expect(page).toMatchObject({
      lines: [],
      truncated: true,
      start: { timestamp: time(4), stream: "stdout", index: 0, isAfter: false },
    });
    // The sparse end suggests some minutes, which hold too much: half of the seconds that fitted
    // are read.
    expect(sinces(state)).toEqual([18, 7 - 756 - 2, 7 - 3 - 2]);
    state.queries = [];
    const next = await read(page.start as LogPoint, 2, 0);
    expect(texts(next).map((text) => text.slice(0, 5))).toEqual(["1198 ", "1199 "]);
  });

  it("is searched as far as is read, and can be continued", async () => {
    const log = write(many, (n) => `${n} ${long}`);
    log.push({ at: base + many, text: "needle" });
    const { read } = setUp(log);
    const first = await read(toMoment(time(0)), 0, 5, { search: "needle" });
    expect(first).toMatchObject({ lines: [], hasNewer: true });
    expect(texts(await read(first.end as LogPoint, 0, 5, { search: "needle" }))).toEqual(["needle"]);
  });

  it("is an error where not even one second fits", async () => {
    const { read } = setUp(write(many, (n) => `${n} ${long}`).map((entry) => ({ ...entry, at: base })));
    await expect(
      read({ timestamp: time(0), stream: "stdout", index: 2_000_000, isAfter: false }, 5, 0),
    ).rejects.toThrow("the log lines of engine web-1 are too long to be read");
  });
});
