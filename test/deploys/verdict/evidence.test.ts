import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import {
  type FailureOwners,
  findNewErrors,
  needsBaseline,
  toContainerEvidence,
  toQueueEvidence,
  withBaseline,
} from "../../../src/deploys/verdict/evidence.ts";
import { formatRfc3339 } from "../../../src/lib/time.ts";
import type { FingerprintedFailures } from "../../../src/queues/queue.ts";
import type { QueueHistory, QueuePoint } from "../../../src/queues/history.ts";
import type { ReleaseOf } from "../../../src/releases/worker.ts";
import { type TimelineEntry, toEntry } from "../../../src/timeline/timeline.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleRecord } from "../../support/deploys.ts";
import { sampleFailures, sampleHistory } from "../../support/queues.ts";

describe("queues in both windows", () => {
  const point: QueuePoint = {
    time: "2026-01-13T09:40:00Z",
    depth: 7,
    processedPerSec: 0.5,
    failures: 3,
    oldestAgeSeconds: 11,
    waitP50Seconds: 1,
    waitP95Seconds: 2,
    runP95Seconds: 5,
  };
  const history = (more: Partial<QueuePoint> = {}, sampled = false) =>
    sampleHistory({ ...point, ...more }, { sampled });
  const window = { succeeded: 300, failed: 3, waitP95Seconds: 2, runP95Seconds: 5, depth: 7, oldestAgeSeconds: 11 };
  const idle = { succeeded: 0, failed: 0, waitP95Seconds: null, runP95Seconds: null, depth: 0, oldestAgeSeconds: null };
  const windowOf = (one: QueueHistory) => toQueueEvidence("jobs", 600, new Map([["mail", one]]), new Map())[0]?.before;

  it("are matched by name; one missing in a window had no job", () => {
    const before = new Map([
      ["mail", history()],
      ["calls", history({ failures: 4 })],
    ]);
    const after = new Map([
      ["payouts", history({ depth: 8 })],
      ["mail", history({ failures: 5 })],
    ]);
    expect(toQueueEvidence("jobs", 600, before, after)).toEqual([
      {
        queue: "calls",
        source: "jobs",
        before: { ...window, failed: 4 },
        after: idle,
        endedBefore: 304,
        endedAfter: 0,
      },
      {
        queue: "mail",
        source: "jobs",
        before: window,
        after: { ...window, failed: 5 },
        endedBefore: 303,
        endedAfter: 305,
      },
      {
        queue: "payouts",
        source: "jobs",
        before: idle,
        after: { ...window, depth: 8 },
        endedBefore: 0,
        endedAfter: 303,
      },
    ]);
    expect(toQueueEvidence("jobs", 600, new Map(), new Map())).toEqual([]);
  });

  it.each([
    ["none ended before", { processedPerSec: 0, failures: 0 }, true],
    ["too few ended before", { processedPerSec: 0.02, failures: 17 }, true],
    ["enough ended before", { processedPerSec: 0.02, failures: 18 }, false],
    ["it is unknown how many ended before", { processedPerSec: null }, true],
  ])("want an earlier one to compare with: %s", (_, was, expected) => {
    const [one] = toQueueEvidence("jobs", 600, new Map([["mail", history(was)]]), new Map([["mail", history()]]));
    expect(one && needsBaseline(one)).toBe(expected);
    const [without] = toQueueEvidence("jobs", 600, new Map([["mail", history(was)]]), new Map());
    expect(without && needsBaseline(without)).toBe(false);
  });

  it("are compared with the earlier one that has enough jobs, or the first", () => {
    const none = { processedPerSec: 0, failures: 0 };
    const few = { processedPerSec: 0.01, failures: 0 };
    const compare = (was: object, earlier: object) => {
      const [one] = toQueueEvidence("jobs", 600, new Map([["mail", history(was)]]), new Map([["mail", history()]]));
      return one && withBaseline(one, "day", new Map([["mail", history(earlier)]]), 600);
    };
    expect(compare(none, {})).toMatchObject({ baseline: "day", before: window, endedBefore: 303 });
    expect(compare(few, {})).toMatchObject({ baseline: "day", before: window, endedBefore: 303 });
    expect(compare(none, few)).toMatchObject({ baseline: "day", endedBefore: 6 });
    expect(compare(few, few)).not.toHaveProperty("baseline");
    expect(compare(few, { processedPerSec: null })).toMatchObject({ endedBefore: 6 });
  });

  it.each([
    ["samples", history({}, true), null],
    ["no point", { ...history(), points: [] }, null],
    ["unknown successes", history({ processedPerSec: null }), null],
    ["unknown failures", history({ failures: null }), null],
    ["no success", history({ processedPerSec: 0 }), { ...window, succeeded: 0 }],
    ["a rate that was rounded", history({ processedPerSec: 0.0016 }), { ...window, succeeded: 1 }],
    [
      "nothing else",
      history({ depth: null, oldestAgeSeconds: null, waitP95Seconds: null, runP95Seconds: null }),
      { ...window, depth: null, oldestAgeSeconds: null, waitP95Seconds: null, runP95Seconds: null },
    ],
  ])("of which %s is known", (_, given, expected) => {
    expect(windowOf(given)).toEqual(expected);
  });
});

