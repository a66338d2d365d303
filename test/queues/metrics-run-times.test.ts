import { expect, it } from "vitest";
import { createRunTimes } from "../../src/queues/metrics.ts";
import { sampleQueue } from "../support/queues.ts";

const hour = 3_600_000;

/**
 * Shows one queue with a p95 of its run times, null where nothing ended, and says what is usual
 * then.
 */
function createQueue() {
  let time = 10 * hour;
  const runTimes = createRunTimes(() => time);
  const show = (p95: number | null, name = "mail") => {
    const queue = sampleQueue({ name, runSeconds: p95 === null ? null : { p50: 0, p95 } });
    return runTimes.add([queue])[0]?.usualRunSeconds;
  };
  return { show, runTimes, wait: (ms: number) => (time += ms) };
}

it("a run time is unknown before a job ended, then stays", () => {
  const { show, wait } = createQueue();
  expect(show(null)).toBeNull();
  expect(show(2)).toBe(2);
  wait(100 * hour);
  expect(show(null)).toBe(2);
});

it("a run time is the largest of this hour and the last", () => {
  const { show, wait } = createQueue();
  expect([show(2), show(60), show(3)]).toEqual([2, 60, 60]);
  wait(hour);
  expect([show(3), show(4)]).toEqual([60, 60]);
  wait(hour);
  expect([show(1), show(null)]).toEqual([4, 4]);
  wait(2 * hour);
  expect([show(null), show(1)]).toEqual([4, 1]);
});

it("each queue has its own run time, forgotten with the queue", () => {
  const { show, runTimes } = createQueue();
  const [mail, bank] = [
    sampleQueue({ name: "mail", runSeconds: { p50: 0, p95: 2 } }),
    sampleQueue({ name: "bank", runSeconds: { p50: 0, p95: 9 } }),
  ];
  expect(runTimes.add([mail, bank]).map((queue) => queue.usualRunSeconds)).toEqual([2, 9]);
  expect(show(null)).toBe(2);
  expect(show(null, "bank")).toBeNull();
});

it("a run time begins with the learned one, which counts as read then", () => {
  const { show, runTimes, wait } = createQueue();
  runTimes.learn(new Map([["mail", 60]]));
  expect([show(null), show(2)]).toEqual([60, 60]);
  wait(2 * hour);
  expect(show(2)).toBe(2);
});

it("run times come from running jobs that ended, if rows have none", () => {
  let time = 10 * hour;
  const runTimes = createRunTimes(() => time);
  const show = (wait: number, oldestRunSeconds: number | null) => {
    time += wait * 1000;
    const observedAt = new Date(time).toISOString();
    return runTimes.add([sampleQueue({ name: "mail", runSeconds: null, oldestRunSeconds, observedAt })])[0]
      ?.usualRunSeconds;
  };
  // It still runs.
  expect([show(0, 3), show(10, 13), show(15, 28.2)]).toEqual([null, null, null]);
  // It has ended, 15 s later at most, and another one runs.
  expect(show(15, 4)).toBeCloseTo(43.2);
  expect(show(1, null)).toBeCloseTo(43.2);
  // A worker hangs: it is remembered.
  expect([show(15, 10), show(30, 40), show(600, 640)]).toEqual([
    expect.closeTo(43.2),
    expect.closeTo(43.2),
    expect.closeTo(43.2),
  ]);
  // Nobody had asked for a while: who knows when it ended.
  expect(show(61, null)).toBeCloseTo(43.2);
  // It was restarted: what hung may have been a long job.
  expect([show(15, 10), show(15, 25), show(15, 0)]).toEqual([
    expect.closeTo(43.2),
    expect.closeTo(43.2),
    expect.closeTo(43.2),
  ]);
  expect([show(15, 60), show(15, null)]).toEqual([expect.closeTo(43.2), 75]);
});

it.each<[string, number, number | null, number | null]>([
  ["ran on", 10, 13, null],
  ["may have run on, as two reads are half a second apart", 10, 12.5, null],
  ["is another one", 10, 12.4, 13],
  ["is none", 10, null, 13],
  ["is none, a minute later", 60, null, 63],
  ["is none, more than a minute later", 60.001, null, null],
])("a run time is known of a job that ended before the oldest %s", (_what, wait, after, usual) => {
  let time = 10 * hour;
  const runTimes = createRunTimes(() => time);
  const show = (oldestRunSeconds: number | null) => {
    const observedAt = new Date(time).toISOString();
    return runTimes.add([sampleQueue({ name: "mail", runSeconds: null, oldestRunSeconds, observedAt })])[0]
      ?.usualRunSeconds;
  };
  expect(show(3)).toBeNull();
  time += wait * 1000;
  expect(show(after)).toBe(usual);
});

it("a run time comes from rows if they have it", () => {
  let time = 10 * hour;
  const runTimes = createRunTimes(() => time);
  const show = (more: object) =>
    runTimes.add([sampleQueue({ name: "mail", observedAt: new Date(time).toISOString(), ...more })])[0]
      ?.usualRunSeconds;
  expect(show({})).toBeNull();
  time += 1000;
  expect(show({ oldestRunSeconds: 30 })).toBeNull();
  time += 1000;
  expect(show({ runSeconds: { p50: 1, p95: 2 }, oldestRunSeconds: null })).toBe(2);
  time += 1000;
  // Nothing ran any more.
  expect(show({})).toBe(2);
});

it("a run time is unknown if no job was seen running", () => {
  let time = 10 * hour;
  const runTimes = createRunTimes(() => time);
  for (const oldestRunSeconds of [null, null, undefined, null]) {
    time += 1000;
    const queue = sampleQueue({ name: "mail", observedAt: new Date(time).toISOString() });
    const [shown] = runTimes.add([oldestRunSeconds === undefined ? queue : { ...queue, oldestRunSeconds }]);
    expect(shown?.usualRunSeconds).toBeNull();
  }
});

it("a run time is the larger of those learned in an hour", () => {
  const { show, runTimes, wait } = createQueue();
  runTimes.learn(
    new Map([
      ["mail", 60],
      ["bank", 5],
    ]),
  );
  runTimes.learn(new Map([["mail", 7]]));
  expect([show(null), show(null, "bank")]).toEqual([60, null]);
  runTimes.learn(new Map([["mail", 60]]));
  wait(hour);
  runTimes.learn(new Map([["mail", 7]]));
  expect(show(null)).toBe(60);
  wait(hour);
  expect(show(1)).toBe(7);
});

it("a repeated answer is not counted again", () => {
  let time = 10 * hour;
  const runTimes = createRunTimes(() => time);
  const queue = sampleQueue({
    name: "mail",
    runSeconds: null,
    oldestRunSeconds: 30,
    observedAt: "2026-01-01T00:00:00Z",
  });
  for (let n = 0; n < 5; n += 1, time += 10_000) expect(runTimes.add([queue])[0]?.usualRunSeconds).toBeNull();
  time -= 20_000;
  expect(
    runTimes.add([{ ...queue, oldestRunSeconds: 60, observedAt: "2026-01-01T00:00:30Z" }])[0]?.usualRunSeconds,
  ).toBeNull();
});

it("the other numbers of a queue are unchanged", () => {
  const queue = sampleQueue({ name: "mail", depth: 3, runSeconds: { p50: 1, p95: 2 } });
  expect(createRunTimes().add([queue])).toEqual([{ ...queue, usualRunSeconds: 2 }]);
});
