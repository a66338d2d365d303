import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Container } from "../../../../src/containers/container.ts";
import { type LogLine, type LogOptions, type LogStream, toLogPage } from "../../../../src/containers/logs/log.ts";
import { createRoleAround, type RoleAroundPage } from "../../../../src/containers/logs/role/around.ts";
import { type RoleCut, toCutPoint } from "../../../../src/containers/logs/role/cut.ts";
import { byPlace, toRoleLine } from "../../../../src/containers/logs/role/lines.ts";
import { createRolePage } from "../../../../src/containers/logs/role/page.ts";
import { replica, sampleContainer } from "../../../support/containers.ts";
import { readPage } from "../../../support/log-pages.ts";
import { at, line, sampleLine } from "../../../support/logs.ts";

interface Log {
  readonly container: Container;
  readonly lines: readonly LogLine[];
}
type Filter = Pick<LogOptions, "search">;

const momentCut = (ms: number): RoleCut => ({ timestamp: at(ms), name: "", engine: "", places: new Map() });

function readCut(
  logs: readonly Log[],
  cut: RoleCut,
  sides: { older: number; newer: number },
  filter: Filter = {},
  reach?: number,
) {
  const page = createRoleAround({ cut, ...sides });
  for (const { container, lines } of logs) {
    const point = toCutPoint(cut, container);
    page.add(container, readPage(lines, { tail: 1, ...filter, around: { point, ...sides } }, reach));
  }
  return page.take();
}

const textsOf = (page: Pick<RoleAroundPage, "lines">) =>
  page.lines.filter(({ kind }) => kind === "line").map(({ message }) => message);

/**
 * Logs of some containers in which many lines share a time; the streams of one may be a little out
 * of order.
 */
