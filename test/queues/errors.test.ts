import { describe, expect, it } from "vitest";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import {
  countReleases,
  createFingerprints,
  errorReadLimit,
  groupErrors,
  groupJobErrors,
  toErrorText,
} from "../../src/queues/errors.ts";
import { failureGroupsLimit, type FingerprintedFailures, type JobFailures } from "../../src/queues/queue.ts";
import * as workers from "../../src/releases/worker.ts";
import { sampleContainer } from "../support/containers.ts";
import { finish } from "../support/steps.ts";

const at = (second: number) => `2026-01-13T09:41:${String(second).padStart(2, "0")}Z`;

function failure(overrides: Partial<JobFailures> = {}): JobFailures {
  const last = overrides.lastAt ?? at(0);
  return {
    queue: "payouts",
    source: "jobs",
    error: "timeout after 31 ms for user 4711",
    worker: null,
    count: 1,
    attempts: null,
    firstAt: last,
    lastAt: last,
    jobIds: ["1"],
    ...overrides,
  };
}

const none: workers.ReleaseOf = () => null;
const createReleaseOf = (containers: Parameters<typeof workers.createReleaseOf>[0]) =>
  finish(workers.createReleaseOf(containers));
const nobody = { version: null, service: null, destination: null, env: null };
const budget = createSharedBudget(new AbortController().signal);
const byQueue = async (failures: readonly JobFailures[], releaseOf = none) =>
  groupJobErrors(await createFingerprints().addToFailures(failures, budget), releaseOf);

describe("an error text", () => {
  const long = `${"word ".repeat(399)}${"x".repeat(10)}`;

  it.each([
    ["timeout", false, "timeout"],
    ["", false, "no error text"],
    ["token=hunter2hunter2", false, "token=[redacted]"],
    ["word ".repeat(400), false, "word ".repeat(400)],
    [long, false, long.slice(0, 2000)],
    // Its last word may be the half of a secret.
    ["timeout of hun", true, "timeout of "],
    ["timeout", true, "no error text"],
  ])("%j (cut before: %s) is shown as %j", (text, isCut, shown) => {
    expect(toErrorText(text, isCut)).toBe(shown);
  });

  it("is clean by itself, and needs no more than is read", () => {
    expect(toErrorText("timeout of hun")).toBe("timeout of hun");
    expect(errorReadLimit).toBe(2512);
    const text = (more: number) => `${"x".repeat(1990)} ${"secret".repeat(200)}`.slice(0, errorReadLimit + more);
    expect(toErrorText(text(-1))).toBe(text(0).slice(0, 2000));
    expect(toErrorText(text(0))).toBe(toErrorText(text(50)));
  });
});

describe("fingerprints", () => {
  it("are made in the order of the rows, and yield to other requests", async () => {
    const rows = [failure({ error: "a" }), failure({ error: "b" })];
    const { promise, resolve } = Promise.withResolvers<void>();
    let turns = 0;
    const turn = () => ((turns += 1) === 2 ? promise : null);
    let made: unknown[] | null = null;
    const making = createFingerprints()
      .addToFailures(rows, { turn })
      .then((all) => (made = all));
    await new Promise(setImmediate);
    expect([turns, made]).toEqual([2, null]);
    resolve();
    await making;
    expect(made).toEqual(
      rows.map((row) => ({ ...row, fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/), complete: true })),
    );
  });
});

