import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toContainerEvidence } from "../../../src/deploys/verdict/evidence.ts";
import { verdictRules } from "../../../src/deploys/verdict/rules.ts";
import type { Evidence, QueueEvidence, QueueWindow } from "../../../src/deploys/verdict/types.ts";
import { judgeDeploy } from "../../../src/deploys/verdict/verdict.ts";
import { toWindows } from "../../../src/deploys/verdict/windows.ts";
import { sampleContainer } from "../../support/containers.ts";
import { quietContainers as quiet, sampleRecord } from "../../support/deploys.ts";
import { createNormal, toP95 } from "../../support/random.ts";

const windows = { seconds: 600, before: { from: 0, to: 600 }, after: { from: 600, to: 1200 }, reach: 1800 };
const window = (succeeded: number, failed: number, more: Partial<QueueWindow> = {}): QueueWindow => {
  return { succeeded, failed, waitP95Seconds: null, runP95Seconds: null, depth: 0, oldestAgeSeconds: null, ...more };
};
const queue = (before: QueueWindow | null, after: QueueWindow | null, name = "mail"): QueueEvidence => {
  const toEnded = (one: QueueWindow | null) => one && one.succeeded + one.failed;
  return { queue: name, source: "jobs", before, after, endedBefore: toEnded(before), endedAfter: toEnded(after) };
};
/** A queue whose jobs ended, nobody knows when. */
const uncounted = { ...queue(null, null), endedBefore: 1000 };
const judge = (evidence: Partial<Evidence>) =>
  judgeDeploy({ windows, queues: [], containers: quiet, newErrors: null, gaps: [], ...evidence });

