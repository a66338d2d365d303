import { describe, expect, it } from "vitest";
import type { Ended } from "../../../src/deploys/verdict/own-history.ts";
import type { QueueEvidence } from "../../../src/deploys/verdict/types.ts";
import { failsMore, judgeDeploy } from "../../../src/deploys/verdict/verdict.ts";
import { toStepsBefore } from "../../../src/deploys/verdict/windows.ts";
import { quietContainers } from "../../support/deploys.ts";
import { createUniform } from "../../support/random.ts";

const toWindows = (seconds: number) => ({
  seconds,
  before: { from: 0, to: seconds },
  after: { from: seconds, to: 2 * seconds },
  reach: seconds,
});

/**
 * A queue of which these jobs ended before the deploy, in steps of so many seconds, and after it.
 */
function toQueue(ended: readonly Ended[], after: Ended, seconds: number): QueueEvidence {
  const sum = (key: keyof Ended) => ended.reduce((total, one) => total + one[key], 0);
  const toWindow = (jobs: Ended) => {
    return { ...jobs, waitP95Seconds: null, runP95Seconds: null, depth: 0, oldestAgeSeconds: null };
  };
  return {
    queue: "mail",
    source: "jobs",
    before: toWindow({ succeeded: sum("succeeded"), failed: sum("failed") }),
    after: toWindow(after),
    endedBefore: sum("succeeded") + sum("failed"),
    endedAfter: after.succeeded + after.failed,
    stepsBefore: { seconds, ended },
  };
}

const judge = (queue: QueueEvidence, seconds = 288) =>
  judgeDeploy({
    windows: toWindows(seconds),
    queues: [queue],
    containers: quietContainers,
    newErrors: null,
    gaps: [],
  });
const repeat = (count: number, succeeded: number, failed: number) =>
  Array.from({ length: count }, (): Ended => ({ succeeded, failed }));
const healthy = repeat(20, 5, 0);
const failing = repeat(10, 2, 3);

describe("failures that began before a deploy", () => {
  it("do not count against it where they are as frequent after it", () => {
    const queue = toQueue([...healthy, ...failing], { succeeded: 60, failed: 90 }, 10);
    expect(judge(queue)).toMatchObject({
      outcome: "clean",
      reasons: [],
      queues: [{ outcome: "clean", failsSince: 100 }],
      gaps: ["mail: 60 % of its jobs fail since 100 s before the deploy, so that does not count against it"],
    });
    const unread = { ...queue, stepsBefore: null };
    expect(judge(unread)).toMatchObject({
      reasons: ["mail: 60 % of its jobs fail, 20 % did before"],
      queues: [{ failsSince: null }],
      gaps: [],
    });
  });

  it("may have begun within a step", () => {
    // Half of the jobs of the last two steps fail, but two thirds of those after them.
    const last = [...repeat(1, 60, 40), ...repeat(1, 40, 60)];
    const queue = toQueue([...repeat(4, 100, 0), ...last], { succeeded: 110, failed: 190 }, 60);
    expect(judge(queue)).toMatchObject({ outcome: "clean", queues: [{ failsSince: 60 }] });
  });

  it.each([
    ["more frequent after it", [...healthy, ...failing], { succeeded: 15, failed: 135 }],
    ["over before it", [...repeat(14, 5, 0), ...failing, ...repeat(10, 5, 0)], { succeeded: 60, failed: 90 }],
    ["the last ones by chance", [...repeat(29, 5, 0), { succeeded: 4, failed: 1 }], { succeeded: 100, failed: 50 }],
    ["the last job", [...repeat(29, 10, 0), { succeeded: 0, failed: 1 }], { succeeded: 220, failed: 80 }],
    ["only four", [...repeat(29, 10, 0), { succeeded: 0, failed: 4 }], { succeeded: 220, failed: 80 }],
    ["as rare as before", repeat(30, 5, 0), { succeeded: 100, failed: 50 }],
    ["of a window in one step", [{ succeeded: 100, failed: 10 }], { succeeded: 60, failed: 90 }],
  ])("excuse no deploy where they were %s", (_, before, after) => {
    expect(judge(toQueue(before, after, 10))).toMatchObject({ outcome: "regressed", gaps: [] });
  });

  it("matter only where a queue fails more than right before the deploy", () => {
    const queue = toQueue([...healthy, ...failing], { succeeded: 60, failed: 90 }, 10);
    expect(failsMore(queue)).toBe(true);
    expect(failsMore({ ...queue, baseline: "day" })).toBe(false);
    expect(failsMore({ ...queue, before: null })).toBe(false);
    expect(failsMore({ ...queue, after: null })).toBe(false);
    expect(failsMore(toQueue(healthy, { succeeded: 150, failed: 1 }, 10))).toBe(false);
  });
});