const end = Date.parse("2026-01-13T10:00:00Z") / 1000;
/** It took 100 s. */
const deploy = sampleRecord({ tag: "v2", deployedAt: "2026-01-13T10:00:00Z", durationSeconds: 100 });
const windows = {
  seconds: 600,
  before: { from: end - 700, to: end - 100 },
  after: { from: end, to: end + 600 },
  reach: 1800,
};
const now = end + 600;

describe("containers in both windows", () => {
  const web = (name: string, version: string, more: Partial<Container> = {}) =>
    sampleContainer({ name, version, commitSha: "", ...more });
  const container = { fullId: "a", id: "a", name: "a", engine: "e", role: null, version: null, kind: null };
  const death = { kind: "container_death", message: "", container, exitCode: 1, requested: false } as const;
  const event = (at: number, more: Partial<TimelineEntry> = {}) =>
    toEntry({ ...death, time: formatRfc3339((end + at) * 1000), ...more });
  const health = (at: number, to: string, more: Partial<TimelineEntry> = {}) =>
    event(at, { kind: "health", to, ...more });
  const other = { container: { fullId: "b", id: "b", name: "b", engine: "e", role: null, version: null, kind: null } };
  const seen = (
    { deaths = [], healths = [] }: { deaths?: readonly TimelineEntry[]; healths?: readonly TimelineEntry[] },
    since: number | null = windows.before.from,
  ) => toContainerEvidence(deploy, windows, [], { deaths, health: healths, since }, now);

  it("have their unrequested deaths counted by the engines' events", () => {
    const deaths = [-700, -699.9, -400, -100, -99.9, -50, 0, 0.1, 600, 600.1].map((at) => event(at));
    expect(seen({ deaths: [...deaths, event(-300, { requested: true }), event(300, { requested: true })] })).toEqual({
      untilNow: true,
      restartsFrom: "events",
      restartsBefore: { count: 3, seconds: 600 },
      restartsAfter: { count: 2, seconds: 600 },
      unhealthySecondsBefore: 0,
      unhealthySecondsAfter: 0,
      unhealthyNow: [],
    });
  });

  it.each([
    ["from one state to the next", [health(10, "unhealthy"), health(40, "healthy")], [], [0, 30]],
    ["whatever the order", [health(40, "healthy"), health(10, "unhealthy")], [], [0, 30]],
    ["until it ended", [health(10, "unhealthy")], [event(25)], [0, 15]],
    ["until the end of the window", [health(580, "unhealthy")], [], [0, 20]],
    ["over both windows", [health(-110, "unhealthy"), health(7, "healthy")], [], [10, 7]],
    ["from before the first", [health(-9000, "unhealthy"), health(-690, "starting")], [], [10, 0]],
    ["between them alone", [health(-90, "unhealthy"), health(-10, "healthy")], [], [0, 0]],
    ["after the last", [health(700, "unhealthy"), health(800, "healthy")], [], [0, 0]],
    [
      "twice",
      [health(10, "unhealthy"), health(20, "healthy"), health(30, "unhealthy"), health(33, "healthy")],
      [],
      [0, 13],
    ],
    ["said twice", [health(10, "unhealthy"), health(20, "unhealthy"), health(30, "healthy")], [], [0, 20]],
    [
      "each by itself",
      [health(10, "unhealthy"), health(15, "healthy", other), health(30, "healthy")],
      [event(12, other)],
      [0, 20],
    ],
    ["two at once", [health(590, "unhealthy"), health(595, "unhealthy", other)], [], [0, 15]],
  ])("are unhealthy %s", (_, healths, deaths, [before, after]) => {
    const found = seen({ healths, deaths });
    expect([found.unhealthySecondsBefore, found.unhealthySecondsAfter]).toEqual([before, after]);
  });

  it("have events counted only if these reach back to the beginning", () => {
    expect([-1, 0, 0.1].map((late) => seen({}, windows.before.from + late).restartsFrom)).toEqual([
      "events",
      "events",
      null,
    ]);
    expect(seen({}, null).restartsFrom).toBeNull();
  });

  it("else have the engines' counters, from each release's first creation", () => {
    const at = (second: number) => ({ createdAt: formatRfc3339((end + second) * 1000) });
    const fleet = [
      web("own", "v2", { ...at(-50), restarts: 2 }),
      web("own too", "v2", { ...at(-90), restarts: 3, health: "unhealthy" }),
      web("unknown", "v2", { ...at(-95), restarts: null, health: "unhealthy", status: "exited" }),
      web("old", "v1", { ...at(-5000), restarts: 7 }),
      web("older", "v0", { ...at(-9000), restarts: 4, health: "unhealthy" }),
      web("oldest", "v0", { ...at(-90_000), restarts: null }),
      web("next", "v3", { ...at(-100), restarts: 100 }),
    ];
    const by = (containers: readonly Container[], given = now) =>
      toContainerEvidence(deploy, windows, containers, { deaths: [event(1)], health: [], since: null }, given);
    const unknown = { unhealthySecondsBefore: null, unhealthySecondsAfter: null };
    expect(by(fleet)).toEqual({
      ...unknown,
      untilNow: true,
      restartsFrom: "counters",
      restartsBefore: { count: 11, seconds: 8900 },
      restartsAfter: { count: 5, seconds: 690 },
      unhealthyNow: ["own too"],
    });
    expect(by(fleet.slice(2), now + 1)).toEqual({
      ...unknown,
      untilNow: false,
      restartsFrom: null,
      restartsBefore: { count: 11, seconds: 8900 },
      restartsAfter: null,
      unhealthyNow: [],
    });
    // At least a second, for it is divided by.
    expect(by([web("own", "v2", { createdAt: formatRfc3339(now * 1000), restarts: 1 })])).toMatchObject({
      restartsBefore: null,
      restartsAfter: { count: 1, seconds: 1 },
    });
  });

  it("have no window when there is too little time", () => {
    const silent = { deaths: [], health: [], since: 0 };
    expect(toContainerEvidence(deploy, null, [], silent, now)).toMatchObject({ untilNow: false, restartsFrom: null });
  });
});