describe("a verdict", () => {
  it("is regressed when a queue fails more than chance allows, with numbers", () => {
    const { outcome, reasons, queues } = judge({ queues: [queue(window(198, 2), window(150, 50))] });
    expect(outcome).toBe("regressed");
    expect(reasons).toEqual(["mail: 25 % of its jobs fail, 1.0 % did before"]);
    expect(queues[0]?.pValue).toBeLessThan(1e-10);
  });

  it("says why a deploy is never judged, unless something is worse", () => {
    const clean = [queue(window(200, 3), window(200, 5))];
    expect(judge({ queues: clean }).unjudgeable).toBeNull();
    // Time may bring the jobs.
    expect(judge({})).toMatchObject({ outcome: "not_enough_data", unjudgeable: null });
    expect(judge({ failed: true })).toMatchObject({
      unjudgeable: "failed",
      reasons: ["this deploy failed: no container of it went live"],
    });
    expect(judge({ foreign: true, failed: true })).toMatchObject({
      outcome: "not_enough_data",
      unjudgeable: "other_service",
      reasons: ["this gateway is not responsible for its service (SERVICE): its own gateway judges it"],
    });
    const worse = [queue(window(198, 2), window(150, 50))];
    expect(judge({ failed: true, queues: worse })).toMatchObject({ outcome: "regressed", unjudgeable: null });
  });

  it("is clean with enough jobs and nothing worse, or slightly worse", () => {
    expect(judge({ queues: [queue(window(200, 3), window(200, 5))] })).toMatchObject({ outcome: "clean", reasons: [] });
    // Sure, but too small to matter.
    expect(judge({ queues: [queue(window(1_000_000, 0), window(1_000_000, 1000))] }).outcome).toBe("clean");
    expect(judge({ queues: [queue(window(50, 50), window(90, 10))] }).outcome).toBe("clean");
  });

  it("divides the chance of a false alarm among all queues", () => {
    // p = 0.0045: less than 0.01, and more than its tenth.
    const [before, after] = [window(196, 4), window(185, 15)];
    const alone = judge({ queues: [queue(before, after)] });
    expect(alone.queues[0]?.pValue).toBeGreaterThan(0.001);
    expect(alone.outcome).toBe("regressed");
    const others = Array.from({ length: 9 }, (_, index) => queue(window(200, 0), window(200, 0), `q${index}`));
    expect(judge({ queues: [queue(before, after), ...others] }).outcome).toBe("clean");
    // Those that have not enough jobs are not tested.
    const idle = Array.from({ length: 9 }, (_, index) => queue(window(2, 0), window(2, 0), `q${index}`));
    expect(judge({ queues: [queue(before, after), ...idle] }).outcome).toBe("regressed");
  });

  it("says when there is not enough data, and why", () => {
    expect(judge({ queues: [queue(window(200, 0), window(20, 9))] })).toMatchObject({
      outcome: "not_enough_data",
      reasons: ["mail: fewer than 30 jobs ended after the deploy, but enough ended before it"],
      queues: [{ outcome: "not_enough_data", reasons: ["fewer than 30 jobs ended after the deploy"], pValue: null }],
    });
    expect(judge({ queues: [queue(window(20, 9), window(200, 0))] }).reasons).toEqual([
      "no queue had 30 ended jobs in each of the two windows of 600 s",
    ]);
    expect(judge({ queues: [queue(null, window(200, 0))] }).queues[0]?.reasons).toEqual([
      "its jobs are unknown before the deploy",
    ]);
    expect(judge({ windows: null }).reasons[0]).toMatch(/less than a minute/);
    expect(judge({}).reasons).toEqual(["no queue of its service has a history"]);
    expect(judge({ unfinished: "No time was left" }).reasons).toEqual(["not everything was read: No time was left"]);
    expect(judge({ unread: ["river", "oban"] }).reasons).toEqual([
      "its jobs may be in what could not be read: river, oban",
    ]);
  });

  it("is not clean where a source was not read that may have its jobs", () => {
    const well = queue(window(200, 0), window(200, 0));
    expect(judge({ queues: [well] }).outcome).toBe("clean");
    expect(judge({ queues: [well], unread: ["river"] })).toMatchObject({
      outcome: "not_enough_data",
      reasons: ["its jobs may be in what could not be read: river"],
    });
    const worse = queue(window(200, 0), window(100, 100));
    expect(judge({ queues: [worse], unread: ["river"] }).outcome).toBe("regressed");
  });

  it("tests 95th percentiles of waiting and running by factor and growth", () => {
    const p95 = (was: number, is: number, jobs = 1000) =>
      judge({ queues: [queue(window(jobs, 0, { runP95Seconds: was }), window(jobs, 0, { runP95Seconds: is }))] });
    expect(p95(2, 4).reasons).toEqual(["mail: 95 of 100 jobs run up to 4 s, 2 s before"]);
    expect(p95(2, 4).queues[0]).toMatchObject({ waitPValue: null, runPValue: expect.closeTo(5.3e-11, 12) });
    expect(p95(0.1, 1.05).reasons).toEqual([]);
    expect(p95(10, 14, 100_000).reasons).toEqual([]);
    const waits = [window(100, 0, { waitP95Seconds: 0 }), window(100, 0, { waitP95Seconds: 30 })] as const;
    expect(judge({ queues: [queue(...waits)] }).reasons).toHaveLength(1);
  });

  it("needs more growth of a 95th percentile with fewer jobs", () => {
    const runs = (before: QueueWindow, after: QueueWindow) =>
      judge({ queues: [queue({ ...before, runP95Seconds: 4 }, { ...after, runP95Seconds: 10 })] });
    expect(runs(window(300, 0), window(300, 0)).outcome).toBe("regressed");
    expect(runs(window(60, 0), window(60, 0)).queues[0]).toMatchObject({
      outcome: "clean",
      runPValue: expect.closeTo(0.018, 3),
    });
    // Runs are those of successes.
    expect(runs(window(300, 0), window(59, 0)).queues[0]).toMatchObject({ outcome: "clean", runPValue: null });
    expect(runs(window(40, 900), window(40, 900)).queues[0]).toMatchObject({ outcome: "clean", runPValue: null });
  });

  it("includes restarts, health and new errors without a queue's windows", () => {
    const counted = (count: number) => ({ count, seconds: 600 });
    const containers = {
      ...quiet,
      restartsFrom: "events" as const,
      restartsBefore: counted(0),
      restartsAfter: counted(9),
    };
    expect(judge({ containers })).toMatchObject({
      outcome: "regressed",
      containers: { restartsPValue: expect.closeTo(2 ** -9, 9) },
    });
    expect(judge({ containers: { ...containers, restartsAfter: counted(3) } }).outcome).toBe("not_enough_data");
    const unhealthy = { ...quiet, unhealthySecondsBefore: 10, unhealthySecondsAfter: 100 };
    expect(judge({ containers: unhealthy }).outcome).toBe("regressed");
    const error = {
      fingerprint: "f",
      error: "boom",
      queues: ["mail"],
      sources: ["jobs"],
      beforeSeconds: 600,
      firstAgo: 590,
      lastAgo: 10,
    };
    const queues = [uncounted];
    expect(judge({ queues, newErrors: [{ ...error, after: counted(8), minutes: 8 }] })).toMatchObject({
      outcome: "regressed",
      reasons: ["a new error occurred 8 times: boom"],
    });
    expect(judge({ queues, newErrors: [{ ...error, after: counted(2), minutes: 2 }] }).outcome).toBe("not_enough_data");
  });

  it("scales restarts by the engines' counters to equal windows", () => {
    const counters = (was: number, is: number) =>
      judge({
        containers: {
          ...quiet,
          restartsFrom: "counters",
          restartsBefore: { count: was, seconds: 7 * 86_400 },
          restartsAfter: { count: is, seconds: 640 },
        },
      });
    expect(counters(0, 1)).toMatchObject({
      outcome: "not_enough_data",
      containers: { restartsPValue: expect.closeTo(0.5, 9) },
    });
    expect(counters(0, 6).outcome).toBe("not_enough_data");
    expect(counters(0, 7).reasons).toEqual(["containers restarted 7 times, 0 times before"]);
    expect(counters(5, 12).outcome).toBe("regressed");
    // One in a crash loop for all that week.
    expect(counters(9000, 12).outcome).toBe("not_enough_data");
  });
});

