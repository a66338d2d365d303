import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import type { Scope } from "../../../src/auth/principal.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { Job, JobAttempt, JobReader } from "../../../src/queues/job.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { createMemoryJobs, sampleAttempt, sampleJob } from "../../support/queues.ts";

const schema = createSchema();

interface Options {
  readonly jobs?: readonly Job[];
  readonly attempts?: readonly JobAttempt[];
  readonly reader?: Partial<JobReader>;
  readonly failed?: readonly string[];
}

/**
 * A source `jobs` of production with these jobs, one without a reader, and the container of a
 * worker.
 */
function createWorld({ jobs = [sampleJob()], attempts = [], reader = {}, failed = ["1"] }: Options = {}) {
  const calls: [string, number][] = [];
  const errors = failed.map((jobId) => ({
    queue: "payouts",
    source: "jobs",
    jobId,
    jobIds: [jobId],
    error: `timeout of ${jobId}`,
    timestamp: "2026-01-13T09:41:10Z",
    count: 1,
  }));
  const env = "production" as const;
  const { sources } = createMemorySources({
    containers: [sampleContainer({ name: "worker-v2", host: "vm-5670", version: "v2", env, role: "worker" })],
    queueSources: [
      { name: "jobs", env, metrics: [], errors, jobs: { ...createMemoryJobs(jobs, attempts, calls), ...reader } },
      { name: "broker", env, metrics: [], errors: errors.slice(0, 1).map((error) => ({ ...error, source: "broker" })) },
    ],
  });
  const ask = async (source: string, rights: { scopes?: readonly Scope[]; where?: readonly Environment[] } = {}) => {
    const contextValue = createContext(sources, createCaller(rights.scopes, rights.where));
    const { data, errors: failures } = await graphql({ schema, source, contextValue });
    return {
      data: data as any,
      codes: failures?.map((error) => (error.originalError as OpsError | undefined)?.code ?? error.message),
    };
  };
  return { ask, calls };
}

describe("a failed job of an error group", () => {
  it("leads to its attempt, the worker's container and release", async () => {
    const worker = { worker: "vm-5670_2026", host: "vm-5670" };
    const attempts = [
      sampleAttempt({ number: 4, error: "refused", at: "2026-01-13T09:50:00Z" }),
      sampleAttempt({ number: 3, error: "timeout of 7", ...worker }),
    ];
    const { ask } = createWorld({ attempts, jobs: [sampleJob({ ...worker, attempt: 4 })] });
    const { data, codes } = await ask(
      "{ errorGroups { jobs { source job { jobId attempt state version container { name } } " +
        "attempt { number at worker version container { name role } } } } }",
    );
    expect(codes).toBeUndefined();
    const container = { name: "worker-v2" };
    expect(data.errorGroups[0].jobs).toEqual([
      {
        source: "jobs",
        job: { jobId: "1", attempt: 4, state: "FAILED", version: "v2", container },
        // The newest attempt failed otherwise: texts that differ in numbers are one error.
        attempt: {
          number: 3,
          at: "2026-01-13T09:41:10Z",
          worker: "vm-5670_2026",
          version: "v2",
          container: { ...container, role: "worker" },
        },
      },
      { source: "broker", job: null, attempt: null },
    ]);
  });

  it("has the newest attempt if none has its error; null when gone", async () => {
    const attempts = [sampleAttempt({ number: 2, error: "other" }), sampleAttempt({ number: 1, error: "another" })];
    const { ask } = createWorld({ attempts, failed: ["1", "gone"] });
    const { data } = await ask(`{ errorGroups { jobs { jobId source job { jobId } attempt { number } } } }`);
    const jobs = data.errorGroups.flatMap((group: { jobs: unknown[] }) => group.jobs);
    expect(jobs).toContainEqual({ jobId: "1", source: "jobs", job: { jobId: "1" }, attempt: { number: 2 } });
    expect(jobs).toContainEqual({ jobId: "gone", source: "jobs", job: null, attempt: null });
  });

  it.each([
    ["", 0],
    [", also when busy", 10],
  ])("is read with all others of its source at once%s", async (_, busyMs) => {
    const ids = ["1", "2", "3", "4"];
    const jobs = ids.map((jobId) => sampleJob({ jobId }));
    const attempts = [sampleAttempt()];
    const calls: [string, number][] = [];
    const reader = createMemoryJobs(jobs, attempts, calls);
    const find: JobReader["find"] = async (...asked) => {
      const found = await reader.find(...asked);
      for (const end = performance.now() + busyMs; performance.now() < end;);
      return found;
    };
    const { ask } = createWorld({ failed: ids, reader: { ...reader, find } });
    await ask(
      `{ errorGroups { jobs { job { jobId attempts { error } args(show: true) { text } } attempt { number } } } }`,
    );
    expect(calls.toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ["args", 4],
      ["attempts", 4],
      ["find", 4],
    ]);
  });

  it("has its own error if its source cannot be read", async () => {
    const down = async () => Promise.reject(new OpsError("postgres_unavailable", "PostgreSQL cannot be reached"));
    const { ask } = createWorld({ reader: { find: down } });
    const { data, codes } = await ask(`{ errorGroups { error jobs { source job { jobId } } } }`);
    expect(data.errorGroups[0].jobs[0]).toEqual({ source: "jobs", job: null });
    expect(codes).toEqual(["postgres_unavailable"]);
  });
});

