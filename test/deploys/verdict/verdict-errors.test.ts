import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findNewErrors } from "../../../src/deploys/verdict/evidence.ts";
import type { NewError, QueueEvidence } from "../../../src/deploys/verdict/types.ts";
import { judgeDeploy } from "../../../src/deploys/verdict/verdict.ts";
import { toWindows } from "../../../src/deploys/verdict/windows.ts";
import { formatRfc3339 } from "../../../src/lib/time.ts";
import type { FingerprintedFailures } from "../../../src/queues/queue.ts";
import type { ReleaseOf } from "../../../src/releases/worker.ts";
import { quietContainers as quiet, sampleRecord } from "../../support/deploys.ts";
import { sampleFailures } from "../../support/queues.ts";
import { createNormal, createUniform } from "../../support/random.ts";

const now = Date.parse("2026-01-10T13:15:00Z") / 1000;
/** A deploy that took a minute and ended so many seconds ago. */
const deployAgo = (seconds: number) =>
  sampleRecord({ deployedAt: formatRfc3339((now - seconds) * 1000), durationSeconds: 60 });
/** Failures with one text, at these times before now. */
const failures = (
  error: string,
  ago: readonly number[],
  more: Partial<FingerprintedFailures> = {},
): FingerprintedFailures => ({
  ...sampleFailures({ queue: "mail", error, count: ago.length, jobIds: [] }),
  firstAt: formatRfc3339((now - Math.max(...ago)) * 1000),
  lastAt: formatRfc3339((now - Math.min(...ago)) * 1000),
  fingerprint: error,
  complete: true,
  ...more,
});
const every = (seconds: number, from: number, to = 1) =>
  Array.from({ length: Math.floor((from - to) / seconds) + 1 }, (_, index) => from - index * seconds);

/** As a worker of the deploy's group runs it. */
const release = (version: string) => ({ ...sampleRecord(), version });

/**
 * The verdict on errors; with `jobsPerMinute` that many jobs succeed in either window, and in the
 * hour before, else it is unknown how many after the deploy.
 */
function judge(
  ago: number,
  rows: readonly FingerprintedFailures[],
  jobsPerMinute = 0,
  releaseOf: ReleaseOf = () => null,
  more: Partial<QueueEvidence> = {},
) {
  const deploy = deployAgo(ago);
  const windows = toWindows(deploy, [deploy], now, 1800);
  const window = {
    succeeded: Math.round((jobsPerMinute * (windows?.seconds ?? 0)) / 60),
    failed: 0,
    waitP95Seconds: null,
    runP95Seconds: null,
    depth: 0,
    oldestAgeSeconds: null,
  };
  const isCounted = jobsPerMinute > 0 && windows !== null;
  const queue: QueueEvidence = {
    queue: "mail",
    source: "jobs",
    before: isCounted ? window : null,
    after: isCounted ? window : null,
    endedBefore: isCounted ? window.succeeded : 1000,
    endedAfter: isCounted ? window.succeeded : null,
    ...more,
  };
  return judgeDeploy({
    windows,
    queues: [queue],
    containers: quiet,
    newErrors: withJobs(findNewErrors(deploy, rows, { releaseOf, isOwn: () => true, mayBeOwn: () => true }, now), {
      endedBefore: isCounted ? 60 * jobsPerMinute : null,
      endedAfter: null,
    }),
    gaps: [],
  });
}

/** With the jobs that ended around the deploy, as they were counted. */
function withJobs(errors: readonly NewError[] | null, ended: Pick<NewError, "endedBefore" | "endedAfter">) {
  return errors?.map((error) => ({ ...error, ...ended })) ?? null;
}