describe("a queue that has stopped", () => {
  const fine = queue(window(200, 1), window(200, 1), "kyc");
  const waits = { depth: 1300, oldestAgeSeconds: 580 };
  const stop = (after: QueueWindow, more: Partial<QueueEvidence> = {}, untilNow = true) =>
    judge({
      queues: [{ ...queue(window(2164, 0), after, "payouts"), ...more }, fine],
      containers: { ...quiet, untilNow },
    });
  const lost = {
    outcome: "not_enough_data",
    reasons: ["payouts: fewer than 30 jobs ended after the deploy, but enough ended before it"],
  };

  it("is worse when jobs wait and hardly one ends, whatever the others do", () => {
    const found = { outcome: "regressed", reasons: ["payouts: 0 jobs ended, 2,164 did before; 1,300 jobs wait"] };
    expect(stop(window(0, 0, waits))).toMatchObject(found);
    expect(stop(window(0, 0, waits), {}, false)).toMatchObject(found);
    expect(stop(window(3, 2, waits)).outcome).toBe("regressed");
    expect(stop(window(0, 0, { depth: 9 }), { stateNow: "stalled" }).outcome).toBe("regressed");
    expect(stop(window(0, 0, { depth: null }), { stateNow: "no_workers" }).reasons).toEqual([
      "payouts: 0 jobs ended, 2,164 did before; jobs wait",
    ]);
    expect(stop(window(0, 0, waits), { baseline: "week" }).reasons).toEqual([
      "payouts: 0 jobs ended, 2,164 did a week before; 1,300 jobs wait",
    ]);
  });

  it("leaves the whole without enough data when that is not certain", () => {
    expect(stop(window(0, 0))).toMatchObject(lost);
    expect(stop(window(29, 0), { stateNow: "idle" })).toMatchObject(lost);
    expect(stop(window(0, 0, waits), { stateNow: "paused" })).toMatchObject(lost);
    expect(stop(window(0, 0, { ...waits, oldestAgeSeconds: 200 }))).toMatchObject(lost);
    expect(stop(window(0, 0, { depth: null }), { stateNow: "stalled" }, false)).toMatchObject(lost);
    const short = { seconds: 90, before: { from: 0, to: 90 }, after: { from: 90, to: 180 }, reach: 90 };
    const booting = {
      ...queue(window(300, 0), window(0, 0, { depth: 90, oldestAgeSeconds: 80 })),
      stateNow: "no_workers" as const,
    };
    expect(judge({ windows: short, queues: [booting, fine] }).outcome).toBe("not_enough_data");
    const slower = queue(window(31, 0, { depth: 5 }), window(29, 0, { ...waits, depth: 9 }));
    expect(judge({ queues: [slower, fine] }).outcome).toBe("not_enough_data");
    expect(judge({ queues: [queue(window(31, 0), null), fine] }).outcome).toBe("not_enough_data");
  });
});