/**
 * How many of 400 deploys are regressed, with the window before in steps and as a whole: `shareAt`
 * is the share of failures by the seconds since the deploy.
 */
function countRegressed(seconds: number, jobs: number, shareAt: (time: number) => number) {
  const uniform = createUniform(11);
  const { step, steps } = toStepsBefore(toWindows(seconds));
  const fails = (time: number): keyof Ended => (uniform() < shareAt(time) ? "failed" : "succeeded");
  const add = (sum: Ended | undefined, key: keyof Ended): Ended => {
    const { succeeded, failed } = sum ?? { succeeded: 0, failed: 0 };
    return { succeeded: succeeded + Number(key === "succeeded"), failed: failed + Number(key === "failed") };
  };
  let [inSteps, asWhole] = [0, 0];
  for (let deploy = 0; deploy < 400; deploy += 1) {
    const ended = repeat(steps, 0, 0);
    let after: Ended = { succeeded: 0, failed: 0 };
    for (let job = 0; job < jobs; job += 1) {
      const time = -uniform() * step * steps;
      const at = Math.min(steps - 1, Math.floor(time / step + steps));
      ended[at] = add(ended[at], fails(time));
      after = add(after, fails(uniform() * seconds));
    }
    const queue = toQueue(ended, after, step);
    if (judge(queue, seconds).outcome === "regressed") inSteps += 1;
    if (judge({ ...queue, stepsBefore: null }, seconds).outcome === "regressed") asWhole += 1;
  }
  return { inSteps, asWhole };
}

describe("simulated deploys, with the window before in steps", () => {
  it("are regressed as rarely if they are harmless", () => {
    expect(countRegressed(1800, 300, () => 0.02).inSteps).toBeLessThan(4);
    expect(countRegressed(600, 100, () => 0.1).inSteps).toBeLessThan(4);
  });

  it.each([
    [1800, 300, 0.02, 0.1],
    [288, 300, 0.02, 0.1],
    [300, 40, 0.05, 0.5],
  ])("are found nearly as often if true: in %i s, %i jobs, share %f to %f", (seconds, jobs, was, is) => {
    const { inSteps, asWhole } = countRegressed(seconds, jobs, (time) => (time < 0 ? was : is));
    expect(asWhole).toBeGreaterThan(380);
    expect(inSteps).toBeGreaterThan(asWhole * 0.95);
  });

  it.each([
    [288, 88],
    [343, 135],
    [1800, 88],
    [1800, 45],
    [1800, 900],
  ])("are clean if the failures of a window of %i s began %i s before it", (seconds, began) => {
    const { inSteps, asWhole } = countRegressed(seconds, seconds * 0.6, (time) => (time < -began ? 0 : 0.6));
    expect(asWhole).toBe(400);
    expect(inSteps).toBeLessThan(12);
  });

  it("are found if they make an outage worse", () => {
    const worse = (time: number) => (time > 0 ? 0.9 : time < -88 ? 0.02 : 0.6);
    expect(countRegressed(288, 173, worse).inSteps).toBeGreaterThan(380);
  });
});

it.each([
  [60, 60, { from: 0, step: 5, steps: 12 }],
  [288, 288, { from: 3, step: 5, steps: 57 }],
  [60, 1800, { from: -1740, step: 10, steps: 180 }],
  [1800, 1800, { from: 0, step: 10, steps: 180 }],
  [86_400, 86_400, { from: 0, step: 60, steps: 1440 }],
])("steps before a deploy end with it: a window of %i s, %i s back", (seconds, reach, range) => {
  expect(toStepsBefore({ ...toWindows(seconds), reach })).toEqual(range);
});
