import { describe, expect, it, vi } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { changeErrorGroup, changeJob } from "../../../src/graphql/queues/jobs-loader.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { toFingerprint } from "../../../src/queues/fingerprint.ts";
import type { JobChange } from "../../../src/queues/jobs/control.ts";
import {
  type ErrorGroupJobs,
  type GroupChange,
  type JobOperations,
  JobsRefused,
} from "../../../src/queues/jobs/operations.ts";
import type { FailedJobs } from "../../../src/queues/queue.ts";
import type { KindSource } from "../../../src/queues/system.ts";
import { createCaller } from "../../support/caller.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { sampleControl } from "../../support/queues.ts";

const control = sampleControl({ change: async () => Promise.reject(new Error("not asked")), look: async () => null });
const done: JobChange = { jobId: "7", queue: "mail", changed: true, state: "waiting", reason: null };

interface Stage {
  readonly change?: JobOperations["change"];
  readonly changeGroup?: (group: ErrorGroupJobs) => Promise<Partial<GroupChange>>;
  readonly failedJobs?: KindSource["failedJobs"];
  readonly env?: "staging" | "production";
  readonly enabled?: boolean;
}

function createStage({
  change = async () => done,
  changeGroup = async () => ({}),
  failedJobs,
  env,
  enabled = true,
}: Stage = {}) {
  const source = { metrics: [], errors: [], control };
  const { sources } = createMemorySources(
    {
      queueSources: [
        { name: "jobs", ...(env && { env }), ...source, ...(failedJobs && { failedJobs }) },
        { name: "watched", metrics: [], errors: [], failedJobs: async () => [] },
      ],
    },
    { env: "staging", jobsEnabled: enabled },
  );
  const caller = createCaller();
  const [changes, groups] = [vi.fn<JobOperations["change"]>(change), vi.fn<JobOperations["changeGroup"]>()];
  groups.mockImplementation(async (_action, group) => ({
    changed: [],
    skipped: [],
    left: 0,
    error: null,
    ...(await changeGroup(group)),
  }));
  const jobs = { ...sources.jobs, change: changes, changeGroup: groups };
  return { context: createContext({ ...sources, jobs }, caller), changes, groups, caller };
}

const asked = { source: "jobs", reason: "stuck" };
const request = (caller: ReturnType<typeof createCaller>, env = "staging") => ({
  source: { name: "jobs", env, control },
  reason: "stuck",
  requestId: "request-1",
  principal: caller.principal,
  origin: { ip: "192.0.2.7", clientRequestId: null, traceId: null },
});

describe("a change of a job", () => {
  const job = { jobId: "7", queue: null };
  it.each([
    ["retry", undefined, "staging"],
    ["discard", "production", "production"],
  ] as const)("to %s in a source of %j is requested with caller and reason", async (action, env, whose) => {
    const { context, changes, caller } = createStage(env && { env });
    expect(await changeJob(action, asked, job, context)).toEqual({
      source: "jobs",
      queue: "mail",
      jobId: "7",
      state: "waiting",
    });
    expect(changes.mock.calls).toEqual([[action, job, request(caller, whose)]]);
  });

  it("of an unknown queue and state has empty texts", async () => {
    const { context } = createStage({ change: async () => ({ ...done, queue: null, state: null }) });
    expect(await changeJob("retry", asked, job, context)).toEqual({ source: "jobs", queue: "", jobId: "7", state: "" });
  });

  const failing = (error: Error): Stage => ({
    change: async () => {
      throw error;
    },
  });
  it.each<[string, Stage, object, object]>([
    [
      "where jobs are off",
      { enabled: false },
      { reason: "" },
      { code: "jobs_disabled", message: "Operations on jobs are off; WALLET_CORE_OPS_JOBS=on enables them" },
    ],
    [
      "without a reason",
      {},
      { reason: "" },
      { code: "invalid_request", message: "reason must have 1 to 200 characters" },
    ],
    ["of no source", {}, { source: "nowhere" }, { code: "not_found", message: "No queue source of this name" }],
    [
      "of a source that is only watched",
      {},
      { source: "watched" },
      {
        code: "operation_not_supported",
        message: "Not supported by the source watched: jobs of the kind table are only read",
        upstream: "queues:watched",
      },
    ],
    [
      "that is not there",
      { change: async () => ({ ...done, changed: false, state: null }) },
      {},
      { code: "job_not_found", message: "No such job in this source and queue", upstream: "queues:jobs" },
    ],
    [
      "that cannot be changed",
      { change: async () => ({ ...done, changed: false, reason: "busy" }) },
      {},
      { code: "job_conflict", message: "This job is waiting and was not retried: busy", upstream: "queues:jobs" },
    ],
    [
      "beyond the budget",
      failing(new JobsRefused("job_budget", "too many", 9)),
      {},
      { code: "job_budget", message: "too many", headers: { "Retry-After": "9" } },
    ],
    [
      "that its system refuses",
      failing(new OpsError("queue_locked", "locked")),
      {},
      { code: "queue_locked", message: "locked" },
    ],
  ])("%s is refused", async (_what, stage, more, refusal) => {
    await expect(changeJob("retry", { ...asked, ...more }, job, createStage(stage).context)).rejects.toMatchObject(
      refusal,
    );
  });
});