describe("what is worse", () => {
  it("is named for each queue, beside its reason", () => {
    const slow = { waitP95Seconds: 30, runP95Seconds: 9 };
    const queues = [
      queue(window(1000, 0, { waitP95Seconds: 1, runP95Seconds: 1 }), window(500, 500, slow)),
      queue(window(2164, 0), window(0, 0, { depth: 1300, oldestAgeSeconds: 580 }), "payouts"),
      queue(window(200, 1), window(200, 1), "kyc"),
      queue(window(200, 0), window(20, 9), "sms"),
    ];
    expect(judge({ queues }).queues.map(({ worse }) => worse)).toEqual([
      ["failures", "waiting_time", "running_time"],
      ["stopped"],
      [],
      [],
    ]);
  });

  it("leaves out a change that chance or an earlier start explains", () => {
    // p = 0.0045, but of ten queues.
    const others = Array.from({ length: 9 }, (_, index) => queue(window(200, 0), window(200, 0), `q${index}`));
    expect(judge({ queues: [queue(window(196, 4), window(185, 15)), ...others] }).queues[0]?.worse).toEqual([]);
  });

  it("is named for the containers", () => {
    const counted = (count: number) => ({ count, seconds: 600 });
    const containers = {
      ...quiet,
      untilNow: true,
      restartsFrom: "events" as const,
      restartsBefore: counted(0),
      restartsAfter: counted(9),
      unhealthySecondsBefore: 10,
      unhealthySecondsAfter: 100,
      unhealthyNow: ["web-1"],
    };
    expect(judge({ containers }).containers.worse).toEqual(["restarts", "unhealthy_time", "unhealthy_now"]);
    expect(judge({ containers: { ...containers, untilNow: false } }).containers.worse).not.toContain("unhealthy_now");
    expect(judge({}).containers.worse).toEqual([]);
  });
});

describe("evidence that is only known as of now", () => {
  const restarted = { restartsFrom: "counters" as const, restartsBefore: { count: 0, seconds: 600 } };
  const counted = { ...quiet, ...restarted, restartsAfter: { count: 12, seconds: 600 } };

  it("decides while the window lasts, and is shown later too", () => {
    const unwell = { ...quiet, unhealthyNow: ["web-1"] };
    expect(judge({ containers: unwell }).reasons).toEqual(["unhealthy now: web-1"]);
    expect(judge({ containers: { ...unwell, untilNow: false } })).toMatchObject({
      outcome: "not_enough_data",
      containers: { unhealthyNow: ["web-1"] },
      gaps: [],
    });
    expect(judge({ containers: counted })).toMatchObject({ outcome: "regressed", gaps: [] });
    expect(judge({ containers: { ...counted, untilNow: false } })).toMatchObject({
      outcome: "not_enough_data",
      containers: { restartsAfter: { count: 12 }, restartsPValue: null },
      gaps: [
        "containers: their restarts are counted until now, which is longer than the window, so they decide nothing",
      ],
    });
  });

  it("includes restarts of events in the windows at any time", () => {
    expect(judge({ containers: { ...counted, restartsFrom: "events", untilNow: false } })).toMatchObject({
      outcome: "regressed",
      gaps: [],
    });
  });

  it("is no worse when containers were unhealthy as long before", () => {
    const unhealthy = (was: number, is: number) =>
      judge({
        containers: { ...quiet, unhealthyNow: ["web-1"], unhealthySecondsBefore: was, unhealthySecondsAfter: is },
      }).reasons;
    expect(unhealthy(600, 600)).toEqual(["no queue of its service has a history"]);
    expect(unhealthy(0, 30)).toEqual(["unhealthy now: web-1"]);
  });

  it("is of the window until that has passed", () => {
    const deploy = sampleRecord({ tag: "v2", deployedAt: "2026-01-13T09:00:00Z" });
    const end = Date.parse(deploy.deployedAt) / 1000;
    const own = sampleContainer({ version: "v2", commitSha: "", health: "unhealthy", restarts: 12 });
    const look = (seconds: number, wanted = 1800) => {
      const now = end + seconds;
      const silent = { deaths: [], health: [], since: null };
      return toContainerEvidence(deploy, toWindows(deploy, [deploy], now, wanted), [own], silent, now);
    };
    expect(look(600.7)).toMatchObject({ untilNow: true, unhealthyNow: [own.name], restartsAfter: { count: 12 } });
    expect(look(1801)).toMatchObject({ untilNow: false, unhealthyNow: [own.name], restartsAfter: { count: 12 } });
    expect(look(1801, 3600).untilNow).toBe(true);
    expect(look(30).untilNow).toBe(false);
  });

  it("names the release's live, unhealthy containers, and no other", () => {
    const deploy = sampleRecord({ tag: "v2", deployedAt: "2026-01-13T09:00:00Z" });
    const own = (name: string, more: Partial<Parameters<typeof sampleContainer>[0]> = {}) =>
      sampleContainer({ name, version: "v2", commitSha: "", ...more });
    const fleet = [
      own("sick", { health: "unhealthy" }),
      own("well"),
      own("gone", { health: "unhealthy", status: "exited" }),
      own("old", { health: "unhealthy", version: "v1" }),
    ];
    const silent = { deaths: [], health: [], since: null };
    expect(toContainerEvidence(deploy, null, fleet, silent, Date.parse(deploy.deployedAt) / 1000).unhealthyNow).toEqual(
      ["sick"],
    );
  });
});

