import * as fc from "fast-check";
import { expect, it } from "vitest";
import { readAround } from "../../../../src/containers/docker/logs/around.ts";
import { readLogs } from "../../../../src/containers/docker/logs/read.ts";
import { type LogPage, type LogPoint, type LogStream, toMoment } from "../../../../src/containers/logs/log.ts";
import { toLineCursor, toLinePoint } from "../../../../src/graphql/logs/paging.ts";
import { createSharedBudget } from "../../../../src/lib/budget/budget.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { sampleContainer } from "../../../support/containers.ts";
import { facts } from "../../../support/docker-facts.ts";
import { createLogEngine, type LogEntry } from "../../../support/log-engine.ts";
import { sampleLine } from "../../../support/logs.ts";

const base = 1_000_000;
const startOfLog = toMoment(toLogTimestamp("0"));
const toTime = ({ at }: LogEntry) => toLogTimestamp(at.toFixed(9));
const container = sampleContainer();

/** A Docker that sends all lines from the first one on that is not before the `since`. */
function setUp(log: readonly LogEntry[]) {
  const { engine, state } = createLogEngine();
  state.log = [...log];
  state.sendsAllFromFirst = true;
  state.inspection = { ...state.inspection, raw: facts({ createdAt: "1970-01-01T00:01:00Z" }) };
  const times = { timeoutMs: 5000, budget: createSharedBudget(new AbortController().signal) };
  return {
    state,
    newest: async (tail: number) => readLogs(engine, container, { tail }, { ...times, placed: true }),
    /** A client has the point as a cursor. */
    around: async (place: LogPoint, older: number, newer: number) => {
      const point = toLinePoint({ kind: "before", cursor: toLineCursor(container, place) ?? "" }, container);
      return readAround(engine, container, { around: { point, older, newer } }, times);
    },
  };
}
type Readings = ReturnType<typeof setUp>;

interface Line {
  readonly timestamp: string;
  readonly stream: LogStream;
  readonly message: string;
}
const toKey = ({ timestamp, stream, message }: Line) => `${timestamp} ${stream} ${message}`;
const keys = (lines: readonly Line[]) => lines.map(toKey);
const toLine = (entry: LogEntry) =>
  sampleLine(entry.text, { timestamp: toTime(entry), stream: entry.stream ?? "stdout" });
const keysOf = (log: readonly LogEntry[]) => keys(log.map(toLine));
const most = 150;

async function walkBack({ around }: Readings, from: LogPage, size: number, between = () => {}): Promise<string[]> {
  const walked = keys(from.lines);
  for (let [page, turns] = [from, 0]; page.truncated && page.start; turns++) {
    expect(turns).toBeLessThan(most);
    between();
    page = await around(page.start, size, 0);
    walked.unshift(...keys(page.lines));
  }
  return walked;
}

async function walkForward({ around }: Readings, from: LogPage, size: number, between = () => {}): Promise<string[]> {
  const walked = keys(from.lines);
  for (let [page, turns] = [from, 0]; page.hasNewer && page.end; turns++) {
    expect(turns).toBeLessThan(most);
    between();
    page = await around(page.end, 0, size);
    walked.push(...keys(page.lines));
  }
  return walked;
}

/**
 * Logs of a host whose clock goes back onto times that it had before, in whole steps of `unit`
 * seconds. Each line has a text of its own.
 */
const logs = fc
  .record({
    unit: fc.constantFrom(0.001, 1, 60),
    lines: fc.array(
      fc.tuple(
        fc.constantFrom<LogStream>("stdout", "stdout", "stderr"),
        fc.oneof(
          { weight: 8, arbitrary: fc.constantFrom(0, 0, 1, 1, 1, 2) },
          { weight: 1, arbitrary: fc.integer({ min: -9, max: -1 }) },
          { weight: 1, arbitrary: fc.constantFrom(-40, 30) },
        ),
      ),
      { minLength: 1, maxLength: 40 },
    ),
  })
  .map(({ unit, lines }) => {
    let now = 1000;
    return lines.map(([stream, step], n): LogEntry => {
      now = Math.max(0, now + step);
      return { at: base + Math.round(now * unit * 1e6) / 1e6, text: `line ${n}`, stream };
    });
  });
const sizes = fc.integer({ min: 1, max: 9 });
const parameters = { seed: 35, numRuns: 150 };

it("each line of a log whose clock went back is on one page", async () => {
  await fc.assert(
    fc.asyncProperty(logs, sizes, fc.nat(39), async (log, size, n) => {
      const stage = setUp(log);
      const expected = keysOf(log);
      const newest = await stage.newest(size);
      expect(await walkBack(stage, newest, size)).toEqual(expected);
      expect(await walkForward(stage, await stage.around(startOfLog, 0, size), size)).toEqual(expected);
      // From any time, and from any page of a walk the other way.
      const page = await stage.around(toMoment(toTime(log[n % log.length] as LogEntry)), size, size);
      const [older, newer] = [page.lines.slice(0, page.olderCount), page.lines.slice(page.olderCount)];
      const before = await walkBack(stage, { ...page, lines: older }, size);
      const after = await walkForward(stage, { ...page, lines: newer }, size);
      expect([...before, ...after]).toEqual(expected);
      const turned = newest.start && newest.truncated ? await stage.around(newest.start, size, 0) : newest;
      const ahead = await walkForward(stage, turned, size);
      expect(ahead).toEqual(expected.slice(expected.length - ahead.length));
      const first = await stage.around(startOfLog, 0, size);
      const second = first.end && first.hasNewer ? await stage.around(first.end, 0, size) : first;
      const back = await walkBack(stage, second, size);
      expect(back).toEqual(expected.slice(0, back.length));
      expect(back.length).toBe(Math.min(log.length, second === first ? first.lines.length : 2 * size));
    }),
    parameters,
  );
});
