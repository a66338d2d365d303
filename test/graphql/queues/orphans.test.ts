import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { RunningJob, WorkerJobs } from "../../../src/queues/queue.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { sampleWorkerJobs } from "../../support/queues.ts";

const schema = createSchema();
const query = `{ orphans { jobs { queue source jobId worker } total gaps { source reason } } queues { name orphans } }`;
const web = sampleContainer({ host: "10.0.0.7-aaaaaaaaaaaa" });

type Memory = NonNullable<Parameters<typeof createMemorySources>[0]>;

async function ask(workers: readonly Partial<WorkerJobs>[] | Error, memory: Memory = {}, caller = createCaller()) {
  const asked: (readonly string[])[] = [];
  const rows = () => (workers as Partial<WorkerJobs>[]).map((row) => sampleWorkerJobs(row));
  const source = {
    name: "jobs",
    env: "staging" as const,
    metrics: [{ name: "payouts" }, { name: "emails" }],
    errors: [],
    workerJobs: async () => {
      if (workers instanceof Error) throw workers;
      return rows();
    },
    running: async (hosts: readonly string[]) => {
      asked.push(hosts);
      const own = rows().filter(({ host }) => hosts.includes(host ?? ""));
      const jobs = own.map(({ queue, host }): RunningJob => ({ ...job, queue, worker: host }));
      return { jobs, total: jobs.length, unnamed: 0 };
    },
  };
  const { sources, calls } = createMemorySources({ containers: [web], queueSources: [source], ...memory });
  const result = await graphql({ schema, source: query, contextValue: createContext(sources, caller) });
  const data = JSON.parse(JSON.stringify(result.data ?? null));
  const counts = data.queues?.map(({ orphans }: { orphans: number | null }) => orphans);
  return { orphans: data.orphans, counts, errors: result.errors ?? [], calls, asked };
}

const job = { queue: "payouts", source: "jobs", jobId: "7", kind: null, startedAt: null, worker: "gone" };
const silent = [
  { name: "local", ok: true, error: null },
  { name: "web-2", ok: false, error: { code: "docker_timeout", message: "took longer than 2 s" } },
];

describe("orphans", () => {
  it("are the running jobs whose worker is in no live container", async () => {
    const found = await ask([
      { count: 3 },
      { host: web.host, count: 5 },
      { queue: "emails", host: web.id },
      { host: null, count: 2 },
    ]);
    expect(found.errors).toEqual([]);
    expect(found.orphans).toEqual({
      jobs: [{ queue: "payouts", source: "jobs", jobId: "7", worker: "gone" }],
      total: 3,
      gaps: [{ source: "jobs", reason: "2 of its running jobs have no known host" }],
    });
    expect(found.counts).toEqual([0, 3]);
    expect(found.asked).toEqual([["gone"]]);
    expect(found.calls["live"]).toBe(1);
  });

  it("are not the jobs of an unlisted or invisible container", async () => {
    const exec = sampleContainer({ name: "exec", host: "exec", env: null });
    const production = sampleContainer({ name: "other", host: "other", env: "production" });
    const workers = [{ host: exec.id }, { host: "other" }];
    const found = await ask(
      workers,
      { containers: [production], hidden: [exec] },
      createCaller(undefined, ["staging"]),
    );
    expect([found.orphans, found.counts]).toEqual([{ jobs: [], total: 0, gaps: [] }, [0, 0]]);
  });

  it("are those of a container that has stopped", async () => {
    const stopped = { containers: [{ ...web, status: "exited" }] };
    expect((await ask([{ host: web.host }], stopped)).orphans).toMatchObject({ total: 1 });
  });

  it("are unknown with a silent engine or host name, except for no jobs", async () => {
    const reason = "engine web-2 does not answer: took longer than 2 s";
    const unknown = await ask([{}, { queue: "emails", host: web.host }], { engines: silent });
    expect(unknown.orphans).toEqual({ jobs: null, total: null, gaps: [{ source: null, reason }] });
    expect(unknown.counts).toEqual([0, null]);
    const none = await ask([{ host: web.host }], { engines: silent });
    expect([none.orphans, none.counts]).toEqual([{ jobs: [], total: 0, gaps: [] }, [0, 0]]);
    const wedged = await ask([{}], { containers: [web, sampleContainer({ name: "wedged", isInspected: false })] });
    expect(wedged.orphans).toMatchObject({
      jobs: null,
      gaps: [{ reason: expect.stringContaining("cannot be inspected") }],
    });
  });

  it("are unknown if rows do not say or cannot be read; no engine is queried", async () => {
    const mute = { queueSources: [{ name: "jobs", metrics: [{ name: "payouts" }], errors: [] }] };
    const found = await ask([], mute);
    const reason = "its rows do not name the host of a job";
    expect(found.orphans).toEqual({ jobs: null, total: null, gaps: [{ source: "jobs", reason }] });
    expect(found.counts).toEqual([null]);
    expect(found.calls["live"]).toBeUndefined();
    const locked = await ask(new OpsError("queue_locked", "locked"));
    expect(locked.orphans).toEqual({ jobs: null, total: null, gaps: [{ source: "jobs", reason: "locked" }] });
    expect((await ask([{ host: null }])).calls["live"]).toBeUndefined();
  });

  it("belong to sources that the token may see", async () => {
    const { orphans, errors } = await ask([{}], {}, createCaller(undefined, ["production"]));
    expect(orphans).toBeNull();
    expect(errors[0]).toMatchObject({ originalError: { code: "forbidden" } });
  });
});