describe("the limits of the rules", () => {
  const fails = (before: QueueWindow, after: QueueWindow) => judge({ queues: [queue(before, after)] });
  const timed = (was: number, is: number, jobs = 1_000_000) => {
    const of = (seconds: number) => window(jobs, 0, { waitP95Seconds: seconds });
    return judge({ queues: [queue(of(was), of(is))] });
  };
  const stop = (before: QueueWindow, after: QueueWindow, more: Partial<QueueEvidence> = {}, seconds = 600) =>
    judge({ windows: { ...windows, seconds }, queues: [{ ...queue(before, after), ...more }] });
  const waits = { depth: 11, oldestAgeSeconds: 300 };
  const stood = window(290, 0, { depth: 10 });
  const unhealthy = (was: number | null, is: number | null) =>
    judge({ containers: { ...quiet, unhealthySecondsBefore: was, unhealthySecondsAfter: is } });
  const unwell = (was: number | null, is: number | null) =>
    judge({
      containers: { ...quiet, unhealthyNow: ["a", "b"], unhealthySecondsBefore: was, unhealthySecondsAfter: is },
    });
  const error = {
    fingerprint: "f",
    error: "boom",
    queues: ["mail"],
    sources: ["jobs"],
    beforeSeconds: 60_000,
    firstAgo: 500,
    lastAgo: 250,
  };
  const fresh = (count: number, minutes: number, more: Partial<typeof error> = {}, ended = 0) =>
    judge({
      newErrors: [{ ...error, after: { count, seconds: 600 }, minutes, ...more }],
      queues: [ended === 0 ? uncounted : queue(window(ended, 0), window(ended, 0))],
    });

  it.each([
    ["30 jobs in each window", fails(window(30, 0), window(0, 30)), "regressed"],
    ["29 jobs before", fails(window(29, 0), window(0, 30)), "not_enough_data"],
    ["29 jobs after", fails(window(30, 0), window(0, 29)), "not_enough_data"],
    ["failures that grow by 2 of 100", fails(window(100_000, 0), window(98_000, 2000)), "regressed"],
    ["failures that grow by a little less", fails(window(100_000, 0), window(98_001, 1999)), "clean"],
    ["waits 1.5 times as long", timed(10, 15), "regressed"],
    ["waits a little less than 1.5 times as long", timed(10, 14.99), "clean"],
    ["waits 1 s longer", timed(1.5, 2.5), "regressed"],
    ["waits a little less than 1 s longer", timed(1.5, 2.49), "clean"],
    ["short waits, which count as 1 s", timed(0.2, 1.5), "regressed"],
    ["short waits that became less than 1.5 s", timed(0.2, 1.49), "clean"],
    ["waits of 60 jobs", timed(1, 30, 60), "regressed"],
    ["waits of 59 jobs", timed(1, 30, 59), "clean"],
    ["a tenth of the jobs", stop(stood, window(29, 0, waits)), "regressed"],
    [
      "a little more than a tenth of the jobs",
      stop(window(289, 0, { depth: 10 }), window(29, 0, waits)),
      "not_enough_data",
    ],
    ["no more jobs that wait than before", stop(stood, window(29, 0, { ...waits, depth: 10 })), "not_enough_data"],
    [
      "it is not known how many waited before",
      stop(window(290, 0, { depth: null }), window(29, 0, waits)),
      "not_enough_data",
    ],
    ["a job that waits for 299 s", stop(stood, window(29, 0, { ...waits, oldestAgeSeconds: 299 })), "not_enough_data"],
    ["no jobs before a stop", stop(window(0, 0, { depth: 0 }), window(0, 0, waits)), "not_enough_data"],
    ["stalled for a window of 300 s", stop(stood, window(0, 0), { stateNow: "stalled" }, 300), "regressed"],
    ["stalled for a window of 299 s", stop(stood, window(0, 0), { stateNow: "stalled" }, 299), "not_enough_data"],
    ["a backlog", stop(stood, window(0, 0), { stateNow: "backlog" }), "not_enough_data"],
    ["unhealthy twice as long, and 60 s longer", unhealthy(60, 120), "regressed"],
    ["unhealthy less than twice as long", unhealthy(61, 121), "not_enough_data"],
    ["unhealthy less than 60 s longer", unhealthy(0, 59), "not_enough_data"],
    ["unhealthy for 60 s", unhealthy(0, 60), "regressed"],
    ["it is not known for how long before", unhealthy(null, 600), "not_enough_data"],
    ["it is not known for how long after", unhealthy(0, null), "not_enough_data"],
    ["unhealthy now, and for longer than before", unwell(10, 11), "regressed"],
    ["unhealthy now, as long as before", unwell(10, 10), "not_enough_data"],
    ["unhealthy now, and before for who knows how long", unwell(null, 5), "regressed"],
    ["unhealthy now for who knows how long", unwell(5, null), "regressed"],
    ["a new error five times in three minutes", fresh(5, 3), "regressed"],
    ["a new error four times", fresh(4, 3), "not_enough_data"],
    ["a new error in two minutes", fresh(50, 2), "not_enough_data"],
    ["a new error that ended before half of its time", fresh(5, 3, { lastAgo: 251 }), "not_enough_data"],
    ["a new error that comes by chance", fresh(5, 3, { beforeSeconds: 600 }), "not_enough_data"],
    ["a new error of 2 in 100 jobs", fresh(20, 3, {}, 1000), "regressed"],
    ["a new error of less than 2 in 100 jobs", fresh(19, 3, {}, 1000), "clean"],
  ] as const)("%s: %o", (_, { outcome }, expected) => {
    expect(outcome).toBe(expected);
  });

  it("give the numbers of each window with what is worse", () => {
    const reasons = (found: ReturnType<typeof judge>) => found.reasons;
    expect(reasons(timed(10, 15.25))).toEqual(["mail: 95 of 100 jobs wait up to 15 s, 10 s before"]);
    expect(reasons(unhealthy(60, 120.5))).toEqual(["containers were unhealthy for 2 min, 60 s before"]);
    expect(reasons(unwell(5, 9))).toEqual(["unhealthy now: a, b"]);
    expect(reasons(stop(stood, window(3, 1, waits)))).toEqual(["mail: 4 jobs ended, 290 did before; 11 jobs wait"]);
    const both = (name: string) => queue(window(40, 0), window(10, 0), name);
    const lost = "fewer than 30 jobs ended after the deploy, but enough ended before it";
    expect(reasons(judge({ queues: [both("a"), both("b"), both("c")] }))).toEqual([`a (and 2 more): ${lost}`]);
    expect(reasons(judge({ queues: [queue(window(40, 0), null)] }))).toEqual([
      "mail: its jobs are unknown after the deploy, but enough ended before it",
    ]);
    const all = [
      window(1000, 10, { runP95Seconds: 1, waitP95Seconds: 2 }),
      window(500, 510, { runP95Seconds: 30, waitP95Seconds: 40 }),
    ];
    expect(reasons(judge({ queues: [queue(all[0] as QueueWindow, all[1] as QueueWindow)] }))).toEqual([
      "mail: 50 % of its jobs fail, 0.9 % did before",
      "mail: 95 of 100 jobs wait up to 40 s, 2 s before",
      "mail: 95 of 100 jobs run up to 30 s, 1 s before",
    ]);
    const long = (text: string) => fresh(9, 9, { error: text }).reasons;
    expect(long("x".repeat(120))).toEqual([`a new error occurred 9 times: ${"x".repeat(120)}`]);
    expect(long("x".repeat(121))).toEqual([`a new error occurred 9 times: ${"x".repeat(119)}…`]);
  });

  it("count a new error's share among what ended in its queues alone", () => {
    const of = (queues: readonly QueueEvidence[], names: readonly string[], given: Evidence["windows"] = windows) =>
      judge({
        windows: given,
        queues,
        newErrors: [{ ...error, queues: names, after: { count: 60, seconds: 300 }, minutes: 5 }],
      }).newErrors?.[0]?.share;
    const [mail, calls] = [queue(null, window(500, 100), "mail"), queue(null, window(1700, 100), "calls")];
    // 0.2 a second, of 1 in mail and 4 in both.
    expect(of([mail, calls], ["mail"])).toBeCloseTo(0.2, 9);
    expect(of([mail, calls], ["mail", "calls"])).toBeCloseTo(0.05, 9);
    expect(of([queue(null, window(0, 10), "mail")], ["mail"])).toBe(1);
    for (const unknown of [
      of([mail], ["other"]),
      of([mail, queue(null, null, "calls")], ["mail", "calls"]),
      of([mail], ["mail"], null),
      of([queue(null, window(0, 0), "mail")], ["mail"]),
    ])
      expect(unknown).toBeNull();
  });

  it("divide the chance of a false alarm among new errors", () => {
    const rare = (seconds: number) => ({
      ...error,
      beforeSeconds: seconds,
      after: { count: 5, seconds: 600 },
      minutes: 3,
    });
    const judged = (count: number) =>
      judge({ queues: [uncounted], newErrors: Array.from({ length: count }, () => rare(2500)) });
    // p = 0.0072
    expect(judged(1).newErrors?.[0]?.pValue).toBeCloseTo((600 / 3100) ** 3, 9);
    expect([judged(1).outcome, judged(2).outcome]).toEqual(["regressed", "not_enough_data"]);
  });

  it("are 0.01 for restarts, and unused when one count is unknown", () => {
    const restarts = (is: number, more: object = {}) =>
      judge({
        containers: {
          ...quiet,
          restartsFrom: "events",
          restartsBefore: { count: 0, seconds: 600 },
          restartsAfter: { count: is, seconds: 600 },
          ...more,
        },
      });
    expect([restarts(6).outcome, restarts(7).outcome]).toEqual(["not_enough_data", "regressed"]);
    expect(restarts(9, { restartsBefore: null })).toMatchObject({
      outcome: "not_enough_data",
      containers: { restartsPValue: null },
    });
    expect(restarts(9, { restartsAfter: null }).containers.restartsPValue).toBeNull();
    // Twice as many in twice the time are as many.
    expect(restarts(9, { restartsBefore: { count: 18, seconds: 1200 } }).containers.restartsPValue).toBe(1);
    // What was counted for less time is not scaled up: of 12 in 300 and 600 s, 9 or more in the
    // second.
    expect(restarts(9, { restartsBefore: { count: 3, seconds: 300 } }).containers.restartsPValue).toBeCloseTo(
      0.393_07,
      4,
    );
    // What is scaled down is rounded up: 1 of 1200 s is 1 of 600 s.
    expect(restarts(2, { restartsBefore: { count: 1, seconds: 1200 } }).containers.restartsPValue).toBeCloseTo(0.5, 9);
  });
});

