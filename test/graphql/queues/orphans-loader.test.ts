import { describe, expect, it } from "vitest";
import { findRunningWork } from "../../../src/graphql/containers/running-work.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { QueueSource, RunningJob, WorkerJobs } from "../../../src/queues/queue.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";
import { sampleQueue, sampleWorkerJobs } from "../../support/queues.ts";

const worker = (more: Partial<WorkerJobs> = {}) => sampleWorkerJobs({ queue: "mail", ...more });
const job = (jobId: string): RunningJob => {
  return { queue: "mail", source: "jobs", jobId, kind: null, startedAt: null, worker: "gone" };
};
const web = sampleContainer({ host: "alive" });

interface Given {
  readonly name: string;
  readonly workers?: readonly WorkerJobs[] | Error | null;
  readonly running?: NonNullable<QueueSource["running"]>;
}

function load(given: readonly Given[], memory: Partial<Memory> = {}) {
  const queueSources = given.map(({ name, workers, running }) => ({
    name,
    metrics: [],
    errors: [],
    ...(running && { running: running as never }),
    ...(workers !== undefined && {
      workerJobs: async () => {
        if (workers instanceof Error) throw workers;
        return workers as readonly WorkerJobs[];
      },
    }),
  }));
  const { sources, calls } = createMemorySources({ containers: [web], ...memory, queueSources });
  const { loaders } = createContext(sources, createCaller());
  const count = (source: string, name = "mail") => loaders.orphans.count(sampleQueue({ name, source }));
  return { all: () => loaders.orphans.all(), count, calls };
}

const mute = "its rows do not name the host of a job";
const locked = new OpsError("queue_locked", "locked");

describe("orphans", () => {
  it("of several sources are joined, with the gaps of each", async () => {
    const hosts: (readonly string[])[] = [];
    const running = async (asked: readonly string[]) => {
      hosts.push(asked);
      return { jobs: [job("1"), job("2")], total: 2, unnamed: 0 };
    };
    const workers = [
      worker({ count: 2 }),
      worker({ queue: "calls", count: 3 }),
      worker({ host: "gone too", count: 4 }),
      worker({ host: "alive", count: 5 }),
      worker({ host: null, count: 6 }),
      worker({ host: null, count: 7 }),
    ];
    const { all, count, calls } = load([
      { name: "jobs", workers, running },
      { name: "bare", workers: [worker({ count: 10 })] },
      { name: "broken", workers: [worker({ count: 20 })], running: async () => Promise.reject(locked) },
      { name: "mute" },
      { name: "null", workers: null },
      { name: "locked", workers: locked },
      { name: "quiet", workers: [], running },
    ]);
    expect(await all()).toEqual({
      jobs: [job("1"), job("2")],
      total: 39,
      gaps: [
        { source: "jobs", reason: "13 of its running jobs have no known host" },
        { source: "mute", reason: mute },
        { source: "null", reason: mute },
        { source: "locked", reason: "locked" },
        { source: "broken", reason: "locked" },
      ],
    });
    expect(hosts).toEqual([["gone", "gone too"]]);
    const counts = [
      count("jobs"),
      count("jobs", "calls"),
      count("jobs", "x"),
      count("bare"),
      count("mute"),
      count("quiet"),
      count("x"),
    ];
    expect(await Promise.all(counts)).toEqual([6, 3, 0, 10, null, 0, null]);
    expect(calls).toEqual({ live: 1 });
  });

  it("are listed once, even if rows name one worker in two forms", async () => {
    const running = async () => ({ jobs: [job("1"), job("2"), job("1")], total: 3, unnamed: 0 });
    const { all } = load([{ name: "jobs", workers: [worker({ host: "a.b" }), worker({ host: "a_b" })], running }]);
    expect((await all()).jobs?.map(({ jobId }) => jobId)).toEqual(["1", "2"]);
  });

  it("are unknown if no source knows workers; no engine is queried", async () => {
    const { all, calls } = load([{ name: "mute" }, { name: "locked", workers: locked }]);
    const gaps = [
      { source: "mute", reason: mute },
      { source: "locked", reason: "locked" },
    ];
    expect(await all()).toEqual({ jobs: null, total: null, gaps });
    expect(calls).toEqual({});
    await expect(load([]).all()).rejects.toMatchObject({
      code: "queues_unavailable",
      message: "No queue source is configured",
    });
  });

  it("are unknown while an engine is silent, which is named first", async () => {
    const error = { code: "docker_timeout", message: "slow" };
    const engines = [
      { name: "local", ok: true, error: null },
      { name: "b", ok: false, error },
    ];
    const { all, count } = load([{ name: "jobs", workers: [worker()] }, { name: "mute" }], { engines });
    const gaps = [
      { source: null, reason: "engine b does not answer: slow" },
      { source: "mute", reason: mute },
    ];
    expect(await all()).toEqual({ jobs: null, total: null, gaps });
    expect([await count("jobs"), await count("jobs", "calls")]).toEqual([null, 0]);
    const none = load([{ name: "jobs", workers: [worker({ host: "alive" })] }], { engines });
    expect(await none.all()).toEqual({ jobs: [], total: 0, gaps: [] });
  });

  it.each([
    [999, null],
    [1000, "more workers run its jobs than one read returns"],
  ])("of %i workers have the gap %j", async (length, reason) => {
    const workers = Array.from({ length }, () => worker({ host: "alive" }));
    expect((await load([{ name: "jobs", workers }]).all()).gaps).toEqual(
      reason === null ? [] : [{ source: "jobs", reason }],
    );
  });
});

describe("the work that runs in a container", () => {
  const { signal } = new AbortController();
  const find = (given: readonly Given[] | Error, all = [web]) => {
    const visible = async () => {
      if (given instanceof Error) throw given;
      return given.map(({ name, running }) => ({ name, ...(running && { running }) }));
    };
    return findRunningWork(web, all, { visible } as never, signal);
  };
  const unknown = (reason: string) => ({ jobs: null, total: null, gaps: [{ source: null, reason }] });

  it("is that of all sources that know, with the gaps of the others", async () => {
    const asked: unknown[] = [];
    const running =
      (jobs: readonly RunningJob[], total: number, unnamed: number): NonNullable<QueueSource["running"]> =>
      async (hosts, given) => {
        asked.push([hosts, given === signal]);
        return { jobs, total, unnamed };
      };
    const given = [
      { name: "a", running: running([job("1")], 3, 0) },
      { name: "b", running: running([job("2")], 4, 1) },
      { name: "mute" },
      { name: "locked", running: async () => Promise.reject(locked) },
    ];
    expect(await find(given)).toEqual({
      jobs: [job("1"), job("2")],
      total: 7,
      gaps: [
        { source: "b", reason: "1 of its running jobs have no known host" },
        { source: "mute", reason: mute },
        { source: "locked", reason: "locked" },
      ],
    });
    expect(asked).toEqual([
      [["alive", web.id], true],
      [["alive", web.id], true],
    ]);
    expect(await find(given.slice(2))).toEqual({
      jobs: null,
      total: null,
      gaps: [
        { source: "mute", reason: mute },
        { source: "locked", reason: "locked" },
      ],
    });
  });

  it("is unknown without sources, or if its host name is another's", async () => {
    expect(await find([])).toEqual(unknown("no queue source is configured"));
    expect(await find(new OpsError("forbidden", "not yours"))).toEqual(unknown("not yours"));
    const twin = { ...web, fullId: "another" };
    expect(await find([], [web, twin])).toEqual(unknown("another container has the same host name, alive"));
  });
});