const logsOf = (lateBy: number) =>
  fc
    .array(
      fc.array(fc.tuple(fc.constantFrom<LogStream>("stdout", "stderr"), fc.constantFrom(0, 0, 1, 7, 500)), {
        maxLength: 20,
      }),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map((all) =>
      all.map((steps, n): Log => {
        let ms = 1000;
        const lines = steps.map(([stream, step], index) => {
          ms += step;
          const message = `${n}-${index}${index % 3 === 0 ? " x" : ""}`;
          return {
            order: ms + (stream === "stderr" ? lateBy : 0),
            line: sampleLine(message, { timestamp: at(ms), stream }),
          };
        });
        const written = lines.toSorted((a, b) => a.order - b.order).map((one) => one.line);
        // Two have one name, on two engines.
        const container = sampleContainer({
          name: `web-${n >> 1}`,
          engine: `host-${n & 1}`,
          id: `id${n}`,
          createdAt: "2020-01-01T00:00:00Z",
        });
        return { container, lines: written };
      }),
    );

/** All lines, as one merged log. */
function mergeAll(logs: readonly Log[], { search = "" }: Filter): string[] {
  const placed = logs.flatMap(({ container, lines }) => {
    let place = "";
    return lines.map((one) => ({
      place: (place = one.timestamp > place ? one.timestamp : place),
      line: toRoleLine(container, one),
    }));
  });
  return placed.toSorted(byPlace).flatMap(({ line: { message } }) => (message.includes(search) ? message : []));
}

function walk(page: RoleAroundPage, logs: readonly Log[], size: number, filter: Filter, reach?: number): string[] {
  const walked = textsOf(page);
  let { start, end, truncated, hasNewer } = page;
  for (let turns = 0; truncated && start && turns < 200; turns++) {
    const older = readCut(logs, start, { older: size, newer: 0 }, filter, reach);
    walked.unshift(...textsOf(older));
    ({ truncated } = older);
    start = older.start ?? start;
  }
  for (let turns = 0; hasNewer && end && turns < 200; turns++) {
    const newer = readCut(logs, end, { older: 0, newer: size }, filter, reach);
    walked.push(...textsOf(newer));
    ({ hasNewer } = newer);
    end = newer.end ?? end;
  }
  return walked;
}

const [sizes, filters] = [fc.integer({ min: 1, max: 6 }), fc.constantFrom<Filter>({}, { search: "x" })];

describe("a walk over the pages of several logs", () => {
  it("from any time meets each line once, in the order of all", () => {
    fc.assert(
      fc.property(
        logsOf(0),
        filters,
        fc.nat({ max: 3000 }),
        sizes,
        fc.constantFrom(undefined, 4),
        (logs, filter, ms, size, reach) => {
          const sides = { older: Math.floor(size / 2), newer: Math.ceil(size / 2) };
          const page = readCut(logs, momentCut(ms), sides, filter, reach);
          // Without a line there is no cut.
          fc.pre(page.start !== null && page.end !== null);
          expect(walk(page, logs, size, filter, reach)).toEqual(mergeAll(logs, filter));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("loses and repeats none where streams are out of order", () => {
    fc.assert(
      fc.property(logsOf(8), fc.nat({ max: 3000 }), sizes, fc.constantFrom(undefined, 4), (logs, ms, size, reach) => {
        const page = readCut(
          logs,
          momentCut(ms),
          { older: Math.floor(size / 2), newer: Math.ceil(size / 2) },
          {},
          reach,
        );
        fc.pre(page.start !== null && page.end !== null);
        const walked = walk(page, logs, size, {}, reach);
        for (const [n, { lines }] of logs.entries())
          expect(walked.filter((text) => text.startsWith(`${n}-`))).toEqual(lines.map(({ message }) => message));
      }),
      { numRuns: 500 },
    );
  });

  it("goes on behind a line that another stream's earlier line follows", () => {
    const of = (name: string, ...lines: readonly LogLine[]): Log => ({ container: sampleContainer({ name }), lines });
    const logs = [
      of("web-0", line(1002, "out"), sampleLine("err", { timestamp: at(1001), stream: "stderr" })),
      of("web-1", line(1001, "other")),
      of("web-2", line(1007, "last")),
    ];
    const page = readCut(logs, momentCut(1002), { older: 0, newer: 1 });
    expect(walk(page, logs, 1, {})).toEqual(["other", "out", "err", "last"]);
  });

  it("back from the newest meets each line once, of all containers", () => {
    fc.assert(
      fc.property(logsOf(0), filters, sizes, (logs, filter, size) => {
        const newest = createRolePage(size);
        for (const { container, lines } of logs) {
          const found = readPage(lines, { tail: size, ...filter });
          newest.add(container, found.lines, found);
        }
        const [lines, truncated] = [newest.take(), logs.length > 0];
        const { start, end } = newest;
        fc.pre(start !== null && end !== null);
        const page = { lines, truncated, hasNewer: true, olderCount: lines.length, start, end };
        expect(walk(page, logs, size, filter)).toEqual(mergeAll(logs, filter));
      }),
      { numRuns: 500 },
    );
  });
});

describe("the lines of several containers around a cut", () => {
  const [a, b] = [replica("a", "v1", 0), replica("b", "v2", 5)];
  const logs: readonly Log[] = [
    { container: a, lines: [1000, 2000, 6000, 7000].map((ms) => line(ms, `a ${ms}`)) },
    { container: b, lines: [5500, 6500].map((ms) => line(ms, `b ${ms}`)) },
  ];
  const all = (page: RoleAroundPage) => page.lines.map(({ kind, message }) => (kind === "marker" ? "marker" : message));

  it("have each marker in the page of its time, before the moment or after", () => {
    const early = readCut(logs, momentCut(4000), { older: 2, newer: 2 });
    expect(all(early)).toEqual(["a 1000", "a 2000", "marker", "b 5500", "a 6000"]);
    expect(early.olderCount).toBe(2);
    const late = readCut(logs, momentCut(6000), { older: 2, newer: 2 });
    expect(all(late)).toEqual(["a 2000", "marker", "b 5500", "a 6000", "b 6500"]);
    expect(late.olderCount).toBe(3);
    expect(all(readCut(logs, early.end as RoleCut, { older: 0, newer: 9 }))).toEqual(["b 6500", "a 7000"]);
    expect(all(readCut(logs, late.start as RoleCut, { older: 9, newer: 0 }))).toEqual(["a 1000"]);
    const between = readCut(logs, momentCut(2000), { older: 0, newer: 1 });
    expect(all(between)).toEqual(["a 2000"]);
    expect(all(readCut(logs, between.end as RoleCut, { older: 0, newer: 1 }))).toEqual(["marker", "b 5500"]);
  });

  it("end where the first container ends that was searched no further", () => {
    const page = createRoleAround({ cut: momentCut(9000), older: 10, newer: 0 });
    const place = { timestamp: at(6200), stream: "stdout", index: 0, isAfter: false } as const;
    page.add(
      a,
      readPage(logs[0]?.lines ?? [], {
        tail: 1,
        around: { point: { timestamp: at(9000), stream: null, index: 0, isAfter: false }, older: 10, newer: 0 },
      }),
    );
    page.add(b, toLogPage({ lines: [line(6500, "b 6500")], truncated: true, indexes: [0], start: place }));
    const { lines, truncated, start } = page.take();
    expect([lines.map(({ message }) => message), truncated]).toEqual([["b 6500", "a 7000"], true]);
    expect(start).toMatchObject({ timestamp: at(6200), name: "b", engine: b.engine });
    expect(toCutPoint(start as RoleCut, b)).toEqual(place);
    expect(toCutPoint(start as RoleCut, a)).toMatchObject({ timestamp: at(7000), stream: "stdout" });
  });

  it("limit how far back other logs are read, once there are enough", () => {
    const page = createRoleAround({ cut: momentCut(9000), older: 2, newer: 2 });
    expect(page.since).toBeNull();
    page.add(b, toLogPage({ lines: [line(5500), line(6500)], indexes: [0, 0] }));
    expect(page.since).toBe(at(4500));
    const newer = createRoleAround({ cut: momentCut(0), older: 0, newer: 2 });
    newer.add(b, toLogPage({ lines: [line(5500), line(6500)], olderCount: 0 }));
    expect(newer.since).toBeNull();
  });
});
