import { describe, expect, it } from "vitest";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { createUntaken } from "../../src/queues/untaken.ts";
import { sampleQueue } from "../support/queues.ts";

const start = Date.parse("2026-01-13T10:00:00Z");

/**
 * Reads of one queue: seconds after the start, jobs that wait, when the oldest could run (seconds
 * after the start).
 */
function read(...reads: readonly (readonly [at: number, depth: number, due: number | null])[]) {
  const untaken = createUntaken();
  return reads.map(([at, depth, due]) => {
    const queue = sampleQueue({
      name: "mail",
      depth,
      oldestAgeSeconds: due === null ? null : at - due,
      observedAt: formatRfc3339(start + at * 1000),
    });
    return untaken.add([queue])[0]?.untakenSeconds;
  });
}

describe("waiting jobs", () => {
  it("are untaken while the oldest is the same and no fewer wait", () => {
    expect(read([0, 409, -1000], [60, 409, -1000], [120, 411, -998], [240, 411, -1002])).toEqual([0, 60, 120, 240]);
  });

  it.each([
    ["the oldest is another one", [60, 409, -990]],
    ["fewer wait", [60, 408, -1000]],
    ["the last read was long ago", [121, 409, -1000]],
  ] as const)("begin again where %s", (_, next) => {
    expect(read([0, 409, -1000], next, [next[0] + 60, next[1], next[2]])).toEqual([0, 0, 60]);
  });

  it("are as long untaken as their read says, however often it is used", () => {
    expect(read([0, 409, -1000], [60, 409, -1000], [60, 409, -1000])).toEqual([0, 60, 60]);
  });

  it("cannot drift: the first due time of the oldest is compared", () => {
    expect(read([0, 5, -100], [60, 5, -98], [120, 5, -96], [180, 5, -94])).toEqual([0, 60, 0, 60]);
  });

  it("are taken while rows show it, though the oldest waits on and more come", () => {
    const untaken = createUntaken();
    const look = (second: number, more: { readonly takenSeconds?: number } = {}) => {
      const observedAt = formatRfc3339(start + second * 1000);
      const queue = sampleQueue({ name: "mail", depth: 5 + second, oldestAgeSeconds: second + 1000, observedAt });
      return untaken.add([{ ...queue, ...more }])[0]?.untakenSeconds;
    };
    const taken = (takenSeconds: number) => ({ takenSeconds });
    expect([look(0), look(60, taken(5)), look(120, taken(0)), look(180), look(240, taken(400))]).toEqual([
      0, 5, 0, 60, 120,
    ]);
  });

  it("are taken while other jobs run than at the read before", () => {
    const untaken = createUntaken();
    const look = (second: number, runningIds?: number) => {
      const observedAt = formatRfc3339(start + second * 1000);
      const queue = sampleQueue({ name: "mail", depth: 5 + second, oldestAgeSeconds: second + 1000, observedAt });
      return untaken.add([{ ...queue, ...(runningIds !== undefined && { runningIds }) }])[0]?.untakenSeconds;
    };
    expect([look(0, 7), look(60, 7), look(120, -8), look(180, -8), look(240), look(300)]).toEqual([
      0, 60, 0, 60, 0, 60,
    ]);
  });

  it("are unknown where none waits, or nobody knows since when", () => {
    expect(read([0, 5, -100], [60, 0, null], [120, 5, -100])).toEqual([0, null, 0]);
    expect(read([0, 5, null], [60, 5, null])).toEqual([null, null]);
  });

  it("of a queue that was gone begin again", () => {
    const untaken = createUntaken();
    const queue = sampleQueue({ name: "mail", depth: 5, oldestAgeSeconds: 100 });
    untaken.add([queue]);
    untaken.add([]);
    expect(untaken.add([queue])[0]?.untakenSeconds).toBe(0);
  });
});