/**
 * How often a deploy with four queues is called regressed, of `deploys`; waits and runs are
 * lognormal with sigma 1, after it `factor` times as long.
 */
function countRegressed(deploys: number, [was, is]: readonly [number, number], factor = 1): number {
  const normal = createNormal(20_260_113);
  const work = (jobs: number, median: number) => {
    const p95 = () => toP95(Float64Array.from({ length: jobs }, () => median * Math.exp(normal())));
    return window(jobs, 0, { waitP95Seconds: p95(), runP95Seconds: p95() });
  };
  const queues = () => ["a", "b", "c", "d"].map((name) => queue(work(was, 3), work(is, 3 * factor), name));
  return Array.from({ length: deploys }, () => judge({ queues: queues() }).outcome).filter(
    (outcome) => outcome === "regressed",
  ).length;
}

describe("simulated deploys", () => {
  it.each([
    [30, 30],
    [60, 60],
    [60, 300],
    [300, 60],
    [100, 100],
    [300, 300],
  ] as const)("are regressed in under 1 of 100 clean ones, %i jobs before, %i after", (was, is) => {
    expect(countRegressed(1000, [was, is])).toBeLessThan(10);
  });

  it("are found when all takes three times as long, or twice with more jobs", () => {
    expect(countRegressed(200, [100, 100], 3)).toBeGreaterThan(180);
    expect(countRegressed(100, [600, 600], 2)).toBeGreaterThan(90);
  });
});

