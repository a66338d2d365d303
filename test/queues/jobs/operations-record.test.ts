import { describe, expect, it } from "vitest";
import type { JobChange, JobControl } from "../../../src/queues/jobs/control.ts";
import {
  toChangeOutcome,
  toFailureOutcome,
  toGroupOutcome,
  toJobIntent,
  toRefusal,
  toSettled,
} from "../../../src/queues/jobs/operations.ts";
import { createCaller } from "../../support/caller.ts";

const caller = createCaller();
const change = (given: Partial<JobChange> = {}): JobChange => ({
  jobId: "7",
  queue: "mail",
  changed: false,
  state: "running",
  reason: null,
  ...given,
});
const done = change({ changed: true, state: "waiting" });
const gone = change({ queue: null, state: null });
const lost = Object.assign(new Error("no answer"), { code: "job_unknown" });

it("an intent has the caller, the action and the jobs", () => {
  const job = { source: "jobs", queue: "mail", ids: ["7", "8"], fingerprint: null };
  const request = {
    source: { name: "jobs", env: "production" as const, control: {} as JobControl },
    reason: " stuck\n",
    requestId: "r-9",
    principal: caller.principal,
    origin: { ip: "192.0.2.9", clientRequestId: "c-1", traceId: "t-1" },
  };
  expect(toJobIntent("job.discard", job, request)).toEqual({
    outcome: "intent",
    action: "job.discard",
    intent: null,
    requestId: "r-9",
    ip: "192.0.2.9",
    clientRequestId: "c-1",
    traceId: "t-1",
    subject: "test",
    kid: "test",
    auth: "token",
    scopes: ["ops:read", "ops:logs", "ops:operate", "ops:introspect"],
    engine: "",
    containerId: "",
    containerName: "",
    image: "",
    job,
    env: "production",
    reason: "stuck",
    args: {},
    keyHash: null,
    detail: null,
    code: null,
    dockerStatus: null,
    durationMs: null,
  });
});

describe("a change of one job", () => {
  it.each([
    ["retry", done, null],
    ["retry", gone, { code: "job_not_found", message: "No such job in this source and queue" }],
    ["retry", change(), { code: "job_conflict", message: "This job is running and was not retried" }],
    ["discard", change(), { code: "job_conflict", message: "This job is running and was not discarded" }],
    [
      "discard",
      change({ state: "failed", reason: "it is locked" }),
      { code: "job_conflict", message: "This job is failed and was not discarded: it is locked" },
    ],
  ] as const)("by %s of %o is refused with %j", (action, result, refusal) => {
    expect(toRefusal(action, result)).toEqual(refusal);
  });

  it.each([
    [done, { outcome: "ok", detail: "waiting", code: null }],
    [change({ changed: true, state: null }), { outcome: "ok", detail: null, code: null }],
    [gone, { outcome: "failed", detail: "job_not_found: No such job in this source and queue", code: "job_not_found" }],
    [
      change(),
      { outcome: "failed", detail: "job_conflict: This job is running and was not retried", code: "job_conflict" },
    ],
  ])("that came to %o is recorded as %j", (result, outcome) => {
    expect(toChangeOutcome("retry", result)).toEqual(outcome);
  });
});

describe("a group of jobs", () => {
  it.each([
    [[], null, { outcome: "ok", detail: "0 retried, 0 skipped", code: null }],
    [[done, done], null, { outcome: "ok", detail: "2 retried, 0 skipped", code: null }],
    [
      [done, change({ jobId: "8" }), gone],
      null,
      { outcome: "ok", detail: "1 retried, 2 skipped: 8 (running), 7 (gone)", code: null },
    ],
    [
      [done],
      lost,
      { outcome: "unknown", detail: "1 retried, 0 skipped; then job_unknown: no answer", code: "job_unknown" },
    ],
    [
      [gone],
      new Error("x"),
      { outcome: "failed", detail: "0 retried, 1 skipped: 7 (gone); then internal: x", code: "internal" },
    ],
  ])("that came to %o, then %o is recorded as %j", (changes, error, outcome) => {
    expect(toGroupOutcome("retry", changes, error)).toEqual(outcome);
  });

  it("that was discarded is recorded as such", () => {
    expect(toGroupOutcome("discard", [done, gone], null)).toMatchObject({ detail: "1 discarded, 1 skipped: 7 (gone)" });
  });
});

it.each([
  [lost, { outcome: "unknown", detail: "job_unknown: no answer", code: "job_unknown" }],
  [
    Object.assign(new Error("down"), { code: "queues_unavailable" }),
    { outcome: "failed", detail: "queues_unavailable: down", code: "queues_unavailable" },
  ],
  [new Error("bug"), { outcome: "failed", detail: "internal: bug", code: "internal" }],
])("the failure %o is recorded as %j", (error, outcome) => {
  expect(toFailureOutcome(error)).toEqual(outcome);
});

it.each([
  [["waiting"], "settled: now 1 waiting"],
  [["waiting", null, "failed", "waiting", null, null], "settled: now 2 waiting, 3 gone, 1 failed"],
  [[null], "settled: now 1 gone"],
])("jobs that are now %j stay unknown, with %j", (states, detail) => {
  expect(toSettled(states)).toEqual({ outcome: "unknown", detail, code: null });
});
