import { describe, expect, it } from "vitest";
import { toQueueEvidence } from "../../../src/deploys/verdict/evidence.ts";
import { countEnded, type Ended, toOwnHistory } from "../../../src/deploys/verdict/own-history.ts";
import type { VerdictOutcome } from "../../../src/deploys/verdict/types.ts";
import { judgeDeploy } from "../../../src/deploys/verdict/verdict.ts";
import { quietContainers } from "../../support/deploys.ts";
import { sampleHistory } from "../../support/queues.ts";

const seconds = 1200;
const none: Ended = { succeeded: 0, failed: 0 };
const past = (succeeded: number, failed: number, more = {}) =>
  sampleHistory({ processedPerSec: succeeded / seconds, failures: failed, depth: 7, oldestAgeSeconds: 8, ...more });

describe("the own part of a shared queue", () => {
  it("is what ended on own workers, without what waits for all", () => {
    const whole = past(900, 90, { waitP95Seconds: 5, runP95Seconds: 6 });
    const own = past(300, 10, { waitP95Seconds: 1, runP95Seconds: 2 });
    const part = toOwnHistory(whole, seconds, { own, others: past(500, 60) });
    expect(part.points).toEqual([
      {
        ...whole.points[0],
        processedPerSec: 300 / seconds,
        failures: 10,
        runP95Seconds: 2,
        depth: null,
        oldestAgeSeconds: null,
        waitP50Seconds: null,
        waitP95Seconds: null,
      },
    ]);
    expect(part.unattributed).toEqual({ succeeded: 100, failed: 20 });
  });

  it.each<[string, Parameters<typeof toOwnHistory>[2], Ended, Ended | null]>([
    ["nothing ended on them", { own: undefined, others: past(10, 5) }, { succeeded: 0, failed: 0 }, none],
    ["more is counted in parts", { own: past(9, 4), others: past(9, 4) }, { succeeded: 9, failed: 4 }, none],
    ["rows name no workers", null, { succeeded: 10, failed: 5 }, null],
  ])("is known as far as rows name workers: %s", (_, parts, counted, unattributed) => {
    const part = toOwnHistory(past(10, 5), seconds, parts);
    expect([countEnded(part, seconds), part.unattributed]).toEqual([counted, unattributed]);
  });

  it("is unknown where the queue's history is", () => {
    const whole = sampleHistory({ processedPerSec: null, failures: null });
    expect(toOwnHistory(whole, seconds, { own: past(1, 1), others: undefined })).toBe(whole);
  });
});

describe("a shared queue's verdict", () => {
  interface Side {
    readonly own: readonly [succeeded: number, failed: number];
    /** On workers that may be anyone's. */
    readonly anyone?: readonly [succeeded: number, failed: number];
  }
  const toHistories = ({ own, anyone = [0, 0] }: Side) => {
    const whole = past(own[0] + anyone[0] + 400, own[1] + anyone[1] + 200);
    const part = toOwnHistory(whole, seconds, { own: past(...own), others: past(400, 200) });
    return new Map([["shared", part]]);
  };
  const judge = (before: Side, after: Side) => {
    const queues = toQueueEvidence("jobs", seconds, toHistories(before), toHistories(after));
    const windows = {
      seconds,
      before: { from: 0, to: seconds },
      after: { from: seconds, to: 2 * seconds },
      reach: seconds,
    };
    return judgeDeploy({ windows, queues, containers: quietContainers, newErrors: null, gaps: [] });
  };

  it.each<[string, Side, Side, VerdictOutcome]>([
    ["own ones fail more", { own: [300, 0] }, { own: [150, 150] }, "regressed"],
    ["own ones fail as before", { own: [150, 150] }, { own: [150, 150] }, "clean"],
    ["there are too few own ones", { own: [20, 0] }, { own: [0, 200] }, "not_enough_data"],
    ["own ones fail more, whoever did the rest", { own: [300, 0] }, { own: [50, 250], anyone: [5, 0] }, "regressed"],
    ["own ones may have failed before", { own: [300, 0], anyone: [0, 300] }, { own: [150, 150] }, "not_enough_data"],
    ["the rest that fails may be own", { own: [300, 0] }, { own: [300, 0], anyone: [0, 200] }, "not_enough_data"],
    ["the rest is too little to matter", { own: [300, 0] }, { own: [300, 0], anyone: [0, 1] }, "clean"],
    ["the rest does not fail", { own: [300, 3] }, { own: [300, 3], anyone: [200, 0] }, "clean"],
    [
      "nothing is known to be own",
      { own: [0, 0], anyone: [300, 0] },
      { own: [0, 0], anyone: [9, 300] },
      "not_enough_data",
    ],
  ])("where %s", (_, before, after, outcome) => {
    const verdict = judge(before, after);
    expect(verdict.outcome).toBe(outcome);
    const [queue] = verdict.queues;
    expect([queue?.before, queue?.after]).toMatchObject([
      { succeeded: before.own[0], failed: before.own[1] },
      { succeeded: after.own[0], failed: after.own[1] },
    ]);
  });

  it("says that the workers of jobs are not known", () => {
    const [queue] = judge({ own: [300, 0] }, { own: [300, 0], anyone: [0, 200] }).queues;
    expect(queue?.reasons).toEqual(["other services work on it too, and the workers of 200 ended jobs are not known"]);
    expect(judge({ own: [20, 0] }, { own: [20, 0], anyone: [1, 0] }).queues[0]?.reasons).toEqual([
      "fewer than 30 jobs ended before the deploy",
    ]);
  });

  it("is not that of the whole queue where rows name no workers", () => {
    const whole = (failed: number) => new Map([["shared", toOwnHistory(past(300, failed), seconds, null)]]);
    const [evidence] = toQueueEvidence("jobs", seconds, whole(0), whole(300));
    expect(evidence).toMatchObject({ before: null, after: null, endedBefore: 300, endedAfter: 300 });
    const [empty] = toQueueEvidence(
      "jobs",
      seconds,
      new Map(),
      new Map([["shared", toOwnHistory(past(0, 9), seconds, null)]]),
    );
    expect(empty).toMatchObject({ isUnattributed: true, endedBefore: 0, endedAfter: null });
  });
});