describe("job", () => {
  it("is null without such a job, or in another queue", async () => {
    const { ask } = createWorld();
    const { data, codes } = await ask(
      '{ one: job(source: "jobs", id: "1") { queue kind systemState } two: job(source: "jobs", id: "2") ' +
        '{ queue } three: job(source: "jobs", id: "1", queue: "mail") { queue } }',
    );
    expect([data, codes]).toEqual([
      { one: { queue: "payouts", kind: null, systemState: "discarded" }, two: null, three: null },
      undefined,
    ]);
  });

  it.each([
    [`job(source: "nowhere", id: "1") { jobId }`, "not_found"],
    [`job(source: "broker", id: "1") { jobId }`, "operation_not_supported"],
    [`job(source: "jobs", id: "1", queue: "") { jobId }`, "invalid_request"],
    [String.raw`job(source: "jobs", id: "1", queue: "\u0000") { jobId }`, "invalid_request"],
    [`jobs(source: "broker") { nodes { jobId } }`, "operation_not_supported"],
    [`jobs(source: "jobs", first: 101) { nodes { jobId } }`, "invalid_request"],
    [`jobs(source: "jobs", first: 0) { nodes { jobId } }`, "invalid_request"],
    [`jobs(source: "jobs", after: "x") { nodes { jobId } }`, "invalid_request"],
    [`jobs(source: "jobs", queue: "") { nodes { jobId } }`, "invalid_request"],
  ])("%s is refused", async (field, code) => {
    const { ask, calls } = createWorld();
    const { data, codes } = await ask(`{ ${field} }`);
    expect([Object.values(data as object), codes, calls]).toEqual([[null], [code], []]);
  });

  it("hides its arguments unless requested with ops:logs", async () => {
    const { ask, calls } = createWorld();
    const hidden = await ask(`{ job(source: "jobs", id: "1") { args { text } } }`);
    expect([hidden.data.job, hidden.codes, calls]).toEqual([{ args: null }, undefined, [["find", 1]]]);
    const document = `{ job(source: "jobs", id: "1") { jobId args(show: true) { text truncated } } }`;
    expect((await ask(document)).data.job.args).toEqual({
      text: '{"jobId":"1","note":"lee wrote this"}',
      truncated: false,
    });
    const reader = await ask(document, { scopes: ["ops:read"] });
    expect([reader.data.job, reader.codes]).toEqual([{ jobId: "1", args: null }, ["forbidden"]]);
    expect((await ask(document, { scopes: ["ops:logs"] })).codes).toEqual(["forbidden"]);
  });

  it("says where no arguments are stored", async () => {
    const whole = createMemoryJobs([sampleJob()]);
    const reader: JobReader = {
      find: (refs, signal) => whole.find(refs, signal),
      page: (query, signal) => whole.page(query, signal),
      attempts: (own, signal) => whole.attempts(own, signal),
    };
    const { sources } = createMemorySources({
      queueSources: [{ name: "jobs", env: "production", metrics: [], errors: [], jobs: reader }],
    });
    const contextValue = createContext(sources, createCaller());
    const document = `{ job(source: "jobs", id: "1") { args(show: true) { text } } }`;
    const { errors } = await graphql({ schema, source: document, contextValue });
    expect(errors?.[0]?.message).toBe("Not supported by the source jobs: it stores no arguments that can be read");
  });

  it("of another environment looks as if its source were missing", async () => {
    const { ask } = createWorld();
    const rights = { where: ["staging"] as const };
    const { data } = await ask(`{ job(source: "jobs", id: "1") { id } }`);
    for (const field of [`job(source: "jobs", id: "1")`, `job(source: "x", id: "1")`])
      expect((await ask(`{ ${field} { jobId } }`, rights)).codes).toEqual(["forbidden"]);
    expect((await ask(`{ jobs(source: "jobs") { nodes { jobId } } }`, rights)).codes).toEqual(["forbidden"]);
    expect((await ask(`{ node(id: "${data.job.id}") { id } }`, rights)).data).toEqual({ node: null });
  });

  it("is found again by its global id", async () => {
    const { ask } = createWorld();
    const { data } = await ask(`{ job(source: "jobs", id: "1") { id } }`);
    const node = async (id: string) => ask(`{ node(id: "${id}") { ... on Job { jobId source queue } } }`);
    expect(await node(data.job.id)).toEqual({
      data: { node: { jobId: "1", source: "jobs", queue: "payouts" } },
      codes: undefined,
    });
    for (const key of [
      `["jobs","payouts","9"]`,
      `["gone","payouts","1"]`,
      `["broker","payouts","1"]`,
      "{}",
      "[1,2,3]",
      "x",
    ])
      expect(await node(Buffer.from(`Job:${key}`).toString("base64url"))).toEqual({
        data: { node: null },
        codes: undefined,
      });
  });
});