describe("a new error", () => {
  it("is not one whose unknown workers the deploy itself interrupted", () => {
    const interrupted = failures("worker received SIGTERM", [89, 88]);
    expect(judge(30, [interrupted], 500)).toMatchObject({
      newErrors: [],
      reasons: [expect.stringMatching(/^there is less/)],
    });
    expect(judge(60, [failures("worker received SIGTERM", every(1, 119, 90))], 500)).toMatchObject({
      outcome: "clean",
      newErrors: [],
    });
    // One of them came after it: more is not known of that text.
    expect(judge(600, [failures("x", [...every(1, 659, 640), 5])]).newErrors).toMatchObject([
      { after: { count: 1 }, minutes: 1, regressed: false },
    ]);
  });

  it("counts from the deploy's beginning if its own workers had it", () => {
    const rows = [failures("x", every(20, 650), { worker: "h2" })];
    expect(judge(600, rows, 0, () => release("v2")).newErrors).toMatchObject([
      { after: { count: 33, seconds: 650 }, minutes: 11, firstAgo: 650, lastAgo: 10, regressed: true },
    ]);
  });

  it("must be frequent, recent, in several minutes and a large share", () => {
    const regressed = (rows: readonly FingerprintedFailures[], jobs = 0) =>
      judge(600, rows, jobs).newErrors?.[0]?.regressed;
    const steady = every(30, 580);
    expect(regressed([failures("x", steady)])).toBe(true);
    expect(regressed(steady.map((ago, index) => failures(`x for ${index}`, [ago], { fingerprint: "x" })))).toBe(true);
    // Four in all.
    expect(regressed([failures("x", every(150, 460))])).toBe(false);
    // All within a minute, or in two.
    expect(regressed([failures("x", every(1, 59))])).toBe(false);
    expect(regressed([300, 30].map((ago) => failures(`x at ${ago}`, [ago, ago, ago], { fingerprint: "x" })))).toBe(
      false,
    );
    // For three minutes, and over for five.
    expect(regressed([failures("x", every(5, 480, 300))])).toBe(false);
    // Two a minute: of 90 jobs more than 2 %, of 900 less.
    expect(regressed([failures("x", steady)], 90)).toBe(true);
    expect(regressed([failures("x", steady)], 900)).toBe(false);
    expect(judge(600, [failures("x", steady)], 90).newErrors?.[0]?.share).toBeCloseTo(0.0222, 3);
  });
});

describe("a new error where no job ran before", () => {
  const rows = [failures("no rate for EUR", every(20, 580))];
  /** No job ended in the hour before, but those of the window that it is compared with. */
  const judgeRun = (more: Partial<QueueEvidence>) => judge(600, rows, 0, () => null, { endedAfter: 600, ...more });

  it.each([
    ["none ended", 0],
    ["nobody knows how many ended", null],
  ])("decides nothing, and lets no deploy be clean: %s", (_, endedBefore) => {
    const verdict = judgeRun({ before: null, endedBefore });
    expect(verdict).toMatchObject({ outcome: "not_enough_data", newErrors: [{ comparable: false, regressed: false }] });
    expect(verdict.reasons).toEqual([
      "a new error occurred 29 times, but no job of mail is known to have ended before the deploy, nor at its hour a day or a week before: no rate for EUR",
    ]);
  });

  it("is a regression where jobs of the same hour a day before had none", () => {
    expect(judgeRun({ baseline: "day" })).toMatchObject({ outcome: "regressed", newErrors: [{ regressed: true }] });
  });

  it("is one of a share, not of a number", () => {
    // 29 fail of 1200: eight times the jobs do not make it worse.
    const share = (before: number, after: number) =>
      judgeRun({ endedBefore: before, endedAfter: after }).newErrors?.[0]?.pValue ?? 0;
    expect(share(150, 1200)).toBeGreaterThan(0.01);
    expect(share(1200, 1200)).toBeLessThan(0.01);
  });
});

/** Times between 0 and `until`, at a rate by the second, by a Poisson process. */
function createArrivals(seed: number) {
  const normal = createNormal(seed);
  // Half the sum of two squared normal numbers is exponential.
  const wait = (rate: number) => (normal() ** 2 + normal() ** 2) / 2 / rate;
  return (rate: number, until: number): number[] => {
    const times: number[] = [];
    for (let time = wait(rate); time < until; time += wait(rate)) times.push(time);
    return times;
  };
}