describe("a change of an error group", () => {
  const fingerprint = toFingerprint("boom 1");
  const group = { ...asked, queue: "mail", fingerprint, limit: 100, dryRun: false };
  const failed =
    (...all: readonly FailedJobs[]) =>
    async () =>
      all;

  it.each<[string, readonly FailedJobs[], number, readonly string[], number]>([
    ["one text", [{ error: "boom 1", jobIds: ["1", "2"], jobs: 2 }], 100, ["1", "2"], 2],
    [
      "texts of one error, each job once",
      [
        { error: "boom 2", jobIds: ["2", "1"], jobs: 2 },
        { error: "other", jobIds: ["9"], jobs: 1 },
        { error: "boom 1", jobIds: ["1", "3"], jobs: 2 },
      ],
      100,
      ["2", "1", "3"],
      3,
    ],
    [
      "texts whose jobs are not all known",
      [
        { error: "boom 1", jobIds: ["1", "2"], jobs: 40 },
        { error: "boom 2", jobIds: ["2"], jobs: 1 },
      ],
      100,
      ["1", "2"],
      41,
    ],
    ["more than the limit", [{ error: "boom 1", jobIds: ["1", "2", "3"], jobs: 3 }], 1, ["1"], 3],
  ])("of %s takes its jobs", async (_what, all, limit, jobIds, total) => {
    const { context, groups, caller } = createStage({ failedJobs: failed(...all) });
    await changeErrorGroup("retry", { ...group, limit }, context);
    expect(groups.mock.calls).toEqual([["retry", { queue: "mail", fingerprint, jobIds, total }, request(caller)]]);
  });

  it("reports changed and skipped jobs with reasons, and what ended it", async () => {
    const skip = { changed: false, queue: "mail", reason: null };
    const skipped = [
      { ...skip, jobId: "2", state: "waiting" },
      { ...skip, jobId: "3", state: null, reason: "gone" },
      { ...skip, jobId: "4", state: "waiting", changed: true },
    ];
    const answer = {
      changed: [{ ...done, jobId: "1" }, done],
      skipped,
      left: 5,
      error: new JobsRefused("job_budget", "too many", 9),
    };
    const changeGroup = async () => answer;
    const failedJobs = failed({ error: "boom 1", jobIds: ["1"], jobs: 1 });
    expect(await changeErrorGroup("retry", group, createStage({ changeGroup, failedJobs }).context)).toEqual({
      source: "jobs",
      queue: "mail",
      changed: ["1", "7"],
      skipped: [
        { jobId: "2", code: "job_conflict", message: "This job is waiting and was not retried" },
        { jobId: "3", code: "job_not_found", message: "No such job in this source and queue" },
        { jobId: "4", code: "job_conflict", message: "" },
      ],
      left: 5,
      error: { code: "job_budget", message: "too many" },
    });
    expect(await changeErrorGroup("retry", group, createStage({ failedJobs }).context)).toMatchObject({
      changed: [],
      left: 0,
      error: null,
    });
  });

  it.each(["retry", "discard"] as const)("by %s asks the source for jobs that it would change", async (action) => {
    const failedJobs = vi.fn<NonNullable<KindSource["failedJobs"]>>(
      failed({ error: "boom 1", jobIds: ["1"], jobs: 1 }),
    );
    const { context, groups } = createStage({ failedJobs });
    await changeErrorGroup(action, group, context);
    expect(failedJobs.mock.calls).toEqual([["mail", action, context.signal]]);
    expect(groups.mock.calls).toEqual([
      [action, { queue: "mail", fingerprint, jobIds: ["1"], total: 1 }, expect.anything()],
    ]);
  });

  const found = { failedJobs: failed({ error: "boom 1", jobIds: ["1"], jobs: 1 }) };
  const queue = { code: "invalid_request", message: "queue must have 1 to 500 characters" };
  const print = { code: "invalid_request", message: "fingerprint must be 12 hex digits" };
  const limit = { code: "invalid_request", message: "limit must be from 1 to 100" };
  const gone = {
    code: "not_found",
    message: "No job of this queue failed with this error in the last 60 minutes and can still be retried",
  };
  const mute = {
    code: "operation_not_supported",
    message: "Not supported by the source jobs: its jobs cannot be found by their error",
    upstream: "queues:jobs",
  };
  it.each<[string, Stage, Partial<typeof group>, object]>([
    ["without a queue", found, { queue: "" }, queue],
    ["of a queue with a longer name", found, { queue: "x".repeat(501) }, queue],
    ["of a queue with a null character", found, { queue: "a\0b" }, queue],
    ["of a queue with half a character", found, { queue: "a\ud800" }, queue],
    ["of a short fingerprint", found, { fingerprint: fingerprint.slice(1) }, print],
    ["of a long fingerprint", found, { fingerprint: `${fingerprint}0` }, print],
    ["of a fingerprint with something before it", found, { fingerprint: `x${fingerprint}` }, print],
    ["of none", found, { limit: 0 }, limit],
    ["of too many", found, { limit: 101 }, limit],
    ["of no failure", { failedJobs: failed() }, {}, gone],
    ["of another error", found, { fingerprint: "000000000000" }, gone],
    ["of a source without failed jobs", {}, {}, mute],
    ["of a source that has none to retry", { failedJobs: async () => null }, {}, mute],
    ["of a source that is only watched", found, { source: "watched" }, { code: "operation_not_supported" }],
    [
      "beyond the budget",
      { ...found, changeGroup: async () => Promise.reject(new JobsRefused("job_budget", "no", 3)) },
      {},
      { code: "job_budget" },
    ],
  ])("%s is refused", async (_what, stage, more, refusal) => {
    await expect(changeErrorGroup("retry", { ...group, ...more }, createStage(stage).context)).rejects.toMatchObject(
      refusal,
    );
  });

  it.each<[string, Partial<typeof group>, object]>([
    ["whole", {}, { changed: ["1", "2"], left: 39 }],
    ["up to the limit", { limit: 1 }, { changed: ["1"], left: 40 }],
  ])("is reported without a change: %s", async (_what, more, plan) => {
    const failedJobs = failed(
      { error: "boom 1", jobIds: ["1", "2"], jobs: 40 },
      { error: "boom 2", jobIds: ["2"], jobs: 1 },
    );
    const { context, groups } = createStage({ failedJobs });
    const answer = { source: "jobs", queue: "mail", skipped: [], error: null, ...plan };
    expect(await changeErrorGroup("retry", { ...group, ...more, dryRun: true }, context)).toEqual(answer);
    expect(groups).not.toHaveBeenCalled();
  });

  it("is reported as none if no job is left", async () => {
    const answer = { source: "jobs", queue: "mail", changed: [], skipped: [], left: 0, error: null };
    const { context } = createStage({ failedJobs: failed() });
    expect(await changeErrorGroup("discard", { ...group, dryRun: true }, context)).toEqual(answer);
  });

  it("is reported only if its system supports it", async () => {
    const check = vi.spyOn(control, "check").mockImplementation(() => {
      throw new OpsError("operation_not_supported", "no mapping");
    });
    const { context } = createStage(found);
    const plan = changeErrorGroup("discard", { ...group, dryRun: true }, context);
    await expect(plan).rejects.toMatchObject({ code: "operation_not_supported" });
    expect(check.mock.calls).toEqual([["discard", { jobId: "1", queue: "mail" }]]);
    check.mockRestore();
  });

  it("by discard has its own refusal texts", async () => {
    const state = { changed: false, queue: "mail", state: "running", reason: null };
    const skipping = { ...found, changeGroup: async () => ({ skipped: [{ ...state, jobId: "2" }] }) };
    const discard = async (stage: Stage) => changeErrorGroup("discard", group, createStage(stage).context);
    expect(await discard(skipping)).toMatchObject({
      skipped: [{ message: "This job is running and was not discarded" }],
    });
    await expect(discard({ failedJobs: failed() })).rejects.toThrow(
      "in the last 60 minutes and can still be discarded",
    );
  });

  it.each([{ queue: "x" }, { queue: "x".repeat(500) }, { limit: 1 }, { limit: 100 }])(
    "with %j is done",
    async (more) => {
      const { context, groups } = createStage(found);
      await changeErrorGroup("retry", { ...group, ...more }, context);
      expect(groups).toHaveBeenCalledOnce();
    },
  );
});