describe("jobs", () => {
  const jobs = ["5", "4", "3", "2", "1"].map((jobId) =>
    sampleJob({ jobId, queue: jobId === "3" ? "mail" : "payouts" }),
  );

  it("page by cursors of their own list, forwards and backwards", async () => {
    const { ask } = createWorld({ jobs });
    const page = async (args: string) => {
      const { data, codes } = await ask(
        `{ jobs(source: "jobs"${args}) { nodes { jobId } pageInfo { endCursor startCursor hasNextPage } } }`,
      );
      const { nodes = [], pageInfo = {} } = data.jobs ?? {};
      return { ids: nodes.map(({ jobId }: { jobId: string }) => jobId), codes, ...pageInfo };
    };
    const first = await page(", first: 2");
    expect(first).toMatchObject({ ids: ["5", "4"], hasNextPage: true });
    expect(await page(`, first: 2, after: "${first.endCursor}"`)).toMatchObject({ ids: ["3", "2"], hasNextPage: true });
    const last = await page(", last: 2");
    expect(last.ids).toEqual(["2", "1"]);
    expect((await page(`, last: 2, before: "${last.startCursor}"`)).ids).toEqual(["4", "3"]);
    expect((await page(`, queue: "mail", state: FAILED`)).ids).toEqual(["3"]);
    expect((await page(`, state: RUNNING`)).ids).toEqual([]);
    for (const other of [`, queue: "mail"`, ", state: FAILED"])
      expect((await page(`${other}, after: "${first.endCursor}"`)).codes).toEqual(["invalid_request"]);
  });
});