describe("errors of a queue", () => {
  it("join texts that differ in values, with the newest text and all numbers", async () => {
    const rows = [
      failure({
        error: "timeout after 9 ms for user 12",
        count: 3,
        attempts: 2,
        firstAt: at(1),
        lastAt: at(30),
        jobIds: ["9", "8", "7"],
      }),
      failure({ count: 2, attempts: 5, firstAt: at(5), lastAt: at(20), jobIds: ["6", "9"] }),
      failure({ error: "refused", lastAt: at(40), jobIds: ["5"] }),
    ];
    for (const order of [rows, rows.toReversed()]) {
      expect(await byQueue(order)).toEqual([
        {
          queue: "payouts",
          source: "jobs",
          jobId: "5",
          error: "refused",
          timestamp: at(40),
          count: 1,
          fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/),
          firstSeen: at(40),
          attempts: null,
          jobIds: ["5"],
          releases: [{ ...nobody, count: 1 }],
          complete: true,
        },
        {
          queue: "payouts",
          source: "jobs",
          jobId: "9",
          error: "timeout after 9 ms for user 12",
          timestamp: at(30),
          count: 5,
          fingerprint: "1bbf425cd8c0",
          firstSeen: at(1),
          attempts: 5,
          jobIds: ["9", "6", "8", "7"],
          releases: [{ ...nobody, count: 5 }],
          complete: true,
        },
      ]);
    }
  });

  it("are separate by queue and source, and one over all of them", async () => {
    const rows = [
      failure({ count: 2, lastAt: at(1), jobIds: ["1", "0"] }),
      failure({ queue: "emails", count: 5, lastAt: at(3), attempts: 4, jobIds: ["1"] }),
      failure({ source: "other", lastAt: at(2), jobIds: ["1"] }),
      failure({ source: "other", error: "refused", lastAt: at(0) }),
    ];
    expect((await byQueue(rows)).map(({ source, queue, count }) => [source, queue, count])).toEqual([
      ["jobs", "emails", 5],
      ["other", "payouts", 1],
      ["jobs", "payouts", 2],
      ["other", "payouts", 1],
    ]);
    const [timeout, refused] = groupErrors(await createFingerprints().addToFailures(rows, budget), none);
    expect(timeout).toMatchObject({
      count: 8,
      firstSeen: at(1),
      timestamp: at(3),
      attempts: 4,
      fingerprint: "1bbf425cd8c0",
    });
    expect(timeout?.queues).toEqual([
      { name: "emails", source: "jobs", count: 5 },
      { name: "payouts", source: "jobs", count: 2 },
      { name: "payouts", source: "other", count: 1 },
    ]);
    expect(timeout?.jobs).toEqual([
      { queue: "emails", source: "jobs", jobId: "1" },
      { queue: "payouts", source: "other", jobId: "1" },
      { queue: "payouts", source: "jobs", jobId: "1" },
      { queue: "payouts", source: "jobs", jobId: "0" },
    ]);
    expect(refused?.queues).toHaveLength(1);
  });

  it("are incomplete if a source had more, and may have no job", async () => {
    const [one, other] = await createFingerprints().addToFailures(
      [failure({ jobIds: [] }), failure({ source: "other", jobIds: [] })],
      budget,
    );
    const rows = [one, { ...other, complete: false }] as FingerprintedFailures[];
    expect(groupErrors(rows, none)).toMatchObject([{ count: 2, complete: false, jobs: [] }]);
    expect(groupJobErrors(rows, none)).toMatchObject([
      { source: "jobs", jobId: "", jobIds: [], complete: true },
      { source: "other", jobId: "", jobIds: [], complete: false },
    ]);
  });

  it("are in the queues with most failures, then by name", async () => {
    const rows = ["b", "d", "a", "c"].map((queue) => failure({ queue, count: queue === "d" ? 2 : 1 }));
    const queuesOf = async (all: readonly JobFailures[]) =>
      groupErrors(await createFingerprints().addToFailures(all, budget), none)[0]?.queues.map(({ name }) => name);
    expect(await queuesOf(rows)).toEqual(["d", "a", "b", "c"]);
    expect(await queuesOf(rows.toReversed())).toEqual(["d", "a", "b", "c"]);
  });

  it("name at most five jobs, one of every text first", async () => {
    const rows = Array.from({ length: 4 }, (_, n) =>
      failure({ error: `timeout after ${n} ms for user 1`, lastAt: at(50 - n), jobIds: [`${n}a`, `${n}b`, `${n}c`] }),
    );
    expect((await byQueue(rows))[0]?.jobIds).toEqual(["0a", "1a", "2a", "3a", "0b"]);
  });

  it("are incomplete when their source returned as many as it may", async () => {
    const many = Array.from({ length: failureGroupsLimit - 3 }, (_, n) =>
      failure({ queue: "noisy", error: `error of kind ${n}` }),
    );
    const few = [1, 2, 3].map((n) => failure({ queue: "quiet", error: `error of kind ${n}` }));
    const cut = await byQueue([...many, ...few]);
    expect(cut.map(({ queue, count, complete }) => [queue, count, complete])).toEqual([
      ["noisy", failureGroupsLimit - 3, false],
      ["quiet", 3, false],
    ]);
    expect(groupErrors(await createFingerprints().addToFailures([...many, ...few], budget), none)).toMatchObject([
      { count: failureGroupsLimit, complete: false },
    ]);
    expect((await byQueue([...many, ...few].slice(1))).every(({ complete }) => complete)).toBe(true);
  });
});