describe("new errors", () => {
  const failure = (ago: number, until: number, more: Partial<FingerprintedFailures> = {}): FingerprintedFailures => ({
    ...sampleFailures({ queue: "mail", error: `text of ${until}`, count: 3, jobIds: [] }),
    firstAt: formatRfc3339((now - ago) * 1000),
    lastAt: formatRfc3339((now - until) * 1000),
    fingerprint: "f",
    complete: true,
    ...more,
  });
  const release = { ...deploy, version: "v2" };
  const find = (
    rows: readonly FingerprintedFailures[],
    releaseOf: ReleaseOf = () => null,
    own = deploy,
    isOwn: FailureOwners["isOwn"] = () => true,
    mayBeOwn: FailureOwners["mayBeOwn"] = isOwn,
  ) => findNewErrors(own, rows, { releaseOf, isOwn, mayBeOwn }, now);

  it("have the newest text, all queues and the numbers of their rows", () => {
    const rows = [
      failure(500, 90, { queue: "payouts" }),
      failure(540, 30, { count: 4 }),
      failure(90, 60, { queue: "calls", count: 1 }),
      failure(90, 60, { queue: "calls", count: 1, fingerprint: "g" }),
    ];
    const beforeSeconds = 3600 - 700;
    expect(find(rows)).toEqual([
      {
        fingerprint: "f",
        error: "text of 30",
        queues: ["calls", "mail", "payouts"],
        sources: ["jobs"],
        after: { count: 8, seconds: 600 },
        beforeSeconds,
        minutes: 8,
        firstAgo: 540,
        lastAgo: 30,
      },
      {
        fingerprint: "g",
        error: "text of 60",
        queues: ["calls"],
        sources: ["jobs"],
        after: { count: 1, seconds: 600 },
        beforeSeconds,
        minutes: 1,
        firstAgo: 90,
        lastAgo: 60,
      },
    ]);
    expect(find(rows.toReversed())?.[1]).toMatchObject({ fingerprint: "f", error: "text of 30", lastAgo: 30 });
  });

  it.each([
    // It began 700 s ago and ended 600 s ago.
    ["before the deploy", failure(701, 10), null],
    ["while it lasted, of unknown workers", failure(700, 601), null],
    ["in its last moment", failure(700, 600), { count: 1, seconds: 600 }],
    ["after it", failure(600, 600), { count: 3, seconds: 600 }],
    ["before and after its end", failure(601, 10), { count: 1, seconds: 600 }],
  ])("with failures %s (%o) are counted from its end on", (_, row, after) => {
    expect(find([row])?.map((error) => error.after)).toEqual(after ? [after] : []);
  });

  it.each([
    ["its version", release, 700],
    ["its tag", { ...release, version: "t2" }, 700],
    ["another version", { ...release, version: "v1" }, null],
    // That text is no news of the other destination.
    ["another destination", { ...release, destination: "beta" }, 600],
  ])("of a worker that runs %s", (_, one, seconds) => {
    const own = { ...deploy, tag: "t2", version: "v2" };
    const found = find(
      [failure(700, 650, { worker: "h" }), failure(100, 10)],
      (host) => (host === null ? null : one),
      own,
    );
    expect(found?.map((error) => error.after.seconds)).toEqual(seconds === null ? [] : [seconds]);
  });

  it.each([
    ["once in a minute", [failure(60, 60, { count: 1 })], 1],
    ["twice, far apart", [failure(590, 10, { count: 2 })], 2],
    ["twice in a minute", [failure(59, 10, { count: 2 })], 1],
    ["often, in ten minutes or parts of them", [failure(590, 10, { count: 100 })], 10],
    ["less often than there are minutes", [failure(590, 10, { count: 3 })], 3],
    [
      "often, in minutes of which one is in both rows",
      [failure(590, 290, { count: 9 }), failure(300, 10, { count: 9 })],
      10,
    ],
    ["in the same minutes twice", [failure(590, 550, { count: 5 }), failure(580, 560, { count: 5 })], 1],
  ])("that came %s", (_, rows, minutes) => {
    expect(find(rows)?.[0]?.minutes).toBe(minutes);
  });

  it("are none that a worker which is gone may have had before", () => {
    const releaseOf: ReleaseOf = (host) => (host === "own" ? release : null);
    const own = { ...deploy, tag: "t2", version: "v2" };
    const after = failure(500, 10, { worker: "own" });
    const ofGone = failure(2000, 710, { worker: "gone" });
    const isShared = () => false;
    expect(find([after, ofGone], releaseOf, own, isShared, () => true)).toEqual([]);
    expect(find([after, ofGone], releaseOf, own, isShared, () => false)).toHaveLength(1);
    expect(find([after, failure(500, 10, { worker: "gone" })], releaseOf, own, isShared, () => true)).toHaveLength(1);
  });

  it("are unknown when one source is incomplete", () => {
    expect(find([failure(100, 10), failure(100, 10, { complete: false })])).toBeNull();
    expect(find([])).toEqual([]);
    // Its beginning is 3300 s ago, or more.
    const ago = (seconds: number) => ({ ...deploy, deployedAt: formatRfc3339((now - seconds) * 1000) });
    expect([find([], undefined, ago(3200)), find([], undefined, ago(3201))]).toEqual([[], null]);
  });

  it("are counted over a second at least", () => {
    const own = { ...deploy, deployedAt: formatRfc3339(now * 1000), durationSeconds: null };
    expect(find([failure(0, 0)], undefined, own)?.[0]?.after).toEqual({ count: 3, seconds: 1 });
  });
});