const count = fc.integer({ min: 0, max: 3000 });
const seconds = fc.option(fc.double({ min: 0, max: 1e5, noNaN: true }));
const anyWindow = fc.option(
  fc.record({
    succeeded: count,
    failed: count,
    waitP95Seconds: seconds,
    runP95Seconds: seconds,
    depth: fc.option(count),
    oldestAgeSeconds: seconds,
  }),
);

describe("any verdict", () => {
  it("is never regressed without a change, nor for failures without any", () => {
    fc.assert(
      fc.property(fc.array(anyWindow, { maxLength: 5 }), (all) => {
        expect(judge({ queues: all.map((one, index) => queue(one, one, `q${index}`)) }).outcome).not.toBe("regressed");
        const better = all.map((one, index) =>
          queue(one, one && { ...one, failed: 0, succeeded: one.succeeded + one.failed }, `q${index}`),
        );
        expect(judge({ queues: better }).outcome).not.toBe("regressed");
      }),
    );
  });

  it("needs enough jobs, and for clean one queue that has them", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyWindow, anyWindow), { maxLength: 5 }), (all) => {
        const { outcome, queues } = judge({
          queues: all.map(([before, after], index) => queue(before, after, `q${index}`)),
        });
        const hasEnough = (one: QueueWindow | null) =>
          one !== null && one.succeeded + one.failed >= verdictRules.leastJobs;
        for (const one of queues) {
          const isTold = hasEnough(one.before) && hasEnough(one.after);
          const possible = isTold
            ? ["clean", "regressed"]
            : ["not_enough_data", hasEnough(one.before) ? "regressed" : ""];
          expect(possible).toContain(one.outcome);
          expect(one.outcome === "clean").toBe(one.reasons.length === 0);
          // Each reason of a regression is about one thing that is worse.
          expect(one.worse).toHaveLength(one.outcome === "regressed" ? one.reasons.length : 0);
        }
        const outcomes = new Set(queues.map((one) => one.outcome));
        const isLost = queues.some((one) => hasEnough(one.before) && !hasEnough(one.after));
        const expected = outcomes.has("clean") && !isLost ? "clean" : "not_enough_data";
        expect(outcome).toBe(outcomes.has("regressed") ? "regressed" : expected);
      }),
    );
  });

  it("does not get better with more failures", () => {
    const rank = { clean: 0, not_enough_data: 0, regressed: 1 };
    fc.assert(
      fc.property(
        fc.integer({ min: 30, max: 500 }),
        count,
        count,
        fc.integer({ min: 1, max: 500 }),
        (succeeded, was, is, more) => {
          const after = (failed: number) =>
            judge({ queues: [queue(window(succeeded, was), window(succeeded, failed))] }).outcome;
          expect(rank[after(is + more)]).toBeGreaterThanOrEqual(rank[after(is)]);
        },
      ),
    );
  });
});