describe("simulated errors", () => {
  const countRegressed = (runs: number, ago: number, toRows: () => readonly FingerprintedFailures[], jobs = 0) =>
    Array.from({ length: runs }, () => judge(ago, toRows(), jobs).outcome).filter((outcome) => outcome === "regressed")
      .length;

  it.each([
    ["bursts of 5, one an hour, asked after 10 min", 1, 5, 600],
    ["bursts of 5, one an hour, asked after 20 min", 1, 5, 1200],
    ["bursts of 20, one in two hours, asked after 10 min", 0.5, 20, 600],
    ["bursts of 20, one in two hours, asked after 20 min", 0.5, 20, 1200],
  ])("do not make a harmless deploy regressed: %s", (_, perHour, size, ago) => {
    const arrive = createArrivals(7);
    const burst = (text: string, at: number) =>
      failures(
        text,
        Array.from({ length: size }, () => at),
      );
    const own = () => arrive(perHour / 3600, 3600).map((at, index) => burst(`e${index}`, at));
    expect(countRegressed(1000, ago, own)).toBeLessThanOrEqual(10);
    // The same text each time, of which the rows tell the first and the last time alone.
    const alike = () => {
      const times = arrive(perHour / 3600, 3600);
      return times.length === 0 ? [] : [failures("e", times, { count: times.length * size })];
    };
    expect(countRegressed(1000, ago, alike)).toBeLessThanOrEqual(20);
    expect(countRegressed(1000, ago, alike, 100)).toBeLessThanOrEqual(10);
  });

  it.each([
    [300, 30, 700],
    [420, 30, 900],
    [240, 100, 990],
  ])("in 5 %% of the jobs are found within %i s, of %i jobs a minute", (ago, jobs, least) => {
    const arrive = createArrivals(11);
    const rows = () => {
      const times = arrive((jobs * 0.05) / 60, ago);
      return times.length === 0 ? [] : [failures("e", times)];
    };
    // By the new error alone: the queue's failures are left out.
    expect(countRegressed(1000, ago, rows, jobs)).toBeGreaterThan(least);
  });
});

describe("batches of which a constant share fails", () => {
  const seconds = 360;
  const windowOf = (jobs: number, failed: number) => ({
    succeeded: jobs - failed,
    failed,
    waitP95Seconds: null,
    runP95Seconds: null,
    depth: 0,
    oldestAgeSeconds: null,
  });
  /**
   * How many of the deploys are called regressed: so many jobs end before one, and so many evenly
   * after it.
   */
  const countRegressed = (
    runs: number,
    [before, after]: readonly [number, number],
    [was, is]: readonly [number, number],
    more: Partial<QueueEvidence> = {},
  ) => {
    const uniform = createUniform(12_345);
    const failsOf = (jobs: number, share: number) =>
      Array.from({ length: jobs }, (_, index) => index).filter(() => uniform() < share);
    let regressed = 0;
    for (let run = 0; run < runs; run += 1) {
      const failedBefore = failsOf(before, was).length;
      const ago = failsOf(after, is).map((index) => seconds - Math.floor((seconds * index) / after));
      // A failure before is stored: then the error is not new.
      const rows = failedBefore > 0 || ago.length === 0 ? [] : ago.map((at) => failures("e", [at]));
      const { outcome } = judge(seconds, rows, 0, () => null, {
        before: windowOf(before, failedBefore),
        after: windowOf(after, ago.length),
        endedBefore: before,
        endedAfter: after,
        ...more,
      });
      if (outcome === "regressed") regressed += 1;
    }
    return regressed;
  };

  it.each<[number, number, number, QueueEvidence["baseline"]]>([
    [30, 240, 1 / 30, "before"],
    [60, 480, 1 / 30, "before"],
    [30, 120, 1 / 15, "before"],
    [30, 30, 1 / 10, "before"],
    [100, 100, 1 / 20, "before"],
    [5, 500, 1 / 20, "before"],
    [30, 240, 1 / 30, "day"],
    [60, 480, 1 / 30, "week"],
  ])(
    "seldom make a deploy regressed: %i jobs, then %i, %f fail, by the %s",
    (before, after, share, baseline = "before") => {
      const regressed = countRegressed(2000, [before, after], [share, share], { baseline });
      expect(regressed).toBeLessThan(0.02 * 2000);
    },
  );

  it.each([
    // As many jobs before as after, and an eighth.
    [240, 240, 0.05, 0.9],
    [120, 120, 0.1, 0.95],
    [60, 480, 0.1, 0.9],
  ])("have a new error found: %i jobs, then %i, of which %f fail by it", (before, after, share, least) => {
    expect(countRegressed(500, [before, after], [0, share])).toBeGreaterThan(least * 500);
  });
});

describe("an error that may not be new", () => {
  const rows = [failures("x", every(20, 590))];

  it("decides nothing, and lets no deploy be clean", () => {
    const deploy = deployAgo(600);
    const windows = toWindows(deploy, [deploy], now, 1800);
    const window = {
      succeeded: 600,
      failed: 0,
      waitP95Seconds: null,
      runP95Seconds: null,
      depth: 0,
      oldestAgeSeconds: null,
    };
    const counted = { queue: "mail", source: "jobs", before: window, after: window, endedBefore: 600, endedAfter: 600 };
    const found =
      findNewErrors(deploy, rows, { releaseOf: () => null, isOwn: () => true, mayBeOwn: () => true }, now) ?? [];
    const verdictOf = (searched: boolean) =>
      judgeDeploy({
        windows,
        queues: [counted],
        containers: quiet,
        newErrors: found.map((error) => ({ ...error, searched })),
        gaps: [],
      });
    expect(verdictOf(true)).toMatchObject({ outcome: "regressed", newErrors: [{ regressed: true }] });
    expect(verdictOf(false)).toMatchObject({
      outcome: "not_enough_data",
      newErrors: [],
      reasons: ["an error occurred 30 times, but whether it is new is not known: x"],
    });
  });
});

