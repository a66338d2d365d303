import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import type { Scope } from "../../../src/auth/principal.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { toFingerprint } from "../../../src/queues/fingerprint.ts";
import type { JobChange, JobControl } from "../../../src/queues/jobs/control.ts";
import { createCaller } from "../../support/caller.ts";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const schema = createSchema();
const text = (n: number) => `timeout after ${n} ms`;
const fingerprint = toFingerprint(text(1));

interface Rights {
  readonly scopes?: readonly Scope[];
  readonly where?: readonly Environment[];
}

/** A source in memory: jobs by id; failed ones can be retried. Records the calls in order. */
function createJobs(
  options: { env?: "staging" | "production"; jobs?: number; fail?: Record<string, Error>; enabled?: boolean } = {},
) {
  const { env = "staging", jobs = 3, fail = {}, enabled = true } = options;
  const states = new Map(Array.from({ length: jobs }, (_, index) => [String(index + 1), "failed"]));
  const calls: string[] = [];
  const control: JobControl = {
    check: (_, { jobId }) => {
      if (jobId === "bad") throw new OpsError("invalid_request", "no id");
    },
    change: async (action, { jobId }) => {
      calls.push(`${action} ${jobId}`);
      if (fail[jobId]) throw fail[jobId];
      const was = states.get(jobId) ?? null;
      const seen = { jobId, queue: was && "mail", reason: null };
      if (was !== "failed") return { ...seen, changed: false, state: was } satisfies JobChange;
      states.set(jobId, "waiting");
      return { ...seen, changed: true, state: "waiting" };
    },
    look: async ({ jobId }) => states.get(jobId) ?? null,
    verify: async () => {},
  };
  const failedJobs = async (queue: string) =>
    queue === "mail" ? [...states.keys()].map((id) => ({ error: text(Number(id)), jobIds: [id], jobs: 1 })) : [];
  const source = { name: "jobs", env, metrics: [], errors: [], control, failedJobs };
  const silent = { name: "broker", env, metrics: [], errors: [] };
  const memory = createMemorySources({ queueSources: [source, silent] }, { jobsEnabled: enabled });
  const ask = async (document: string, { scopes, where }: Rights = {}) => {
    const contextValue = createContext(memory.sources, createCaller(scopes, where));
    const { data, errors } = await graphql({ schema, source: document, contextValue });
    const error = errors?.[0]?.originalError as { code?: string; headers?: object } | undefined;
    return { data: data as any, code: error?.code ?? errors?.[0]?.message, headers: error?.headers };
  };
  return { ...memory, control, states, calls: calls, ask };
}

const one = (field: string, jobId = "1", more = "") =>
  `mutation { ${field}(source: "jobs", jobId: "${jobId}", reason: "stuck"${more}) { jobId state } }`;
const group = (more = "", queue = "mail", source = "jobs", field = "retryErrorGroup") =>
  `mutation { ${field}(source: "${source}", queue: "${queue}", fingerprint: "${fingerprint}", ` +
  `reason: "stuck"${more}) { count jobIds left skipped { jobId code message } error { code } } }`;
const discardGroup = group("", "mail", "jobs", "discardErrorGroup");
const all = [one("retryJob"), one("discardJob"), group(), discardGroup];
const plans = ["retryErrorGroup", "discardErrorGroup"].map((field) => group(", dryRun: true", "mail", "jobs", field));

