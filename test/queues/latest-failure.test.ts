import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { createLatestFailures } from "../../src/queues/latest-failure.ts";
import { queueThresholds, toQueueState } from "../../src/queues/state.ts";
import { sampleQueue } from "../support/queues.ts";

const start = Date.parse("2026-01-13T10:00:00Z");

/** Times, seconds after the start. */
interface Ends {
  readonly succeeded: readonly number[];
  readonly failed: readonly number[];
}

/** A gateway that reads a queue whose jobs end at these times: what its rows say, and its state. */
function createReader({ succeeded, failed }: Ends) {
  const latestFailures = createLatestFailures();
  return (at: number) => {
    const countIn = (times: readonly number[], seconds: number) =>
      times.filter((time) => time <= at && time >= at - seconds).length;
    const [queue] = latestFailures.add([
      sampleQueue({
        name: "batch",
        active: 0,
        processedPerSec: countIn(succeeded, 300) / 300,
        failuresLastHour: countIn(failed, 3600),
        failuresRecent: countIn(failed, 300),
        observedAt: formatRfc3339(start + at * 1000),
      }),
    ]);
    return queue && toQueueState(queue);
  };
}

function readStates(
  ends: Ends,
  { from, to, every }: { readonly from: number; readonly to: number; readonly every: number },
) {
  const read = createReader(ends);
  const states: (string | undefined)[] = [];
  for (let at = from; at <= to; at += every) states.push(read(at));
  return states;
}

const spread = (count: number, from: number, to: number) =>
  Array.from({ length: count }, (_, index) => from + ((to - from) * index) / count);

describe("a batch", () => {
  it("is not failing when its successes leave the window before its failures", () => {
    const ends = { succeeded: spread(194, 0, 5), failed: spread(6, 18, 28) };
    expect(new Set(readStates(ends, { from: 1, to: 400, every: 1 }))).toEqual(new Set(["ok", "idle"]));
  });

  it("is failing if most of its jobs fail, until 5 minutes after that", () => {
    const ends = { succeeded: spread(90, 0, 5), failed: spread(110, 18, 28) };
    const states = readStates(ends, { from: 1, to: 400, every: 1 });
    expect(states.slice(28, 310).filter((state) => state !== "failing")).toEqual([]);
    expect(states.slice(330).filter((state) => state === "failing")).toEqual([]);
  });

  const every = fc.integer({ min: 1, max: 30 });
  const times = (most: number, minLength: number, maxLength: number) =>
    fc.array(fc.integer({ min: 0, max: most }), { minLength, maxLength });

  it("is never failing after its end if fewer than half of its jobs fail", () => {
    const batches = fc.record({ failed: times(270, queueThresholds.failingFailures, 40), every, more: fc.nat(40) });
    fc.assert(
      fc.property(batches, fc.infiniteStream(fc.integer({ min: 0, max: 270 })), ({ failed, more, ...read }, drawn) => {
        const succeeded = [...drawn.take(failed.length + 1 + more)];
        const end = Math.max(...succeeded, ...failed);
        const states = readStates({ succeeded, failed }, { from: 0, to: end + 4000, every: read.every });
        expect(states.slice(Math.ceil(end / read.every))).not.toContain("failing");
      }),
    );
  });

  it("of any shape does not begin to fail once it has ended", () => {
    const batches = fc.record({ succeeded: times(3000, 0, 80), failed: times(3000, 5, 40), every });
    fc.assert(
      fc.property(batches, ({ every: step, ...ends }) => {
        const end = Math.max(...ends.succeeded, ...ends.failed);
        const states = readStates(ends, { from: 0, to: end + 4000, every: step }).slice(Math.ceil(end / step));
        const begins = states.filter((state, index) => index > 0 && state === "failing" && states[index - 1] !== state);
        expect(begins).toEqual([]);
      }),
    );
  });
});