describe("errors of another group's workers", () => {
  it("do not hide the same error of the deploy's own", () => {
    const isBilling = (host: string | null) => (host === "b" ? { ...release("v9"), service: "billing" } : null);
    const billing = failures("gateway closed", [3000], { worker: "b" });
    const own = failures("gateway closed", every(20, 590));
    expect(judge(600, [billing, own], 0, isBilling).newErrors).toMatchObject([
      { after: { count: 30 }, regressed: true },
    ]);
    // Nor do failures of a queue that the service does not work on, nor that these are incomplete.
    const find = (rows: readonly FingerprintedFailures[]) =>
      findNewErrors(
        deployAgo(600),
        rows,
        {
          releaseOf: () => null,
          isOwn: ({ source }) => source === "jobs",
          mayBeOwn: ({ source }) => source === "jobs",
        },
        now,
      );
    const elsewhere = failures("gateway closed", [3000], { source: "billing", complete: false });
    expect(find([elsewhere, own])).toMatchObject([{ after: { count: 30 }, sources: ["jobs"], queues: ["mail"] }]);
    expect(find([{ ...elsewhere, source: "jobs" }, own])).toBeNull();
    expect(find([{ ...elsewhere, source: "jobs", complete: true }, own])).toEqual([]);
  });

  it("are not the deploy's, even if they run the same version", () => {
    const rows = [failures("x", every(20, 590), { worker: "h2" })];
    expect(judge(600, rows, 0, () => release("v2")).newErrors).toHaveLength(1);
    expect(judge(600, rows, 0, () => ({ ...release("v2"), destination: "beta" })).newErrors).toEqual([]);
    expect(judge(600, rows, 0, () => ({ ...release("v2"), service: "shop" })).newErrors).toEqual([]);
  });
});

it("new errors are unknown with an incomplete source or a short hour", () => {
  const rows = (complete: boolean) => [failures("boom", [10, 5], { complete })];
  const find = (ago: number, complete: boolean) =>
    findNewErrors(
      deployAgo(ago),
      rows(complete),
      { releaseOf: () => null, isOwn: () => true, mayBeOwn: () => true },
      now,
    );
  expect(find(600, true)).toHaveLength(1);
  expect(find(600, false)).toBeNull();
  // The deploy began 60 s before it ended: at 3300 s, and at 3301 s ago.
  expect(find(3240, true)).toHaveLength(1);
  expect(find(3241, true)).toBeNull();
});

describe("any new errors", () => {
  it("were not before the deploy, and their minutes fit their count", () => {
    const row = fc.record({
      text: fc.constantFrom("a", "b", "c"),
      ago: fc.array(fc.integer({ min: 0, max: 3500 }), { minLength: 1, maxLength: 9 }),
      worker: fc.constantFrom("h1", "h2", null),
    });
    const releaseOf: ReleaseOf = (host) => (host === "h1" ? release("v1") : host === "h2" ? release("v2") : null);
    fc.assert(
      fc.property(fc.array(row, { maxLength: 6 }), fc.integer({ min: 0, max: 3000 }), (rows, ago) => {
        const told = rows.map(({ text, ago: times, worker }) => failures(text, times, { worker }));
        for (const error of findNewErrors(
          deployAgo(ago),
          told,
          { releaseOf, isOwn: () => true, mayBeOwn: () => true },
          now,
        ) ?? []) {
          const own = rows.filter(({ text }) => text === error.error);
          expect(Math.max(...own.flatMap((one) => one.ago))).toBeLessThanOrEqual(ago + 60);
          expect(own.some(({ worker }) => worker === "h1")).toBe(false);
          expect(error.minutes).toBeLessThanOrEqual(error.after.count);
          expect(error.after.count).toBeLessThanOrEqual(own.reduce((sum, one) => sum + one.ago.length, 0));
          expect(error.firstAgo).toBeLessThanOrEqual(error.after.seconds);
          expect(error.lastAgo).toBeLessThanOrEqual(error.firstAgo);
        }
      }),
    );
  });
});