describe("releases", () => {
  const old = sampleContainer({ name: "old", version: "v1", host: "10.0.0.7-aaaaaaaaaaaa", status: "exited" });
  const now = sampleContainer({ name: "now", version: "v2", host: "10.0.0.7-bbbbbbbbbbbb" });
  const plain = sampleContainer({ name: "plain", version: "v2", host: "plain" });
  const releaseOf = createReleaseOf([old, now, plain]);
  const versionOf = (host: string | null) => releaseOf(host)?.version ?? null;

  it("are found by the worker's host name, as River writes it, or by the id", () => {
    expect([old.host, "10_0_0_7-aaaaaaaaaaaa", now.host, plain.id].map(versionOf)).toEqual(["v1", "v1", "v2", "v2"]);
    expect(["10.0.0.7", "10.0.0.7-cccccccccccc", "", null, "constructor"].map(versionOf)).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
    const long = sampleContainer({ host: `${"a.b".repeat(16)}-56703216100c`, version: "v3" });
    expect(createReleaseOf([long])(`${"a_b".repeat(16)}-56703216100c`.slice(0, 60))?.version).toBe("v3");
  });

  it("are unknown for a name of several releases or of no release", async () => {
    const twin = (version: string, name: string) => sampleContainer({ name, host: "twin", version });
    expect(createReleaseOf([twin("v1", "a"), twin("v1", "b")])("twin")?.version).toBe("v1");
    expect(createReleaseOf([twin("v1", "a"), twin("v2", "b"), twin("v2", "c")])("twin")).toBeNull();
    expect(createReleaseOf([twin("", "a")])("twin")).toBeNull();
    // Of two destinations, though both run one version.
    const beta = { ...twin("v1", "b"), destination: "beta" };
    expect(createReleaseOf([twin("v1", "a"), beta])("twin")).toBeNull();
  });

  it("are found by a name that Erlang cut, unless several have that start", () => {
    const on = (host: string, version: string) => sampleContainer({ fullId: host, id: host.slice(-12), host, version });
    const [one, other] = [on("37.27.91.235-56703216100a", "v1"), on("38.1.1.1-56703216100b", "v2")];
    const versions = (containers: Parameters<typeof createReleaseOf>[0], ...hosts: string[]) =>
      hosts.map((host) => createReleaseOf(containers)(host)?.version ?? null);
    expect(versions([one, other], "37", "38", "39", one.host)).toEqual(["v1", "v2", null, "v1"]);
    expect(versions([one, on("37.27.91.235-56703216100c", "v3")], "37", one.host)).toEqual([null, "v1"]);
    // A name in full comes first.
    expect(versions([on("web.example.com-56703216100a", "v1"), on("web", "v2")], "web")).toEqual(["v2"]);
  });

  it("are counted, most failures first, and add up", async () => {
    const rows = [
      failure({ worker: "10_0_0_7-aaaaaaaaaaaa", count: 2 }),
      failure({ worker: now.host, count: 3 }),
      failure({ worker: plain.id, count: 4 }),
      failure({ worker: "nobody", count: 1 }),
      failure({ count: 2 }),
    ];
    const group = { service: "wallet-core-staging", destination: null, env: "staging" };
    const releases = [
      { ...group, version: "v2", count: 7 },
      { ...nobody, count: 3 },
      { ...group, version: "v1", count: 2 },
    ];
    expect(countReleases(rows, releaseOf)).toEqual(releases);
    expect(await byQueue(rows, releaseOf)).toMatchObject([{ count: 12, releases }]);
  });

  it("with equally many failures are sorted by name", () => {
    const rows = [failure({ worker: now.host, count: 2 }), failure({ worker: "10_0_0_7-aaaaaaaaaaaa", count: 2 })];
    for (const order of [rows, rows.toReversed()]) {
      expect(countReleases(order, releaseOf).map(({ version }) => version)).toEqual(["v1", "v2"]);
    }
  });

  it("that are unknown are the last of equally many", () => {
    const rows = [failure({ worker: "nobody" }), failure({ worker: now.host }), failure({ worker: old.host })];
    for (const order of [rows, rows.toReversed()]) {
      expect(countReleases(order, releaseOf).map(({ version }) => version)).toEqual(["v1", "v2", null]);
    }
  });

  it("of two destinations are two, though both run one version", () => {
    const runs = (destination: string) =>
      sampleContainer({ name: destination, host: destination, destination, version: "v2" });
    const rows = [failure({ worker: "beta", count: 2 }), failure({ worker: "production", count: 1 })];
    const counted = countReleases(rows, createReleaseOf([runs("beta"), runs("production")]));
    expect(counted.map(({ version, destination, count }) => [version, destination, count])).toEqual([
      ["v2", "beta", 2],
      ["v2", "production", 1],
    ]);
  });
});
