import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type RoleLine, toRoleLine } from "../../../../src/containers/logs/role/lines.ts";
import { createReorderWindow } from "../../../../src/containers/logs/role/merge.ts";
import { replica } from "../../../support/containers.ts";
import { line } from "../../../support/logs.ts";

const containers = ["a", "b", "c", "d"].map((name) => replica(name));
const holdMs = 500;
const make = (source: number, ms: number, message: string) =>
  toRoleLine(containers[source] as never, line(ms, message));

/**
 * What each container wrote, when, and how much later it arrived. The ways of one container keep
 * its order.
 */
const written = (mostDelay: number) =>
  fc.array(
    fc.record({
      source: fc.nat(3),
      writtenAt: fc.integer({ min: 0, max: 3000 }),
      delay: fc.integer({ min: 0, max: mostDelay }),
    }),
    { maxLength: 80 },
  );

/** Lets the lines arrive, one by one in time, with a reader that looks every `step` ms. */
function run(lines: readonly { source: number; writtenAt: number; delay: number }[], step: number, maxSize = 1e9) {
  const window = createReorderWindow({ holdMs, maxSize });
  const arrivals = [0, 1, 2, 3].flatMap((source) => {
    let arrived = 0;
    return lines
      .filter((one) => one.source === source)
      .toSorted((a, b) => a.writtenAt - b.writtenAt)
      .map(({ writtenAt, delay }, index) => {
        arrived = Math.max(arrived, writtenAt + delay);
        return { arrived, line: make(source, writtenAt, `${source}.${index}`) };
      });
  });
  arrivals.sort((a, b) => a.arrived - b.arrived);
  const out: RoleLine[] = [];
  let next = 0;
  for (let now = 0; now <= 8000; now += step) {
    for (; (arrivals[next]?.arrived ?? Infinity) <= now; next++)
      window.push([arrivals[next]?.line as RoleLine], arrivals[next]?.arrived ?? 0);
    out.push(...window.take(now));
    expect(window.nextAt === null || window.nextAt > now).toBe(true);
  }
  return { out, given: arrivals.map((arrival) => arrival.line) };
}

const messages = (lines: readonly RoleLine[]) => lines.map(({ message }) => message);
const ofEach = (lines: readonly RoleLine[]) =>
  [0, 1, 2, 3].map((source) => messages(lines).filter((text) => text.startsWith(`${source}.`)));

test("lines delayed less than the window come in order, each once", () => {
  fc.assert(
    fc.property(written(holdMs - 1), fc.integer({ min: 1, max: 400 }), (lines, step) => {
      const { out, given } = run(lines, step);
      const times = out.map(({ timestamp }) => timestamp);
      expect(times).toEqual(times.toSorted());
      expect(messages(out).toSorted()).toEqual(messages(given).toSorted());
    }),
  );
});

test("lines delayed more come once, those of one container in order", () => {
  fc.assert(
    fc.property(written(4000), fc.constantFrom(1e9, 1000), (lines, maxSize) => {
      const { out, given } = run(lines, 50, maxSize);
      expect(messages(out).toSorted()).toEqual(messages(given).toSorted());
      expect(ofEach(out)).toEqual(
        ofEach(out).map((_, source) =>
          Array.from({ length: ofEach(given)[source]?.length ?? 0 }, (__, n) => `${source}.${n}`),
        ),
      );
    }),
  );
});

test("a line waits for the window, a late one does not", () => {
  const window = createReorderWindow({ holdMs, maxSize: 1e9 });
  window.push([make(0, 1000, "first")], 0);
  expect(window.take(499)).toEqual([]);
  expect(window.nextAt).toBe(500);
  expect(messages(window.take(500))).toEqual(["first"]);
  window.push([make(1, 900, "late")], 600);
  window.push([make(1, 1500, "not late")], 600);
  expect(messages(window.take(601))).toEqual(["late"]);
});

test("clocks that go back do not reverse a container's lines", () => {
  const window = createReorderWindow({ holdMs, maxSize: 1e9 });
  window.push([make(0, 1000, "first"), make(0, 400, "second"), make(0, 1100, "third")], 0);
  window.push([make(1, 500, "other")], 0);
  expect(messages(window.take(500))).toEqual(["other", "first", "second", "third"]);
});

test("text over the limit is sent at once, the earlier half first", () => {
  const window = createReorderWindow({ holdMs, maxSize: 10_000 });
  for (let n = 0; n < 100; n++) window.push([make(n % 2, n * 10, "x".repeat(100))], 0);
  expect(window.size).toBeGreaterThan(10_000);
  const out = window.take(1);
  expect(window.size).toBeLessThanOrEqual(5000);
  expect(out.length).toBeGreaterThan(50);
  expect(out.map(({ timestamp }) => timestamp)).toEqual(out.map(({ timestamp }) => timestamp).toSorted());
});

test("a line waits from its arrival on, and is sent with all before it", () => {
  const window = createReorderWindow({ holdMs, maxSize: 1e9 });
  const take = (now: number) => window.take(now).map(({ message }) => message);
  expect([window.nextAt, window.size, window.last, take(1e9)]).toEqual([null, 0, "", []]);
  window.push([make(0, 2000, "b")], 100);
  window.push([make(1, 1000, "a"), make(1, 3000, "c")], 150);
  expect([window.nextAt, window.size]).toEqual([600, 3 * 129]);
  expect(take(599)).toEqual([]);
  expect(take(600)).toEqual(["a", "b"]);
  expect([window.nextAt, window.size, window.last]).toEqual([650, 129, make(0, 2000, "").timestamp]);
  // What comes too late goes at once, and with it nothing that is later.
  window.push([make(2, 1500, "late"), make(2, 2500, "in time")], 610);
  expect(take(610)).toEqual(["late"]);
  expect(window.last).toBe(make(0, 2000, "").timestamp);
  expect(take(650)).toEqual(["in time", "c"]);
  expect([window.nextAt, window.size, window.last]).toEqual([null, 0, make(1, 3000, "").timestamp]);
});

test.each([
  [4 * 129, []],
  [4 * 129 - 1, ["0", "1", "2"]],
  [2 * 129, ["0", "1", "2"]],
  [2 * 129 - 1, ["0", "1", "2", "3"]],
  [0, ["0", "1", "2", "3"]],
])("of four lines in %i characters the earlier ones are sent at once: %j", (maxSize, expected) => {
  const window = createReorderWindow({ holdMs, maxSize });
  for (const message of ["0", "1", "2", "3"]) window.push([make(Number(message), Number(message), message)], 0);
  expect(window.take(0).map(({ message }) => message)).toEqual(expected);
  expect(window.size).toBe((4 - expected.length) * 129);
});

test("lines of one container stay in their order, whatever their times", () => {
  const window = createReorderWindow({ holdMs, maxSize: 1e9 });
  const take = (now: number) => window.take(now).map(({ message }) => message);
  window.push([make(0, 3000, "a"), make(0, 1000, "b"), make(1, 2000, "x")], 0);
  expect(take(500)).toEqual(["x", "a", "b"]);
  expect(window.last).toBe(make(0, 3000, "").timestamp);
  window.push([make(0, 1000, "c"), make(1, 1500, "y")], 600);
  expect(take(600)).toEqual(["c", "y"]);
});