describe("the windows of a verdict", () => {
  const at = (minute: number) => new Date(minute * 60_000).toISOString();
  const deploy = sampleRecord({ deployedAt: at(100), durationSeconds: 120 });

  it("are equal, around the deploy, and end before other deploys and now", () => {
    expect(toWindows(deploy, [deploy], 200 * 60, 1800)).toEqual({
      seconds: 1800,
      before: { from: 68 * 60, to: 98 * 60 },
      after: { from: 6000, to: 7800 },
      reach: 1800,
    });
    const around = [
      deploy,
      sampleRecord({ tag: "v1", deployedAt: at(90) }),
      sampleRecord({ deployedAt: at(120), durationSeconds: 300 }),
    ];
    expect(toWindows(deploy, around, 200 * 60, 3600)?.seconds).toBe(480);
    expect(toWindows(deploy, [deploy], 105 * 60, 3600)?.seconds).toBe(300);
    expect(toWindows(deploy, [deploy], 100 * 60 + 59, 3600)).toBeNull();
  });

  it("never overlap another deploy, nor exceed the present or the request", () => {
    const time = fc.integer({ min: 1000, max: 100_000 });
    const any = fc.record({ at: time, durationSeconds: fc.option(fc.integer({ min: 0, max: 900 })) });
    fc.assert(
      fc.property(
        any,
        fc.array(any, { maxLength: 6 }),
        time,
        fc.integer({ min: 60, max: 86_400 }),
        (own, others, now, wanted) => {
          const toRecord = (one: typeof own, tag: string) =>
            sampleRecord({ ...one, tag, deployedAt: new Date(one.at * 1000).toISOString() });
          const around = others.map((one, index) => toRecord(one, `other-${index}`));
          const found = toWindows(toRecord(own, "own"), around, now, wanted);
          if (!found) return;
          const { seconds: length, before, after } = found;
          expect([before.to - before.from, after.to - after.from]).toEqual([length, length]);
          expect(length).toBeGreaterThanOrEqual(60);
          expect(length).toBeLessThanOrEqual(wanted);
          expect(found.reach).toBeGreaterThanOrEqual(length);
          expect(after.to).toBeLessThanOrEqual(now);
          expect(before.to).toBeLessThanOrEqual(after.from);
          for (const other of others) {
            const start = other.at - (other.durationSeconds ?? 0);
            expect(other.at > before.to - found.reach && other.at <= before.to).toBe(false);
            expect(start > after.from && start < after.to).toBe(false);
          }
        },
      ),
    );
  });
});