describe("operations on jobs", () => {
  it("need JOBS, the scope and the environment, else nothing is read", async () => {
    const off = createJobs({ enabled: false });
    const on = createJobs();
    for (const document of [...all, ...plans]) {
      expect((await off.ask(document)).code).toBe("jobs_disabled");
      expect((await on.ask(document, { scopes: ["ops:read", "ops:logs", "ops:introspect"] })).code).toBe("forbidden");
      expect((await on.ask(document, { where: ["production"] })).code).toBe("forbidden");
    }
    expect([off.calls, on.calls, off.audited, on.audited]).toEqual([[], [], [], []]);
  });

  it("report another environment's source as a missing one", async () => {
    const other = { name: "mine", env: "production" as const, metrics: [], errors: [] };
    const { control, audited } = createJobs();
    const { sources } = createMemorySources(
      { queueSources: [{ name: "jobs", env: "staging", metrics: [], errors: [], control }, other] },
      { jobsEnabled: true },
    );
    const ask = async (name: string) => {
      const contextValue = createContext(sources, createCaller(undefined, ["production"]));
      const document = `mutation { retryJob(source: "${name}", jobId: "1", reason: "x") { state } }`;
      return (await graphql({ schema, source: document, contextValue })).errors?.map(({ message, originalError }) => [
        message,
        (originalError as OpsError).code,
      ]);
    };
    expect(await ask("jobs")).toEqual([["No queue source of this name", "not_found"]]);
    expect(await ask("jobs")).toEqual(await ask("nowhere"));
    expect(audited).toEqual([]);
  });

  it("are recorded before and after, visible to those who see the source", async () => {
    const jobs = createJobs();
    expect((await jobs.ask(one("retryJob", "1", ', queue: "mail"'))).data.retryJob).toEqual({
      jobId: "1",
      state: "waiting",
    });
    expect(await jobs.ask(one("retryJob"))).toMatchObject({ code: "job_conflict" });
    expect(await jobs.ask(one("retryJob", "99"))).toMatchObject({ code: "job_not_found" });
    const fields = "action outcome env jobSource jobQueue jobIds fingerprint containerName code detail intent reason";
    const log = async (rights: Rights = {}) =>
      (await jobs.ask(`{ auditLog { nodes { ${fields} } } }`, rights)).data.auditLog.nodes.toReversed();
    const common = {
      action: "job.retry",
      env: "staging",
      jobSource: "jobs",
      fingerprint: null,
      containerName: "",
      reason: "stuck",
    };
    expect((await log()).slice(0, 2)).toEqual([
      { ...common, outcome: "intent", jobQueue: "mail", jobIds: ["1"], code: null, detail: null, intent: null },
      { ...common, outcome: "ok", jobQueue: "mail", jobIds: ["1"], code: null, detail: "waiting", intent: 1 },
    ]);
    expect(
      (await log()).slice(2).map(({ outcome, code }: { outcome: string; code: string }) => [outcome, code]),
    ).toEqual([
      ["intent", null],
      ["failed", "job_conflict"],
      ["intent", null],
      ["failed", "job_not_found"],
    ]);
    expect(await log({ where: ["production"] })).toEqual([]);
  });

  it.each([
    [one("retryJob").replace("stuck", ""), "invalid_request"],
    [one("retryJob").replace("stuck", " "), "invalid_request"],
    [one("discardJob").replace("stuck", "x".repeat(201)), "invalid_request"],
    [one("retryJob", "bad"), "invalid_request"],
    [group(", limit: 0"), "invalid_request"],
    [group(", limit: 101"), "invalid_request"],
    [group().replace(fingerprint, "x"), "invalid_request"],
    [group().replace(fingerprint, "000000000000"), "not_found"],
    [group("", "other"), "not_found"],
    [one("retryJob").replace("jobs", "broker"), "operation_not_supported"],
    [group("", "mail", "broker"), "operation_not_supported"],
  ])("refuse %s and record nothing", async (document, code) => {
    const jobs = createJobs();
    expect(await jobs.ask(document)).toMatchObject({ code });
    expect([jobs.calls, jobs.audited]).toEqual([[], []]);
  });

  it("retry an error group up to the limit; skip what no longer fails", async () => {
    const jobs = createJobs({ jobs: 5 });
    jobs.states.set("2", "waiting");
    expect((await jobs.ask(group(", limit: 3"))).data.retryErrorGroup).toEqual({
      count: 2,
      jobIds: ["1", "3"],
      left: 2,
      skipped: [{ jobId: "2", code: "job_conflict", message: "This job is waiting and was not retried" }],
      error: null,
    });
    expect(jobs.audited.map(({ outcome, job }) => [outcome, job?.ids])).toEqual([
      ["intent", ["1", "2", "3"]],
      ["ok", ["1", "2", "3"]],
    ]);
    expect(jobs.audited[1]?.detail).toBe("2 retried, 1 skipped: 2 (waiting)");
  });

  it("discard an error group as one operation of the record", async () => {
    const jobs = createJobs();
    expect((await jobs.ask(discardGroup)).data.discardErrorGroup).toMatchObject({
      count: 3,
      jobIds: ["1", "2", "3"],
      left: 0,
    });
    expect(jobs.calls).toEqual(["discard 1", "discard 2", "discard 3"]);
    expect(jobs.audited).toMatchObject([
      { action: "job.discard_group", outcome: "intent" },
      { action: "job.discard_group", outcome: "ok", detail: "3 discarded, 0 skipped" },
    ]);
  });

  it("report what a group's change would do, and do nothing", async () => {
    const jobs = createJobs();
    const plan = async (more: string, field = "retryErrorGroup") =>
      (await jobs.ask(group(`, dryRun: true${more}`, "mail", "jobs", field))).data[field];
    const whole = { count: 3, jobIds: ["1", "2", "3"], left: 0, skipped: [], error: null };
    expect([await plan(""), await plan("", "discardErrorGroup")]).toEqual([whole, whole]);
    expect(await plan(", limit: 2")).toEqual({ ...whole, count: 2, jobIds: ["1", "2"], left: 1 });
    jobs.states.clear();
    expect(await plan("")).toEqual({ ...whole, count: 0, jobIds: [] });
    expect([jobs.calls, jobs.audited]).toEqual([[], []]);
  });

  it("stop at a group's first failing job, and report what was done", async () => {
    const down = new OpsError("postgres_unavailable", "PostgreSQL cannot be reached");
    const jobs = createJobs({ fail: { 2: down } });
    expect((await jobs.ask(group())).data.retryErrorGroup).toMatchObject({
      count: 1,
      left: 2,
      error: { code: "postgres_unavailable" },
    });
    expect(jobs.calls).toEqual(["retry 1", "retry 2"]);
    expect(jobs.audited[1]).toMatchObject({
      outcome: "failed",
      code: "postgres_unavailable",
      detail: expect.stringContaining("1 retried"),
    });
    expect(await createJobs({ fail: { 1: down } }).ask(group())).toMatchObject({ code: "postgres_unavailable" });
  });

  it("have a budget of jobs for each token; a group takes the rest", async () => {
    const jobs = createJobs({ jobs: 100 });
    for (let round = 0; round < 9; round++) {
      for (const id of jobs.states.keys()) jobs.states.set(id, "failed");
      await jobs.ask(group());
    }
    for (let id = 1; id <= 60; id++) await jobs.ask(one("retryJob", String(id)));
    for (const id of jobs.states.keys()) jobs.states.set(id, "failed");
    expect((await jobs.ask(group())).data.retryErrorGroup).toMatchObject({ count: 40, left: 60 });
    const before = jobs.audited.length;
    for (const document of all) {
      const { code, headers } = await jobs.ask(document);
      expect([code, headers]).toEqual(["job_budget", { "Retry-After": expect.stringMatching(/^3[56]\d\d$/) }]);
    }
    for (const document of plans) expect((await jobs.ask(document)).code).toBeUndefined();
    expect(jobs.audited).toHaveLength(before);
  });

  it("run one per request, with status and code like every error", async () => {
    const jobs = createJobs();
    await using gateway = await startGateway(jobs.sources);
    const two =
      'mutation { a: retryJob(source: "jobs", jobId: "1", reason: "x") ' +
      '{ state } b: retryJob(source: "jobs", jobId: "2", reason: "x") { state } }';
    expect((await gateway.query(two)).status).toBe(400);
    expect(jobs.calls).toEqual([]);
    expect((await gateway.query(one("retryJob"))).body.data.retryJob).toEqual({ jobId: "1", state: "waiting" });
    const { status, body } = await gateway.query(one("retryJob"));
    expect([status, body.data, body.errors?.[0].extensions]).toEqual([
      200,
      { retryJob: null },
      { code: "job_conflict", status: 409, upstream: "queues:jobs" },
    ]);
  });
});