describe("a queue whose jobs begin to fail", () => {
  it("is failing after 5 minutes, and stays so", () => {
    const queues = fc.record({
      period: fc.integer({ min: 1, max: 20 }),
      share: fc.double({ min: 0.55, max: 1, noNaN: true }),
      every: fc.integer({ min: 1, max: 60 }),
      healthySeconds: fc.integer({ min: 0, max: 3000 }),
    });
    fc.assert(
      fc.property(queues, ({ period, share, every, healthySeconds }) => {
        const ended = Array.from({ length: 1200 / period }, (_, index) => healthySeconds + index * period);
        const isFailed = (index: number) => Math.floor((index + 1) * share) > Math.floor(index * share);
        const ends = {
          succeeded: [
            ...Array.from({ length: healthySeconds / period }, (_, index) => index * period),
            ...ended.filter((_, index) => !isFailed(index)),
          ],
          failed: ended.filter((_, index) => isFailed(index)),
        };
        const states = readStates(ends, { from: 0, to: healthySeconds + 1199 - period, every });
        const due = states.slice(Math.ceil((healthySeconds + 300 + 3 * period) / every) + 1);
        expect(new Set(due)).toEqual(new Set(["failing"]));
      }),
    );
  });

  it("is failing as soon as it was without a batch before", () => {
    const failed = spread(300, 1000, 1300);
    const steady = { succeeded: spread(1000, 0, 1000), failed };
    const states = readStates(steady, { from: 1000, to: 1300, every: 1 });
    expect(states.indexOf("failing")).toBe(150);
  });

  it("is failing though as many failures of an hour ago are forgotten", () => {
    const failed = [...spread(60, 0, 3600), ...spread(60, 3600, 7200)];
    const ends = { succeeded: spread(6000, 0, 6000), failed };
    expect(readStates(ends, { from: 0, to: 7190, every: 15 }).at(-1)).toBe("failing");
  });
});

describe("successes at the latest failure", () => {
  const look = (reads: readonly (readonly [at: number, processed: number | null, lastHour: number | null])[]) => {
    const latestFailures = createLatestFailures();
    return reads.map(([at, processed, failuresLastHour]) => {
      const processedPerSec = processed === null ? null : processed / 300;
      const observedAt = formatRfc3339(start + at * 1000);
      const queue = sampleQueue({ name: "mail", processedPerSec, failuresLastHour, observedAt });
      return latestFailures.add([queue])[0]?.successesAtFailure;
    });
  };

  it.each([
    [
      "are those of the read that first saw it",
      [
        [0, 90, 1],
        [10, 60, 1],
        [20, 30, 1],
      ],
      [90, 90, 90],
    ],
    [
      "are others once another job fails",
      [
        [0, 90, 1],
        [10, 60, 2],
        [20, 30, 2],
      ],
      [90, 60, 60],
    ],
    [
      "are others though an old failure left first",
      [
        [0, 90, 9],
        [10, 60, 8],
        [20, 30, 9],
      ],
      [90, 90, 30],
    ],
    [
      "are forgotten with the window",
      [
        [0, 90, 1],
        [302, 60, 1],
        [303, 30, 1],
      ],
      [90, 90, 30],
    ],
    [
      "are unknown without a failure",
      [
        [0, 90, 0],
        [10, 90, null],
      ],
      [null, null],
    ],
    [
      "are unknown without a rate",
      [
        [0, null, 3],
        [10, 30, 3],
      ],
      [null, 30],
    ],
  ] as const)("%s", (_, reads, expected) => {
    expect(look(reads)).toEqual(expected);
  });

  it("are those where only some failures have rows", () => {
    const latestFailures = createLatestFailures();
    const queue = sampleQueue({ name: "mail", processedPerSec: 0.3, failuresLastHour: null });
    const seen = { ...queue, failuresSeen: { lastHour: 5, recent: 5 } };
    expect(latestFailures.add([seen])).toEqual([{ ...seen, successesAtFailure: 90 }]);
  });

  it("are forgotten with the queue", () => {
    const latestFailures = createLatestFailures();
    const queue = sampleQueue({ name: "mail", processedPerSec: 0.3, failuresLastHour: 5 });
    latestFailures.add([queue]);
    latestFailures.add([]);
    expect(latestFailures.add([{ ...queue, processedPerSec: 0 }])[0]?.successesAtFailure).toBe(0);
  });
});
